#include "configd/lists.h"

#include "common/addr/addr.h"
#include "common/addr/smtp_target.h"
#include "common/base/wildcard.h"
#include "common/rules/regex.h"
#include "configd/names.h"
#include "configd/rows.h"

#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

static int normalise_lan(struct change *change, struct str text, struct str *normal_out, struct err *err)
{
	struct smtp_target target;

	if (smtp_target_parse(text, &change->arena, &target, err) != 0)
		return -1;
	*normal_out = smtp_target_format(&target, &change->arena);
	return 0;
}

/* A member by name: users, lists, groups. */
static int normalise_name(struct change *change, struct str text, struct str *normal_out, struct err *err)
{
	struct named named;
	int found = name_find(change, text, &named, err);

	if (found == 0)
		return err_set(err, ERR_NOT_FOUND, "\"%.*s\" is no user, list or group; an address has an @", SHOWN(text));
	*normal_out = named.name;
	return found == 1 ? 0 : -1;
}

int list_member_normalise(struct change *change, struct str text, struct str *normal_out, struct err *err)
{
	struct arena *arena = &change->arena;
	struct named named;
	struct addr addr;
	struct str domain;
	int local, found;

	if (smtp_target_is(text))
		return normalise_lan(change, text, normal_out, err);
	if (str_find_char(text, '@') < 0)
		return normalise_name(change, text, normal_out, err);
	if (addr_parse_mailbox(text, arena, &addr, err) != 0 ||
	    addr_normalise_domain(addr.domain, arena, &domain, err) != 0) {
		err->code = ERR_SYNTAX;
		return err_prefix(err, "\"%.*s\"", SHOWN(text));
	}
	*normal_out = addr_format(addr.local_part, domain, arena);
	/* An address of this server by the name that is behind it, so that it follows when that is changed. */
	local = domain_is_local(change, domain, err);
	found = local == 1 ? name_find(change, addr.local_part, &named, err) : local;
	if (found == 1)
		*normal_out = named.name;
	return found < 0 ? -1 : 0;
}

int list_member_count(struct change *change, const struct list_object *list, int64_t *count_out, struct err *err)
{
	return config_number(change->config, count_out, err, "SELECT count(*) FROM list_member WHERE list = ?", "n",
	                     list->id) == 1
	           ? 0
	           : -1;
}

/* Has it members of its own? */
static int check_kept_here(const struct list_object *list, struct err *err)
{
	if (str_equal(list->type, STR("database")))
		return err_set(err, ERR_DENIED, "%.*s has its members from a database", STR_ARG(list->name));
	return 0;
}

/* May one more be added, as far as its type says? The largest number is looked at before the commit (check_lists). */
static int check_room(struct change *change, const struct list_object *list, struct str text, struct err *err)
{
	int64_t members = 0;

	if (!str_equal(list->type, STR("forwarding")))
		return check_kept_here(list, err);
	if (list_member_count(change, list, &members, err) != 0)
		return -1;
	if (members != 0 || str_find_char(text, ',') >= 0 || str_find_char(text, ';') >= 0 ||
	    str_find_char(text, '\n') >= 0)
		return err_set(err, ERR_DENIED,
		               "%.*s is a forwarding, which has one address; for more make it a distribution list",
		               STR_ARG(list->name));
	return 0;
}

static int exists(struct change *change, const struct list_object *list, struct str member, struct err *err)
{
	return config_number(change->config, NULL, err, "SELECT 1 FROM list_member WHERE list = ? AND address = ?", "nt",
	                     list->id, member);
}

int list_member_add(struct change *change, const struct list_object *list, struct str text, struct err *err)
{
	struct str member = text;
	int known;

	if (check_kept_here(list, err) != 0)
		return -1;
	if (list_member_normalise(change, str_trim(text), &member, err) != 0) {
		struct err room;

		/* what is wrong with it may be that they are two */
		if (check_room(change, list, text, &room) != 0)
			*err = room;
		return -1;
	}
	known = exists(change, list, member, err);
	if (known != 0)
		return known == 1 ? 0 : -1;
	return check_room(change, list, text, err) == 0 &&
	               config_run(change->config, err, "INSERT INTO list_member VALUES(?, ?)", "nt", list->id, member) == 0
	           ? 1
	           : -1;
}

int list_member_remove(struct change *change, const struct list_object *list, struct str text, struct err *err)
{
	struct str member = str_trim(text), normal;
	int known;

	if (check_kept_here(list, err) != 0)
		return -1;
	if (list_member_normalise(change, member, &normal, err) == 0)
		member = normal;
	known = exists(change, list, member, err);
	if (known != 1)
		return known;
	return config_run(change->config, err, "DELETE FROM list_member WHERE list = ? AND address = ?", "nt", list->id,
	                  member) == 0
	           ? 1
	           : -1;
}

/* Each field "address" of the request; one that cannot be taken refuses all. */
static int change_members(struct change *change, bool add, struct err *err)
{
	struct list_object list;
	int64_t changed = 0, same = 0;
	struct str key, value;

	if (list_requested(change, &list, err) != 0)
		return -1;
	for (size_t position = 0; ipc_next(&change->incoming->message, &position, &key, &value);) {
		int result;

		if (!str_equal(key, STR("address")))
			continue;
		result = add ? list_member_add(change, &list, value, err) : list_member_remove(change, &list, value, err);
		if (result < 0)
			return -1;
		if (result == 0 && !add)
			return err_set(err, ERR_NOT_FOUND, "%.*s is no member of %.*s", SHOWN(value), STR_ARG(list.name));
		changed += result == 1;
		same += result == 0;
	}
	if (changed + same == 0)
		return err_set(err, ERR_SYNTAX, "no address is given");
	ipc_add_number(&change->reply, "changed", changed);
	change_note(change, "list %.*s: %lld members %s", STR_ARG(list.name), (long long)changed,
	            add ? "added" : "removed");
	return 0;
}

int op_list_member_add(struct change *change, struct err *err)
{
	return change_members(change, true, err);
}

int op_list_member_remove(struct change *change, struct err *err)
{
	return change_members(change, false, err);
}

static const char *kind_of(struct change *change, struct str member, struct err *err)
{
	struct named named;

	if (smtp_target_is(member))
		return "server";
	if (str_find_char(member, '@') >= 0)
		return "address";
	return name_find(change, member, &named, err) == 1 ? name_kind_word(named.kind) : "gone";
}

int op_list_members(struct change *change, struct err *err)
{
	struct str filter = ipc_get(&change->incoming->message, "filter");
	struct list_object list;
	struct db_statement row;
	int found;

	if (list_requested(change, &list, err) != 0 ||
	    config_query(change->config, &row, err, "SELECT address FROM list_member WHERE list = ? ORDER BY address", "n",
	                 list.id) != 0)
		return -1;
	if (filter.data != NULL)
		filter = arena_printf(&change->arena, "*%.*s*", STR_ARG(filter));
	while ((found = db_step(&row, err)) == 1) {
		struct str shown = smtp_target_show(db_text(&row, 0), &change->arena);

		if (filter.data == NULL || str_matches_wildcard(shown, filter))
			change_list(change, "member",
			            json_pack("{s:s%, s:s}", "address", shown.data, shown.len, "kind",
			                      kind_of(change, db_text(&row, 0), err)));
	}
	db_finalize(&row);
	return found;
}

int op_list_member_export(struct change *change, struct err *err)
{
	struct list_object list;
	struct db_statement row;
	struct buf out;
	int found;

	if (list_requested(change, &list, err) != 0 ||
	    config_query(change->config, &row, err, "SELECT address FROM list_member WHERE list = ? ORDER BY address", "n",
	                 list.id) != 0)
		return -1;
	buf_init(&out, IPC_MESSAGE_MAX - IPC_PACKET_MAX);
	while ((found = db_step(&row, err)) == 1)
		buf_printf(&out, "%.*s\n", STR_ARG(db_text(&row, 0)));
	db_finalize(&row);
	if (found == 0)
		ipc_add(&change->reply, "text", buf_str(&out));
	buf_free(&out);
	return found;
}

int op_list_member_import(struct change *change, struct err *err)
{
	struct list_object list;
	bool replace = false;
	struct rows rows;
	struct str text;

	if (list_requested(change, &list, err) != 0 || change_field(change, "text", &text, err) != 0 ||
	    change_flag(change, "replace", &replace, err) != 0 || rows_begin(&rows, change, err) != 0)
		return -1;
	if (check_kept_here(&list, err) != 0)
		return -1;
	if (replace && config_run(change->config, err, "DELETE FROM list_member WHERE list = ?", "n", list.id) != 0)
		return -1;
	for (unsigned line = 1; text.data != NULL; line++) {
		struct str address = str_trim(str_cut(&text, '\n'));
		int result = address.len != 0 ? list_member_add(change, &list, address, err) : 0;

		if (result < 0)
			rows_refuse(&rows, line, err);
		rows.added += result == 1;
		rows.known += result == 0 && address.len != 0;
	}
	rows_end(&rows,
	         arena_text(&change->arena, arena_printf(&change->arena, "members of list %.*s", STR_ARG(list.name))));
	return 0;
}

/* A pattern with wildcards, or a regular expression. */
struct choice {
	struct str pattern;
	struct regex *regex; /* NULL: wildcards */
};

static bool is_chosen(const struct choice *choice, struct str member)
{
	if (choice->regex != NULL)
		return regex_search(choice->regex, member) == REGEX_YES;
	return str_matches_wildcard(member, choice->pattern);
}

/* Put those that the pattern means into a table. */
static int choose(struct change *change, const struct list_object *list, const struct choice *choice,
                  int64_t *count_out, struct err *err)
{
	struct db_statement row;
	int found;

	*count_out = 0;
	if (db_exec(&change->config->db, "CREATE TEMP TABLE IF NOT EXISTS chosen(address TEXT); DELETE FROM temp.chosen",
	            err) != 0 ||
	    config_query(change->config, &row, err, "SELECT address FROM list_member WHERE list = ?", "n", list->id) != 0)
		return -1;
	while ((found = db_step(&row, err)) == 1) {
		if (!is_chosen(choice, db_text(&row, 0)))
			continue;
		if (config_run(change->config, err, "INSERT INTO temp.chosen VALUES(?)", "t", db_text(&row, 0)) != 0) {
			found = -1;
			break;
		}
		++*count_out;
	}
	db_finalize(&row);
	return found;
}

int op_list_member_bulk_delete(struct change *change, struct err *err)
{
	struct choice choice = {.regex = NULL};
	struct list_object list;
	bool confirmed = false;
	int64_t count;
	int result;

	if (list_requested(change, &list, err) != 0 || change_field(change, "pattern", &choice.pattern, err) != 0 ||
	    change_flag(change, "confirm", &confirmed, err) != 0)
		return -1;
	if (check_kept_here(&list, err) != 0)
		return -1;
	if (str_starts(choice.pattern, STR("/")) && regex_compile(choice.pattern, &choice.regex, err) != 0)
		return -1;
	result = choose(change, &list, &choice, &count, err);
	if (choice.regex != NULL)
		regex_free(choice.regex);
	if (result != 0)
		return -1;
	ipc_add_number(&change->reply, "count", count);
	if (!confirmed) {
		change->only_check = true;
		return 0;
	}
	change_note(change, "list %.*s: %lld members like %.*s removed", STR_ARG(list.name), (long long)count,
	            SHOWN(choice.pattern));
	return config_run(change->config, err,
	                  "DELETE FROM list_member WHERE list = ? AND address IN (SELECT address FROM temp.chosen)", "n",
	                  list.id);
}
