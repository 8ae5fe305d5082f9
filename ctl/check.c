/* check: what this instance lacks before mail flows, as configd sees it. */
#include "ctl/ctl.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const struct ctl_command usage = {"check", "[--json]", NULL, NULL, false};

/* One line; true where it is there. */
static bool show(struct str text, bool as_json)
{
	json_t *item = json_loadb(text.data, text.len, 0, NULL);
	bool done = json_is_true(json_object_get(item, "done"));

	if (as_json)
		printf("%.*s", STR_ARG(text));
	else if (done)
		printf("%-16s there\n", json_string_value(json_object_get(item, "title")));
	else
		printf("%-16s MISSING: %s\n", json_string_value(json_object_get(item, "title")),
		       json_string_value(json_object_get(item, "advice")));
	json_decref(item);
	return done;
}

int ctl_check(struct ctl *ctl, int argc, char **argv)
{
	bool as_json = argc == 2 && strcmp(argv[1], "--json") == 0, complete = true;
	struct ipc_message request, reply;
	const char *between = "[";
	struct str key, value;
	size_t position = 0;
	int status;

	if (argc > 1 && !as_json)
		return ctl_usage(&usage);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "checklist");
	status = ctl_ask(ctl, "configd", &request, &reply);
	while (status == CTL_DONE && ipc_next(&reply, &position, &key, &value)) {
		if (!str_equal(key, STR("item")))
			continue;
		if (as_json)
			fputs(between, stdout);
		between = ",\n ";
		complete = show(value, as_json) && complete;
	}
	if (status == CTL_DONE && as_json)
		puts("]");
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status == CTL_DONE && !complete ? CTL_REFUSED : status;
}
