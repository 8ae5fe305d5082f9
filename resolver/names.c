#include "resolver/walk.h"

#include "common/addr/addr.h"
#include "common/addr/smtp_target.h"
#include "resolver/lan_script.h"

enum built_in { EVERYONE, ADMINS, NO_ONE, BUILT_IN_COUNT };

static const char *const built_in_names[BUILT_IN_COUNT] = {"everyone", "admins", "no-one"};

/* A cause of what is found here: the origin's, or the word and name of what was found. */
static struct str cause_of(const struct walk *walk, struct walk_origin origin, const char *word, struct str name)
{
	if (origin.cause.len != 0)
		return origin.cause;
	return arena_printf(walk->arena, "%s%s%.*s", word, name.len != 0 ? " " : "", STR_ARG(name));
}

/* Each user that a question gives. */
static int add_users(struct walk *walk, struct db_statement *statement, struct str cause, struct err *err)
{
	size_t before = walk->resolution->target_count;
	int row;

	while ((row = db_step(statement, err)) == 1)
		if (resolution_add(walk->resolution, TARGET_USER, db_number(statement, 0),
		                   arena_copy(walk->arena, db_text(statement, 1)), cause, err) != 0) {
			row = -1;
			break;
		}
	db_reset(statement);
	EXPLAIN(walk->resolution, "%zu users of it are new targets", walk->resolution->target_count - before);
	return row;
}

static int add_group(struct walk *walk, int64_t id, struct str name, enum built_in built_in, struct err *err)
{
	struct snapshot *snapshot = &walk->resolver->snapshot;
	struct str cause = arena_printf(walk->arena, "group %.*s", STR_ARG(name));
	struct db_statement *users;

	if (built_in == NO_ONE) {
		EXPLAIN(walk->resolution, "what is for %.*s is accepted and discarded", STR_ARG(name));
		return resolution_add(walk->resolution, TARGET_DISCARD, 0,
		                      arena_printf(walk->arena, "it is for %.*s", STR_ARG(name)), cause, err);
	}
	if (walk->question->brief)
		return resolution_add(walk->resolution, TARGET_GROUP, id, name, cause, err);
	if (built_in == BUILT_IN_COUNT)
		users = snapshot_ask_number(snapshot, ASK_GROUP_USERS, id);
	else
		users = &snapshot->asked[built_in == EVERYONE ? ASK_EVERYONE : ASK_ADMINS];
	return add_users(walk, users, cause, err);
}

/* 1 = found, 0 = no such group, -1 = error. */
static int find_group(struct walk *walk, struct str name, struct err *err)
{
	struct snapshot_object group;
	int found, built_in = 0;

	while (built_in < BUILT_IN_COUNT && !str_equal_nocase(name, str_of(built_in_names[built_in])))
		built_in++;
	if (built_in < BUILT_IN_COUNT) {
		group = (struct snapshot_object){.name = str_of(built_in_names[built_in])};
	} else {
		found = snapshot_find(&walk->resolver->snapshot, ASK_GROUP, name, walk->arena, &group, err);
		if (found != 1)
			return found;
	}
	EXPLAIN(walk->resolution, "there is a group %.*s", STR_ARG(group.name));
	return add_group(walk, group.id, group.name, (enum built_in)built_in, err) == 0 ? 1 : -1;
}

int walk_name(struct walk *walk, struct str name, bool only_open, struct walk_origin origin, struct err *err)
{
	struct snapshot *snapshot = &walk->resolver->snapshot;
	struct snapshot_object object;
	int found = snapshot_find(snapshot, ASK_USER, name, walk->arena, &object, err);

	if (found == 1) {
		EXPLAIN(walk->resolution, "there is a user %.*s", STR_ARG(object.name));
		found = resolution_add(walk->resolution, TARGET_USER, object.id, object.name,
		                       cause_of(walk, origin, "user", STR("")), err);
		return found == 0 ? 1 : -1;
	}
	if (found == 0)
		found = snapshot_find(snapshot, ASK_LIST, name, walk->arena, &object, err);
	if (found == 1 && only_open && !object.is_open) {
		EXPLAIN(walk->resolution, "the list %.*s is not open to strangers", STR_ARG(object.name));
		return 0;
	}
	if (found == 1) {
		EXPLAIN(walk->resolution, "there is a %.*s list %.*s", STR_ARG(object.type), STR_ARG(object.name));
		return walk_add_list(walk, &object, origin, err) == 0 ? 1 : -1;
	}
	/* strangers answer to no-one: autoresponders put it into Reply-To */
	if (found == 0 && (!only_open || str_equal_nocase(name, str_of(built_in_names[NO_ONE]))))
		found = find_group(walk, name, err);
	if (found == 0)
		EXPLAIN(walk->resolution, "there is no user, list or group %.*s", STR_ARG(name));
	return found;
}

/* The parts of a text with an '@'; domain is normalised. */
static bool parse_address(struct walk *walk, struct str text, struct addr *addr_out)
{
	struct str domain;

	if (addr_parse_mailbox(text, walk->arena, addr_out, NULL) != 0 ||
	    addr_normalise_domain(addr_out->domain, walk->arena, &domain, NULL) != 0)
		return false;
	addr_out->domain = domain;
	return true;
}

static int add_remote(struct walk *walk, const struct addr *addr, struct walk_origin origin, struct err *err)
{
	struct str address = addr_format(addr->local_part, addr->domain, walk->arena);

	EXPLAIN(walk->resolution, "%.*s is an address elsewhere", STR_ARG(address));
	return resolution_add(walk->resolution, TARGET_REMOTE, 0, address, cause_of(walk, origin, "remote", STR("")),
	                      err) == 0
	           ? 1
	           : -1;
}

static int add_lan(struct walk *walk, struct str text, struct walk_origin origin, struct err *err)
{
	EXPLAIN(walk->resolution, "%.*s names the server that gets it", STR_ARG(smtp_target_show(text, walk->arena)));
	return resolution_add(walk->resolution, TARGET_LAN, 0, text, cause_of(walk, origin, "rule", STR("")), err) == 0
	           ? 1
	           : -1;
}

int walk_target(struct walk *walk, struct str text, struct walk_origin origin, struct err *err)
{
	struct addr addr;
	int local;

	if (smtp_target_is(text))
		return add_lan(walk, text, origin, err);
	if (str_find_char(text, '@') < 0)
		return walk_name(walk, text, false, origin, err);
	if (!parse_address(walk, text, &addr)) {
		EXPLAIN(walk->resolution, "%.*s is no address and is left out", STR_ARG(text));
		return 0;
	}
	local = addr.is_literal ? 0 : snapshot_is_local(&walk->resolver->snapshot, addr.local_part, addr.domain, err);
	if (local < 0)
		return -1;
	return local == 1 ? walk_name(walk, addr.local_part, false, origin, err) : add_remote(walk, &addr, origin, err);
}

/* The address exists, but not here: what that means depends on who sends. */
static int walk_elsewhere(struct walk *walk, struct walk_origin origin, struct err *err)
{
	walk->is_elsewhere = true;
	if (walk->question->via == RESOLVE_POP3) {
		EXPLAIN(walk->resolution, "it is elsewhere: a collected message is not for it");
		return resolution_add(walk->resolution, TARGET_DISCARD, 0, STR("the recipient is elsewhere"), STR("elsewhere"),
		                      err);
	}
	if (!walk->question->is_local) {
		EXPLAIN(walk->resolution, "it is elsewhere: nobody here, for a stranger");
		return 0;
	}
	EXPLAIN(walk->resolution, "it is elsewhere: it is sent out");
	return resolution_add(walk->resolution, TARGET_REMOTE, 0, walk->address, origin.cause, err);
}

int walk_mappings(struct walk *walk, const struct mapping_search *search, unsigned level, bool *matched_out,
                  struct err *err)
{
	*matched_out = false;
	for (size_t i = 0; i < search->count; i++) {
		const struct mapping *mapping = &search->found[i];
		const struct walk_origin origin = {arena_printf(walk->arena, "mapping %.*s", STR_ARG(mapping->pattern)), level};
		int found;

		EXPLAIN(walk->resolution, "the mapping %.*s -> %.*s matches", STR_ARG(mapping->pattern),
		        STR_ARG(smtp_target_show(mapping->target, walk->arena)));
		if (str_equal_nocase(mapping->target, STR("*REMOTE")))
			found = walk_elsewhere(walk, origin, err) == 0 ? 1 : -1;
		else
			found = walk_target(walk, mapping->target, origin, err);
		if (found < 0)
			return -1;
		if (found == 0)
			EXPLAIN(walk->resolution, "its target %.*s is gone and is left out",
			        STR_ARG(smtp_target_show(mapping->target, walk->arena)));
		*matched_out |= found == 1;
	}
	return 0;
}

/* The mappings of a member, which comes after the names. */
static int map_member(struct walk *walk, const struct addr *addr, bool is_local, unsigned level, struct err *err)
{
	struct mapping_search search = {.question = walk->question};
	bool matched;

	if (mapping_find(walk->resolver, &search, addr->local_part, addr->domain, is_local, walk->arena, err) != 0 ||
	    walk_mappings(walk, &search, level, &matched, err) != 0)
		return -1;
	if (!matched && is_local) {
		search = (struct mapping_search){.question = walk->question};
		if (mapping_find_rest(walk->resolver, &search, addr->domain, walk->arena, err) != 0 ||
		    walk_mappings(walk, &search, level, &matched, err) != 0)
			return -1;
	}
	return matched;
}

/* By its number, or, of a rule that a script made, by what it says. */
static int add_by_rule(struct walk *walk, const struct lan_rule *rule, const struct lan_question *question,
                       struct str address, struct str cause, struct err *err)
{
	struct smtp_target target = {
	    .address = lan_rule_recipient(rule, question, walk->arena), .user = rule->username, .password = rule->password};
	struct lan_script_way way;
	struct resolve_target *added;
	struct str text = target.address;
	size_t before = walk->resolution->target_count;

	if (rule->id == 0 && server_parse(rule->server, LAN_PORT, walk->arena, &target.server, err) != 0)
		return -1;
	if (rule->id == 0)
		text = smtp_target_format(&target, walk->arena);
	if (resolution_add(walk->resolution, TARGET_LAN, rule->id, text, cause, err) != 0)
		return -1;
	if (walk->question->lan_script == NULL || walk->resolution->target_count == before)
		return 0;
	way = lan_script_way(walk->question->lan_script, rule, question, address, target.address, walk->arena);
	added = &walk->resolution->targets[before];
	added->has_from = way.has_from;
	added->from = way.from;
	return 0;
}

int walk_lan_rule(struct walk *walk, const struct addr *addr, bool is_local, bool left_over, struct walk_origin origin,
                  struct err *err)
{
	const struct resolve_question *asked = walk->question;
	const struct lan_question question = {.local_part = addr->local_part,
	                                      .domain = addr->domain,
	                                      .is_local = is_local,
	                                      .collected = asked->via == RESOLVE_POP3,
	                                      .collector = asked->collector};
	struct str address = addr_format(addr->local_part, addr->domain, walk->arena);
	const struct lan_rules *rules = &walk->resolver->snapshot.lan_rules;
	const struct lan_rule *rule;

	if (asked->lan_script != NULL)
		rules = lan_script_rules(asked->lan_script, &question, address, rules, walk->arena);
	rule = lan_rules_match(rules, &question, left_over);
	if (rule == NULL)
		return 0;
	EXPLAIN(walk->resolution, "the LAN rule %.*s matches: it is forwarded to %.*s", STR_ARG(rule->address),
	        STR_ARG(rule->server));
	return add_by_rule(walk, rule, &question, address, cause_of(walk, origin, "rule", STR("")), err) == 0 ? 1 : -1;
}

int walk_member(struct walk *walk, struct str text, struct walk_origin origin, struct err *err)
{
	bool mappings_first = settings_flag(walk->resolver->snapshot.settings, SETTING_LISTS_MAPPINGS_FIRST);
	struct addr addr = {.local_part = text, .domain = STR("")};
	int local = 1, found = 0;

	if (smtp_target_is(text))
		return add_lan(walk, text, origin, err);
	if (str_find_char(text, '@') >= 0) {
		if (!parse_address(walk, text, &addr)) {
			EXPLAIN(walk->resolution, "%.*s is no address and is left out", STR_ARG(text));
			return 0;
		}
		local = addr.is_literal ? 0 : snapshot_is_local(&walk->resolver->snapshot, addr.local_part, addr.domain, err);
	}
	if (local == 1 && !mappings_first)
		found = walk_name(walk, addr.local_part, false, origin, err);
	if (local >= 0 && found == 0)
		found = map_member(walk, &addr, local == 1, origin.level, err);
	if (local == 1 && found == 0 && mappings_first)
		found = walk_name(walk, addr.local_part, false, origin, err);
	if (local >= 0 && found == 0)
		found = walk_lan_rule(walk, &addr, local == 1, false, origin, err);
	if (local >= 0 && found == 0)
		found = walk_lan_rule(walk, &addr, local == 1, true, origin, err);
	if (local == 0 && found == 0)
		found = add_remote(walk, &addr, origin, err);
	return local < 0 ? -1 : found;
}
