#include "deliver/carrier.h"
#include "deliver/media.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/daemon/daemon.h"
#include "common/net/sandbox.h"
#include "common/script/script.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	DECIDER_MS = 60000,
	DECIDER_CPU_S = 60,
	DECIDER_MEMORY = 1 << 30, /* octets of address space */
	DECIDER_FILES = 40,
};

/* The profile of deciders, made before the clerk's own lets none be made. */
static struct sandbox decider_sandbox;

int desk_user_name(struct desk *desk, int64_t uid, struct arena *arena, struct str *name_out, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(&desk->settings.objects, &statement, "SELECT name FROM user WHERE uid = ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, uid);
	row = db_step(&statement, err);
	if (row == 1)
		*name_out = arena_copy(arena, db_text(&statement, 0));
	db_finalize(&statement);
	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no user with the number %lld", (long long)uid);
	return row == 1 ? 0 : -1;
}

static int read_users(const struct ipc_message *request, struct order *order, struct err *err)
{
	struct str key, value;
	struct order_user *user = NULL;
	size_t count = 0;
	uint64_t uid;

	for (size_t position = 0; ipc_next(request, &position, &key, &value);)
		count += str_equal(key, STR("uid"));
	order->users = arena_get(&order->arena, (count + 1) * sizeof *order->users);
	for (size_t position = 0; ipc_next(request, &position, &key, &value);) {
		if (str_equal(key, STR("uid"))) {
			if (!str_to_u64(value, INT64_MAX, &uid))
				return err_set(err, ERR_PROTOCOL, "a user's number is none");
			user = &order->users[order->user_count++];
			user->uid = (int64_t)uid;
		} else if (user != NULL && str_equal(key, STR("address"))) {
			user->address = value;
		} else if (user != NULL && str_equal(key, STR("folder"))) {
			user->folder = value;
		}
	}
	return 0;
}

/* The envelope stands before the message in the same file. */
static int read_envelope(struct order *order, struct err *err)
{
	struct stat status;
	struct buf text;
	size_t length;
	int result;

	buf_init(&text, SPOOL_ENVELOPE_MAX + 1);
	result = spool_envelope_read(order->fd, &text, &order->arena, &order->envelope, &length, err);
	/* what is kept are views of the text; the process ends with the message */
	if (result == 0 && (fstat(order->fd, &status) != 0 || status.st_size < order->offset))
		result = err_system(err, "cannot look at the message");
	if (result == 0)
		order->size = status.st_size - order->offset;
	return result;
}

static int read_order(struct ipc_message *request, struct order *order, struct err *err)
{
	*order = (struct order){.fd = ipc_take_fd(request, 0), .now = (int64_t)time(NULL)};
	arena_init(&order->arena);
	order->id = ipc_get(request, "id");
	order->from = ipc_get(request, "from");
	order->login = ipc_get(request, "login");
	if (order->fd < 0 || order->id.len == 0 || !ipc_get_number(request, "offset", 0, INT64_MAX, &order->offset))
		return err_set(err, ERR_PROTOCOL, "an order lacks something");
	return read_users(request, order, err) != 0 ? -1 : read_envelope(order, err);
}

static __attribute__((noreturn)) void be_decider(struct desk *desk, const struct order *order, int fd)
{
	struct err err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* what it says is checked: it says it to its carrier alone */
	close(desk->reply);
	spool_drop_close(&desk->drop);
#ifndef POSTROOM_SANITIZED
	if (sandbox_limit(DECIDER_MEMORY, DECIDER_CPU_S, DECIDER_FILES, &err) != 0)
		daemon_fail(&err);
#endif
	if (sandbox_enter(&decider_sandbox, &err) != 0)
		daemon_fail(&err);
	decider_run(desk, order, fd);
}

/* Have the message decided by a process of its own. -1: it ended, or said something wrong. */
static int ask_decider(struct desk *desk, const struct order *order, struct ipc_message *answer, struct err *err)
{
	uint32_t sequence;
	int pair[2], result;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	child = fork();
	if (child < 0)
		return err_system(err, "cannot fork");
	if (child == 0) {
		close(pair[0]);
		be_decider(desk, order, pair[1]);
	}
	close(pair[1]);
	result = ipc_receive(pair[0], answer, &sequence, DECIDER_MS, err);
	/* one that takes too long dies with its carrier */
	if (result >= 0)
		waitpid(child, NULL, 0);
	if (result == 0)
		return err_set(err, ERR_CLOSED, "the process that parsed it ended without an answer");
	return result == 1 ? 0 : -1;
}

/* Carry out what can be done before the mailboxes: make mail. What cannot be made now defers the user's copy. */
static void make_all(struct desk *desk, const struct order *order, struct decision *decision, struct arena *arena)
{
	struct err err;

	for (size_t i = 0; i < decision->made_count; i++) {
		struct made *made = &decision->made[i];

		int may = 1, result;

		if (!check_made(desk, order, decision->uid, made, arena))
			continue;
		if (made->kind == MADE_ANSWER)
			may = account_may_answer(desk, order, made, &err);
		if (may == 0)
			continue;
		result = may < 0 ? -1 : made_write(desk, order, decision->uid, made, &err);
		if (result == 0 && made->kind == MADE_ANSWER)
			result = account_answered(desk, order, made, &err);
		if (result != 0) {
			log_error("id=%.*s %.*s for user uid=%lld cannot be written now: %s", STR_ARG(order->id),
			          STR_ARG(made->step), (long long)decision->uid, err.text);
			decision->deferred = STR("mail that is made of it cannot be written now");
		}
	}
	decision->made_count = 0;
	if (decision->matched != 0)
		account_matched(desk, order, decision->matched);
}

/* Is it one of those that were asked about? */
static bool is_asked(const struct order *order, int64_t uid)
{
	for (size_t i = 0; i < order->user_count; i++)
		if (order->users[i].uid == uid)
			return true;
	return false;
}

static __attribute__((noreturn)) void carry(struct desk *desk, struct ipc_message *request)
{
	struct decision *decisions;
	struct ipc_message decided, answer;
	struct order order;
	struct arena arena;
	struct err err;
	size_t count;

	arena_init(&arena);
	ipc_message_init(&decided);
	ipc_message_init(&answer);
	if (read_order(request, &order, &err) == 0)
		account_begin(desk, &order);
	else
		order.fd = -1;
	if (order.fd < 0 || ask_decider(desk, &order, &decided, &err) != 0 ||
	    decisions_read(&decided, &arena, &decisions, &count, &err) != 0) {
		log_warning("id=%.*s not decided: %s", STR_ARG(order.id), err.text);
		_exit(1);
	}
	ipc_reply_ok(&answer);
	for (size_t i = 0; i < count; i++) {
		if (!is_asked(&order, decisions[i].uid))
			continue;
		duplicate_look(desk, &order, &decisions[i]);
		make_all(desk, &order, &decisions[i], &arena);
		decision_write(&decisions[i], &answer);
	}
	if (ipc_send(desk->reply, &answer, 0, &err) != 0)
		log_warning("id=%.*s the decision cannot be told: %s", STR_ARG(order.id), err.text);
	_exit(0);
}

/* Settings and scripts to read for both; the drop to write for the clerk and its carriers. */
static int confine(struct desk *desk, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128], drop[INSTANCE_PATH_MAX + 128], answers[INSTANCE_PATH_MAX + 128];
	char duplicates[INSTANCE_PATH_MAX + 128], media[INSTANCE_PATH_MAX + 128];
	struct sandbox own;

	instance_path(settings, sizeof settings, desk->instance->state, "settings");
	instance_path(drop, sizeof drop, desk->instance->spool, "deliver");
	if (sandbox_init(&decider_sandbox, 0, err) != 0 ||
	    sandbox_allow(&decider_sandbox, settings, SANDBOX_READ, err) != 0 ||
	    script_allow(&decider_sandbox, desk->instance, err) != 0 || sandbox_prepare(&decider_sandbox, err) != 0 ||
	    sandbox_init(&own, SANDBOX_FORK | SANDBOX_LOCK_OWNER, err) != 0 ||
	    sandbox_allow(&own, settings, SANDBOX_READ, err) != 0 || script_allow(&own, desk->instance, err) != 0 ||
	    sandbox_allow(&own, drop, SANDBOX_WRITE, err) != 0 ||
	    sandbox_allow(&own, answered_folder(answers, sizeof answers, desk->instance), SANDBOX_WRITE, err) != 0 ||
	    sandbox_allow(&own, duplicates_folder(duplicates, sizeof duplicates, desk->instance), SANDBOX_WRITE, err) !=
	        0 ||
	    sandbox_allow(&own, media_folder(media, sizeof media, desk->instance), SANDBOX_READ, err) != 0 ||
	    sandbox_prepare(&own, err) != 0 || sandbox_enter(&own, err) != 0)
		return -1;
	sandbox_free(&own);
	return 0;
}

static void fork_carrier(struct desk *desk, struct ipc_message *request)
{
	pid_t parent = getpid(), child;

	desk->reply = ipc_take_fd(request, 1);
	child = desk->reply >= 0 ? fork() : -1;

	if (child == 0) {
		daemon_follow_parent(parent);
		signal(SIGCHLD, SIG_DFL); /* it waits for its own */
		close(desk->orders);
		carry(desk, request);
	}
	if (child < 0)
		log_error("cannot fork to look at a message");
	if (desk->reply >= 0)
		close(desk->reply);
}

void carrier_serve(int fd, const struct instance *instance)
{
	static struct desk desk;
	struct ipc_message request;
	uint32_t sequence;
	struct err err;

	desk.instance = instance;
	desk.orders = fd;
	if (settings_open(&desk.settings, instance, true, &err) != 0 ||
	    spool_drop_open(&desk.drop, instance, "deliver", &err) != 0 || answered_prepare(instance, &err) != 0 ||
	    duplicates_prepare(instance, &err) != 0 || media_prepare(instance, &err) != 0 || confine(&desk, &err) != 0)
		daemon_fail(&err);
	signal(SIGCHLD, SIG_IGN); /* a carrier's end shows at the socket that it answers on */
	ipc_message_init(&request);
	while (ipc_receive(fd, &request, &sequence, -1, &err) == 1) {
		settings_refresh(&desk.settings);
		fork_carrier(&desk, &request);
		ipc_message_reset(&request);
	}
	_exit(0);
}
