#include "common/script/heap.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum {
	UNIT = 16,
	SMALL_MAX = 1024,
	SMALL_CLASSES = SMALL_MAX / UNIT,
	LARGE_CLASSES = 40,
};

struct free_block {
	struct free_block *next;
};

struct script_heap {
	size_t size;
	size_t used; /* octets from the begin of the mapping on, this structure included */
	struct free_block *free[SMALL_CLASSES + LARGE_CLASSES];
};

struct script_heap *script_heap_new(size_t size)
{
	struct script_heap *heap;

	if (size < 2 * sizeof *heap)
		return NULL;
	heap = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (heap == MAP_FAILED)
		return NULL;
	heap->size = size;
	heap->used = (sizeof *heap + UNIT - 1) / UNIT * UNIT;
	return heap;
}

void script_heap_free(struct script_heap *heap)
{
	if (heap != NULL)
		munmap(heap, heap->size);
}

/* The class of blocks that hold size octets, and how many they do hold. size is at least 1 and below the mapping's. */
static unsigned class_of(size_t size, size_t *block_size)
{
	unsigned class = SMALL_CLASSES;

	if (size <= SMALL_MAX) {
		*block_size = (size + UNIT - 1) / UNIT * UNIT;
		return (unsigned)(*block_size / UNIT) - 1;
	}
	*block_size = (size_t)2 * SMALL_MAX;
	while (*block_size < size) {
		*block_size *= 2;
		class ++;
	}
	return class;
}

static void *take(struct script_heap *heap, size_t size)
{
	size_t block_size;
	struct free_block *block;
	unsigned class;

	if (size > heap->size)
		return NULL;
	class = class_of(size, &block_size);
	block = heap->free[class];
	if (block != NULL) {
		heap->free[class] = block->next;
		return block;
	}
	if (block_size > heap->size - heap->used)
		return NULL;
	block = (struct free_block *)((char *)heap + heap->used);
	heap->used += block_size;
	return block;
}

static void give_back(struct script_heap *heap, void *memory, size_t size)
{
	struct free_block *block = memory;
	size_t block_size;
	unsigned class;

	if (block == NULL || size == 0)
		return;
	class = class_of(size, &block_size);
	block->next = heap->free[class];
	heap->free[class] = block;
}

void *script_heap_allocate(void *context, void *block, size_t old_size, size_t new_size)
{
	struct script_heap *heap = context;
	size_t old_block, new_block;
	void *moved;

	if (block == NULL) /* old_size says what kind of object it will be */
		return new_size > 0 ? take(heap, new_size) : NULL;
	if (new_size == 0) {
		give_back(heap, block, old_size);
		return NULL;
	}
	if (new_size <= heap->size && class_of(old_size, &old_block) == class_of(new_size, &new_block))
		return block;
	moved = take(heap, new_size);
	if (moved == NULL) /* lua_Alloc must not fail where a block shrinks */
		return new_size < old_size ? block : NULL;
	memcpy(moved, block, old_size < new_size ? old_size : new_size);
	give_back(heap, block, old_size);
	return moved;
}
