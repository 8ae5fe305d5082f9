/*
 * script: the Lua scripts of the administrator, which configd keeps.
 */
#include "ctl/verb.h"

#include "common/base/io.h"
#include "common/script/script.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUN_MS = 65 * 1000 };

static const struct ctl_command check_usage = {"script check", "FILE ...", NULL, NULL, false};
static const struct ctl_command run_usage = {"script run", "FILE", NULL, NULL, false};
static const struct ctl_command edit_usage = {"script edit", "NAME", NULL, NULL, false};
static const struct ctl_command show_usage = {"script show", "NAME", NULL, NULL, false};
static const struct ctl_command import_usage = {"script import", "FILE [NAME]", NULL, NULL, false};
static const struct ctl_command export_usage = {"script export", "NAME FILE", NULL, NULL, false};

/* "-": standard input. -1: the reason was printed. */
static int read_file(const char *path, struct buf *text)
{
	struct err err;

	buf_init(text, SCRIPT_FILE_MAX + 1);
	if (io_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, text, &err) == 0)
		return 0;
	buf_free(text);
	ctl_refuse_err(&err);
	return -1;
}

static int check(struct ctl *ctl, int argc, char **argv)
{
	int status = CTL_DONE;
	struct err err;

	(void)ctl;
	if (argc < 2 || argv[1][0] == '-')
		return ctl_usage(&check_usage);
	for (int i = 1; i < argc; i++) {
		struct buf text;

		if (read_file(argv[i], &text) != 0) {
			status = CTL_REFUSED;
			continue;
		}
		if (script_check(buf_str(&text), argv[i], &err) != 0)
			status = ctl_refuse_err(&err);
		buf_free(&text);
	}
	return status;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message request, reply;
	struct buf text;
	int status;

	if (argc != 2 || (argv[1][0] == '-' && argv[1][1] != '\0'))
		return ctl_usage(&run_usage);
	if (read_file(argv[1], &text) != 0)
		return CTL_REFUSED;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "script-run");
	ipc_add(&request, "text", buf_str(&text));
	status = ctl_ask_long(ctl, "scheduler", &request, &reply, RUN_MS);
	if (status == CTL_DONE && ipc_get(&reply, "printed").len > 0)
		printf("%.*s\n", STR_ARG(ipc_get(&reply, "printed")));
	if (status == CTL_DONE && ipc_get(&reply, "error").data != NULL)
		status = ctl_refuse("%s: %.*s", argv[1], STR_ARG(ipc_get(&reply, "error")));
	ipc_message_free(&request);
	ipc_message_free(&reply);
	buf_free(&text);
	return status;
}

/* The text of a script that is kept; may_be_new: an empty one where there is none. CTL_DONE, or what was printed; reply
 * is the caller's to free either way. */
static int ask_text(struct ctl *ctl, const char *name, bool may_be_new, struct ipc_message *reply)
{
	struct ipc_message request;
	int status;

	ipc_message_init(&request);
	ipc_message_init(reply);
	ipc_request(&request, "script-show");
	ipc_add_text(&request, "name", name);
	ipc_add_number(&request, "new", may_be_new);
	status = ctl_ask(ctl, "configd", &request, reply);
	ipc_message_free(&request);
	return status;
}

/* Keep a text; one that cannot be compiled is kept, too, and told of. */
static int keep(struct ctl *ctl, const char *name, struct str text)
{
	struct ipc_message request, reply;
	struct str wrong;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "script-set");
	ipc_add_text(&request, "name", name);
	ipc_add(&request, "text", text);
	status = ctl_ask(ctl, "configd", &request, &reply);
	wrong = ipc_get(&reply, "error");
	if (status == CTL_DONE && wrong.data != NULL)
		fprintf(stderr, "postroom: kept, but not used: %.*s\n", STR_ARG(wrong));
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static int export_script(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message reply;
	struct str text;
	struct err err;
	int status;

	if (argc != 3)
		return ctl_usage(&export_usage);
	status = ask_text(ctl, argv[1], false, &reply);
	text = ipc_get(&reply, "text");
	if (status == CTL_DONE && strcmp(argv[2], "-") == 0)
		fwrite(text.data, 1, text.len, stdout);
	else if (status == CTL_DONE && io_replace_file(argv[2], text, 0644, &err) != 0)
		status = ctl_refuse_err(&err);
	ipc_message_free(&reply);
	return status;
}

static int show(struct ctl *ctl, int argc, char **argv)
{
	char *to_output[] = {argv[0], argc == 2 ? argv[1] : NULL, (char[]){"-"}, NULL};

	return argc == 2 ? export_script(ctl, 3, to_output) : ctl_usage(&show_usage);
}

static int import_script(struct ctl *ctl, int argc, char **argv)
{
	const char *slash;
	struct buf text;
	int status;

	if (argc != 2 && argc != 3)
		return ctl_usage(&import_usage);
	if (read_file(argv[1], &text) != 0)
		return CTL_REFUSED;
	slash = strrchr(argv[1], '/');
	status = keep(ctl, argc == 3 ? argv[2] : slash != NULL ? slash + 1 : argv[1], buf_str(&text));
	buf_free(&text);
	return status;
}

/* Have the administrator's editor change a file. -1: it failed, which was printed. */
static int run_editor(const char *path)
{
	const char *editor = getenv("VISUAL") != NULL ? getenv("VISUAL") : getenv("EDITOR");
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		/* EDITOR may be a command with arguments, which a shell takes apart as everywhere */
		execl("/bin/sh", "sh", "-c", "exec ${0} \"$1\"", editor != NULL ? editor : "vi", path, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
		ctl_refuse("the editor failed: nothing is changed");
		return -1;
	}
	return 0;
}

static int edit_file(struct ctl *ctl, const char *name, struct str text)
{
	char path[] = "/tmp/postroom-script-XXXXXX.lua";
	int fd = mkostemps(path, 4, O_CLOEXEC), status = CTL_REFUSED;
	struct buf changed;
	struct err err;

	if (fd < 0) {
		err_system(&err, "cannot make a file in /tmp");
		return ctl_refuse_err(&err);
	}
	if (io_write_all(fd, text.data, text.len, &err) != 0)
		ctl_refuse_err(&err);
	else if (run_editor(path) == 0 && read_file(path, &changed) == 0) {
		status = str_equal(text, buf_str(&changed)) ? CTL_DONE : keep(ctl, name, buf_str(&changed));
		buf_free(&changed);
	}
	close(fd);
	unlink(path);
	return status;
}

/* One that is not there begins empty. */
static int edit(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message reply;
	int status;

	if (argc != 2)
		return ctl_usage(&edit_usage);
	status = ask_text(ctl, argv[1], true, &reply);
	if (status == CTL_DONE)
		status = edit_file(ctl, argv[1], ipc_get(&reply, "text"));
	ipc_message_free(&reply);
	return status;
}

static const struct verb verbs[] = {
    {.command = VERB_USAGE("script list", "[--all] [--json]",
                           "List the scripts, and what is wrong with them; --all: also those that could be there."),
     .op = "script-list",
     .options = {{"all", OPTION_ON, "all"}},
     .columns = {"name", "called", "size", "@changed", "error"},
     .row = "script"},
    {.command = VERB_OF("script show", "NAME", "Print a script.", show)},
    {.command = VERB_OF("script edit", "NAME", "Change a script, or make one, in $VISUAL or $EDITOR.", edit)},
    {.command = VERB_OF("script import", "FILE [NAME]", "Take a file (or -) as a script, in place of what it was.",
                        import_script)},
    {.command = VERB_OF("script export", "NAME FILE", "Write a script into a file (or -).", export_script)},
    {.command = VERB_USAGE("script delete", "NAME", "Delete a script."), .op = "script-delete", .arguments = {"name"}},
    {.command = VERB_OF("script check", "FILE ...", "Compile files (or -) without running or keeping them.", check)},
    {.command = VERB_OF("script run", "FILE", "Run a file (or -) by itself and print what it prints.", run)},
    {.command = {.name = NULL}},
};

int ctl_script(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, verbs, argc, argv);
}
