/*
 * The texts that the server writes to people: settings whose keys begin with "text." (common/settings/texts.h), by
 * their names without that, and from files, since they have several lines.
 */
#include "ctl/ctl.h"
#include "ctl/manual.h"

#include "common/base/io.h"
#include "common/settings/settings.h"

#include <stdio.h>

#define PREFIX "text."

static const struct ctl_command usage = {"text", "list | show NAME | set NAME TEXT | set NAME --file FILE | unset NAME",
                                         NULL, NULL, false};

static int list(void)
{
	for (int i = 0; i < SETTING_COUNT; i++) {
		struct str key = str_of(setting_definitions[i].key);

		if (str_starts(key, STR(PREFIX)))
			printf("%-20s %s\n", key.data + sizeof PREFIX - 1, setting_definitions[i].sentence);
	}
	return CTL_DONE;
}

/* The setting of that name. -1: there is none; the reason was printed. */
static int find_key(const char *name, struct arena *arena, struct str *key_out)
{
	const struct setting_definition *definition;
	struct err err;

	*key_out = arena_printf(arena, PREFIX "%s", name);
	if (catalogue_find(&setting_catalogue, *key_out, &definition, &err) == 0)
		return 0;
	ctl_refuse("there is no text \"%s\"; \"postroom text list\" lists them", name);
	return -1;
}

static int read_file(const char *path, struct ipc_message *request)
{
	struct buf text;
	struct err err;
	int result;

	buf_init(&text, SETTING_VALUE_MAX + 1);
	result = io_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, &err);
	if (result == 0)
		ipc_add(request, "value", buf_str(&text));
	buf_free(&text);
	return result == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

/* op of configd with the key, and the value where it takes one. */
static int run(struct ctl *ctl, const char *op, int argc, char **argv, bool with_value)
{
	struct ipc_message request, reply;
	struct arena arena;
	struct str key, value;
	int status = CTL_DONE;

	arena_init(&arena);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, op);
	if (find_key(argv[1], &arena, &key) != 0)
		status = CTL_REFUSED;
	ipc_add(&request, "key", key);
	if (status == CTL_DONE && with_value && argc == 4)
		status = read_file(argv[3], &request);
	else if (with_value)
		ipc_add_text(&request, "value", argv[2]);
	if (status == CTL_DONE)
		status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE && strcmp(op, "get") == 0) {
		value = ipc_get(&reply, "value");
		str_cut(&value, '=');
		printf("%.*s\n", STR_ARG(value));
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	arena_free(&arena);
	return status;
}

int ctl_text(struct ctl *ctl, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	argc--;
	argv++;
	if (strcmp(verb, "list") == 0 && argc == 1)
		return list();
	if (strcmp(verb, "show") == 0 && argc == 2)
		return run(ctl, "get", argc, argv, false);
	if (strcmp(verb, "unset") == 0 && argc == 2)
		return run(ctl, "unset", argc, argv, false);
	if (strcmp(verb, "set") == 0 && (argc == 3 || (argc == 4 && strcmp(argv[2], "--file") == 0)))
		return run(ctl, "set", argc, argv, true);
	return ctl_usage(&usage);
}
