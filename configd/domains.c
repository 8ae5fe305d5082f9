#include "configd/configd.h"

#include "common/addr/addr.h"
#include "common/addr/pattern.h"

/* An address, or what has wildcards; it is local, but nobody's domain. */
static bool is_pattern(struct str name)
{
	return str_find_char(name, '@') >= 0 || str_find_char(name, '*') >= 0 || str_find_char(name, '?') >= 0;
}

static int normalise_pattern(struct change *change, struct str pattern, struct str *name_out, struct err *err)
{
	struct buf normal;
	int result;

	if (str_find_char(pattern, '@') < 0)
		pattern = arena_printf(&change->arena, "@%.*s", STR_ARG(pattern));
	buf_init(&normal, ADDR_PATTERN_MAX + 1);
	result = addr_pattern_normalise(pattern, &normal, err);
	*name_out = arena_copy(&change->arena, buf_str(&normal));
	buf_free(&normal);
	/* "*@example.com" is what example.com means. */
	if (str_starts(*name_out, STR("*@")))
		*name_out = str_skip(*name_out, 2);
	return result;
}

int domain_normalise(struct change *change, struct str name, struct str *name_out, struct err *err)
{
	if (is_pattern(name))
		return normalise_pattern(change, name, name_out, err);
	if (!addr_is_domain(name))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a domain; it should look like example.com",
		               STR_ARG(str_sub(name, 0, 80)));
	return addr_normalise_domain(name, &change->arena, name_out, err);
}

int domain_is_local(struct change *change, struct str name, struct err *err)
{
	return config_number(change->config, NULL, err, "SELECT 1 FROM domain WHERE name = ?", "t", name);
}

/* A mapping to a remote address must not become one to an address of this server: it would have no mailbox. */
static int check_targets(struct change *change, struct str name, struct err *err)
{
	struct str pattern;
	int row = config_text(
	    change->config, &change->arena, &pattern, err,
	    "SELECT pattern FROM mapping WHERE substr(target, -(length(?1) + 1)) = '@' || ?1 AND target NOT LIKE 'SMTP:%'",
	    "t", name);

	if (row == 1)
		return err_set(err, ERR_DENIED,
		               "the mapping of %.*s points to a remote address at %.*s; map it to a user first",
		               STR_ARG(pattern), STR_ARG(name));
	return row;
}

int domain_add(struct change *change, struct str name, struct err *err)
{
	int64_t domains, defaults;
	int known;

	if (domain_normalise(change, name, &name, err) != 0 || (known = domain_is_local(change, name, err)) < 0)
		return -1;
	if (known == 1)
		return err_set(err, ERR_EXISTS, "the domain %.*s exists already", STR_ARG(name));
	if (check_targets(change, name, err) != 0 ||
	    config_number(change->config, &domains, err, "SELECT count(*) FROM domain", "") != 1 ||
	    config_number(change->config, &defaults, err, "SELECT count(*) FROM domain WHERE is_default", "") != 1)
		return -1;
	defaults += is_pattern(name);
	if (domains >= OBJECTS_MAX)
		return err_set(err, ERR_LIMIT, "there are %d domains already", OBJECTS_MAX);
	if (config_run(change->config, err, "INSERT INTO domain VALUES(?, ?)", "tn", name, (int64_t)(defaults == 0)) != 0)
		return -1;
	change_note(change, "domain %.*s added%s", STR_ARG(name), defaults == 0 ? ", the default" : "");
	return 0;
}

/* A domain that must exist, in its normal form. */
static int need_domain(struct change *change, struct str *name, struct err *err)
{
	int known;

	if (domain_normalise(change, *name, name, err) != 0 || (known = domain_is_local(change, *name, err)) < 0)
		return -1;
	return known == 1 ? 0 : err_set(err, ERR_NOT_FOUND, "there is no domain %.*s", STR_ARG(*name));
}

int domain_delete(struct change *change, struct str name, struct err *err)
{
	int64_t domains;

	if (need_domain(change, &name, err) != 0 ||
	    config_number(change->config, &domains, err, "SELECT count(*) FROM domain", "") != 1)
		return -1;
	if (domains == 1)
		return err_set(err, ERR_DENIED, "%.*s is the last domain; add another first", STR_ARG(name));
	if (config_run(change->config, err, "DELETE FROM domain WHERE name = ?", "t", name) != 0)
		return -1;
	change_note(change, "domain %.*s deleted", STR_ARG(name));
	return 0;
}

int domain_set_default(struct change *change, struct str name, struct err *err)
{
	if (need_domain(change, &name, err) != 0)
		return -1;
	if (is_pattern(name))
		return err_set(err, ERR_DENIED, "%.*s is no single domain and cannot be the default", STR_ARG(name));
	if (config_run(change->config, err, "UPDATE domain SET is_default = (name = ?)", "t", name) != 0)
		return -1;
	change_note(change, "domain %.*s is the default", STR_ARG(name));
	return 0;
}

/* Run one of the functions above on the request's name. */
static int with_name(struct change *change, int (*function)(struct change *, struct str, struct err *), struct err *err)
{
	struct str name;

	return change_field(change, "name", &name, err) != 0 ? -1 : function(change, name, err);
}

int op_domain_add(struct change *change, struct err *err)
{
	return with_name(change, domain_add, err);
}

int op_domain_delete(struct change *change, struct err *err)
{
	return with_name(change, domain_delete, err);
}

int op_domain_default(struct change *change, struct err *err)
{
	return with_name(change, domain_set_default, err);
}

int op_domain_list(struct change *change, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(change->config, &statement, err, "SELECT name, is_default FROM domain ORDER BY name", "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		change_list(change, "domain",
		            json_pack("{s:s%, s:b}", "name", db_text(&statement, 0).data, db_text(&statement, 0).len, "default",
		                      (int)db_number(&statement, 1)));
	db_finalize(&statement);
	return row;
}
