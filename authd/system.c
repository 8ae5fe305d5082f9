#include "authd/system.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

struct waiting {
	uint32_t sequence; /* 0: free */
	system_done *done;
	void *context;
	struct event *timer;
};

struct system_asker {
	int fd;
	struct event_base *base;
	struct event *event;
	uint32_t sequence;
	struct waiting waiting[SYSTEM_WAITING_MAX];
};

int system_asker_start(struct system_asker **asker_out, const struct daemon *daemon, struct err *err)
{
	struct system_asker *asker = memory_get(sizeof *asker);
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 || (pid = fork()) < 0) {
		memory_free(asker);
		return err_system(err, "cannot make the process that asks PAM");
	}
	if (pid == 0) {
		signal(SIGTERM, SIG_IGN); /* it ends with its socket, as the pool's keeper does */
		signal(SIGINT, SIG_IGN);
		for (int i = 0; i < daemon->socket_count; i++)
			close(daemon->sockets[i].fd);
		close(pair[0]);
		system_asker_run(&daemon->instance, pair[1]);
	}
	close(pair[1]);
	asker->fd = pair[0];
	*asker_out = asker;
	return 0;
}

static void settle(struct waiting *waiting, enum hash_result result)
{
	system_done *done = waiting->done;
	void *context = waiting->context;

	event_free(waiting->timer);
	*waiting = (struct waiting){0};
	done(result, context);
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	log_warning("PAM did not answer in %d seconds", SYSTEM_SECONDS);
	settle(context, HASH_FAILED);
}

static void on_answer(evutil_socket_t fd, short what, void *context)
{
	struct system_asker *asker = context;
	struct system_answer answer;
	ssize_t size = recv(fd, &answer, sizeof answer, MSG_DONTWAIT);

	(void)what;
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size != (ssize_t)sizeof answer) {
		log_error("the process that asks PAM is gone: logins by system passwords fail until authd is started again");
		event_del(asker->event);
		close(asker->fd);
		asker->fd = -1;
		return;
	}
	for (int i = 0; i < SYSTEM_WAITING_MAX; i++)
		if (asker->waiting[i].sequence == answer.sequence && answer.sequence != 0) {
			settle(&asker->waiting[i], answer.result);
			return;
		}
}

int system_asker_attach(struct system_asker *asker, struct event_base *base, struct err *err)
{
	asker->base = base;
	asker->event = event_new(base, asker->fd, EV_READ | EV_PERSIST, on_answer, asker);
	return asker->event != NULL && event_add(asker->event, NULL) == 0
	           ? 0
	           : err_set(err, ERR_SYSTEM, "cannot listen to the process that asks PAM");
}

void system_asker_free(struct system_asker *asker)
{
	for (int i = 0; i < SYSTEM_WAITING_MAX; i++)
		if (asker->waiting[i].timer != NULL)
			event_free(asker->waiting[i].timer);
	if (asker->event != NULL)
		event_free(asker->event);
	if (asker->fd >= 0)
		close(asker->fd);
	memory_free(asker);
}

static int send_question(struct system_asker *asker, uint32_t sequence, const char *user, struct str password)
{
	struct system_question question = {.sequence = sequence, .password_len = (uint32_t)password.len};
	ssize_t size = -1;

	memcpy(question.password, password.data, password.len);
	if (str_copy(str_of(user), question.user, sizeof question.user))
		size = send(asker->fd, &question, sizeof question, MSG_DONTWAIT | MSG_NOSIGNAL);
	memory_wipe(&question, sizeof question);
	return size == (ssize_t)sizeof question ? 0 : -1;
}

int system_ask(struct system_asker *asker, const char *user, struct str password, system_done *done, void *context,
               struct err *err)
{
	const struct timeval patience = {SYSTEM_SECONDS + 1, 0};
	struct waiting *place = NULL;

	for (int i = 0; i < SYSTEM_WAITING_MAX && place == NULL; i++)
		if (asker->waiting[i].sequence == 0)
			place = &asker->waiting[i];
	if (++asker->sequence == 0)
		asker->sequence = 1;
	if (place == NULL || asker->fd < 0 || password.len > HASH_PASSWORD_MAX ||
	    send_question(asker, asker->sequence, user, password) != 0)
		return err_set(err, ERR_TEMPORARY, "PAM cannot be asked now");
	*place = (struct waiting){asker->sequence, done, context, evtimer_new(asker->base, on_time, place)};
	event_add(place->timer, &patience);
	return 0;
}
