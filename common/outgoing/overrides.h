/*
 * overrides: servers that a direct sender uses in place of a domain's mail exchangers (specification 04, DNS
 * overrides).
 *
 *     example.com    joe:letmein@smtp.example.net:587
 *     *              relay.example.net $retries>=2 $end
 *     *              relay.example.net $dnsmx:*.slow.example $adddns $priority:50
 *
 * One a line: a domain (or a wildcard), a server, then conditions, which all must hold, and options. All lines that
 * match are collected up to one with $end. A text that is not understood is refused as a whole, with the number of the
 * line. Nothing here asks anybody: the mail exchangers that $dnsmx is about come from the caller.
 */
#ifndef POSTROOM_OUTGOING_OVERRIDES_H
#define POSTROOM_OUTGOING_OVERRIDES_H

#include "common/addr/server.h"
#include "common/outgoing/compare.h"

enum {
	OVERRIDES_TEXT_MAX = 65536, /* octets */
	OVERRIDES_LINES_MAX = 1000,
	OVERRIDE_CONDITIONS_MAX = 20, /* of one line */
	OVERRIDE_PORT = 25,
	OVERRIDE_PRIORITY = 10, /* where a line says none */
};

struct override_condition;

struct override {
	struct str domain; /* a wildcard, where it has stars */
	struct server server;
	struct str user, password; /* user empty: no login */
	struct override_condition *conditions;
	size_t condition_count;
	unsigned priority; /* as a preference of the DNS: small ones first */
	bool end;          /* no further line is looked at */
	bool adds_dns;     /* the mail exchangers of the DNS are used, too */
};

struct overrides {
	struct override *lines;
	size_t count;
	bool asks_dns; /* some line is about the mail exchangers of the DNS, or keeps them */
};

/*
 * Parse. Everything but regular expressions lives in arena (text may go), these until overrides_free.
 * -1: ERR_SYNTAX, ERR_LIMIT, "line N: ..."; nothing to free then.
 */
int overrides_parse(struct str text, struct arena *arena, struct overrides *overrides_out, struct err *err);
void overrides_free(struct overrides *overrides);

/*
 * The lines that hold for a domain (normalised), at most `most`, in their order. exchangers: what the DNS says.
 * adds_dns_out: those are used, too. Returns the number of lines; 0: nothing is overridden.
 */
size_t overrides_choose(const struct overrides *overrides, struct str domain, const struct outgoing_facts *facts,
                        const struct str *exchangers, size_t exchanger_count, const struct override **chosen,
                        size_t most, bool *adds_dns_out);

#endif
