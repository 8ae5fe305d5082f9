#include "common/net/listen.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/listener.h"
#include "common/net/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	BATCH = 16,     /* connections accepted from one socket before the next has its turn */
	REST_MS = 100,  /* accepting rests so long where the system has no more descriptors or processes */
	STOP_MS = 5000, /* how long sessions may take to end */
};

/* Where configd asks about bindings. */
static const char OF_CONFIGD[] = "from-configd";

static long session_count;
static int session_bell = -1;

long listen_session_count(void)
{
	return session_count;
}

int listen_bell(void)
{
	return session_bell;
}

/* The address by which a connection is limited: an IPv6 /64 or an IPv4 address; all 0 for local sockets. */
static void limit_address(const struct sockaddr_storage *peer, unsigned char out[16])
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)peer)->sin6_addr;
	const struct in_addr *v4 = &((const struct sockaddr_in *)peer)->sin_addr;

	memset(out, 0, 16);
	if (peer->ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(v6)) {
		memcpy(out, v6, 8);
		return;
	}
	if (peer->ss_family == AF_INET6)
		v4 = (const struct in_addr *)&v6->s6_addr[12];
	else if (peer->ss_family != AF_INET)
		return;
	out[10] = out[11] = 0xff;
	memcpy(out + 12, v4, 4);
}

static __attribute__((noreturn)) void run_session(const struct listener *listener, int fd,
                                                  const struct listen_origin *origin,
                                                  const struct listener_session *session)
{
	const struct listen_hooks *hooks = listener->hooks;
	enum listener_session_kind kind = session->kind;

	daemon_follow_parent(listener->pid);
	sigprocmask(SIG_SETMASK, &listener->mask_before, NULL);
	close(listener->waits[LISTENER_SIGNALS].fd);
	listener_leave_sockets(listener);
	if (listener->bells != NULL)
		bell_hub_leave(listener->bells);
	session_count = (long)listener->of_kind[LISTENER_SESSION] + (kind == LISTENER_SESSION);
	listener_inherit(listener, session);
	if (kind == LISTENER_QUESTION && strcmp(origin->name, OF_CONFIGD) == 0)
		_exit(listener_answer_configd(listener, fd));
	_exit(hooks->session(fd, origin, hooks->context));
}

/* Is there a place for a session with these limits? Sets which kind of place it is. */
static bool find_place(const struct listener *listener, const struct listen_limits *limits,
                       struct listener_session *session, bool *per_address_out)
{
	struct listener_counts counts = listener_count(listener, session);
	long kept = limits->reserved < limits->max_sessions ? limits->reserved : limits->max_sessions;

	if (limits->max_per_address > 0 && counts.of_address >= limits->max_per_address) {
		*per_address_out = true;
		return false;
	}
	if (limits->max_sessions == 0)
		return true;
	session->in_reserved = limits->has_reserved && counts.in_reserved < kept;
	return session->in_reserved || counts.all - counts.in_reserved < limits->max_sessions - kept;
}

/* Do the service's limits let the connection in? */
static bool is_within_limits(const struct listener *listener, int fd, const struct listen_origin *origin,
                             struct listener_session *session, bool *per_address_out)
{
	const struct listen_hooks *hooks = listener->hooks;
	struct listen_limits limits = {0};

	if (hooks->limits == NULL)
		return true;
	hooks->limits(fd, origin, &limits, hooks->context);
	session->counts = limits.counts;
	session->service = origin->service;
	return !limits.counts || find_place(listener, &limits, session, per_address_out);
}

/* What the connection becomes; false: nothing, it is told so and closed. A process for that would cost more than what
 * is refused, and keep those waiting who come behind it. */
static bool decide_kind(const struct listener *listener, int fd, const struct listen_origin *origin,
                        struct listener_session *session)
{
	const struct listen_hooks *hooks = listener->hooks;
	bool per_address = false;

	session->kind = LISTENER_SESSION;
	if (origin->service == 0 && str_starts(str_of(origin->name), STR("from-"))) {
		session->kind = LISTENER_QUESTION;
		return true;
	}
	if (listener->of_kind[LISTENER_SESSION] < (size_t)hooks->max_sessions &&
	    is_within_limits(listener, fd, origin, session, &per_address))
		return true;
	if (hooks->refuse != NULL)
		hooks->refuse(fd, origin, per_address, hooks->context);
	return false;
}

static void rest(struct listener *listener, const char *what)
{
	log_warning("%s: %s; accepting rests for a moment", what, strerror(errno));
	listener->accept_from_ms = io_now_ms() + REST_MS;
}

/* A session without a line goes on, and hears of changes when it looks. */
static int make_line(struct listener *listener)
{
	struct err err;
	int line;

	if (listener->bells == NULL)
		return -1;
	line = bell_hub_add(listener->bells, &err);
	if (line < 0)
		log_warning("%s", err.text);
	return line;
}

/* Fork what is to serve fd. */
static void begin_session(struct listener *listener, int fd, const struct listen_origin *origin,
                          struct listener_session *session)
{
	session_bell = make_line(listener);
	if (!listener->has_forked)
		memory_fill_holes();
	listener->has_forked = true;
	session->pid = fork();
	if (session->pid == 0)
		run_session(listener, fd, origin, session);
	if (session_bell >= 0)
		close(session_bell);
	if (session->pid < 0) {
		rest(listener, "cannot fork a session");
		return;
	}
	if (session_bell >= 0)
		bell_hub_set_process(listener->bells, session->pid);
	listener_add(listener, session);
}

/* Look at settings again. Sockets follow only between connections: then none is in use by its place. */
static void refresh(const struct listener *listener)
{
	if (listener->hooks->refresh != NULL)
		listener->hooks->refresh(listener->hooks->context);
}

/* What a session asked for by its bell: it is not believed how many that may be. */
static void fork_guest(int fd, pid_t parent, void *context)
{
	struct listener *listener = context;
	static const struct listen_origin guest = {.name = LISTEN_GUEST};
	struct listener_session session = {.kind = LISTENER_GUEST, .parent = parent};
	size_t others = 0;

	for (size_t i = 0; i < listener->session_count; i++)
		others += listener->sessions[i].kind == LISTENER_GUEST && listener->sessions[i].parent == parent;
	if (listener->stopping || others >= LISTEN_GUESTS_MAX ||
	    listener->of_kind[LISTENER_GUEST] >= (size_t)listener->hooks->max_sessions) {
		log_warning("session %d may not have another beside it: there are %zu", (int)parent, others);
		return;
	}
	refresh(listener);
	begin_session(listener, fd, &guest, &session);
}

static void serve(struct listener *listener, int fd, const struct listen_origin *origin,
                  const struct sockaddr_storage *peer)
{
	struct listener_session session = {0};

	limit_address(peer, session.address);
	refresh(listener);
	if (origin->service != 0 && listener->hooks->turns_away != NULL &&
	    listener->hooks->turns_away(fd, origin, listener->hooks->context))
		return;
	if (!decide_kind(listener, fd, origin, &session))
		return;
	if (listener->hooks->prepare != NULL && session.kind == LISTENER_SESSION)
		listener->hooks->prepare(fd, origin, listener->hooks->context);
	begin_session(listener, fd, origin, &session);
}

/* Failures of accept that are the connection's own or the system's for a while (accept(2)); others are for good. */
static bool is_passing(int error)
{
	switch (error) {
	case EBADF:
	case EFAULT:
	case EINVAL:
	case ENOTSOCK:
	case EOPNOTSUPP:
		return false;
	default:
		return true;
	}
}

static int accept_some(struct listener *listener, int socket, const struct listen_origin *origin, struct err *err)
{
	for (int i = 0; i < BATCH && listener->accept_from_ms == 0; i++) {
		struct sockaddr_storage peer = {0};
		socklen_t size = sizeof peer;
		int fd = accept4(socket, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC);

		if (fd >= 0) {
			serve(listener, fd, origin, &peer);
			close(fd);
		} else if (errno == EAGAIN) {
			break;
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			rest(listener, "cannot accept a connection");
		} else if (!is_passing(errno)) {
			return err_system(err, "cannot accept connections of %s", origin->name);
		}
	}
	return 0;
}

static void reap(struct listener *listener)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		listener_remove(listener, pid);
		/* SIGTERM is how sessions are ended, by us and by administrators */
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM) {
			log_error("session %d died by signal %d (%s)", (int)pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
			listener->crashed = true;
		}
	}
}

static void read_signals(struct listener *listener)
{
	struct signalfd_siginfo signals[8];
	ssize_t size = read(listener->waits[LISTENER_SIGNALS].fd, signals, sizeof signals);

	for (ssize_t i = 0; i < size / (ssize_t)sizeof signals[0]; i++)
		if (signals[i].ssi_signo == SIGTERM)
			listener->stopping = true;
		else if (signals[i].ssi_signo == SIGHUP)
			refresh(listener);
	reap(listener);
}

/* Where the settings are others now, or something could not be bound before. */
static void follow_when_due(struct listener *listener)
{
	const struct settings *settings = listener->hooks->settings;

	if (settings != NULL &&
	    (settings->generation != listener->generation || (listener->missing > 0 && io_now_ms() >= listener->retry_ms)))
		listener_follow(listener);
}

/* How long to wait at most; -1: until something happens. */
static int wait_ms(struct listener *listener, bool *resting_out)
{
	int64_t now = listener->accept_from_ms != 0 || listener->missing > 0 ? io_now_ms() : 0;
	int64_t until = listener->missing > 0 ? listener->retry_ms : INT64_MAX;

	*resting_out = now < listener->accept_from_ms;
	if (!*resting_out)
		listener->accept_from_ms = 0;
	else if (listener->accept_from_ms < until)
		until = listener->accept_from_ms;
	if (until == INT64_MAX)
		return -1;
	return until > now ? (int)(until - now) : 0;
}

/* One turn: sessions that ended first, so that their places are free for who comes. */
static int turn(struct listener *listener, struct err *err)
{
	bool resting;
	int timeout, ready;

	follow_when_due(listener);
	timeout = wait_ms(listener, &resting);
	ready = poll(listener->waits, resting ? LISTENER_SOCKETS : listener->wait_count, timeout);
	if (ready < 0 && errno != EINTR)
		return err_system(err, "cannot wait for connections");
	if (ready <= 0)
		return 0;
	if (listener->waits[LISTENER_SIGNALS].revents != 0)
		read_signals(listener);
	if (listener->waits[LISTENER_BELL].revents != 0)
		bell_hub_turn(listener->bells);
	if (listener->stopping)
		return 0;
	if (listener->crashed)
		return listener_execute_again(listener, err);
	for (nfds_t i = LISTENER_SOCKETS; i < listener->wait_count && !resting; i++)
		if (listener->waits[i].revents != 0 &&
		    accept_some(listener, listener->waits[i].fd, &listener->places[i].origin, err) != 0)
			return -1;
	return 0;
}

static void stop_sessions(struct listener *listener)
{
	int64_t until = io_now_ms() + STOP_MS, left;

	for (size_t i = 0; i < listener->session_count; i++)
		kill(listener->sessions[i].pid, SIGTERM);
	while (listener->session_count > 0 && (left = until - io_now_ms()) > 0)
		if (poll(listener->waits, 1, (int)left) > 0)
			read_signals(listener);
}

static bool serves_network(const struct listener *listener)
{
	for (nfds_t i = LISTENER_SOCKETS; i < listener->wait_count; i++)
		if (listener->places[i].origin.service != 0)
			return true;
	return false;
}

/* Bind what the settings want, and say that connections are taken. */
static int begin_services(struct listener *listener, struct err *err)
{
	if (listener->hooks->settings != NULL) {
		listener_follow(listener);
		if (listener->missing > 0 && !serves_network(listener))
			return err_set(err, ERR_NOT_FOUND, "not one service could be bound to its port");
	}
	daemon_ready(listener->daemon);
	return 0;
}

/* Sessions take two descriptors each of the listener's: as many as the system gives. */
static int prepare_bells(struct listener *listener, struct err *err)
{
	struct rlimit limit;

	if (!listener->hooks->bells)
		return 0;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	listener->bells = bell_hub_new(fork_guest, listener, err);
	if (listener->bells == NULL)
		return -1;
	bell_hub_take_over(listener->bells);
	listener->waits[LISTENER_BELL].fd = bell_hub_fd(listener->bells);
	return 0;
}

static int watch_signals(struct listener *listener, struct err *err)
{
	sigset_t signals;

	signal(SIGCHLD, SIG_DFL);
	signal(SIGHUP, SIG_IGN); /* while this program executes itself again; what is blocked is not ignored */
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, &listener->mask_before);
	listener->waits[LISTENER_SIGNALS] =
	    (struct pollfd){.fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), .events = POLLIN};
	listener->waits[LISTENER_BELL] = (struct pollfd){.fd = -1, .events = POLLIN};
	listener->followed =
	    mmap(NULL, sizeof *listener->followed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (listener->followed == MAP_FAILED)
		return err_system(err, "cannot share memory with sessions");
	return listener->waits[LISTENER_SIGNALS].fd >= 0 ? 0 : err_system(err, "cannot wait for signals");
}

int listen_run(const struct daemon *daemon, const char *const *names, const struct listen_hooks *hooks, struct err *err)
{
	static struct listener listener;
	int result;

	listener = (struct listener){.daemon = daemon, .hooks = hooks, .pid = getpid(), .wait_count = LISTENER_SOCKETS};
	result = watch_signals(&listener, err);
	if (result == 0)
		result = listener_take_sockets(&listener, names, err);
	if (result == 0)
		result = prepare_bells(&listener, err);
	if (result == 0)
		result = sandbox_enter_base(err);
	if (result == 0)
		result = begin_services(&listener, err);
	listener_take_over(&listener);
	reap(&listener); /* who ended before the signals were watched */
	while (result == 0 && !listener.stopping)
		result = turn(&listener, err);
	stop_sessions(&listener);
	if (listener.waits[LISTENER_SIGNALS].fd >= 0)
		close(listener.waits[LISTENER_SIGNALS].fd);
	bell_hub_free(listener.bells);
	memory_free(listener.sessions);
	sigprocmask(SIG_SETMASK, &listener.mask_before, NULL);
	return result;
}
