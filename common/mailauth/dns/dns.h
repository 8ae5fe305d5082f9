/*
 * mailauth/dns: what the standards of common/mailauth ask of the DNS.
 *
 * One question, one whole answer. Where answers come from is the caller's choice: dnsd (mailauth/dns/channel.h), or a
 * table (mailauth/dns/table.h). A check that asks several questions sets one deadline for all of them.
 *
 * Names and records are strangers': a name that the DNS cannot hold is never asked for, it does not exist; records are
 * bytes, and what reads them here checks every length. Nothing here decides what an answer means.
 */
#ifndef POSTROOM_MAILAUTH_DNS_H
#define POSTROOM_MAILAUTH_DNS_H

#include "common/addr/cidr.h"
#include "common/base/arena.h"
#include "common/base/err.h"

enum {
	MAILAUTH_NAME_MAX = 253,   /* octets of a name as text, RFC 1035 2.3.4 */
	MAILAUTH_LABEL_MAX = 63,   /* octets of one of its labels */
	MAILAUTH_TEXT_MAX = 65535, /* octets of a TXT record */
	MAILAUTH_DNS_MS = 20000,   /* how long all questions of a check may take where nothing else is said */
};

enum mailauth_type {
	MAILAUTH_A = 1,
	MAILAUTH_CNAME = 5,
	MAILAUTH_PTR = 12,
	MAILAUTH_MX = 15,
	MAILAUTH_TXT = 16,
	MAILAUTH_AAAA = 28,
};

enum mailauth_status {
	MAILAUTH_FOUND,
	MAILAUTH_NXDOMAIN,  /* the name does not exist */
	MAILAUTH_NODATA,    /* it does, without such records */
	MAILAUTH_TEMPORARY, /* nobody can say now: no answer in time, SERVFAIL, dnsd is away */
};

struct mailauth_answer {
	enum mailauth_status status;
	struct str *records; /* raw rdata, in the order they came; names in it are not compressed */
	size_t count;
	bool secure; /* validated with DNSSEC */
};

/* Where answers come from. A copy is as good as the original. */
struct mailauth_dns {
	/*
	 * name is terminated, without a final dot, within the limits above. The answer lives in the arena. Returns 0, or
	 * -1 where the status is MAILAUTH_TEMPORARY; err says why.
	 */
	int (*query)(void *context, const char *name, enum mailauth_type type, int timeout_ms, struct arena *arena,
	             struct mailauth_answer *answer_out, struct err *err);
	/* The same will be asked soon: begin to find it out, without waiting. NULL: this source begins when it is asked. */
	void (*foresee)(void *context, const char *name, enum mailauth_type type, int timeout_ms);
	void *context;
	int64_t deadline_ms; /* by io_now_ms: what is asked later is temporary; 0: MAILAUTH_DNS_MS for each question */
};

/*
 * Ask for the records of one type. CNAMEs are followed. A final dot of the name is ignored.
 * Returns 0, or -1 where the status is MAILAUTH_TEMPORARY: ERR_TEMPORARY, ERR_TIMEOUT and what the source says.
 */
int mailauth_query(const struct mailauth_dns *dns, struct str name, enum mailauth_type type, struct arena *arena,
                   struct mailauth_answer *answer_out, struct err *err);

/* That question will be asked: where the source can, it is on its way from now on, beside others. */
void mailauth_foresee(const struct mailauth_dns *dns, struct str name, enum mailauth_type type, struct arena *arena);

/* Can the DNS hold this name: 1 to 253 octets, labels of 1 to 63, no NUL? A final dot does not count. */
bool mailauth_is_name(struct str name);

/* The strings of a TXT record as one text, nothing between them (RFC 7208 3.3, RFC 6376 3.6.2.2). -1: ERR_SYNTAX. */
int mailauth_read_text(struct str rdata, struct arena *arena, struct str *text_out, struct err *err);

/*
 * The name in rdata from `at` on, as text in lower case, "" for the root. -1: ERR_SYNTAX: it is cut, or holds what
 * cannot be told from the dots between labels, or NUL.
 */
int mailauth_read_name(struct str rdata, size_t at, struct arena *arena, struct str *name_out, struct err *err);

/* The address in rdata of an A or AAAA record. False: of the wrong length. */
bool mailauth_read_address(struct str rdata, enum mailauth_type type, struct cidr *address_out);

/* The name under which an address has its PTR records: "1.2.0.192.in-addr.arpa" (RFC 1035 3.5, RFC 3596 2.5). */
struct str mailauth_reverse_name(const struct cidr *address, struct arena *arena);

#endif
