/*
 * access: who may use a service, by address and by user (specification 05, "IP access restrictions").
 *
 * Each service has a list of rules, and there is a global one; the first rule of a list that matches decides. The
 * global list counts where the service's own is empty, or where the service says so: then both must allow. Where a list
 * has rules and none matches, the answer is no. Where both lists are empty everybody may connect, and nobody relays.
 *
 * For listeners, before they fork: it parses nothing of a stranger's, only compares an address that the kernel gave.
 * Lists come from the settings snapshot, routers and local networks from the kernel (networks.h), names of ranges from
 * files (geo.h); all are followed while the listener runs, and what cannot be read leaves the lists as they were.
 */
#ifndef POSTROOM_POLICY_ACCESS_H
#define POSTROOM_POLICY_ACCESS_H

#include "common/policy/geo.h"
#include "common/policy/networks.h"
#include "common/policy/rule.h"

/*
 * Numbers of lists: a service's own, by the service's number; the global one; the one of who may use VRFY and EXPN of
 * an SMTP service, which stands alone: no global list is looked at for it.
 */
enum { ACCESS_LIST_GLOBAL = 0 };
#define ACCESS_LIST_VRFY(service) (-(service))
/* From where administrators may use the administration of the web; it stands alone, too. */
#define ACCESS_LIST_ADMIN INT64_MIN

struct access_list {
	int64_t id;
	bool use_global; /* both must allow */
	struct access_rules rules;
	struct access_list *next;
};

struct access {
	const struct settings *settings;
	uint64_t generation; /* of the settings that the lists are from */
	struct arena arena, scratch;
	struct access_list *lists;
	struct networks networks;
	struct geo geo;
};

/* What the lists say of an address. A rule for some users lets everybody connect; it speaks at the login. */
struct access_decision {
	bool matched;       /* a rule did; false: both lists are empty, or none of the rules of one matched */
	bool allow;         /* may connect */
	bool unauth;        /* the rule allows use without a login */
	bool users_blocked; /* users says who may not, else who alone may */
	struct str users;   /* as in a rule; empty: the rule is for all. Valid until access_refresh */
};

/*
 * Begin, with the settings as they are loaded; they must stay where they are. Before the listener's sandbox. -1:
 * ERR_SYSTEM, and what db_open says.
 */
int access_open(struct access *access, const struct settings *settings, struct err *err);
/* In a session: give back what only the listener needs. Decisions stay valid. */
void access_leave(struct access *access);
void access_close(struct access *access);
/* Follow the settings (after settings_refresh) and the machine's networks. */
void access_refresh(struct access *access);

/* Decide for a list and a single address. */
void access_decide(struct access *access, int64_t list, const struct cidr *address, struct access_decision *decision);
/* The same for the peer of a connected socket; one that is no network's may do everything. */
void access_decide_peer(struct access *access, int64_t list, int fd, struct access_decision *decision);

/* May a user who has logged in go on, as far as the users of the rule are concerned? */
bool access_allows_user(const struct access_decision *decision, int64_t uid);

/*
 * Read a list's rules, in their order, from a database with the table access_rule of the settings snapshot. -1: as
 * db_prepare.
 */
int access_rules_read(struct db *db, int64_t list, struct arena *arena, struct access_rules *rules_out,
                      struct err *err);

#endif
