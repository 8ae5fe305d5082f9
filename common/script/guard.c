#include "common/script/guard.h"

#include <lua.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

enum { COUNT_STEP = 10000 }; /* instructions between two looks */

static struct {
	sigjmp_buf out;
	volatile sig_atomic_t may_jump;
	volatile sig_atomic_t expired;
	int64_t instructions; /* left */
} guard;

static void on_alarm(int signal)
{
	(void)signal;
	guard.expired = 1;
	if (guard.may_jump)
		siglongjmp(guard.out, GUARD_TIME);
}

void guard_pause(void)
{
	guard.may_jump = 0;
}

void guard_resume(void)
{
	guard.may_jump = 1;
	if (guard.expired)
		siglongjmp(guard.out, GUARD_TIME);
}

static void on_count(lua_State *lua, lua_Debug *what)
{
	(void)lua, (void)what;
	guard.instructions -= COUNT_STEP;
	/* An error would be the script's to catch. */
	if (guard.instructions <= 0)
		siglongjmp(guard.out, GUARD_INSTRUCTIONS);
}

static int on_panic(lua_State *lua)
{
	(void)lua;
	siglongjmp(guard.out, GUARD_MEMORY);
}

void guard_watch(struct lua_State *lua)
{
	lua_atpanic(lua, on_panic);
	lua_sethook(lua, on_count, LUA_MASKCOUNT, COUNT_STEP);
}

static void set_timer(int ms)
{
	const struct itimerval timer = {.it_value = {ms / 1000, ms % 1000 * 1000}};

	setitimer(ITIMER_REAL, &timer, NULL);
}

enum guard_outcome guard_run(void (*work)(void *context), void *context, int call_ms, int64_t instructions)
{
	const struct sigaction alarm = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct sigaction before;
	int outcome;

	guard.expired = 0;
	guard.may_jump = 0;
	guard.instructions = instructions;
	sigaction(SIGALRM, &alarm, &before);
	outcome = sigsetjmp(guard.out, 1);
	if (outcome == GUARD_DONE) {
		set_timer(call_ms);
		guard_resume();
		work(context);
	}
	guard_pause();
	set_timer(0);
	sigaction(SIGALRM, &before, NULL);
	return (enum guard_outcome)outcome;
}
