/*
 * Everything that is set as a text, out and in: export, import.
 */
#include "ctl/rows.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static const struct ctl_command export_usage = {"export", "[--passwords] [FILE]", NULL, NULL, false};
static const struct ctl_command import_usage = {"import", "[--check] [--delete-users] FILE", NULL, NULL, false};

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
		status = rows_write(argv[optind], &reply);
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

static int send_file(struct ctl *ctl, const char *path, bool only_check, bool delete_users)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "import");
	ipc_add_number(&request, "check", only_check);
	ipc_add_number(&request, "delete-users", delete_users);
	status = rows_read(path, &request);
	if (status == CTL_DONE)
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
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'c' && option != 'd')
			return ctl_usage(&import_usage);
		only_check |= option == 'c';
		delete_users |= option == 'd';
	}
	if (argc - optind != 1)
		return ctl_usage(&import_usage);
	return send_file(ctl, argv[optind], only_check, delete_users);
}
