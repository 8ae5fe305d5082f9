#include "common/base/arena.h"

#include "common/base/memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

enum { BLOCK_SIZE = 4096 };

struct arena_block {
	struct arena_block *next;
	size_t size; /* bytes in data */
	size_t used;
	alignas(max_align_t) char data[];
};

void arena_init(struct arena *arena)
{
	arena->blocks = NULL;
}

void arena_reset(struct arena *arena)
{
	struct arena_block *kept = NULL;

	while (arena->blocks != NULL) {
		struct arena_block *block = arena->blocks;

		arena->blocks = block->next;
		if (kept == NULL && block->size <= BLOCK_SIZE)
			kept = block;
		else
			memory_free(block);
	}
	if (kept != NULL) {
		kept->next = NULL;
		kept->used = 0;
	}
	arena->blocks = kept;
}

void arena_free(struct arena *arena)
{
	arena_reset(arena);
	memory_free(arena->blocks);
	arena->blocks = NULL;
}

void arena_wipe(struct arena *arena)
{
	for (struct arena_block *block = arena->blocks; block != NULL; block = block->next)
		memory_wipe(block->data, block->used);
	arena_reset(arena);
}

void *arena_get(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->blocks;
	void *memory;

	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (block == NULL || block->size - block->used < size) {
		size_t room = size > BLOCK_SIZE - sizeof *block ? size : BLOCK_SIZE - sizeof *block;

		block = memory_get(sizeof *block + room);
		block->size = room;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	memory = block->data + block->used;
	block->used += size;
	memset(memory, 0, size);
	return memory;
}

char *arena_text(struct arena *arena, struct str s)
{
	char *copy = arena_get(arena, s.len + 1);

	if (s.len != 0)
		memcpy(copy, s.data, s.len);
	return copy;
}

struct str arena_copy(struct arena *arena, struct str s)
{
	return (struct str){arena_text(arena, s), s.len};
}

struct str arena_join(struct arena *arena, const struct str *parts, size_t count)
{
	size_t len = 0, at = 0;
	char *joined;

	for (size_t i = 0; i < count; i++)
		len += parts[i].len;
	joined = arena_get(arena, len + 1);
	for (size_t i = 0; i < count; at += parts[i++].len)
		if (parts[i].len != 0)
			memcpy(joined + at, parts[i].data, parts[i].len);
	return str_from(joined, len);
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
	va_list args;
	int len;
	char *text;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return STR("");
	text = arena_get(arena, (size_t)len + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return (struct str){text, (size_t)len};
}
