#include "ctl/items.h"

#include "ctl/explain.h"
#include "ctl/responder_file.h"
#include "ctl/verb.h"

#include "common/items/item.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

static void print_value(const char *name, const json_t *value)
{
	for (size_t i = 0; i < json_array_size(value); i++)
		printf("%s = %s\n", name, json_string_value(json_array_get(value, i)));
	if (json_is_string(value) && json_string_length(value) > 0)
		printf("%s = %s\n", name, json_string_value(value));
}

static const json_t *find_item(const json_t *items, const char *wanted)
{
	uint64_t number;

	if (str_to_u64(str_of(wanted), UINT32_MAX, &number) && number > 0)
		return json_array_get(items, (size_t)number - 1);
	for (size_t i = 0; i < json_array_size(items); i++) {
		const json_t *item = json_array_get(items, i);
		const char *name = json_string_value(json_object_get(item, "name"));

		if (name != NULL && str_equal_nocase(str_of(name), str_of(wanted)))
			return item;
	}
	return NULL;
}

static void print_item(const json_t *item, bool as_json)
{
	if (as_json) {
		json_dumpf(item, stdout, JSON_INDENT(2));
		printf("\n");
		return;
	}
	for (void *at = json_object_iter((json_t *)item); at != NULL; at = json_object_iter_next((json_t *)item, at))
		print_value(json_object_iter_key(at), json_object_iter_value(at));
}

/* Ask for a list; the items as an array. */
static int fetch(struct ctl *ctl, const char *kind, const char *user, json_t **items_out)
{
	struct ipc_message request, reply;
	struct str key, value;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "item-list");
	ipc_add_text(&request, "kind", kind);
	if (user != NULL)
		ipc_add_text(&request, "user", user);
	status = ctl_ask(ctl, "configd", &request, &reply);
	*items_out = json_array();
	for (size_t position = 0; status == CTL_DONE && ipc_next(&reply, &position, &key, &value);)
		if (str_equal(key, STR("item")))
			json_array_append_new(*items_out, json_loadb(value.data, value.len, 0, NULL));
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

enum { OWN_VERBS = 2 };

/* How the command line calls the lists of a kind. */
struct item_words {
	enum item_kind kind;
	bool has_user;
	const char *words;     /* "user rule" */
	const char *arguments; /* of add and set, for the usage line */
	const char *columns[4];
	struct own_verb {
		const char *word, *arguments, *sentence;
		int (*run)(struct ctl *ctl, int argc, char **argv);
	} own[OWN_VERBS]; /* commands of the kind's own; run NULL: no more */
};

#define RESPONDER_ARGUMENTS                                                                       \
	"[--name TEXT] [--text TEXT | --text-file FILE] [--keep on|off] [--hours N] [--from ADDRESS]" \
	" [--reply-to ADDRESS] [--subject TEXT] [--subject-prefix TEXT] [--append no|headers|whole]"  \
	" [--copy-to ADDRESSES] [--send-to ADDRESSES] [--to-sender on|off]"
#define EXPORT_SENTENCE "Write one into a file, with what it sends along."
#define IMPORT_SENTENCE "Add one out of such a file."
#define PRUNE_ARGUMENTS                                                          \
	"[--folder NAME|*] [--age DAYS] [--size OCTETS] [--read read|unread|either]" \
	" [--flagged flagged|unflagged|either] [--deleted on|off] [--spam on|off]"

static const struct item_words kinds[] = {
    {ITEM_MESSAGE_RULE,
     true,
     "user rule",
     "[--name TEXT] [--types incoming,local,system] [--match all|any] [--condition TEXT]... [--action TEXT]...",
     {"name", "types", "match"},
     {{NULL}}},
    {ITEM_LAN_RULE,
     false,
     "lan-rule",
     "[--address PATTERN] [--server HOST[:PORT]] [--username NAME] [--password-stdin] [--rewrite ADDRESS] "
     "[--condition all|pop3|smtp|NUMBERS] [--comment TEXT]",
     {"address", "server", "rewrite", "condition"},
     {{NULL}}},
    {ITEM_LAN_VERIFIER,
     false,
     "lan-verifier",
     "[--server HOST[:PORT]] [--type call-forward|minger] [--password-stdin]",
     {"server", "type"},
     {{NULL}}},
    {ITEM_RESPONDER,
     true,
     "user autoresponder",
     RESPONDER_ARGUMENTS,
     {"name", "keep", "hours", "append"},
     {{"export", "USER " RESPONDER_EXPORT_ARGUMENTS, EXPORT_SENTENCE, responder_export},
      {"import", "USER " RESPONDER_IMPORT_ARGUMENTS, IMPORT_SENTENCE, responder_import}}},
    {ITEM_RESPONDER,
     false,
     "autoresponder",
     RESPONDER_ARGUMENTS,
     {"name", "keep", "hours", "append"},
     {{"export", RESPONDER_EXPORT_ARGUMENTS, EXPORT_SENTENCE, responder_export_server},
      {"import", RESPONDER_IMPORT_ARGUMENTS, IMPORT_SENTENCE, responder_import_server}}},
    {ITEM_RESPONDER_RULE,
     true,
     "user autoresponder-rule",
     "[--name TEXT] [--responder NAME|none] [--enabled on|off] [--locked on|off] [--date-from YYYY-MM-DD]"
     " [--date-to YYYY-MM-DD] [--time-from HH:MM] [--time-to HH:MM] [--datetime-from \"YYYY-MM-DD HH:MM\"]"
     " [--datetime-to \"YYYY-MM-DD HH:MM\"] [--days mon,tue,...] [--sender PATTERN] [--subject PATTERN]"
     " [--value NAME=VALUE]...",
     {"name", "responder", "enabled", "locked"},
     {{NULL}}},
    {ITEM_RESPONDER_FILTER,
     true,
     "user autoresponder-filter",
     "[--line \"Field: data\"] [--trigger on|off]",
     {"line", "trigger"},
     {{NULL}}},
    {ITEM_PRUNE_RULE, true, "user prune", PRUNE_ARGUMENTS, {"folder", "age", "deleted", "spam"}, {{NULL}}},
    {ITEM_DOWNLOAD_RULE,
     false,
     "download-rule",
     "[--name TEXT] [--action WORD] [--parameter TEXT] [--match all|any] [--condition TEXT]...",
     {"name", "action", "parameter", "match"},
     {{"test", EXPLAIN_ARGUMENTS, "Run a message file through them.", explain_rules}}},
    {ITEM_PRUNE_RULE, false, "prune", PRUNE_ARGUMENTS, {"folder", "age", "deleted", "spam"}, {{NULL}}},
    {ITEM_SCHEDULE,
     false,
     "schedule",
     "[--name TEXT] [--enabled on|off] [--connections @default|@deny|NAME,...] [--every MINUTES] [--from HH:MM]"
     " [--to HH:MM] [--once HH:MM] [--waiting MESSAGES] [--days mon,tue,...]",
     {"name", "enabled", "connections", "description"},
     {{NULL}}},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* `show [USER] NUMBER|NAME [--json]`. */
static int show(struct ctl *ctl, const struct ctl_command *usage, const struct item_words *words, int argc, char **argv)
{
	static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
	bool as_json = false;
	const json_t *item;
	json_t *items;
	int option, status;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return ctl_usage(usage);
		as_json = true;
	}
	if (argc - optind != 1 + words->has_user)
		return ctl_usage(usage);
	status = fetch(ctl, item_definitions[words->kind].word, words->has_user ? argv[optind] : NULL, &items);
	item = find_item(items, argv[argc - 1]);
	if (status == CTL_DONE && item == NULL)
		status = ctl_refuse("there is no \"%s\" among %zu", argv[argc - 1], json_array_size(items));
	else if (status == CTL_DONE)
		print_item(item, as_json);
	json_decref(items);
	return status;
}

/* One line of the table, as verb.h has them. */
struct item_verb {
	const char *word, *op, *arguments, *sentence;
	bool wants_number, wants_place, has_fields;
};

static const struct item_verb item_verbs[] = {
    {"list", "item-list", "[--json]", "List them.", false, false, false},
    {"show", NULL, "NUMBER [--json]", "Show one with all its texts.", false, false, false},
    {"add", "item-add", "[--at NUMBER]", "Add one, at the end or before another.", false, false, true},
    {"set", "item-set", "NUMBER", "Change one; what is not given stays.", true, false, true},
    {"move", "item-move", "NUMBER NEW-NUMBER", "Move one to another place.", true, true, false},
    {"delete", "item-delete", "NUMBER", "Delete one.", true, false, false},
};

enum { VERBS = sizeof item_verbs / sizeof item_verbs[0], SHOW = 1 };

/* Each text of the kind is an option; one of several lines can be a file too. */
static void add_options(const struct item_words *words, struct verb *verb, struct arena *arena)
{
	const struct item_field *fields = item_definitions[words->kind].fields;
	size_t count = 0;

	verb->options[count++] = (struct verb_option){"at", OPTION_TEXT, "at"};
	for (size_t i = 0; fields[i].name != NULL; i++) {
		if (item_password_reader(words->kind, i) != NULL) {
			verb->options[count++] = (struct verb_option){"password-stdin", OPTION_PASSWORD, fields[i].name};
			continue;
		}
		verb->options[count++] = (struct verb_option){fields[i].name, OPTION_TEXT, fields[i].name};
		if (fields[i].has_lines)
			verb->options[count++] =
			    (struct verb_option){arena_printf(arena, "%s-file", fields[i].name).data, OPTION_FILE, fields[i].name};
	}
}

static void make_verb(const struct item_words *words, const struct item_verb *from, struct verb *verb,
                      struct arena *arena)
{
	int arguments = 0;

	verb->command = (struct ctl_command){
	    .name = arena_printf(arena, "%s %s", words->words, from->word).data,
	    .arguments = arena_printf(arena, "%s%s%s%s", words->has_user ? "USER " : "", from->arguments,
	                              from->has_fields ? " " : "", from->has_fields ? words->arguments : "")
	                     .data,
	    .sentence = from->sentence,
	};
	verb->op = from->op;
	verb->fixed_field = "kind";
	verb->fixed_text = item_definitions[words->kind].word;
	if (words->has_user)
		verb->arguments[arguments++] = "user";
	if (from->wants_number)
		verb->arguments[arguments++] = "number";
	if (from->wants_place)
		verb->arguments[arguments++] = "to";
	if (from->has_fields)
		add_options(words, verb, arena);
	if (strcmp(from->word, "list") != 0)
		return;
	verb->row = "item";
	verb->columns[0] = "number";
	for (int i = 0; i < 4 && words->columns[i] != NULL; i++)
		verb->columns[i + 1] = words->columns[i];
}

/* What `postroom <first> <second>` means; NULL: no list. second may be NULL. */
static const struct item_words *find_words(const char *first, const char *second)
{
	for (int i = 0; i < KINDS; i++) {
		struct str rest = str_of(kinds[i].words), word = str_cut_word(&rest);

		if (str_equal(word, str_of(first)) && (rest.len == 0 || str_equal(str_trim(rest), str_of(second))))
			return &kinds[i];
	}
	return NULL;
}

bool items_are_meant(int argc, char **argv)
{
	return find_words(argv[0], argc > 1 ? argv[1] : NULL) != NULL;
}

int items_run(struct ctl *ctl, int argc, char **argv)
{
	const struct item_words *words = find_words(argv[0], argc > 1 ? argv[1] : NULL);
	struct verb verbs[VERBS + OWN_VERBS + 1] = {{.command = {NULL}}};
	struct arena arena;
	int status;

	arena_init(&arena);
	for (int i = 0; i < VERBS; i++)
		make_verb(words, &item_verbs[i], &verbs[i], &arena);
	for (int i = 0; i < OWN_VERBS && words->own[i].run != NULL; i++)
		verbs[VERBS + i].command =
		    (struct ctl_command)VERB_OF(arena_printf(&arena, "%s %s", words->words, words->own[i].word).data,
		                                words->own[i].arguments, words->own[i].sentence, words->own[i].run);
	if (strchr(words->words, ' ') != NULL) {
		argc--;
		argv++;
	}
	if (argc > 1 && strcmp(argv[1], item_verbs[SHOW].word) == 0)
		status = show(ctl, &verbs[SHOW].command, words, argc - 1, argv + 1);
	else
		status = verb_run(ctl, verbs, argc, argv);
	arena_free(&arena);
	return status;
}

int ctl_items(struct ctl *ctl, int argc, char **argv)
{
	return items_run(ctl, argc, argv);
}

int items_find(struct ctl *ctl, const char *kind, const char *user, const char *wanted, json_t **item_out)
{
	const json_t *item;
	json_t *items;
	int status = fetch(ctl, kind, user, &items);

	item = find_item(items, wanted);
	if (status == CTL_DONE && item == NULL)
		status = ctl_refuse("%s has no %s \"%s\"", user != NULL ? user : "the server", kind, wanted);
	*item_out = json_incref((json_t *)item);
	json_decref(items);
	return status;
}

int items_find_id(struct ctl *ctl, const char *kind, const char *user, const char *wanted, int64_t *id_out)
{
	json_t *item;
	int status = items_find(ctl, kind, user, wanted, &item);

	*id_out = item != NULL ? (int64_t)json_integer_value(json_object_get(item, "id")) : 0;
	json_decref(item);
	return status;
}
