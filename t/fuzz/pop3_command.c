/* A line of a POP3 client: whatever it holds, it is taken apart within its bounds. */
#include "common/pop3/command.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pop3_command command = pop3_command_parse(str_from((const char *)data, size));
	uint32_t numbers[2];

	if (command.argument.len > size || (command.argument.len != 0 && command.verb == POP3_UNKNOWN &&
	                                    memchr(command.argument.data, '\0', command.argument.len) != NULL))
		abort();
	if (pop3_command_is_bare(&command) &&
	    (pop3_command_numbers(&command, numbers, 1) || pop3_command_numbers(&command, numbers, 2)))
		abort();
	pop3_command_numbers(&command, numbers, 1);
	pop3_command_numbers(&command, numbers, 2);
	return 0;
}
