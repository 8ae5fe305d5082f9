/*
 * scheduler: the process that keeps scheduler.lua (specification 09-5.8). Its globals live as long as its text is the
 * same; its functions run one after another, each within a minute.
 */
#include "scheduler/scheduler.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/script/script.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_MS = 1000,
	CALL_MS = 60 * 1000,
	MINUTE_MS = 60 * 1000,
	CHANNEL_MS = 10 * 1000, /* statusd takes few errors of one session */
};

/* A function that is called so often. */
struct interval {
	const char *function;
	int minutes;
	int64_t due; /* on io_now_ms's clock */
};

struct keeper {
	struct script script;
	const struct instance *instance;
	struct status status; /* so that its errors have a way to luaerrors.log */
	int64_t channel_until_ms;
	struct arena arena;
	bool is_loaded;
	int64_t minute_ms;
	int day; /* of the year, that Sched1Day was called for */
};

static struct interval intervals[] = {{"Sched1Min", 1, 0}, {"Sched5Min", 5, 0}, {"Sched1Hour", 60, 0}};

enum { INTERVALS = sizeof intervals / sizeof intervals[0] };

static int today(void)
{
	time_t now = (time_t)scheduler_now();
	struct tm local;

	return localtime_r(&now, &local) != NULL ? local.tm_yday : 0;
}

/* About so long after the call before has ended. */
static void put_off(struct keeper *keeper, struct interval *interval)
{
	interval->due = io_now_ms() + interval->minutes * keeper->minute_ms;
}

static void keep_channel(struct keeper *keeper)
{
	struct err err;

	if (keeper->status.channel.fd >= 0 && io_now_ms() < keeper->channel_until_ms)
		return;
	ipc_close(&keeper->status.channel);
	if (ipc_connect_now(&keeper->status.channel, keeper->instance, "statusd", "scheduler", &err) != 0)
		log_debug("%s", err.text);
	keeper->channel_until_ms = io_now_ms() + CHANNEL_MS;
}

/* One that exceeded a limit is gone, and is begun anew later. */
static int call(struct keeper *keeper, const char *function, const struct script_value *argument,
                struct script_value *result)
{
	int called =
	    script_call(&keeper->script, function, argument, argument != NULL, result, result != NULL, &keeper->arena);

	keeper->is_loaded = keeper->script.lua != NULL;
	return called;
}

/* What the old text hands to the new one; both may lack their function. */
static void load(struct keeper *keeper)
{
	struct script_value handed = {.type = SCRIPT_TEXT}, argument;
	bool reloaded = keeper->is_loaded;

	keep_channel(keeper);
	if (reloaded && call(keeper, "Unload", NULL, &handed) != 1)
		handed.type = SCRIPT_NIL;
	script_close(&keeper->script);
	keeper->script.is_pinned = false;
	keeper->is_loaded = script_exists(&keeper->script);
	keeper->script.is_pinned = keeper->is_loaded;
	if (!keeper->is_loaded)
		return;
	argument = script_text(handed.type == SCRIPT_TEXT ? handed.text : STR(""));
	if (reloaded)
		call(keeper, "Reload", &argument, NULL);
	else
		call(keeper, "Start", NULL, NULL);
	for (size_t i = 0; i < INTERVALS; i++)
		put_off(keeper, &intervals[i]);
	keeper->day = today();
}

static void look(struct keeper *keeper)
{
	/* one that cannot be loaded is looked at again when it has another text */
	if (script_is_stale(&keeper->script) ||
	    (!keeper->is_loaded && !keeper->script.looked_at && script_is_installed(&keeper->script)))
		load(keeper);
	for (size_t i = 0; keeper->is_loaded && i < INTERVALS; i++)
		if (io_now_ms() >= intervals[i].due) {
			keep_channel(keeper);
			call(keeper, intervals[i].function, NULL, NULL);
			put_off(keeper, &intervals[i]);
		}
	if (keeper->is_loaded && today() != keeper->day) {
		keeper->day = today();
		call(keeper, "Sched1Day", NULL, NULL);
	}
	arena_reset(&keeper->arena);
}

static int enter_sandbox(const struct instance *instance, struct err *err)
{
	struct sandbox sandbox;
	int result;

	if (sandbox_init(&sandbox, SANDBOX_UNIX, err) != 0) /* statusd takes errors */
		return -1;
	result = script_allow(&sandbox, instance, err) != 0 || sandbox_prepare(&sandbox, err) != 0
	             ? -1
	             : sandbox_enter(&sandbox, err);
	sandbox_free(&sandbox);
	return result;
}

/* POSTROOM_MINUTE in the environment, for tests: how many milliseconds a minute of these functions has. */
static int64_t minute_ms(void)
{
	const char *text = getenv("POSTROOM_MINUTE");
	uint64_t number;

	return text != NULL && str_to_u64(str_of(text), MINUTE_MS, &number) ? (int64_t)number : MINUTE_MS;
}

/* Until the daemon is gone, whose end of the pair is closed then. */
static __attribute__((noreturn)) void keep(const struct daemon *daemon, int fd)
{
	static const struct script_limits limits = {SCRIPT_MEMORY_MAX, INT64_MAX, CALL_MS};
	struct keeper keeper = {.instance = &daemon->instance, .minute_ms = minute_ms()};
	struct pollfd parent = {.fd = fd, .events = POLLIN};
	struct err err;

	keeper.status.channel.fd = -1;
	arena_init(&keeper.arena);
	script_open(&keeper.script, &daemon->instance, "scheduler", &limits, &keeper.status);
	if (enter_sandbox(&daemon->instance, &err) != 0)
		daemon_fail(&err);
	do {
		look(&keeper);
	} while (poll(&parent, 1, LOOK_MS) <= 0);
	_exit(0);
}

int keeper_start(const struct daemon *daemon, struct err *err)
{
	pid_t pid, parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	pid = fork();
	if (pid == 0) {
		daemon_follow_parent(parent);
		io_close_all_but(&pair[1], 1);
		keep(daemon, pair[1]);
	}
	close(pair[1]);
	if (pid > 0)
		return 0; /* the other end stays open as long as this process is there */
	close(pair[0]);
	return err_system(err, "cannot fork the keeper of scheduler.lua");
}
