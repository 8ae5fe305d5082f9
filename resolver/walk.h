/*
 * walk: from a name or a target on to what it means in the end.
 *
 * Lists are opened level by level and each once, so that cycles end, the level of a list is that of the shortest way to
 * it, and the result does not depend on the order of members. A list deeper than RESOLVE_LEVELS_MAX makes the whole
 * address fail: half a list must not get the message.
 */
#ifndef POSTROOM_RESOLVER_WALK_H
#define POSTROOM_RESOLVER_WALK_H

#include "common/addr/addr.h"
#include "resolver/mapping.h"
#include "resolver/targets.h"

enum { WALK_LISTS_MAX = 2000 }; /* lists opened for one address */

struct walk_list {
	int64_t id;
	struct str name;
	unsigned level; /* 1: what was addressed */
};

/* Where something was named: in a mapping, as a member, in the address itself. */
struct walk_origin {
	struct str cause; /* for the targets reached from here; empty: what kind of thing they are */
	unsigned level;   /* of the list it is a member of; 0: of none */
};

struct walk {
	struct resolver *resolver;
	const struct resolve_question *question;
	struct resolution *resolution;
	struct arena *arena;
	struct walk_list *lists; /* in the order of their levels */
	size_t list_count, list_capacity, opened;
	bool too_deep;
	bool is_elsewhere;  /* a mapping says that the address exists, but not on this server */
	struct str address; /* what was asked for, its domain normalised */
};

/*
 * What a bare name means: user, list or group, the built-in groups too. only_open: lists that strangers may send to, no
 * groups. 1 = found, 0 = nothing has that name, -1 = error.
 */
int walk_name(struct walk *walk, struct str name, bool only_open, struct walk_origin origin, struct err *err);

/*
 * What a mapping's target or a list's member means: a name, an address, "SMTP:...". 1 = it leads somewhere, 0 = it is
 * gone, or to nobody, -1 = error.
 */
int walk_target(struct walk *walk, struct str text, struct walk_origin origin, struct err *err);

/* Follow all mappings found. *matched_out: did one lead anywhere, or say that the address is elsewhere? */
int walk_mappings(struct walk *walk, const struct mapping_search *search, unsigned level, bool *matched_out,
                  struct err *err);

/* A rule of LAN forwarding for an address; left_over: one of those with ~. 1 = it goes there, 0 = there is none, -1. */
int walk_lan_rule(struct walk *walk, const struct addr *addr, bool is_local, bool left_over, struct walk_origin origin,
                  struct err *err);

/*
 * One member of a list: by name, else by mappings, else by rules of LAN forwarding, else an address elsewhere. 1, 0, -1
 * as walk_target.
 */
int walk_member(struct walk *walk, struct str text, struct walk_origin origin, struct err *err);

/* Put a list on the way: opened later, or, where it is briefly asked for or its daemon expands it, a target. */
int walk_add_list(struct walk *walk, const struct snapshot_object *list, struct walk_origin origin, struct err *err);
/* Open all lists on the way, with those found in them. -1: ERR_LIMIT, or the snapshot cannot be read. */
int walk_open_lists(struct walk *walk, struct err *err);

#endif
