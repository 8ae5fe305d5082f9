#include "configd/access.h"

#include "common/policy/access.h"

#include <stdarg.h>
#include <stdio.h>

#define GLOBAL_NAME "global"
#define ADMIN_NAME  "admin-area"
#define VRFY_PREFIX "vrfy:" /* none of these is the name of a service (services.c) */

/* The names that lists have, read before anything is asked of them: what is asked may change tables. */
static int read_names(struct change *change, struct access_name **names_out, size_t *count_out, struct err *err)
{
	struct access_name *names = arena_get(&change->arena, (2 * SERVICES_MAX + 2) * sizeof *names);
	struct db_statement statement;
	size_t count = 0;
	int row;

	names[count++] = (struct access_name){.number = ACCESS_LIST_GLOBAL, .name = STR(GLOBAL_NAME)};
	names[count++] = (struct access_name){.number = ACCESS_LIST_ADMIN, .name = STR(ADMIN_NAME), .has_users = true};
	/* the services by number, then those that know VRFY */
	if (config_query(change->config, &statement, err,
	                 "SELECT id, name, type = 'smtp', 0 AS vrfy FROM service"
	                 " UNION ALL SELECT id, name, 1, 1 FROM service WHERE type = 'smtp' ORDER BY vrfy, id LIMIT 2000",
	                 "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		int64_t id = db_number(&statement, 0);
		struct str name = arena_copy(&change->arena, db_text(&statement, 1));

		if (db_number(&statement, 3) == 0)
			names[count++] = (struct access_name){id, name, db_number(&statement, 2) != 0, true, true};
		else
			names[count++] = (struct access_name){
			    .number = ACCESS_LIST_VRFY(id),
			    .name = arena_printf(&change->arena, VRFY_PREFIX "%.*s", STR_ARG(name)),
			};
	}
	db_finalize(&statement);
	*names_out = names;
	*count_out = count;
	return row;
}

int access_each(struct change *change,
                int (*function)(struct change *change, const struct access_name *name, void *context, struct err *err),
                void *context, struct err *err)
{
	struct access_name *names;
	size_t count;
	int result = read_names(change, &names, &count, err);

	for (size_t i = 0; result == 0 && i < count; i++)
		result = function(change, &names[i], context, err);
	return result;
}

struct search {
	struct str wanted;
	struct access_name *name_out;
};

static int is_wanted(struct change *change, const struct access_name *name, void *context, struct err *err)
{
	const struct search *search = context;

	(void)change, (void)err;
	if (!str_equal_nocase(name->name, search->wanted))
		return 0;
	*search->name_out = *name;
	return 1;
}

int access_find(struct change *change, struct str name, struct access_name *name_out, struct err *err)
{
	struct search search = {.wanted = name};

	*name_out = (struct access_name){.number = 0};
	search.name_out = name_out;
	return access_each(change, is_wanted, &search, err);
}

int access_need(struct change *change, struct str name, struct access_name *name_out, struct err *err)
{
	int row = access_find(change, name, name_out, err);

	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no access list \"%.*s\"; \"postroom access lists\" names them",
		               STR_ARG(str_sub(name, 0, 64)));
	return row < 0 ? -1 : 0;
}

int access_load(struct config *config, int64_t list, struct arena *arena, struct access_stored *stored_out,
                struct err *err)
{
	int64_t use_global = 0;

	if (config_number(config, &use_global, err, "SELECT use_global FROM access_list WHERE list = ?", "n", list) < 0)
		return -1;
	stored_out->use_global = use_global != 0;
	return access_rules_read(&config->db, list, arena, &stored_out->rules, err);
}

static int insert_rule(struct config *config, int64_t list, int64_t position, const struct access_rule *rule,
                       struct err *err)
{
	struct str address = rule->kind == ACCESS_GEO ? rule->tags : STR("");
	struct cidr start = rule->network;
	int64_t prefix = 0;
	struct buf text;
	int result;

	buf_init(&text, CIDR_TEXT_MAX);
	if (rule->kind == ACCESS_NETWORK) {
		prefix = rule->network.prefix;
		start.prefix = start.is_ipv6 ? 128 : 32;
		cidr_format(&start, &text);
		address = buf_str(&text);
	}
	result = config_run(config, err, "INSERT INTO access_rule VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", "nnnttnntt", list,
	                    position, (int64_t)rule->allow, str_of(access_kind_word(rule->kind)), address, prefix,
	                    (int64_t)rule->unauth, rule->users, rule->comment);
	buf_free(&text);
	return result;
}

int access_store(struct config *config, int64_t list, struct access_stored *stored, struct err *err)
{
	access_rules_sort(&stored->rules);
	if (config_run(config, err, "DELETE FROM access_rule WHERE list = ?", "n", list) != 0 ||
	    config_run(config, err, "INSERT OR REPLACE INTO access_list VALUES(?, ?)", "nn", list,
	               (int64_t)stored->use_global) != 0)
		return -1;
	for (size_t i = 0; i < stored->rules.count; i++)
		if (insert_rule(config, list, (int64_t)i + 1, &stored->rules.list[i], err) != 0)
			return -1;
	return 0;
}

int access_users_parse(struct change *change, struct str names, struct str *users_out, struct err *err)
{
	struct user user;

	*users_out = STR("");
	while (names.len != 0) {
		struct str name = str_trim(str_cut(&names, ','));

		if (name.len == 0)
			continue;
		if (user_need(change, name, &user, err) != 0)
			return -1;
		if (!access_users_hold(*users_out, user.uid))
			*users_out = arena_printf(&change->arena, "%.*s%s%lld", STR_ARG(*users_out),
			                          users_out->len != 0 ? "\t" : "", (long long)user.uid);
	}
	if (users_out->len > ACCESS_USERS_MAX)
		return err_set(err, ERR_LIMIT, "a rule has too many users");
	return 0;
}

int access_users_format(struct change *change, struct str users, struct str *names_out, struct err *err)
{
	struct str name;
	uint64_t uid;

	*names_out = STR("");
	while (users.len != 0) {
		if (!str_to_u64(str_cut(&users, '\t'), INT64_MAX, &uid))
			continue;
		if (config_text(change->config, &change->arena, &name, err, "SELECT name FROM user WHERE uid = ?", "n",
		                (int64_t)uid) != 1)
			return err_set(err, ERR_NOT_FOUND, "a rule is for user number %llu, and there is none",
			               (unsigned long long)uid);
		*names_out = arena_printf(&change->arena, "%.*s%s%.*s", STR_ARG(*names_out), names_out->len != 0 ? ", " : "",
		                          STR_ARG(name));
	}
	return 0;
}

static void warn(struct change *change, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void warn(struct change *change, const char *format, ...)
{
	char text[500];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	ipc_add_text(&change->reply, "warning", text);
}

static void warn_masked(struct change *change, const struct access_rule *rule)
{
	struct buf network;

	buf_init(&network, 2 * ACCESS_TAGS_MAX);
	access_rule_format(rule, &network);
	warn(change, "%.*s is an address in the network %s, which is what was stored", STR_ARG(rule->masked),
	     buf_text(&network));
	buf_free(&network);
}

int access_rule_check(struct change *change, const struct access_name *name, struct access_rule *rule, struct err *err)
{
	struct str names;

	if (rule->masked.len != 0)
		warn_masked(change, rule);
	if (rule->unauth && !name->has_unauth)
		warn(change, "the list %.*s cannot allow use without a login; that was left out", STR_ARG(name->name));
	rule->unauth = rule->unauth && name->has_unauth;
	if (rule->users.len != 0 && !name->has_users)
		return err_set(err, ERR_DENIED, "rules of the list %.*s are for all users", STR_ARG(name->name));
	return access_users_format(change, rule->users, &names, err);
}
