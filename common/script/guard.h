/*
 * guard: runs work within limits of time and instructions, and leaves it at once where it exceeds them.
 *
 * Leaving is a jump out of whatever runs, from a signal handler or from Lua's hook. That is safe because the work
 * touches nothing but the script's own heap, which is dropped then; where it must touch more (to report, to copy
 * results) it says so by guard_pause, and a limit reached meanwhile takes effect at guard_resume.
 */
#ifndef POSTROOM_SCRIPT_GUARD_H
#define POSTROOM_SCRIPT_GUARD_H

#include <stdint.h>

struct lua_State;

enum guard_outcome {
	GUARD_DONE,
	GUARD_TIME,         /* left: the clock */
	GUARD_INSTRUCTIONS, /* left: too many of them */
	GUARD_MEMORY,       /* left: an error outside of every protected call, which is always for want of memory */
};

/* Run work(context). Not within itself. */
enum guard_outcome guard_run(void (*work)(void *context), void *context, int call_ms, int64_t instructions);

/* Within work: nothing may be left half done between the two. */
void guard_pause(void);
void guard_resume(void);

/* Count the instructions of a state, and of the coroutines it makes; catch its errors outside of protected calls. */
void guard_watch(struct lua_State *lua);

#endif
