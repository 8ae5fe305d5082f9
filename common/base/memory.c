#include "common/base/memory.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

static void *checked(void *memory)
{
	static const char complaint[] = "error: out of memory\n";

	if (memory == NULL) {
		(void)!write(STDERR_FILENO, complaint, sizeof complaint - 1);
		_exit(EX_TEMPFAIL);
	}
	return memory;
}

void *memory_get(size_t size)
{
	return checked(calloc(1, size != 0 ? size : 1));
}

void *memory_resize(void *memory, size_t size)
{
	return checked(realloc(memory, size != 0 ? size : 1));
}

void memory_free(void *memory)
{
	free(memory);
}

char *memory_text(struct str s)
{
	char *copy = memory_get(s.len + 1);

	if (s.len != 0)
		memcpy(copy, s.data, s.len);
	return copy;
}

void memory_wipe(void *memory, size_t size)
{
	explicit_bzero(memory, size);
}
