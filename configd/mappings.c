#include "configd/configd.h"

#include "common/addr/addr.h"

/* Its form with the domain as it is compared: "info", "info@example.com". */
static int normalise_address(struct change *change, struct str text, struct addr *addr_out, struct str *normal_out,
                             struct err *err)
{
	struct arena *arena = &change->arena;
	struct str domain;

	if (addr_parse_mailbox(text, arena, addr_out, err) != 0)
		return -1;
	if (addr_normalise_domain(addr_out->domain, arena, &domain, err) != 0)
		return -1;
	addr_out->domain = domain;
	*normal_out = addr_format(addr_out->local_part, domain, arena);
	return 0;
}

static int normalise_pattern(struct change *change, struct str pattern, struct str *pattern_out, struct err *err)
{
	struct str whole = pattern;
	struct addr addr;
	struct err reason;
	bool has_domain = str_find_char(pattern, '@') >= 0;

	if (str_find_char(pattern, '*') >= 0 || str_find_char(pattern, '?') >= 0 || str_starts(pattern, STR("~")))
		return err_set(err, ERR_SYNTAX, "\"%.*s\": a pattern is a name or a full address, without wildcards",
		               STR_ARG(str_sub(pattern, 0, 80)));
	/* A name is what could stand before the '@' of an address. */
	if (!has_domain)
		whole = arena_printf(&change->arena, "%.*s@example.com", STR_ARG(pattern));
	if (normalise_address(change, whole, &addr, pattern_out, &reason) != 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is neither a name nor an address: %s",
		               STR_ARG(str_sub(pattern, 0, 80)), reason.text);
	if (!has_domain)
		*pattern_out = addr.local_part;
	return 0;
}

/* A user by name or by an address of this server, or a remote address. */
static int normalise_target(struct change *change, struct str target, struct str *target_out, struct err *err)
{
	struct user user;
	struct addr addr;
	struct err reason;
	int known;

	if (str_find_char(target, '@') < 0) {
		if (user_need(change, target, &user, err) != 0)
			return -1;
		*target_out = user.name;
		return 0;
	}
	if (normalise_address(change, target, &addr, target_out, &reason) != 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is neither a user nor an address: %s",
		               STR_ARG(str_sub(target, 0, 80)), reason.text);
	known = domain_is_local(change, addr.domain, err);
	if (known <= 0)
		return known;
	if (user_need(change, addr.local_part, &user, err) != 0)
		return err_prefix(err, "%.*s is an address of this server, but", STR_ARG(*target_out));
	*target_out = user.name;
	return 0;
}

int mapping_normalise(struct change *change, struct str pattern, struct str target, struct str *pattern_out,
                      struct str *target_out, struct err *err)
{
	if (normalise_pattern(change, pattern, pattern_out, err) != 0)
		return -1;
	return normalise_target(change, target, target_out, err);
}

/* 1 = there is such a mapping, 0 = none, -1 = error. Both in their normal form. */
static int mapping_exists(struct change *change, struct str pattern, struct str target, struct err *err)
{
	return config_number(change->config, NULL, err,
	                     "SELECT 1 FROM mapping WHERE pattern = ? AND target = ? COLLATE NOCASE", "tt", pattern,
	                     target);
}

int mapping_store(struct change *change, struct str pattern, struct str target, struct err *err)
{
	int known = mapping_exists(change, pattern, target, err);

	if (known < 0)
		return -1;
	if (known == 1)
		return err_set(err, ERR_EXISTS, "the mapping of %.*s to %.*s exists already", STR_ARG(pattern),
		               STR_ARG(target));
	return config_run(change->config, err, "INSERT INTO mapping(pattern, target) VALUES(?, ?)", "tt", pattern, target);
}

int mapping_add(struct change *change, struct str pattern, struct str target, struct err *err)
{
	int64_t mappings;

	if (mapping_normalise(change, pattern, target, &pattern, &target, err) != 0 ||
	    config_number(change->config, &mappings, err, "SELECT count(*) FROM mapping", "") != 1)
		return -1;
	if (mappings >= OBJECTS_MAX)
		return err_set(err, ERR_LIMIT, "there are %d mappings already", OBJECTS_MAX);
	if (mapping_store(change, pattern, target, err) != 0)
		return -1;
	change_note(change, "mapping %.*s to %.*s added", STR_ARG(pattern), STR_ARG(target));
	return 0;
}

int mapping_delete(struct change *change, struct str pattern, struct str target, struct err *err)
{
	int known;

	if (mapping_normalise(change, pattern, target, &pattern, &target, err) != 0 ||
	    (known = mapping_exists(change, pattern, target, err)) < 0)
		return -1;
	if (known == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no mapping of %.*s to %.*s", STR_ARG(pattern), STR_ARG(target));
	if (config_run(change->config, err, "DELETE FROM mapping WHERE pattern = ? AND target = ? COLLATE NOCASE", "tt",
	               pattern, target) != 0)
		return -1;
	change_note(change, "mapping %.*s to %.*s deleted", STR_ARG(pattern), STR_ARG(target));
	return 0;
}

static int with_pair(struct change *change, int (*function)(struct change *, struct str, struct str, struct err *),
                     struct err *err)
{
	struct str pattern, target;

	if (change_field(change, "pattern", &pattern, err) != 0 || change_field(change, "target", &target, err) != 0)
		return -1;
	return function(change, pattern, target, err);
}

int op_mapping_add(struct change *change, struct err *err)
{
	return with_pair(change, mapping_add, err);
}

int op_mapping_delete(struct change *change, struct err *err)
{
	return with_pair(change, mapping_delete, err);
}

int op_mapping_list(struct change *change, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err, "SELECT pattern, target FROM mapping ORDER BY pattern, target",
	                 "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		change_list(change, "mapping",
		            json_pack("{s:s%, s:s%}", "pattern", db_text(&statement, 0).data, db_text(&statement, 0).len,
		                      "target", db_text(&statement, 1).data, db_text(&statement, 1).len));
	db_finalize(&statement);
	return row;
}
