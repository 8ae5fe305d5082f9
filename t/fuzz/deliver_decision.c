// parts: deliver/decision.c
#include "deliver/decision.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines "key=value" as the fields of a decider's answer. What can be read can be written, and read again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_from((const char *)data, size);
	struct ipc_message message, again;
	struct decision *list;
	struct arena arena;
	struct err err;
	size_t count;

	arena_init(&arena);
	ipc_message_init(&message);
	ipc_message_init(&again);
	ipc_reply_ok(&message);
	ipc_reply_ok(&again);
	while (rest.data != NULL) {
		struct str value = str_cut(&rest, '\n'), key = str_cut(&value, '=');

		ipc_add(&message, arena_text(&arena, key), value.data != NULL ? value : STR(""));
	}
	if (decisions_read(&message, &arena, &list, &count, &err) == 0) {
		for (size_t i = 0; i < count; i++)
			decision_write(&list[i], &again);
		if (decisions_read(&again, &arena, &list, &count, &err) != 0)
			abort();
	}
	ipc_message_free(&message);
	ipc_message_free(&again);
	arena_free(&arena);
	return 0;
}
