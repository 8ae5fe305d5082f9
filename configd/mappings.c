#include "configd/mappings.h"

#include "common/addr/addr.h"
#include "common/addr/pattern.h"
#include "common/addr/smtp_target.h"
#include "configd/names.h"

#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

static const char *const types[] = {"always", "pop3", "smtp", "from"};

/* Its form with the domain as it is compared: "info@example.com". */
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

static int normalise_wildcards(struct change *change, struct str pattern, struct str *pattern_out, struct err *err)
{
	struct buf normal;
	int result = 0;

	buf_init(&normal, ADDR_PATTERN_MAX + 1);
	/* a name alone is checked as a whole address would be */
	if (str_find_char(pattern, '@') >= 0)
		result = addr_pattern_normalise(pattern, &normal, err);
	else
		result = addr_pattern_normalise(arena_printf(&change->arena, "%.*s@*", STR_ARG(pattern)), &normal, err);
	if (result == 0)
		*pattern_out = arena_copy(&change->arena, buf_str(&normal));
	if (result == 0 && str_find_char(pattern, '@') < 0)
		*pattern_out = str_sub(*pattern_out, 0, pattern_out->len - 2);
	buf_free(&normal);
	if (result == 0 && str_starts(*pattern_out, STR("~@")))
		return err_set(err, ERR_SYNTAX, "the domain of \"%.*s\" must not have wildcards", SHOWN(pattern));
	if (result == 0 && str_find_char(*pattern_out, '@') >= 0) {
		struct str domain = str_skip(*pattern_out, (size_t)str_find_last_char(*pattern_out, '@') + 1);

		if (str_find_char(domain, '*') >= 0 || str_find_char(domain, '?') >= 0)
			ipc_add(&change->reply, "warning",
			        arena_printf(&change->arena,
			                     "%.*s also claims addresses of strangers, as in the Cc field of collected mail",
			                     SHOWN(*pattern_out)));
	}
	return result;
}

static int normalise_pattern(struct change *change, struct str pattern, struct str *pattern_out, struct err *err)
{
	struct str whole = pattern;
	struct addr addr;
	struct err reason;
	bool has_domain = str_find_char(pattern, '@') >= 0;

	if (str_find_char(pattern, '*') >= 0 || str_find_char(pattern, '?') >= 0)
		return normalise_wildcards(change, pattern, pattern_out, err);
	if (str_equal(pattern, STR("~")))
		return err_set(err, ERR_SYNTAX, "\"~\" stands before a domain: ~@example.com");
	/* A name is what could stand before the '@' of an address. */
	if (!has_domain)
		whole = arena_printf(&change->arena, "%.*s@example.com", STR_ARG(pattern));
	if (normalise_address(change, whole, &addr, pattern_out, &reason) != 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is neither a name nor an address: %s", SHOWN(pattern), reason.text);
	if (!has_domain)
		*pattern_out = addr.local_part;
	return 0;
}

/* A name that must be one of ours. */
static int need_name(struct change *change, struct str name, struct str *name_out, struct err *err)
{
	struct named named;
	int row = name_find(change, name, &named, err);

	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no user, list or group \"%.*s\"", SHOWN(name));
	*name_out = named.name;
	return row == 1 ? 0 : -1;
}

static int normalise_lan(struct change *change, struct str target, struct str *target_out, struct err *err)
{
	struct smtp_target parsed;

	if (smtp_target_parse(target, &change->arena, &parsed, err) != 0)
		return -1;
	*target_out = smtp_target_format(&parsed, &change->arena);
	return 0;
}

/* Somebody by name or by an address of this server, an address elsewhere, or what says where to send it. */
static int normalise_target(struct change *change, struct str target, struct str *target_out, struct err *err)
{
	struct addr addr;
	struct err reason;
	int known;

	if (str_equal_nocase(target, STR("*REMOTE"))) {
		*target_out = STR("*REMOTE");
		return 0;
	}
	if (smtp_target_is(target))
		return normalise_lan(change, target, target_out, err);
	if (str_find_char(target, '@') < 0)
		return need_name(change, target, target_out, err);
	if (normalise_address(change, target, &addr, target_out, &reason) != 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is neither a name of this server nor an address: %s", SHOWN(target),
		               reason.text);
	known = domain_is_local(change, addr.domain, err);
	if (known <= 0)
		return known;
	if (need_name(change, addr.local_part, target_out, err) != 0)
		return err_prefix(err, "%.*s is an address of this server, but", SHOWN(target));
	return 0;
}

int mapping_parse_type(struct str word, struct str *type_out, struct err *err)
{
	*type_out = STR("always");
	if (word.len == 0 || str_equal_nocase(word, STR("normal")))
		return 0;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (str_equal_nocase(word, str_of(types[i]))) {
			*type_out = str_of(types[i]);
			return 0;
		}
	return err_set(err, ERR_SYNTAX, "the type is always (Normal), pop3, smtp or from, not \"%.*s\"", SHOWN(word));
}

int mapping_parse_collector(struct str word, int64_t *collector_out, struct err *err)
{
	uint64_t number = 0;

	if (word.len != 0 && !str_equal_nocase(word, STR("all")) && !str_to_u64(word, INT32_MAX, &number))
		return err_set(err, ERR_SYNTAX, "the collector is a number, or ALL, not \"%.*s\"", SHOWN(word));
	*collector_out = (int64_t)number;
	return 0;
}

int mapping_normalise(struct change *change, struct mapping *mapping, struct err *err)
{
	const struct setting_definition comment = {.key = "comment", .type = SETTING_TEXT, .max = MAPPING_COMMENT_MAX};
	struct buf normal;
	int result;

	if (normalise_pattern(change, str_trim(mapping->pattern), &mapping->pattern, err) != 0 ||
	    normalise_target(change, str_trim(mapping->target), &mapping->target, err) != 0)
		return -1;
	if (mapping->collector != 0 && str_equal(mapping->type, STR("smtp")))
		return err_set(err, ERR_SYNTAX, "a mapping of type smtp has no collector");
	buf_init(&normal, SETTING_VALUE_MAX);
	result = setting_check(&comment, mapping->comment, &normal, err);
	mapping->comment = arena_copy(&change->arena, buf_str(&normal));
	buf_free(&normal);
	return result;
}

int mapping_exists(struct change *change, const struct mapping *mapping, struct err *err)
{
	return config_number(change->config, NULL, err,
	                     "SELECT 1 FROM mapping WHERE pattern = ? AND target = ? COLLATE NOCASE AND type = ?"
	                     " AND collector = ?",
	                     "tttn", mapping->pattern, mapping->target, mapping->type, mapping->collector);
}

int mapping_store(struct change *change, const struct mapping *mapping, struct err *err)
{
	int known = mapping_exists(change, mapping, err);

	if (known < 0)
		return -1;
	if (known == 1)
		return err_set(err, ERR_EXISTS, "the mapping of %.*s to %.*s exists already", STR_ARG(mapping->pattern),
		               STR_ARG(smtp_target_show(mapping->target, &change->arena)));
	return config_run(change->config, err,
	                  "INSERT INTO mapping(pattern, target, type, collector, comment) VALUES(?, ?, ?, ?, ?)", "tttnt",
	                  mapping->pattern, mapping->target, mapping->type, mapping->collector, mapping->comment);
}

static int check_room(struct change *change, struct err *err)
{
	int64_t mappings;

	if (config_number(change->config, &mappings, err, "SELECT count(*) FROM mapping", "") != 1)
		return -1;
	return mappings < OBJECTS_MAX ? 0 : err_set(err, ERR_LIMIT, "there are %d mappings already", OBJECTS_MAX);
}

/* A field that may be missing. */
static struct str optional(const struct change *change, const char *key)
{
	return ipc_get(&change->incoming->message, key);
}

static int requested(struct change *change, struct mapping *mapping, struct err *err)
{
	*mapping = (struct mapping){.comment = optional(change, "comment")};
	return change_field(change, "pattern", &mapping->pattern, err) != 0 ||
	               change_field(change, "target", &mapping->target, err) != 0 ||
	               mapping_parse_type(optional(change, "type"), &mapping->type, err) != 0 ||
	               mapping_parse_collector(optional(change, "collector"), &mapping->collector, err) != 0
	           ? -1
	           : mapping_normalise(change, mapping, err);
}

static void note(struct change *change, const struct mapping *mapping, const char *what)
{
	change_note(change, "mapping %.*s to %.*s %s", STR_ARG(mapping->pattern),
	            STR_ARG(smtp_target_show(mapping->target, &change->arena)), what);
}

int op_mapping_add(struct change *change, struct err *err)
{
	struct mapping mapping;

	if (requested(change, &mapping, err) != 0 || check_room(change, err) != 0 ||
	    mapping_store(change, &mapping, err) != 0)
		return -1;
	note(change, &mapping, "added");
	return 0;
}

/* How many mappings of that pattern and target there are; none is an error. */
static int count_pairs(struct change *change, const struct mapping *mapping, int64_t *count_out, struct err *err)
{
	if (config_number(change->config, count_out, err,
	                  "SELECT count(*) FROM mapping WHERE pattern = ? AND target = ? COLLATE NOCASE", "tt",
	                  mapping->pattern, mapping->target) != 1)
		return -1;
	if (*count_out == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no mapping of %.*s to %.*s", STR_ARG(mapping->pattern),
		               STR_ARG(smtp_target_show(mapping->target, &change->arena)));
	return 0;
}

/* The pair as it is stored; also where its target is gone. */
static int requested_pair(struct change *change, struct mapping *mapping, int64_t *count_out, struct err *err)
{
	*mapping = (struct mapping){0};
	if (change_field(change, "pattern", &mapping->pattern, err) != 0 ||
	    change_field(change, "target", &mapping->target, err) != 0 ||
	    normalise_pattern(change, mapping->pattern, &mapping->pattern, err) != 0 ||
	    normalise_target(change, mapping->target, &mapping->target, err) != 0)
		return -1;
	return count_pairs(change, mapping, count_out, err);
}

int op_mapping_delete(struct change *change, struct err *err)
{
	struct mapping mapping;
	int64_t count;

	if (requested_pair(change, &mapping, &count, err) != 0 ||
	    config_run(change->config, err, "DELETE FROM mapping WHERE pattern = ? AND target = ? COLLATE NOCASE", "tt",
	               mapping.pattern, mapping.target) != 0)
		return -1;
	note(change, &mapping, "deleted");
	return 0;
}

/* A mapping that the request names, and its row. */
static int read_stored(struct change *change, struct mapping *mapping, int64_t *id, struct err *err)
{
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err,
	                 "SELECT id, type, collector, comment FROM mapping WHERE pattern = ? AND target = ? COLLATE NOCASE",
	                 "tt", mapping->pattern, mapping->target) != 0)
		return -1;
	found = db_step(&row, err);
	if (found == 1) {
		*id = db_number(&row, 0);
		mapping->type = arena_copy(&change->arena, db_text(&row, 1));
		mapping->collector = db_number(&row, 2);
		mapping->comment = arena_copy(&change->arena, db_text(&row, 3));
	}
	db_finalize(&row);
	return found == 1 ? 0 : -1;
}

/* What the request gives anew takes the place of what is stored. */
static int take_new(struct change *change, struct mapping *mapping, struct err *err)
{
	struct str pattern = optional(change, "new-pattern"), target = optional(change, "new-target"),
	           type = optional(change, "type"), collector = optional(change, "collector"),
	           comment = optional(change, "comment");

	if (pattern.data != NULL)
		mapping->pattern = pattern;
	if (target.data != NULL)
		mapping->target = target;
	if (comment.data != NULL)
		mapping->comment = comment;
	if ((type.data != NULL && mapping_parse_type(type, &mapping->type, err) != 0) ||
	    (collector.data != NULL && mapping_parse_collector(collector, &mapping->collector, err) != 0))
		return -1;
	return mapping_normalise(change, mapping, err);
}

int op_mapping_set(struct change *change, struct err *err)
{
	struct mapping mapping;
	int64_t count, id;

	if (requested_pair(change, &mapping, &count, err) != 0)
		return -1;
	if (count > 1)
		return err_set(err, ERR_DENIED, "there are %lld mappings of %.*s to it; delete them and add what is meant",
		               (long long)count, STR_ARG(mapping.pattern));
	if (read_stored(change, &mapping, &id, err) != 0 || take_new(change, &mapping, err) != 0 ||
	    config_run(change->config, err, "DELETE FROM mapping WHERE id = ?", "n", id) != 0 ||
	    mapping_store(change, &mapping, err) != 0)
		return -1;
	note(change, &mapping, "changed");
	return 0;
}

int op_mapping_list(struct change *change, struct err *err)
{
	struct str only = optional(change, "target");
	struct db_statement row;
	int found;

	if (config_query(change->config, &row, err,
	                 "SELECT pattern, target, type, collector, comment FROM mapping ORDER BY pattern, target, type,"
	                 " collector",
	                 "") != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1) {
		struct str target = smtp_target_show(db_text(&row, 1), &change->arena);

		if (only.data != NULL && !str_equal_nocase(only, target))
			continue;
		change_list(change, "mapping",
		            json_pack("{s:s%, s:s%, s:s%, s:I, s:s%}", "pattern", db_text(&row, 0).data, db_text(&row, 0).len,
		                      "target", target.data, target.len, "type", db_text(&row, 2).data, db_text(&row, 2).len,
		                      "collector", (json_int_t)db_number(&row, 3), "comment", db_text(&row, 4).data,
		                      db_text(&row, 4).len));
	}
	db_finalize(&row);
	return found;
}
