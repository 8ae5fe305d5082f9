#include "ctl/answers.h"

#include "ctl/items.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct ctl_command usage = {"user answers", "list|clear USER AUTORESPONDER", NULL, NULL, false};

static void print_answers(const struct ipc_message *reply)
{
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);) {
		json_t *answer = str_equal(key, STR("answer")) ? json_loadb(value.data, value.len, 0, NULL) : NULL;
		time_t seconds = (time_t)json_integer_value(json_object_get(answer, "time"));
		char when[32] = "-";
		struct tm local;

		if (answer != NULL && localtime_r(&seconds, &local) != NULL)
			strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &local);
		if (answer != NULL)
			printf("%s  %s  id=%s\n", when, json_string_value(json_object_get(answer, "address")),
			       json_string_value(json_object_get(answer, "message")));
		json_decref(answer);
	}
}

int answers_run(struct ctl *ctl, int argc, char **argv)
{
	struct ipc_message request, reply;
	bool is_clear;
	int64_t id;
	int status;

	if (argc != 4 || (strcmp(argv[1], "list") != 0 && strcmp(argv[1], "clear") != 0))
		return ctl_usage(&usage);
	is_clear = strcmp(argv[1], "clear") == 0;
	status = items_find_id(ctl, "autoresponder", argv[2], argv[3], &id);
	if (status != CTL_DONE)
		return status;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, is_clear ? "answers-forget" : "answers");
	ipc_add_number(&request, "responder", id);
	status = ctl_ask(ctl, "deliver", &request, &reply);
	if (status == CTL_DONE)
		print_answers(&reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}
