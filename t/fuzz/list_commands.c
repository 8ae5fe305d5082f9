/* Commands of messages to the ListServer: within the limits, each a part of what was sent, and known again. */
// parts: lists/commands.c
#include "lists/commands.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The subject is the first line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str body = str_from((const char *)data, size), subject = str_cut(&body, '\n');
	struct commands commands;
	struct arena arena;

	if (body.data == NULL)
		body = STR("");
	arena_init(&arena);
	commands_parse(subject, body, &arena, &commands);
	if (commands.count > COMMANDS_MAX || (commands.cut && commands.count < COMMANDS_MAX))
		abort();
	for (size_t i = 0; i < commands.count; i++) {
		const struct command *command = &commands.list[i];

		if (command->kind >= COMMAND_STOP || command->line.len > COMMAND_LINE_MAX)
			abort();
		/* what is a command has a usage, and an unknown one may have had one */
		if (command->kind != COMMAND_UNKNOWN && command_usage(command->line) == NULL)
			abort();
		if (str_find_char(command->first, ' ') >= 0 || str_find_char(command->second, ' ') >= 0)
			abort();
	}
	arena_free(&arena);
	return 0;
}
