/*
 * script: the Lua scripts of the administrator, listed, compiled, and one run by hand.
 */
#include "ctl/verb.h"

#include "common/base/io.h"
#include "common/script/script.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUN_MS = 60 * 1000, OUTPUT_MAX = 1 << 20 };

static const struct ctl_command list_usage = {"script list", "[--json]", NULL, NULL, false};
static const struct ctl_command check_usage = {"script check", "FILE ...", NULL, NULL, false};
static const struct ctl_command run_usage = {"script run", "FILE", NULL, NULL, false};

/* Scripts that the server calls; of rules there is one for each service, of some one for each user. */
static const char *const known[] = {"autoresponder", "bandwidth",     "delivery", "errorhandler", "idsline",
                                    "imap4svr",      "lanforwarding", "monitor",  "mxout",        "mxserverrules",
                                    "outmessage",    "passwordcheck", "relayout", "signature",    "smtpsvr",
                                    "usermanager",   "user_redirect"};

static bool is_known(struct str name)
{
	ptrdiff_t slash = str_find_last_char(name, '/');

	name = str_skip(name, (size_t)(slash + 1));
	if (str_starts(name, STR("smtprules_")))
		return true;
	name.len -= strlen(".lua");
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (str_equal(name, str_of(known[i])))
			return true;
	return false;
}

/* Read and compile; path is for the file system, name for people. */
static int check_file(const char *path, const char *name, struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, SCRIPT_FILE_MAX + 1);
	result = io_read_file(path, &text, err) != 0 ? -1 : script_check(buf_str(&text), name, err);
	buf_free(&text);
	return result;
}

static void list_one(const char *folder, const char *name, json_t *rows)
{
	char path[2 * INSTANCE_PATH_MAX];
	json_t *row;
	struct err err;

	snprintf(path, sizeof path, "%s/%s", folder, name);
	row = json_pack("{s:s, s:s}", "script", name, "called", is_known(str_of(name)) ? "yes" : "no");
	json_object_set_new(row, "error", json_string(check_file(path, name, &err) == 0 ? "" : err.text));
	json_array_append_new(rows, row);
}

/* The scripts of a folder; those of users are in folders with their names. */
static void list_folder(const char *root, const char *below, json_t *rows)
{
	char path[2 * INSTANCE_PATH_MAX], name[INSTANCE_PATH_MAX];
	struct dirent **entries;
	int count;

	snprintf(path, sizeof path, "%s/%s", root, below);
	count = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		const char *entry = entries[i]->d_name;

		snprintf(name, sizeof name, "%s%s%s", below, below[0] != '\0' ? "/" : "", entry);
		if (str_ends_nocase(str_of(entry), STR(".lua")))
			list_one(root, name, rows);
		else if (entries[i]->d_type == DT_DIR && entry[0] != '.' && below[0] == '\0')
			list_folder(root, entry, rows);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static int list(struct ctl *ctl, int argc, char **argv)
{
	static const char *const columns[] = {"script", "called", "error", NULL};
	char folder[INSTANCE_PATH_MAX];
	json_t *rows;
	bool as_json = argc == 2 && strcmp(argv[1], "--json") == 0;

	if (argc != 1 && !as_json)
		return ctl_usage(&list_usage);
	rows = json_array();
	list_folder(instance_path(folder, sizeof folder, ctl->instance.etc, "scripts"), "", rows);
	verb_print_rows(columns, rows, as_json);
	json_decref(rows);
	return CTL_DONE;
}

static int check(struct ctl *ctl, int argc, char **argv)
{
	int status = CTL_DONE;
	struct err err;

	(void)ctl;
	if (argc < 2 || argv[1][0] == '-')
		return ctl_usage(&check_usage);
	for (int i = 1; i < argc; i++)
		if (check_file(argv[i], argv[i], &err) != 0)
			status = ctl_refuse_err(&err);
	return status;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	static const struct script_limits limits = {SCRIPT_MEMORY_MAX, INT64_MAX, RUN_MS};
	struct script script;
	struct buf text, printed;
	struct err err;
	int result = -1;

	(void)ctl;
	if (argc != 2 || argv[1][0] == '-')
		return ctl_usage(&run_usage);
	buf_init(&text, SCRIPT_FILE_MAX);
	buf_init(&printed, OUTPUT_MAX);
	if (io_read_file(argv[1], &text, &err) != 0) {
		buf_free(&text);
		return ctl_refuse_err(&err);
	}
	script_open_inline(&script, argv[1], &limits, NULL);
	result = script_chunk(&script, buf_str(&text), &printed);
	if (printed.len > 0)
		printf("%.*s\n", STR_ARG(buf_str(&printed)));
	script_close(&script);
	buf_free(&text);
	buf_free(&printed);
	return result == 1 ? CTL_DONE : CTL_REFUSED;
}

static const struct verb verbs[] = {
    {.command = VERB_OF("script list", "[--json]", "List the scripts, and what is wrong with them.", list)},
    {.command = VERB_OF("script check", "FILE ...", "Compile scripts without running them.", check)},
    {.command = VERB_OF("script run", "FILE", "Run a script by itself and print what it prints.", run)},
    {.command = {.name = NULL}},
};

int ctl_script(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, verbs, argc, argv);
}
