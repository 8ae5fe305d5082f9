#include "ctl/lan.h"

#include "common/base/csv.h"
#include "common/base/hidden.h"
#include "common/base/io.h"
#include "common/lan/rules.h"

#include <stdio.h>

enum { FILE_MAX = 8 * 1024 * 1024, COLUMNS = 6 };

/* Columns of the table, as the specification has them: the fields of a rule in this order. */
static const struct {
	const char *title, *field;
} columns[COLUMNS] = {{"Cond", "condition"}, {"Address", "address"}, {"Server", "server"},
                      {"User", "username"},  {"Pass", "password"},   {"Rewrite Address", "rewrite"}};

/* All values of a key in an answer, JSON objects as an array. */
int lan_fetch(struct ctl *ctl, const char *callee, const struct ipc_message *request, const char *wanted,
              json_t **list_out)
{
	struct ipc_message reply;
	struct str key, value;
	int status;

	ipc_message_init(&reply);
	status = ctl_ask(ctl, callee, request, &reply);
	*list_out = json_array();
	for (size_t position = 0; status == CTL_DONE && ipc_next(&reply, &position, &key, &value);)
		if (str_equal(key, str_of(wanted)))
			json_array_append_new(*list_out, json_loadb(value.data, value.len, 0, NULL));
	ipc_message_free(&reply);
	return status;
}

int lan_fetch_rules(struct ctl *ctl, json_t **rules_out)
{
	struct ipc_message request;
	int status;

	ipc_message_init(&request);
	ipc_request(&request, "item-list");
	ipc_add_text(&request, "kind", "lan-rule");
	status = lan_fetch(ctl, "configd", &request, "item", rules_out);
	ipc_message_free(&request);
	return status;
}

const char *lan_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static void print_table(struct buf *out)
{
	fwrite(out->data != NULL ? out->data : "", 1, out->len, stdout);
	buf_free(out);
}

static void begin_table(struct buf *out)
{
	buf_init(out, FILE_MAX);
	for (int i = 0; i < COLUMNS; i++)
		csv_add_field(out, str_of(columns[i].title), i == 0);
	csv_end_row(out);
}

int lan_export(struct ctl *ctl)
{
	json_t *rules;
	struct buf out;
	int status = lan_fetch_rules(ctl, &rules);

	begin_table(&out);
	for (size_t i = 0; i < json_array_size(rules); i++) {
		for (int column = 0; column < COLUMNS; column++)
			csv_add_field(&out, str_of(lan_text(json_array_get(rules, i), columns[column].field)), column == 0);
		csv_end_row(&out);
	}
	print_table(&out);
	json_decref(rules);
	return status;
}

int lan_print_own(struct ctl *ctl, const char *server)
{
	struct ipc_message request, reply;
	json_t *domains;
	struct buf out;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "domain-list");
	status = lan_fetch(ctl, "configd", &request, "domain", &domains);
	begin_table(&out);
	for (size_t i = 0; i < json_array_size(domains); i++) {
		const char *name = lan_text(json_array_get(domains, i), "name");
		const char *const fields[COLUMNS] = {"all", NULL, server, "", "", ""};
		struct arena arena;

		arena_init(&arena);
		for (int column = 0; column < COLUMNS; column++)
			csv_add_field(&out,
			              fields[column] != NULL
			                  ? str_of(fields[column])
			                  : arena_printf(&arena, "%s%s", strchr(name, '@') != NULL ? "" : "*@", name),
			              column == 0);
		csv_end_row(&out);
		arena_free(&arena);
	}
	print_table(&out);
	json_decref(domains);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* Is it the line of titles? */
static bool is_heading(const struct csv_row *row)
{
	return row->count > 1 && str_equal_nocase(str_trim(row->fields[1]), str_of(columns[1].title));
}

static int check_row(const struct csv_row *row, struct arena *arena, struct err *err)
{
	struct lan_rule rule = {.condition = str_trim(row->fields[0])};

	if (row->count < 3 || row->count > COLUMNS)
		return err_set(err, ERR_SYNTAX, "a row has 3 to %d columns: Cond, Address, Server, User, Pass, Rewrite Address",
		               COLUMNS);
	rule.address = str_trim(row->fields[1]);
	rule.server = str_trim(row->fields[2]);
	rule.username = row->count > 3 ? str_trim(row->fields[3]) : STR("");
	rule.password = row->count > 4 ? row->fields[4] : STR("");
	rule.rewrite = row->count > 5 ? str_trim(row->fields[5]) : STR("");
	if (str_equal(rule.password, STR(HIDDEN_PASSWORD)))
		return err_set(err, ERR_SYNTAX, "password: an export has stars for it; put the password in");
	return lan_rule_check(&rule, arena, err);
}

static int add_row(struct ctl *ctl, const struct csv_row *row)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "item-add");
	ipc_add_text(&request, "kind", "lan-rule");
	for (size_t i = 0; i < row->count; i++)
		if (str_trim(row->fields[i]).len != 0)
			ipc_add(&request, columns[i].field, str_trim(row->fields[i]));
	status = ctl_ask(ctl, "configd", &request, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static int import_text(struct ctl *ctl, struct str text, bool strict)
{
	unsigned good = 0, bad = 0;
	int status = CTL_DONE, next;

	for (int pass = 0; pass < 2 && !(pass == 1 && strict && bad > 0); pass++) {
		struct csv_row row;
		struct arena arena;
		struct csv csv;
		struct err err;

		arena_init(&arena);
		csv_open(&csv, text);
		while (status == CTL_DONE && (next = csv_next(&csv, &arena, &row, &err)) != 0) {
			if (next == 1 && is_heading(&row))
				continue;
			if (next == 1 && check_row(&row, &arena, &err) == 0) {
				status = pass == 1 ? add_row(ctl, &row) : CTL_DONE;
				good += pass == 1;
			} else if (pass == 0) {
				ctl_refuse("line %u: %s", row.line, err.text);
				bad++;
			}
		}
		arena_free(&arena);
	}
	printf("%u rules added, %u lines refused\n", good, bad);
	return bad > 0 && status == CTL_DONE ? CTL_REFUSED : status;
}

int lan_import(struct ctl *ctl, const char *path, bool strict)
{
	struct buf text;
	struct err err;
	int status;

	buf_init(&text, FILE_MAX);
	if (io_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, &err) != 0)
		status = ctl_refuse_err(&err);
	else
		status = import_text(ctl, buf_str(&text), strict);
	buf_free(&text);
	return status;
}
