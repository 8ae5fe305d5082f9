/*
 * Everything that is set as a text, out and in: export, import.
 */
#include "ctl/ctl.h"

#include "common/base/io.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static const struct ctl_command export_usage = {"export", "[--passwords] [FILE]", NULL, NULL, false};
static const struct ctl_command import_usage = {"import", "[--check] [--delete-users] FILE", NULL, NULL, false};

/* To a file that only its owner reads, as it may hold password hashes; without a name, or "-", to standard output. */
static int write_text(const char *path, struct str text)
{
	struct err err;
	int result;

	if (path == NULL || strcmp(path, "-") == 0)
		result = io_write_all(STDOUT_FILENO, text.data, text.len, &err);
	else
		result = io_replace_file(path, text, 0600, &err);
	return result == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

int ctl_export(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {{"passwords", no_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
	struct ipc_message request, reply;
	bool passwords = false;
	int option, status;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'p')
			return ctl_usage(&export_usage);
		passwords = true;
	}
	if (argc - optind > 1)
		return ctl_usage(&export_usage);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "export");
	ipc_add_number(&request, "passwords", passwords);
	status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE)
		status = write_text(argv[optind], ipc_get(&reply, "text"));
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static void print_changes(const struct ipc_message *reply, bool only_check)
{
	struct str changed = ipc_get(reply, "changed"), key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("change")))
			printf("%.*s\n", STR_ARG(value));
	printf("%.*s %s%s\n", STR_ARG(changed), str_equal(changed, STR("1")) ? "change" : "changes",
	       only_check ? "; nothing was changed, as --check was given" : "");
}

static int send_text(struct ctl *ctl, struct str text, bool only_check, bool delete_users)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "import");
	ipc_add(&request, "text", text);
	ipc_add_number(&request, "check", only_check);
	ipc_add_number(&request, "delete-users", delete_users);
	status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE)
		print_changes(&reply, only_check);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

int ctl_import(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"check", no_argument, NULL, 'c'}, {"delete-users", no_argument, NULL, 'd'}, {NULL, 0, NULL, 0}};
	bool only_check = false, delete_users = false;
	struct buf text;
	struct err err;
	int option, status;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'c' && option != 'd')
			return ctl_usage(&import_usage);
		only_check |= option == 'c';
		delete_users |= option == 'd';
	}
	if (argc - optind != 1)
		return ctl_usage(&import_usage);
	buf_init(&text, IPC_MESSAGE_MAX - IPC_PACKET_MAX);
	if (io_read_file(strcmp(argv[optind], "-") == 0 ? "/dev/stdin" : argv[optind], &text, &err) == 0)
		status = send_text(ctl, buf_str(&text), only_check, delete_users);
	else
		status = ctl_refuse_err(&err);
	buf_free(&text);
	return status;
}
