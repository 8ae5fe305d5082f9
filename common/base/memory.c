#include "common/base/memory.h"

#include <malloc.h>
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

/* Sizes of holes: halves down to the fine ones, which the C library keeps by their exact size. */
enum {
	HOLE_LARGEST = 64 * 1024,
	HOLE_FINE = 1024,
	HOLE_STEP = 16,
	HOLE_SMALLEST = 24,
};

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
	if (size != 0)
		explicit_bzero(memory, size);
}

#ifdef POSTROOM_SANITIZED
void memory_fill_holes(void)
{
	/* its memory is the sanitizer's, which lays it out to find errors */
}
#else
/* What fills a hole: it knows the one before. */
struct filling {
	struct filling *next;
};

/* Take a hole that has room for size octets. False: there is none left. */
static bool fill_hole(size_t size)
{
	static struct filling *fillings;
	size_t behind = mallinfo2().keepcost;
	struct filling *taken = malloc(size);

	if (mallinfo2().keepcost == behind && taken != NULL) {
		taken->next = fillings;
		fillings = taken;
		return true;
	}
	free(taken); /* it came from behind everything */
	return false;
}

void memory_fill_holes(void)
{
	for (size_t size = HOLE_LARGEST; size >= HOLE_SMALLEST; size = size > HOLE_FINE ? size / 2 : size - HOLE_STEP)
		while (fill_hole(size))
			;
}
#endif
