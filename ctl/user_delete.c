#include "ctl/user_delete.h"
#include "ctl/supervisor.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MEASURED_AT_ONCE = 2000 }; /* as many as deliver takes */

static const struct ctl_command usage = {"user delete", USER_DELETE_ARGUMENTS, NULL, NULL, false};

/* Whom a selection means, and the sizes of their mailboxes: a JSON object, by name; null where it cannot be told. */
static int find_names(struct ctl *ctl, const char *selection, json_t *users)
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
			json_object_set_new(users, json_string_value(json_object_get(row, "name")), json_null());
		json_decref(row);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* The numbers of these users, in the order in which they are found, and their names. */
static int find_numbers(struct ctl *ctl, const json_t *users, json_t *names, json_t *numbers)
{
	struct ipc_message request, reply;
	struct str key, value;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "user-list");
	status = ctl_ask(ctl, "configd", &request, &reply);
	for (size_t position = 0; status == CTL_DONE && ipc_next(&reply, &position, &key, &value);) {
		json_t *row = str_equal(key, STR("user")) ? json_loadb(value.data, value.len, 0, NULL) : NULL;

		if (row != NULL && json_object_get(users, json_string_value(json_object_get(row, "name"))) != NULL) {
			json_array_append(names, json_object_get(row, "name"));
			json_array_append(numbers, json_object_get(row, "uid"));
		}
		json_decref(row);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* The mailboxes of some of them, from `first` on; what cannot be told stays null. */
static int measure_some(struct ctl *ctl, json_t *users, const json_t *names, const json_t *numbers, size_t first)
{
	struct ipc_message request, reply;
	struct str key, value;
	uint64_t octets;
	size_t at = first;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "usage");
	for (size_t i = first; i < json_array_size(numbers) && i < first + MEASURED_AT_ONCE; i++)
		ipc_add_number(&request, "uid", json_integer_value(json_array_get(numbers, i)));
	status = ctl_ask(ctl, "deliver", &request, &reply);
	for (size_t position = 0; status == CTL_DONE && ipc_next(&reply, &position, &key, &value);) {
		if (!str_equal(key, STR("octets")))
			continue;
		if (str_to_u64(value, INT64_MAX, &octets))
			json_object_set_new(users, json_string_value(json_array_get(names, at)), json_integer((json_int_t)octets));
		at++;
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* Where the instance does not run, nobody can tell. */
static int measure(struct ctl *ctl, json_t *users)
{
	json_t *names = json_array(), *numbers = json_array();
	int status = CTL_DONE;

	if (supervisor_pid(&ctl->instance) != 0)
		status = find_numbers(ctl, users, names, numbers);
	for (size_t i = 0; status == CTL_DONE && i < json_array_size(numbers); i += MEASURED_AT_ONCE)
		status = measure_some(ctl, users, names, numbers, i);
	json_decref(names);
	json_decref(numbers);
	return status;
}

static void show(json_t *users)
{
	const char *name;
	json_t *octets;

	json_object_foreach (users, name, octets) {
		if (json_is_null(octets))
			printf("%s, and the mail of this user\n", name);
		else if (json_integer_value(octets) > 0)
			printf("%s, and %lld octets of mail\n", name, (long long)json_integer_value(octets));
		else
			printf("%s\n", name);
	}
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
		printf("Delete for good? (yes/no) ");
	fflush(stdout);
	return fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0;
}

/* Each if it can be: who is in use, or the last administrator, stays, and the reason was told. */
static int delete_all(struct ctl *ctl, json_t *users, bool several)
{
	size_t deleted = 0;
	const char *name;
	json_t *octets;

	json_object_foreach (users, name, octets) {
		int status = delete_one(ctl, name);

		if (status != CTL_DONE && status != CTL_REFUSED)
			return status;
		deleted += status == CTL_DONE;
	}
	if (several)
		printf("%zu users deleted\n", deleted);
	return deleted == json_object_size(users) ? CTL_DONE : CTL_REFUSED;
}

static bool has_mail(json_t *users)
{
	const char *name;
	json_t *octets;

	json_object_foreach (users, name, octets)
		if (!json_is_integer(octets) || json_integer_value(octets) > 0)
			return true;
	return false;
}

/* One who has no mail is deleted without a question. */
static int delete_selected(struct ctl *ctl, const char *selection, bool several, bool confirmed)
{
	json_t *users = json_object();
	int status = find_names(ctl, selection, users);

	if (status == CTL_DONE && !confirmed)
		status = measure(ctl, users);
	if (status == CTL_DONE && !confirmed && (several || has_mail(users))) {
		show(users);
		if (!confirms())
			status = ctl_refuse("nothing was changed");
	}
	if (status == CTL_DONE)
		status = delete_all(ctl, users, several);
	json_decref(users);
	return status;
}

int user_delete(struct ctl *ctl, int argc, char **argv)
{
	bool confirmed = argc == 3 && strcmp(argv[2], "--yes") == 0;

	if ((argc != 2 && !confirmed) || argv[1][0] == '-')
		return ctl_usage(&usage);
	return delete_selected(ctl, argv[1], strpbrk(argv[1], "*?,$!") != NULL, confirmed);
}
