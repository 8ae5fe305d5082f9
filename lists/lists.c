#include "lists/lists.h"

#include "common/addr/addr.h"
#include "common/addr/smtp_target.h"
#include "common/base/log.h"
#include "common/notice/targets.h"

/* A list and the lists that are its members, each once: SQL that goes before a SELECT; ?1 is the list. */
#define NESTED                                                                                                      \
	"WITH RECURSIVE nested(id) AS (SELECT ?1 UNION SELECT list.id FROM nested JOIN list_member ON list = nested.id" \
	" JOIN list ON list.name = address) "

static int read_list(struct listd *listd, const struct db_statement *row, struct arena *arena, struct list *list,
                     struct err *err)
{
	struct str domain = str_of(settings_default_domain(&listd->settings));

	*list = (struct list){
	    .id = db_number(row, 0),
	    .name = arena_copy(arena, db_text(row, 1)),
	    .is_database = str_equal(db_text(row, 2), STR("database")),
	    .domain = arena_copy(arena, domain.len != 0 ? domain : str_of(settings_host_name(&listd->settings))),
	};
	list->address = arena_printf(arena, "%.*s@%.*s", STR_ARG(list->name), STR_ARG(list->domain));
	return list_settings_load(&listd->settings.objects, list->id, arena, &list->settings, err);
}

static int load_first(struct listd *listd, struct arena *arena, struct list *list_out, struct err *err,
                      const char *where, struct str name, int64_t id)
{
	struct db_statement query;
	int row;

	if (db_prepare(&listd->settings.objects, &query, where, err) != 0)
		return -1;
	if (id != 0)
		db_bind_number(&query, 1, id);
	else
		db_bind_text(&query, 1, name);
	row = db_step(&query, err);
	if (row == 1 && read_list(listd, &query, arena, list_out, err) != 0)
		row = -1;
	db_finalize(&query);
	return row;
}

int list_load(struct listd *listd, int64_t id, struct arena *arena, struct list *list_out, struct err *err)
{
	return load_first(listd, arena, list_out, err,
	                  "SELECT id, name, type FROM list WHERE id = ? AND type IN ('mailing', 'database')", STR(""), id);
}

int list_find(struct listd *listd, struct str name, struct arena *arena, struct list *list_out, struct err *err)
{
	return load_first(listd, arena, list_out, err,
	                  "SELECT id, name, type FROM list WHERE name = ? AND type IN ('mailing', 'database')", name, 0);
}

int list_each(struct listd *listd, struct arena *arena,
              int (*visit)(const struct list *list, void *context, struct err *err), void *context, struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&listd->settings.objects, &query,
	               "SELECT id, name, type FROM list WHERE type IN ('mailing', 'database') ORDER BY name", err) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1) {
		struct list list;

		row = read_list(listd, &query, arena, &list, err) != 0 ? -1 : visit(&list, context, err);
		if (row != 0)
			break;
	}
	db_finalize(&query);
	return row;
}

struct str list_normal_address(struct str address, struct arena *arena)
{
	struct addr addr;
	struct str domain;

	if (addr_parse_mailbox(address, arena, &addr, NULL) != 0 || addr.domain.len == 0 ||
	    addr_normalise_domain(addr.domain, arena, &domain, NULL) != 0)
		return STR("");
	return addr_format(addr.local_part, domain, arena);
}

/* What a member of that address may be stored as: the address, and where it is one of ours, the name alone. */
static int split_address(struct listd *listd, struct str address, struct str *name_out, struct err *err)
{
	ptrdiff_t at = str_find_last_char(address, '@');
	int local;

	*name_out = address;
	if (at < 0)
		return 0;
	local = db_query_number(&listd->settings.objects, NULL, err, "SELECT 1 FROM domain WHERE name = ?", "t",
	                        str_skip(address, (size_t)at + 1));
	if (local == 1)
		*name_out = str_sub(address, 0, (size_t)at);
	return local < 0 ? -1 : 0;
}

int list_has_member(struct listd *listd, const struct list *list, struct str address, struct err *err)
{
	struct str name;

	if (split_address(listd, address, &name, err) != 0)
		return -1;
	return db_query_number(&listd->settings.objects, NULL, err,
	                       NESTED "SELECT 1 FROM list_member WHERE list IN nested AND address IN (?2, ?3) LIMIT 1",
	                       "ntt", list->id, address, name);
}

int list_has_own_member(struct listd *listd, const struct list *list, struct str address, struct err *err)
{
	struct str name;

	if (split_address(listd, address, &name, err) != 0)
		return -1;
	return db_query_number(&listd->settings.objects, NULL, err,
	                       "SELECT 1 FROM list_member WHERE list = ? AND address IN (?, ?)", "ntt", list->id, address,
	                       name);
}

struct str list_member_address(const struct listd *listd, struct str member, struct arena *arena)
{
	if (str_find_char(member, '@') >= 0)
		return member;
	return arena_printf(arena, "%.*s@%s", STR_ARG(member), settings_default_domain(&listd->settings));
}

struct str list_show_address(const struct listd *listd, struct str member, struct arena *arena)
{
	struct smtp_target target;

	if (smtp_target_is(member) && smtp_target_parse(member, arena, &target, NULL) == 0)
		return target.address;
	return list_member_address(listd, member, arena);
}

/* The address of whom the settings name for a target; "": nobody. */
static struct str default_person(struct listd *listd, const char *target, struct arena *arena)
{
	struct str name;
	struct err err;

	if (notice_target_user(&listd->settings, target, arena, &name, &err) == 0)
		return name.len != 0 ? list_show_address(listd, name, arena) : STR("");
	log_error("cannot find out who is told of %s: %s", target, err.text);
	return STR("");
}

struct str list_moderator_address(struct listd *listd, const struct list *list, struct arena *arena)
{
	struct str moderator = str_of(list_settings_text(&list->settings, LIST_SETTING_MODERATOR));

	return moderator.len == 0 ? default_person(listd, "MailingListDefaultModerator", arena)
	                          : list_show_address(listd, moderator, arena);
}

struct str list_return_address(struct listd *listd, const struct list *list, struct arena *arena)
{
	struct str address = str_of(list_settings_text(&list->settings, LIST_SETTING_RETURN_ADDRESS));

	return address.len == 0 ? default_person(listd, "MailingListDefaultOwner", arena) : address;
}

struct str list_server_address(struct listd *listd, const struct list *list, struct arena *arena)
{
	struct str address = list != NULL ? str_of(list_settings_text(&list->settings, LIST_SETTING_LISTSERVER)) : STR("*");

	if (!str_equal(address, STR("*")))
		return address;
	return arena_printf(arena, "%s@%s", settings_text(&listd->settings, SETTING_LISTSERVER_NAME),
	                    settings_default_domain(&listd->settings));
}

int list_moderators(struct listd *listd, const struct list *list, struct arena *arena, struct str *moderators,
                    size_t *count_out, struct err *err)
{
	struct str moderator = str_of(list_settings_text(&list->settings, LIST_SETTING_MODERATOR));
	struct db_statement query;
	int64_t people;
	int row;

	*count_out = 0;
	row = db_query_number(&listd->settings.objects, &people, err, "SELECT id FROM list WHERE name = ?", "t", moderator);
	if (row < 0)
		return -1;
	if (row == 0) {
		moderators[0] = list_moderator_address(listd, list, arena);
		*count_out = moderators[0].len != 0;
		return 0;
	}
	if (db_query(&listd->settings.objects, &query, err,
	             NESTED "SELECT DISTINCT address FROM list_member WHERE list IN nested"
	                    " AND address NOT IN (SELECT name FROM list) ORDER BY address",
	             "n", people) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1 && *count_out < LIST_MODERATORS_MAX)
		moderators[(*count_out)++] = list_show_address(listd, arena_copy(arena, db_text(&query, 0)), arena);
	db_finalize(&query);
	return row < 0 ? -1 : 0;
}

int list_is_moderator(struct listd *listd, const struct list *list, struct str address, struct err *err)
{
	struct str *moderators, name, other;
	struct arena arena;
	size_t count;
	int found = 0;

	arena_init(&arena);
	moderators = arena_get(&arena, LIST_MODERATORS_MAX * sizeof *moderators);
	if (list_moderators(listd, list, &arena, moderators, &count, err) != 0 ||
	    split_address(listd, address, &name, err) != 0)
		found = -1;
	/* two addresses of one name in local domains are one person's */
	for (size_t i = 0; found == 0 && i < count; i++) {
		if (split_address(listd, list_normal_address(moderators[i], &arena), &other, err) != 0)
			found = -1;
		else
			found = str_equal_nocase(name, other);
	}
	arena_free(&arena);
	return found;
}

/* Is From somebody else of this server than who logged in? */
static int is_false(struct listd *listd, const struct list_sender *sender, struct err *err)
{
	struct str name;

	if (sender->user.len == 0)
		return 0;
	if (split_address(listd, sender->from, &name, err) != 0)
		return -1;
	return name.len != sender->from.len && !str_equal_nocase(name, sender->user);
}

static int judge_address(struct listd *listd, const struct list *list, struct str address, struct list_sender *sender,
                         struct err *err)
{
	int member, moderator;

	if (address.len == 0)
		return 0;
	member = list->is_database ? 0 : list_has_member(listd, list, address, err);
	moderator = member < 0 ? -1 : list_is_moderator(listd, list, address, err);
	sender->is_member |= member == 1;
	sender->is_moderator |= moderator == 1;
	return moderator < 0 ? -1 : 0;
}

int list_judge_sender(struct listd *listd, const struct list *list, struct list_sender *sender, struct err *err)
{
	int other = is_false(listd, sender, err);
	struct arena arena;
	int result = 0;

	sender->is_member = sender->is_moderator = false;
	if (other < 0)
		return -1;
	if (other == 0)
		result = judge_address(listd, list, sender->from, sender, err);
	if (result == 0 && sender->user.len != 0) {
		arena_init(&arena);
		result = judge_address(listd, list, list_show_address(listd, sender->user, &arena), sender, err);
		arena_free(&arena);
	}
	return result;
}
