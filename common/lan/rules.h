/*
 * rules: the table of LAN forwarding (specification 07): which recipients go to which server.
 *
 * Rules are tried in their order, and the first that matches ends the search. A rule whose address is "~@domain" is for
 * what is left over: it counts when nothing else knew the address. A rule's address has wildcards; a bare one, without
 * "@", means that name at any local domain. Rules are items (common/items/item.h) of the kind lan-rule; passwords are
 * authd's, the rule has a reference. Nothing here asks anybody.
 */
#ifndef POSTROOM_LAN_RULES_H
#define POSTROOM_LAN_RULES_H

#include "common/addr/server.h"
#include "common/items/item.h"

enum { LAN_RULES_MAX = 2000, LAN_PORT = 25 };

struct lan_rule {
	int64_t id;
	struct str address; /* pattern in its normal form */
	struct str server;  /* "host" or "host:port" */
	struct str username;
	struct str password;  /* a reference into authd, or, of a script, the password itself */
	struct str rewrite;   /* empty: the recipient stays; an address; "*@domain": its domain changes */
	struct str condition; /* "all", "pop3", "smtp", or numbers of collectors, separated by commas */
	struct str comment;
	struct str extra; /* of a script */
};

struct lan_rules {
	struct lan_rule *list;
	size_t count;
};

/* Whom a rule is wanted for. */
struct lan_question {
	struct str local_part, domain; /* domain is normalised */
	bool is_local;                 /* the domain is one of ours */
	bool collected;                /* not received by SMTP */
	int64_t collector;             /* that fetched it; 0: none */
};

/* From a snapshot, in their order. -1: as the database fails. */
int lan_rules_load(struct db *db, struct arena *arena, struct lan_rules *rules_out, struct err *err);

/* The first that matches; left_over: among "~" rules, else among all others. NULL: none. */
const struct lan_rule *lan_rules_match(const struct lan_rules *rules, const struct lan_question *question,
                                       bool left_over);

/* Does it name its recipients by more than one exact address? */
bool lan_rule_is_wide(const struct lan_rule *rule);

/* Where the recipient is sent by the rule: his address, or the one it is rewritten to. */
struct str lan_rule_recipient(const struct lan_rule *rule, const struct lan_question *question, struct arena *arena);

/*
 * Bring the texts of a rule into their normal form. -1: ERR_SYNTAX, with a sentence that begins with the field. A
 * domain of wildcards alone is refused: it would relay for everybody.
 */
int lan_rule_check(struct lan_rule *rule, struct arena *arena, struct err *err);

#endif
