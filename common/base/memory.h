/*
 * memory: the only place that calls malloc.
 *
 * Nothing here returns NULL: a process that gets no memory says so in one log line and ends with exit status 75; its
 * supervisor or listener goes on, and nothing acknowledged is lost (mail is acknowledged after it is on disk).
 */
#ifndef POSTROOM_BASE_MEMORY_H
#define POSTROOM_BASE_MEMORY_H

#include "common/base/str.h"

void *memory_get(size_t size);                  /* zeroed */
void *memory_resize(void *memory, size_t size); /* as realloc; what is added is not zeroed */
void memory_free(void *memory);
char *memory_text(struct str s);             /* a terminated copy */
void memory_wipe(void *memory, size_t size); /* zero that the compiler cannot leave out: for secrets */

/*
 * For a process that forks many others, before it forks the first: fill the holes between what is kept, for good. What
 * is allocated from then on lies together behind all of it. Otherwise each child would copy a page of ours for each
 * hole that it uses.
 */
void memory_fill_holes(void);

#endif
