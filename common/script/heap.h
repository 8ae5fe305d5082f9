/*
 * heap: the memory of one script, in one mapping, given back whole.
 *
 * Lua's allocator lives in it, so that a script's memory has a limit that nothing gets round, and a call may be left at
 * any instruction: nothing of the process's own memory can be half changed, and the mapping is just thrown away.
 * Blocks are of fixed sizes (multiples of 16, above 1 kB powers of two), each size with its list of free ones.
 */
#ifndef POSTROOM_SCRIPT_HEAP_H
#define POSTROOM_SCRIPT_HEAP_H

#include <stddef.h>

struct script_heap;

/* size: octets of address space; what is not used costs nothing. NULL: the system has none. */
struct script_heap *script_heap_new(size_t size);
void script_heap_free(struct script_heap *heap); /* NULL does no harm */
/* lua_Alloc; context is the heap. */
void *script_heap_allocate(void *context, void *block, size_t old_size, size_t new_size);

#endif
