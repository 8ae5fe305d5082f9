#include "ctl/media.h"

#include "ctl/mail.h"

#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct ctl_command user_usage = {"user media", MEDIA_USER_ARGUMENTS, NULL, NULL, false};
static const struct ctl_command server_usage = {"media", "list [--json] | add FILE [NAME] | delete NAME", NULL, NULL,
                                                false};

static void print_file(const json_t *file)
{
	time_t seconds = (time_t)json_integer_value(json_object_get(file, "changed"));
	char when[32] = "-";
	struct tm local;

	if (localtime_r(&seconds, &local) != NULL)
		strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &local);
	printf("%s  %10lld  %s\n", when, (long long)json_integer_value(json_object_get(file, "size")),
	       json_string_value(json_object_get(file, "name")));
}

static void print_files(const struct ipc_message *reply, bool as_json)
{
	json_t *files = json_array();
	const json_t *file;
	struct str key, value;
	size_t at;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("file")))
			json_array_append_new(files, json_loadb(value.data, value.len, 0, NULL));
	if (as_json) {
		json_dumpf(files, stdout, JSON_INDENT(2));
		printf("\n");
	}
	json_array_foreach (files, at, file) {
		if (!as_json)
			print_file(file);
	}
	json_decref(files);
}

/* One question to deliver; name and path where they are not NULL. */
static int ask(struct ctl *ctl, const char *op, int64_t uid, const char *name, const char *path, bool as_json)
{
	struct ipc_message request, reply;
	int status, fd = -1;

	if (path != NULL && (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return ctl_refuse("cannot open %s: %m", path);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, op);
	ipc_add_number(&request, "uid", uid);
	if (name != NULL)
		ipc_add_text(&request, "name", name);
	if (fd >= 0)
		ipc_add_fd(&request, fd);
	status = ctl_ask(ctl, "deliver", &request, &reply);
	if (status == CTL_DONE && name == NULL)
		print_files(&reply, as_json);
	if (fd >= 0)
		close(fd);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* The words behind verb and user. */
static int run_verb(struct ctl *ctl, const char *verb, int64_t uid, int argc, char **argv,
                    const struct ctl_command *usage)
{
	bool as_json = argc == 1 && strcmp(argv[0], "--json") == 0;

	if (strcmp(verb, "list") == 0 && (argc == 0 || as_json))
		return ask(ctl, "media-list", uid, NULL, NULL, as_json);
	if (strcmp(verb, "add") == 0 && (argc == 1 || argc == 2))
		return ask(ctl, "media-add", uid, argc == 2 ? argv[1] : basename(argv[0]), argv[0], false);
	if (strcmp(verb, "delete") == 0 && argc == 1)
		return ask(ctl, "media-delete", uid, argv[0], NULL, false);
	return ctl_usage(usage);
}

int media_user(struct ctl *ctl, int argc, char **argv)
{
	int64_t uid;
	struct err err;

	if (argc < 3)
		return ctl_usage(&user_usage);
	if (mail_find_user(&ctl->instance, argv[2], &uid, &err) != 0)
		return ctl_refuse_err(&err);
	return run_verb(ctl, argv[1], uid, argc - 3, argv + 3, &user_usage);
}

int ctl_media(struct ctl *ctl, int argc, char **argv)
{
	return argc < 2 ? ctl_usage(&server_usage) : run_verb(ctl, argv[1], 0, argc - 2, argv + 2, &server_usage);
}
