/*
 * scheduler: starts connections (specification 04): by the schedule, by hand, by files, when mail comes or waits.
 *
 * A connection that is started runs once: its connect command, its collectors and its sender, its disconnect command.
 * Collectors are the collector's to run, sending is queue-manager's; both answer when they are done, and say whether
 * any server could be connected to. If none could, the connection's fallback runs at once. Connections run one after
 * another; one that is started while it runs, or waits, runs once more, not twice.
 *
 * Continuous connections send without being started here; starting one tries all that waits at once.
 *
 * State, in state/schedule/: "paused" is there while the schedule is paused; "results" has how each connection ended
 * last. An administrator may make CONNECT.NOW there, which starts the default connections and is removed, and
 * CONNECT.PAUSE, which keeps the schedule silent while it is there.
 *
 * Scripts that are nobody's else run here: scheduler.lua in a process that keeps it, and what an administrator runs by
 * hand in one of its own, which reads scripts and nothing else.
 *
 * Security stance: reads settings, speaks to daemons of this instance alone, hears no stranger. Commands of connections
 * are run by a process of its own, forked before the sandbox, which gets the command as it is set and nothing else.
 */
#ifndef POSTROOM_SCHEDULER_SCHEDULER_H
#define POSTROOM_SCHEDULER_SCHEDULER_H

#include "scheduler/plan.h"

#include "common/ipc/loop.h"
#include "common/settings/connectors.h"

enum {
	SCHEDULER_TEXT_MAX = 500,            /* octets of a result */
	SCHEDULER_CONNECTIONS_MAX = 64,      /* an earlier version may have left more than CONNECTIONS_MAX */
	SCHEDULER_PARALLEL = 4,              /* collectors of one connection at a time */
	SCHEDULER_RUN_MS = 24 * 3600 * 1000, /* what a pass or a session may take: they have limits of their own */
};

/* How a run ended; what had nothing to do counts as neither. */
enum outcome {
	OUTCOME_FAILED, /* something failed, and nothing succeeded */
	OUTCOME_PARTLY, /* some failed, some succeeded */
	OUTCOME_OK,
	OUTCOMES,
};

/* What is known of a connection beside its settings. */
struct track {
	struct plan_connection plan; /* name lives until settings are read again */
	int64_t finished;            /* seconds since 1970, 0: it never ran */
	enum outcome outcome;
	char result[SCHEDULER_TEXT_MAX];
	struct track *next;
};

struct run;
struct hooks;
struct script_runs;
struct notices;

struct scheduler {
	const struct instance *instance;
	struct event_base *base;
	struct settings settings;
	struct ipc_client *queue_manager, *collector, *statusd, *historyd;
	struct hooks *hooks;
	struct script_runs *script_runs;
	struct notices *notices;
	struct event *tick;
	struct arena arena; /* of what follows; made anew where settings change */
	struct connection_settings *connections;
	size_t connection_count;
	struct schedule_item *items;
	size_t item_count;
	struct track *tracks;
	struct run *runs; /* the first one runs, the others wait in their order */
	bool paused, asks_queue, schedule_is_due;
	bool asks_day, day_is_told;    /* historyd is asked for the report of a day, and answered since the start */
	int64_t minute, minute_before; /* the present one, and the one that was seen before it */
	int64_t people_reached;        /* the minute, PLAN_NEVER */
	int64_t people_since;          /* seconds since 1970 */
	int64_t waiting, oldest;       /* what was answered last */
	bool has_urgent;
};

/* settings: read what is set anew where it has changed; what is known of connections stays. */
void scheduler_refresh(struct scheduler *scheduler);
/* NULL: there is none (any more). */
struct connection_settings *scheduler_connection(struct scheduler *scheduler, int64_t id);
struct connection_settings *scheduler_named(struct scheduler *scheduler, struct str name);
struct track *scheduler_track(struct scheduler *scheduler, int64_t id);

/* clock.c: seconds since 1970; POSTROOM_CLOCK in the environment, for tests, is added. */
int64_t scheduler_now(void);

/* state.c: what outlives a restart. Errors are logged. */
void state_load(struct scheduler *scheduler);
void state_save_results(struct scheduler *scheduler);
/* "ok", "partly", "failed"; "" where it never ran. */
const char *state_outcome(const struct track *track);
void state_set_paused(struct scheduler *scheduler, bool paused);
/* Is CONNECT.PAUSE there? Was CONNECT.NOW, which is removed? */
bool state_is_held(const struct scheduler *scheduler);
bool state_take_now(const struct scheduler *scheduler);

/* ticks.c: what is looked at every second and every minute; start it. */
void ticks_start(struct scheduler *scheduler);

/* tell.c: what connections do, in the logs (connect.log, too); in summary.log; to administrators by mail. */
void tell_log(struct scheduler *scheduler, const char *text);
void tell_online(struct scheduler *scheduler, int64_t seconds);
/* The report of a day that has ended, where historyd has one: by mail. */
void tell_day(struct scheduler *scheduler);
void tell_not_up(struct scheduler *scheduler, const char *connection, const char *why);

/* runs.c */

/* Who waits for the end of a run; called once. ok: all went well. */
typedef void run_done(struct scheduler *scheduler, const struct track *track, bool ok, const char *result,
                      void *context);
enum run_part { RUN_ALL, RUN_SENDER };
/* Start a connection; why, for the log: "by hand". done may be NULL. */
void run_start(struct scheduler *scheduler, int64_t connection, enum run_part part, const char *why, run_done *done,
               void *context);
/* All default connections. How many there were. */
size_t run_start_defaults(struct scheduler *scheduler, const char *why);
/* Is it running now, past its connect command? */
bool run_is_up(const struct scheduler *scheduler, int64_t connection);
bool run_is_known(const struct scheduler *scheduler, int64_t connection); /* running, or waiting to */

/* requests.c: what postroom and queue-manager ask. */
void request_take(struct ipc_incoming *incoming, void *scheduler);

/* keeper.c: fork the process of scheduler.lua, before the sandbox. -1: ERR_SYSTEM. */
int keeper_start(const struct daemon *daemon, struct err *err);

/* script_run.c: run a text that an administrator sent; the request is answered later. -1: ERR_SYNTAX, ERR_LIMIT. */
int script_runs_new(struct script_runs **runs_out, struct event_base *base, const struct instance *instance,
                    struct err *err);
int script_runs_take(struct script_runs *runs, struct ipc_incoming *incoming, struct err *err);

/* hook_runner.c: fork the process that runs commands, before the sandbox; a socket to ask it by. -1: ERR_SYSTEM. */
int hook_runner_start(const struct daemon *daemon, int *fd_out, struct err *err);
/* hooks.c: have a connection's command run; done with ok = it ended with status 0 in time. Not while another runs. */
typedef void hook_done(bool ok, const char *why, void *context);
struct hooks *hooks_new(struct event_base *base, int fd);
void hooks_run(struct hooks *hooks, const char *command, const struct connection_settings *connection, hook_done *done,
               void *context);

#endif
