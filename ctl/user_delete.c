#include "ctl/user_delete.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct ctl_command usage = {"user delete", USER_DELETE_ARGUMENTS, NULL, NULL, false};

/* The names that a selection means, a JSON array. */
static int find_names(struct ctl *ctl, const char *selection, json_t *names)
{
	struct ipc_message request, reply;
	struct str key, value;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "attribute-get");
	ipc_add_text(&request, "user", selection);
	ipc_add_text(&request, "key", "enabled");
	status = ctl_ask(ctl, "configd", &request, &reply);
	for (size_t position = 0; status == CTL_DONE && ipc_next(&reply, &position, &key, &value);) {
		json_t *row = str_equal(key, STR("attribute")) ? json_loadb(value.data, value.len, 0, NULL) : NULL;

		if (row != NULL)
			json_array_append(names, json_object_get(row, "name"));
		json_decref(row);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static int delete_one(struct ctl *ctl, const char *name)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "user-delete");
	ipc_add_text(&request, "name", name);
	status = ctl_ask(ctl, "configd", &request, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* Who they are was shown before. */
static bool confirms(void)
{
	char answer[16] = "";

	if (isatty(STDIN_FILENO))
		printf("Delete them? (yes/no) ");
	fflush(stdout);
	return fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0;
}

/* Each if it can be: who is in use, or the last administrator, stays, and the reason was told. */
static int delete_all(struct ctl *ctl, const json_t *names)
{
	const json_t *name;
	size_t at, deleted = 0;

	json_array_foreach (names, at, name) {
		int status = delete_one(ctl, json_string_value(name));

		if (status != CTL_DONE && status != CTL_REFUSED)
			return status;
		deleted += status == CTL_DONE;
	}
	printf("%zu users deleted\n", deleted);
	return deleted == json_array_size(names) ? CTL_DONE : CTL_REFUSED;
}

static int delete_selected(struct ctl *ctl, const char *selection, bool confirmed)
{
	json_t *names = json_array();
	const json_t *name;
	size_t at;
	int status = find_names(ctl, selection, names);

	if (status == CTL_DONE && !confirmed) {
		json_array_foreach (names, at, name) {
			printf("%s\n", json_string_value(name));
		}
		if (!confirms())
			status = ctl_refuse("nothing was changed");
	}
	if (status == CTL_DONE)
		status = delete_all(ctl, names);
	json_decref(names);
	return status;
}

int user_delete(struct ctl *ctl, int argc, char **argv)
{
	bool confirmed = argc == 3 && strcmp(argv[2], "--yes") == 0;

	if ((argc != 2 && !confirmed) || argv[1][0] == '-')
		return ctl_usage(&usage);
	if (strpbrk(argv[1], "*?,$!") == NULL)
		return delete_one(ctl, argv[1]);
	return delete_selected(ctl, argv[1], confirmed);
}
