/* access: the lists that an instance begins with, and what an earlier version's settings become. */
#include "common/policy/access.h"
#include "configd/access.h"

/* Rules by their words. unauth: those that may be used without a login. */
static int add_words(struct access_rules *rules, struct arena *arena, bool allow, bool unauth, const char *words,
                     struct err *err)
{
	struct str rest = str_of(words), word;

	while ((word = str_cut_item(&rest)).len != 0) {
		struct access_rule rule = {
		    .allow = allow, .unauth = unauth, .users = STR(""), .comment = STR(""), .masked = STR("")};

		if (access_rule_parse(word, arena, &rule, err) != 0 || access_rules_add(rules, arena, &rule, err) != 0)
			return -1;
	}
	return 0;
}

int access_defaults(const struct access_name *name, struct arena *arena, struct access_rules *rules_out,
                    struct err *err)
{
	*rules_out = (struct access_rules){0};
	if (name->number == ACCESS_LIST_ADMIN)
		return 0;
	/* programs of this machine send without a login */
	if (name->has_unauth && add_words(rules_out, arena, true, true, "127.0.0.0/8 ::1", err) != 0)
		return -1;
	if (add_words(rules_out, arena, false, false, "routers", err) != 0)
		return -1;
	return add_words(rules_out, arena, true, false, "local", err);
}

/* Settings of earlier versions, with what they were where nobody had set them. */
static const struct {
	const char *key, *fallback;
} old_relay = {"relay-networks", "127.0.0.0/8,::1"},
  old_access = {"access.networks",
                "127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,fe80::/10,fc00::/7"};

/* Who was in a relay network sent without a login, everybody else with one; mailboxes were for some networks. */
static int old_rules(struct config *config, const struct access_name *name, struct arena *arena,
                     struct access_rules *rules_out, struct err *err)
{
	const char *key = name->has_unauth ? old_relay.key : old_access.key;
	struct str networks = str_of(name->has_unauth ? old_relay.fallback : old_access.fallback);

	*rules_out = (struct access_rules){0};
	if (config_text(config, arena, &networks, err, "SELECT value FROM setting WHERE key = ?", "t", str_of(key)) < 0)
		return -1;
	if (add_words(rules_out, arena, true, name->has_unauth, arena_text(arena, networks), err) != 0)
		return -1;
	if (name->has_unauth)
		return add_words(rules_out, arena, true, false, "any", err);
	/* nobody at all could connect: an empty list would let everybody */
	return rules_out->count == 0 ? add_words(rules_out, arena, false, false, "any", err) : 0;
}

struct beginning {
	bool is_upgrade; /* of an instance that had no lists at all */
};

static int make_list(struct change *change, const struct access_name *name, void *context, struct err *err)
{
	const struct beginning *beginning = context;
	struct access_stored stored = {.use_global = false};
	int known = config_number(change->config, NULL, err, "SELECT 1 FROM access_list WHERE list = ?", "n", name->number);
	int result = 0;

	if (known != 0)
		return known < 0 ? -1 : 0;
	if (name->number > 0)
		result = beginning->is_upgrade ? old_rules(change->config, name, &change->arena, &stored.rules, err)
		                               : access_defaults(name, &change->arena, &stored.rules, err);
	return result == 0 ? access_store(change->config, name->number, &stored, err) : -1;
}

static int make_lists(struct change *change, struct err *err)
{
	struct config *config = change->config;
	struct beginning beginning;
	int64_t lists, domains;

	if (config_number(config, &lists, err, "SELECT count(*) FROM access_list", "") != 1 ||
	    config_number(config, &domains, err, "SELECT count(*) FROM domain", "") != 1)
		return -1;
	/* `init` makes a domain, after configd has started for the first time; a service that is new to an instance begins
	 * as a new one does */
	beginning.is_upgrade = lists == 0 && domains != 0;
	if (access_each(change, make_list, &beginning, err) != 0)
		return -1;
	return config_run(config, err, "DELETE FROM setting WHERE key IN (?, ?)", "tt", str_of(old_relay.key),
	                  str_of(old_access.key));
}

int access_begin(struct config *config, struct err *err)
{
	struct change change = {.config = config};
	int result;

	if (db_begin(&config->db, err) != 0)
		return -1;
	arena_init(&change.arena);
	result = make_lists(&change, err);
	arena_free(&change.arena);
	if (result == 0)
		return db_commit(&config->db, err);
	db_rollback(&config->db);
	return -1;
}
