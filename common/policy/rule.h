/*
 * rule: one rule of an access list, its texts, and the order of a list.
 *
 * A rule says allow or block of one kind of address. Rules of a list are kept sorted, the more specific first, and the
 * first that matches decides (common/policy/access.h). Two texts name a rule: the words of the command line
 * ("192.168.0.0/16", "local", "geoip:AU,NZ"), and the interchange form, a whole list as one text whose lines have seven
 * fields. Reading either only checks the form; views in a rule live as long as the arena that was given.
 */
#ifndef POSTROOM_POLICY_RULE_H
#define POSTROOM_POLICY_RULE_H

#include "common/addr/cidr.h"
#include "common/base/arena.h"

enum {
	ACCESS_RULES_MAX = 10000, /* of one list */
	ACCESS_TAGS_MAX = 500,    /* octets of the tags of a rule */
	ACCESS_USERS_MAX = 10000, /* octets of the users of a rule */
	ACCESS_COMMENT_MAX = 200, /* octets */
};

enum access_kind {
	ACCESS_ROUTERS, /* the default gateways of this machine */
	ACCESS_LOCAL,   /* the networks it is directly attached to, loopback too */
	ACCESS_NETWORK, /* one range of addresses, or one address */
	ACCESS_GEO,     /* what a table of ranges calls so (common/policy/geo.h) */
	ACCESS_ANY4,
	ACCESS_ANY6,
	ACCESS_ANY,
	ACCESS_KINDS,
};

struct access_rule {
	bool allow; /* else block */
	enum access_kind kind;
	struct cidr network; /* of ACCESS_NETWORK */
	struct str tags;     /* of ACCESS_GEO: separated by commas, any of them matches */
	bool unauth;         /* may be used without a login, where that is optional */
	struct str users;    /* numbers separated by TAB: whom alone the rule allows (or blocks); empty: all */
	struct str comment;
	struct str masked; /* the address as it was written, where its host bits were cleared; else empty */
	size_t order;      /* where it stood before sorting */
};

struct access_rules {
	struct access_rule *list;
	size_t count;
};

/* Add one. -1: ERR_LIMIT. */
int access_rules_add(struct access_rules *rules, struct arena *arena, const struct access_rule *rule, struct err *err);
/*
 * Bring them into order: single addresses, routers, networks by longer prefix, local networks, GeoIP, all of a family,
 * all. Those of one rank keep the order they have.
 */
void access_rules_sort(struct access_rules *rules);

/* The word of a kind in the settings snapshot ("routers", "local", "network", "geoip", "any4", "any6", "any"), and
 * back: false where there is none. */
const char *access_kind_word(enum access_kind kind);
bool access_kind_find(struct str word, enum access_kind *kind_out);

/*
 * What a rule is about: a word of a kind, "geoip:TAG,...", or an address or range as cidr_parse takes it; sets kind and
 * what belongs to it. -1: ERR_SYNTAX, ERR_LIMIT, naming what is wrong.
 */
int access_rule_parse(struct str text, struct arena *arena, struct access_rule *rule, struct err *err);
/* Add it in the same words. */
void access_rule_format(const struct access_rule *rule, struct buf *text);

/* Is a comment one line of at most ACCESS_COMMENT_MAX octets of UTF-8? -1: ERR_SYNTAX, ERR_LIMIT. */
int access_check_comment(struct str comment, struct err *err);
/* Is uid among the numbers of users? */
bool access_users_hold(struct str users, int64_t uid);

/*
 * The interchange form (specification 05, "Storage and interchange format"): lines that end with LF. The first is 1 or
 * 0: is the global list consulted too? Each other one a rule: allow (1, 0) | type (0 special, 2 IPv4, 23 IPv6, 100
 * GeoIP) | address or tags | prefix, or of type 0: 0 any, 1 local networks, 2 routers | without login (1, 0) | numbers
 * of users, separated by TAB | comment, which may be missing. -1: ERR_SYNTAX, ERR_LIMIT, naming line and field.
 */
int access_text_parse(struct str text, struct arena *arena, struct access_rules *rules_out, bool *use_global_out,
                      struct err *err);
/* Add it. What is written is read back as the same list. */
void access_text_format(const struct access_rules *rules, bool use_global, struct buf *text);

#endif
