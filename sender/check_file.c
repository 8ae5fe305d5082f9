#include "sender/check_file.h"

#include "common/ipc/ipc.h"
#include "sender/story.h"

enum { PRIORITY_NORMAL = 50 };

enum action { ACTION_SKIP, ACTION_PRIORITY, ACTION_REASON, ACTION_FINAL, ACTIONS };

static void add_actions(const struct script *script, const struct script_field *actions, struct ipc_message *reply)
{
	int64_t priority = actions[ACTION_PRIORITY].value.number;

	ipc_add_number(reply, "skip", script_is_true(&actions[ACTION_SKIP].value));
	ipc_add_number(reply, "final",
	               script_is_true(&actions[ACTION_FINAL].value) && !script_is_true(&actions[ACTION_SKIP].value));
	if (actions[ACTION_REASON].value.type == SCRIPT_TEXT)
		ipc_add(reply, "reason", str_sub(actions[ACTION_REASON].value.text, 0, 500));
	if (actions[ACTION_PRIORITY].value.type != SCRIPT_NUMBER)
		return;
	if (priority < 1 || priority > 100)
		script_report(script, "CheckFile", STR("Priority is not from 1 to 100"));
	else
		ipc_add_number(reply, "priority", priority);
}

static struct script_value texts_of(const struct ipc_message *request, struct str name, struct arena *arena)
{
	struct str key, value, *list;
	size_t position = 0, count = 0;

	while (ipc_next(request, &position, &key, &value))
		count += str_equal(key, name);
	list = arena_get(arena, (count + 1) * sizeof *list);
	count = position = 0;
	while (ipc_next(request, &position, &key, &value))
		if (str_equal(key, name))
			list[count++] = value;
	return script_list(list, count);
}

void check_file_answer(struct script *script, bool is_relay, const struct ipc_message *request, int file,
                       struct ipc_message *reply, struct arena *arena)
{
	struct script_field given[] = {{"SkipSend", script_flag(false)},
	                               {"Priority", script_number(PRIORITY_NORMAL)},
	                               {"Reason", script_text(STR(""))},
	                               {"ForceLastTry", script_flag(false)}};
	struct script_field actions[ACTIONS] = {{"SkipSend", {.type = SCRIPT_TEXT_OR_FLAG}},
	                                        {"Priority", {.type = SCRIPT_NUMBER}},
	                                        {"Reason", {.type = SCRIPT_TEXT}},
	                                        {"ForceLastTry", {.type = SCRIPT_TEXT_OR_FLAG}}};
	struct script_value result = script_table(actions, ACTIONS), arguments[10];
	int64_t offset = 0, size = 0, time_us = 0, attempts = 0, last_us = 0;
	struct story story;
	size_t count = 0;

	ipc_get_number(request, "offset", 0, INT64_MAX / 2, &offset);
	ipc_get_number(request, "size", 0, INT64_MAX / 2, &size);
	ipc_get_number(request, "time", 0, INT64_MAX, &time_us);
	ipc_get_number(request, "attempts", 0, INT32_MAX, &attempts);
	ipc_get_number(request, "last-try", 0, INT64_MAX, &last_us);
	story_read(file, (off_t)offset, (off_t)size, arena, &story);
	arguments[count++] = script_text(ipc_get(request, "id"));
	arguments[count++] = script_table(given, is_relay ? 3 : 4);
	arguments[count++] = script_number(size);
	arguments[count++] = script_text(story_time(time_us, arena));
	if (!is_relay) {
		arguments[count++] = script_number(attempts);
		arguments[count++] = script_text(story_time(last_us, arena));
	}
	arguments[count++] = script_text(ipc_get(request, "mail-from"));
	arguments[count++] = texts_of(request, STR("to"), arena);
	arguments[count++] = story.data;
	arguments[count++] = story.lines;
	if (script_call(script, "CheckFile", arguments, count, &result, 1, arena) == 1 && result.type == SCRIPT_TABLE)
		add_actions(script, actions, reply);
}

void check_file_add_limits(struct script *script, struct ipc_message *reply, struct arena *arena)
{
	static const char *const keys[] = {"max-messages", "max-recipients", "max-recipients-message", "batv"};
	struct script_field globals[] = {
	    {"MaxMessagesPerConnection", {.type = SCRIPT_NUMBER}},
	    {"MaxRecipientsPerConnection", {.type = SCRIPT_NUMBER}},
	    {"MaxRecipientsPerMessage", {.type = SCRIPT_NUMBER}},
	    {"UseBATV", {.type = SCRIPT_FLAG}},
	};

	if (script_get_globals(script, globals, 4, arena) != 1)
		return;
	for (int i = 0; i < 4; i++)
		if (globals[i].value.type == SCRIPT_NUMBER)
			ipc_add_number(reply, keys[i], globals[i].value.number);
		else if (globals[i].value.type == SCRIPT_FLAG)
			ipc_add_number(reply, keys[i], globals[i].value.flag);
}
