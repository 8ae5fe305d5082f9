/*
 * lan: LAN forwarding as an administrator runs it: its queue, its pause. Its rules are items (ctl/items.h, `postroom
 * lan-rule`), and a table (lan_table.c).
 */
#include "ctl/lan.h"

#include "common/addr/server.h"
#include "common/lan/rules.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>

static const struct ctl_command usages[] = {
    {"lan pause", "", NULL, NULL, false},
    {"lan resume", "", NULL, NULL, false},
    {"lan queue", "[--json]", NULL, NULL, false},
    {"lan delete", "ID ...", NULL, NULL, false},
    {"lan retarget", "OLD-SERVER NEW-SERVER", NULL, NULL, false},
    {"lan matches", "[--json]", NULL, NULL, false},
    {"lan export", "", NULL, NULL, false},
    {"lan import", "[--strict] FILE", NULL, NULL, false},
    {"lan own-rules", "SERVER", NULL, NULL, false},
};

enum { USAGES = sizeof usages / sizeof usages[0] };

static int usage(void)
{
	for (int i = 0; i < USAGES; i++)
		ctl_usage(&usages[i]);
	return CTL_USAGE;
}

static int set_paused(struct ctl *ctl, bool paused)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "set");
	ipc_add_text(&request, "key", "lan.paused");
	ipc_add_text(&request, "value", paused ? "on" : "off");
	status = ctl_ask(ctl, "configd", &request, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* The first Subject of a message that waits, unfolded; empty where it has none. */
static json_t *subject_of(struct ctl *ctl, const char *id)
{
	struct ipc_message request, reply;
	struct str rest = STR("");
	struct arena arena;
	json_t *subject;
	struct buf text;

	arena_init(&arena);
	buf_init(&text, 4000);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "show");
	ipc_add_text(&request, "id", id);
	if (ctl_ask(ctl, "queue-manager", &request, &reply) == CTL_DONE)
		rest = ipc_get(&reply, "headers");
	while (rest.data != NULL) {
		struct str line = str_cut(&rest, '\n');
		bool is_more = text.len > 0 && line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');

		if (text.len > 0 && !is_more)
			break;
		if (is_more)
			buf_printf(&text, " %.*s", STR_ARG(str_trim(line)));
		else if (str_starts_nocase(line, STR("Subject:")))
			buf_printf(&text, "%.*s", STR_ARG(str_trim(str_skip(line, 8))));
	}
	subject = json_stringn(text.data != NULL ? text.data : "", text.len);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	buf_free(&text);
	arena_free(&arena);
	return subject != NULL ? subject : json_string("");
}

static void print_clean(const char *text)
{
	for (; *text != '\0'; text++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static void print_entry(const json_t *entry)
{
	const json_t *recipients = json_object_get(entry, "recipients");

	printf("%s  ", lan_text(entry, "id"));
	print_clean(lan_text(entry, "from")[0] != '\0' ? lan_text(entry, "from") : "<>");
	printf("  %s  ", lan_text(entry, "server"));
	for (size_t i = 0; i < json_array_size(recipients); i++) {
		printf("%s", i > 0 ? "," : "");
		print_clean(json_string_value(json_array_get(recipients, i)));
	}
	printf("  ");
	print_clean(lan_text(entry, "subject"));
	putchar('\n');
}

static int show_queue(struct ctl *ctl, bool as_json)
{
	struct ipc_message request;
	json_t *entries;
	int status;

	ipc_message_init(&request);
	ipc_request(&request, "lan-list");
	status = lan_fetch(ctl, "queue-manager", &request, "entry", &entries);
	for (size_t i = 0; i < json_array_size(entries); i++) {
		json_t *entry = json_array_get(entries, i);

		json_object_set_new(entry, "subject", subject_of(ctl, lan_text(entry, "id")));
		if (!as_json)
			print_entry(entry);
	}
	if (status == CTL_DONE && as_json) {
		json_dumpf(entries, stdout, JSON_INDENT(2));
		printf("\n");
	} else if (status == CTL_DONE && json_array_size(entries) == 0) {
		printf("Nothing waits for LAN forwarding\n");
	}
	json_decref(entries);
	ipc_message_free(&request);
	return status;
}

static int delete_entries(struct ctl *ctl, int count, char **ids)
{
	struct ipc_message request, reply;
	int status = CTL_DONE;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	for (int i = 0; i < count && status == CTL_DONE; i++) {
		ipc_request(&request, "lan-delete");
		ipc_add_text(&request, "id", ids[i]);
		status = ctl_ask(ctl, "queue-manager", &request, &reply);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static bool is_same_server(const char *text, const struct server *server, struct arena *arena)
{
	struct server other;

	return server_parse(str_of(text), LAN_PORT, arena, &other, NULL) == 0 &&
	       str_equal(server_key(&other, arena), server_key(server, arena));
}

static int retarget_rules(struct ctl *ctl, const struct server *from, const char *to, struct arena *arena)
{
	struct ipc_message request, reply;
	json_t *rules;
	int status = lan_fetch_rules(ctl, &rules), count = 0;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	for (size_t i = 0; i < json_array_size(rules) && status == CTL_DONE; i++) {
		if (!is_same_server(lan_text(json_array_get(rules, i), "server"), from, arena))
			continue;
		ipc_request(&request, "item-set");
		ipc_add_text(&request, "kind", "lan-rule");
		ipc_add_number(&request, "number", (int64_t)i + 1);
		ipc_add_text(&request, "server", to);
		status = ctl_ask(ctl, "configd", &request, &reply);
		count++;
	}
	if (status == CTL_DONE)
		printf("%d rules\n", count);
	json_decref(rules);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* Rules first: what comes meanwhile goes to the new server already. */
static int retarget(struct ctl *ctl, const char *from, const char *to)
{
	struct ipc_message request, reply;
	struct server old, new;
	struct arena arena;
	int64_t count = 0;
	struct err err;
	int status;

	arena_init(&arena);
	if (server_parse(str_of(from), LAN_PORT, &arena, &old, &err) != 0 ||
	    server_parse(str_of(to), LAN_PORT, &arena, &new, &err) != 0) {
		arena_free(&arena);
		return ctl_refuse_err(&err);
	}
	status = retarget_rules(ctl, &old, to, &arena);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "lan-retarget");
	ipc_add_text(&request, "from", from);
	ipc_add_text(&request, "to", to);
	if (status == CTL_DONE)
		status = ctl_ask(ctl, "queue-manager", &request, &reply);
	if (status == CTL_DONE) {
		ipc_get_number(&reply, "changed", 0, INT64_MAX, &count);
		printf("%lld waiting recipients\n", (long long)count);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	arena_free(&arena);
	return status;
}

static int64_t matches_of(const struct ipc_message *reply, int64_t rule)
{
	struct str key, value;
	uint64_t id, count;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("match")) && str_to_u64(str_cut_word(&value), INT64_MAX, &id) && (int64_t)id == rule &&
		    str_to_u64(str_trim(value), INT64_MAX, &count))
			return (int64_t)count;
	return 0;
}

static int show_matches(struct ctl *ctl, bool as_json)
{
	struct ipc_message request, reply;
	json_t *rules;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "lan-matches");
	status = ctl_ask(ctl, "queue-manager", &request, &reply);
	if (status == CTL_DONE)
		status = lan_fetch_rules(ctl, &rules);
	else
		rules = json_array();
	for (size_t i = 0; i < json_array_size(rules); i++) {
		json_t *rule = json_array_get(rules, i);
		int64_t count = matches_of(&reply, json_integer_value(json_object_get(rule, "id")));

		json_object_set_new(rule, "matches", json_integer(count));
		if (!as_json)
			printf("%3zu  %-40s %-30s %8lld\n", i + 1, lan_text(rule, "address"), lan_text(rule, "server"),
			       (long long)count);
	}
	if (status == CTL_DONE && as_json) {
		json_dumpf(rules, stdout, JSON_INDENT(2));
		printf("\n");
	}
	json_decref(rules);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

int ctl_lan(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"json", no_argument, NULL, 'j'}, {"strict", no_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	const char *verb = argc > 1 ? argv[1] : "";
	bool as_json = false, strict = false;
	int option, count;
	char **rest;

	optind = 0;
	while ((option = getopt_long(argc - 1, argv + 1, "", options, NULL)) != -1) {
		as_json |= option == 'j';
		strict |= option == 's';
		if (option == '?')
			return usage();
	}
	rest = argc > 1 ? argv + 1 + optind : argv;
	count = argc > 1 ? argc - 1 - optind : 0;
	if (count == 0 && strcmp(verb, "pause") == 0)
		return set_paused(ctl, true);
	if (count == 0 && strcmp(verb, "resume") == 0)
		return set_paused(ctl, false);
	if (count == 0 && strcmp(verb, "queue") == 0)
		return show_queue(ctl, as_json);
	if (count > 0 && strcmp(verb, "delete") == 0)
		return delete_entries(ctl, count, rest);
	if (count == 2 && strcmp(verb, "retarget") == 0)
		return retarget(ctl, rest[0], rest[1]);
	if (count == 0 && strcmp(verb, "matches") == 0)
		return show_matches(ctl, as_json);
	if (count == 0 && strcmp(verb, "export") == 0)
		return lan_export(ctl);
	if (count == 1 && strcmp(verb, "import") == 0)
		return lan_import(ctl, rest[0], strict);
	if (count == 1 && strcmp(verb, "own-rules") == 0)
		return lan_print_own(ctl, rest[0]);
	return usage();
}
