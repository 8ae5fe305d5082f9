#include "common/policy/access.h"

#include "common/base/log.h"

/* A row of access_rule as a rule. False where this version does not understand it. */
static bool take_rule(const struct db_statement *row, struct arena *arena, struct access_rule *rule)
{
	struct str address = arena_copy(arena, db_text(row, 2));

	*rule = (struct access_rule){
	    .allow = db_number(row, 0) != 0,
	    .unauth = db_number(row, 4) != 0,
	    .users = arena_copy(arena, db_text(row, 5)),
	    .comment = arena_copy(arena, db_text(row, 6)),
	    .masked = STR(""),
	};
	if (!access_kind_find(db_text(row, 1), &rule->kind))
		return false;
	if (rule->kind == ACCESS_GEO)
		rule->tags = address;
	if (rule->kind != ACCESS_NETWORK)
		return true;
	if (cidr_parse(address, &rule->network, NULL, NULL) != 0)
		return false;
	rule->network = cidr_from_octets(rule->network.address, rule->network.is_ipv6, (unsigned)db_number(row, 3));
	return true;
}

int access_rules_read(struct db *db, int64_t list, struct arena *arena, struct access_rules *rules_out, struct err *err)
{
	static const char sql[] = "SELECT allow, kind, address, prefix, unauth, users, comment FROM access_rule"
	                          " WHERE list = ? ORDER BY position";
	struct db_statement rows;
	struct access_rule rule;
	int row;

	*rules_out = (struct access_rules){0};
	if (db_prepare(db, &rows, sql, err) != 0)
		return -1;
	db_bind_number(&rows, 1, list);
	while ((row = db_step(&rows, err)) == 1) {
		if (!take_rule(&rows, arena, &rule))
			row = err_set(err, ERR_CORRUPT, "access list %lld holds a rule that is not understood", (long long)list);
		if (row < 0 || access_rules_add(rules_out, arena, &rule, err) != 0) {
			row = -1;
			break;
		}
	}
	db_finalize(&rows);
	return row;
}

static int read_lists(struct db *db, struct arena *arena, struct access_list **lists_out, struct err *err)
{
	struct db_statement rows;
	int row, result = 0;

	*lists_out = NULL;
	if (db_prepare(db, &rows, "SELECT list, use_global FROM access_list", err) != 0)
		return -1;
	while (result == 0 && (row = db_step(&rows, err)) != 0) {
		struct access_list *list = arena_get(arena, sizeof *list);

		list->next = *lists_out;
		*lists_out = list;
		if (row == 1) {
			list->id = db_number(&rows, 0);
			list->use_global = db_number(&rows, 1) != 0;
			result = access_rules_read(db, list->id, arena, &list->rules, err);
		} else {
			result = -1;
		}
	}
	db_finalize(&rows);
	return result;
}

static int load(struct access *access, struct err *err)
{
	struct access_list *lists;
	struct arena arena;
	struct db snapshot;
	int result;

	if (settings_open_snapshot(access->settings, &snapshot, err) != 0)
		return -1;
	arena_init(&arena);
	result = read_lists(&snapshot, &arena, &lists, err);
	db_close(&snapshot);
	if (result != 0) {
		arena_free(&arena);
		return -1;
	}
	arena_free(&access->arena);
	access->arena = arena;
	access->lists = lists;
	geo_use_files(&access->geo, str_of(settings_text(access->settings, SETTING_GEOIP_FILES)));
	return 0;
}

int access_open(struct access *access, const struct settings *settings, struct err *err)
{
	*access = (struct access){.settings = settings, .generation = settings->generation};
	arena_init(&access->arena);
	arena_init(&access->scratch);
	geo_init(&access->geo, settings->instance);
	if (networks_open(&access->networks, err) != 0)
		return -1;
	if (load(access, err) == 0)
		return 0;
	access_close(access);
	return -1;
}

void access_leave(struct access *access)
{
	networks_close(&access->networks);
	geo_close(&access->geo);
}

void access_close(struct access *access)
{
	access_leave(access);
	arena_free(&access->arena);
	arena_free(&access->scratch);
}

void access_refresh(struct access *access)
{
	struct err err;

	networks_refresh(&access->networks);
	if (access->generation == access->settings->generation)
		return;
	/* Where it fails the settings have gone on meanwhile most likely, and will be looked at again. */
	access->generation = access->settings->generation;
	if (load(access, &err) != 0)
		log_error("the access lists stay as they are: %s", err.text);
}

/* One question, and what is found out for it once. */
struct question {
	struct access *access;
	const struct cidr *address;
	struct geo_names names;
	bool has_names;
};

static bool is_named(struct question *question, struct str tags)
{
	if (!question->has_names)
		geo_find(&question->access->geo, question->address, &question->names);
	question->has_names = true;
	return geo_names_hold(&question->names, tags);
}

static bool matches(struct question *question, const struct access_rule *rule)
{
	const struct cidr *address = question->address;

	switch (rule->kind) {
	case ACCESS_ROUTERS:
		return networks_is_router(&question->access->networks, address);
	case ACCESS_LOCAL:
		return networks_is_local(&question->access->networks, address);
	case ACCESS_NETWORK:
		return cidr_holds(&rule->network, address);
	case ACCESS_GEO:
		return is_named(question, rule->tags);
	case ACCESS_ANY4:
		return !address->is_ipv6;
	case ACCESS_ANY6:
		return address->is_ipv6;
	case ACCESS_ANY:
	case ACCESS_KINDS:
		break;
	}
	return true;
}

static const struct access_rule *first_match(struct question *question, const struct access_list *list)
{
	for (size_t i = 0; list != NULL && i < list->rules.count; i++)
		if (matches(question, &list->rules.list[i]))
			return &list->rules.list[i];
	return NULL;
}

static const struct access_list *find_list(const struct access *access, int64_t id)
{
	const struct access_list *list = access->lists;

	while (list != NULL && list->id != id)
		list = list->next;
	return list;
}

static bool is_empty(const struct access_list *list)
{
	return list == NULL || list->rules.count == 0;
}

/* Rules of the global list have no users, and nothing to say about logins. */
static bool is_blocked(struct question *question, const struct access_list *global)
{
	const struct access_rule *rule = first_match(question, global);

	return rule == NULL || !rule->allow;
}

void access_decide(struct access *access, int64_t list_id, const struct cidr *address, struct access_decision *decision)
{
	struct question question = {.access = access, .address = address, .names = {.arena = &access->scratch}};
	const struct access_list *list = find_list(access, list_id);
	const struct access_list *global = list_id > 0 ? find_list(access, ACCESS_LIST_GLOBAL) : NULL;
	const struct access_rule *rule;

	*decision = (struct access_decision){.users = STR("")};
	if (is_empty(list) && is_empty(global)) {
		decision->allow = true;
	} else if (is_empty(list)) {
		decision->matched = decision->allow = !is_blocked(&question, global);
	} else if ((rule = first_match(&question, list)) != NULL) {
		decision->matched = true;
		decision->allow = rule->allow || rule->users.len != 0;
		decision->unauth = rule->unauth && decision->allow;
		decision->users_blocked = !rule->allow && rule->users.len != 0;
		decision->users = rule->users;
		if (decision->allow && list->use_global && !is_empty(global) && is_blocked(&question, global))
			*decision = (struct access_decision){.matched = true, .users = STR("")};
	}
	arena_reset(&access->scratch);
}

void access_decide_peer(struct access *access, int64_t list, int fd, struct access_decision *decision)
{
	struct sockaddr_storage peer = {0};
	socklen_t size = sizeof peer;
	struct cidr address;

	if (getpeername(fd, (struct sockaddr *)&peer, &size) != 0)
		*decision = (struct access_decision){.users = STR("")}; /* it has gone already */
	else if (cidr_from_sockaddr(&peer, &address))
		access_decide(access, list, &address, decision);
	else
		*decision = (struct access_decision){.matched = true, .allow = true, .unauth = true, .users = STR("")};
}

bool access_allows_user(const struct access_decision *decision, int64_t uid)
{
	return decision->users.len == 0 || access_users_hold(decision->users, uid) != decision->users_blocked;
}
