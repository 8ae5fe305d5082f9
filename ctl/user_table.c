#include "ctl/user_table.h"
#include "ctl/rows.h"

#include "common/base/io.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct ctl_command export_usage = {"user export", USER_EXPORT_ARGUMENTS, NULL, NULL, false};
static const struct ctl_command import_usage = {"user import", USER_IMPORT_ARGUMENTS, NULL, NULL, false};

int user_table_export(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"verbose", no_argument, NULL, 'v'}, {"passwords", no_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
	struct ipc_message request, reply;
	int option, status = CTL_DONE;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "user-export");
	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			status = CTL_USAGE;
		else
			ipc_add_number(&request, option == 'v' ? "verbose" : "passwords", 1);
	}
	if (status != CTL_DONE || argc - optind > 1)
		status = ctl_usage(&export_usage);
	if (status == CTL_DONE)
		status = ctl_ask(ctl, "configd", &request, &reply);
	if (status == CTL_DONE)
		status = rows_write(argv[optind], &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

bool user_table_option(int option, const char *argument, struct ipc_message *request)
{
	static const struct {
		int letter;
		const char *field;
	} flags[] = {{'u', "update"}, {'r', "replace"}, {'s', "strict"}, {'c', "check"}};

	if (option == 'f')
		ipc_add_text(request, "copy-from", argument);
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (option == flags[i].letter) {
			ipc_add_number(request, flags[i].field, 1);
			return true;
		}
	return option == 'f';
}

/* The passwords that were made are told nowhere else. */
static int write_passwords(const struct ctl *ctl, const struct ipc_message *reply)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct str key, value;
	struct err err;
	int fd = -1, result = 0;

	instance_path(path, sizeof path, ctl->instance.log, "importusers.log");
	for (size_t position = 0; result == 0 && ipc_next(reply, &position, &key, &value);) {
		struct str line = value;

		if (!str_equal(key, STR("generated")))
			continue;
		if (fd < 0 && ((fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0 ||
		               fchmod(fd, 0600) != 0))
			result = err_system(&err, "cannot write %s", path);
		if (result == 0)
			result = io_write_all(fd, line.data, line.len, &err);
		if (result == 0)
			result = io_write_all(fd, "\n", 1, &err);
	}
	if (fd >= 0)
		close(fd);
	return result == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

int user_table_send(struct ctl *ctl, const struct ipc_message *request)
{
	bool only_check = ipc_get(request, "check").data != NULL;
	struct ipc_message reply;
	struct str key, value;
	int status, written = CTL_DONE;

	ipc_message_init(&reply);
	status = ctl_ask(ctl, "configd", request, &reply);
	if (status == CTL_DONE) {
		if (!only_check && ipc_get(&reply, "refused").data == NULL)
			written = write_passwords(ctl, &reply);
		for (size_t position = 0; ipc_next(&reply, &position, &key, &value);)
			if (str_equal(key, STR("kept")))
				fprintf(stderr, "not removed: %.*s\n", STR_ARG(value));
		status = rows_report(&reply);
		if (!str_equal(ipc_get(&reply, "removed"), STR("0")))
			printf("%.*s removed\n", STR_ARG(ipc_get(&reply, "removed")));
		if (only_check)
			printf("nothing was changed, as --check was given\n");
	}
	ipc_message_free(&reply);
	return written != CTL_DONE ? written : status;
}

int user_table_import(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {USER_TABLE_OPTIONS,
	                                        {"columns", required_argument, NULL, 'n'},
	                                        {"hashes", no_argument, NULL, 'h'},
	                                        {"random-passwords", no_argument, NULL, 'p'},
	                                        {NULL, 0, NULL, 0}};
	bool hashes = false, random = false, bad = false;
	struct ipc_message request;
	int option, status = CTL_DONE;

	ipc_message_init(&request);
	ipc_request(&request, "user-import");
	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		hashes |= option == 'h';
		random |= option == 'p';
		if (option == 'n')
			ipc_add_text(&request, "columns", optarg);
		else if (option == 'h' || option == 'p')
			ipc_add_number(&request, option == 'h' ? "hashes" : "random-passwords", 1);
		else
			bad |= !user_table_option(option, optarg, &request);
	}
	if (bad || (hashes && random) || argc - optind != 1)
		status = ctl_usage(&import_usage);
	if (status == CTL_DONE)
		status = rows_read(argv[optind], &request);
	if (status == CTL_DONE)
		status = user_table_send(ctl, &request);
	ipc_message_free(&request);
	return status;
}
