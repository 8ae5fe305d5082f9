/*
 * mingerd: see mingerd.h. Here is the first process.
 */
#include "minger/mingerd.h"

#include "common/base/log.h"
#include "common/minger/minger.h"
#include "common/net/sandbox.h"
#include "common/policy/gate.h"
#include "common/settings/settings.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BIND_AGAIN_S = 10 };

struct mingerd {
	struct daemon daemon;
	struct settings settings;
	int sockets[ENDPOINTS_MAX];
	size_t count;
	struct known known; /* mapped before the child begins: it reaches no file of policyd's */
	pid_t child;        /* 0: there is none */
	time_t not_before;  /* when binding is tried again */
};

static int bind_one(const struct endpoint *endpoint, struct err *err)
{
	int fd = socket(endpoint->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;
	char text[ENDPOINT_TEXT];

	if (fd < 0)
		return err_system(err, "cannot make a socket");
	if (endpoint->address.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->len) == 0)
		return fd;
	err_system(err, "cannot listen on %s (UDP)", endpoint_text(endpoint, text));
	close(fd);
	return -1;
}

static void unbind_all(struct mingerd *mingerd)
{
	while (mingerd->count > 0)
		close(mingerd->sockets[--mingerd->count]);
}

/* All places of the instance; a family that this machine lacks is left out. */
static void bind_all(struct mingerd *mingerd)
{
	struct endpoint endpoints[ENDPOINTS_MAX];
	char text[ENDPOINT_TEXT];
	size_t count = 0;
	struct err err;

	if (endpoints_of(&mingerd->daemon.instance, "any", MINGER_PORT, endpoints, &count, &err) != 0)
		log_error("%s", err.text);
	for (size_t i = 0; i < count; i++) {
		int fd = bind_one(&endpoints[i], &err);

		if (fd >= 0) {
			mingerd->sockets[mingerd->count++] = fd;
			log_info("minger listens on %s (UDP)", endpoint_text(&endpoints[i], text));
		} else if (endpoints[i].is_wanted || err.sys != EAFNOSUPPORT) {
			log_warning("%s; tried again in %d seconds", err.text, BIND_AGAIN_S);
		}
	}
}

static void start_child(struct mingerd *mingerd)
{
	pid_t self = getpid();
	sigset_t none;

	mingerd->child = fork();
	if (mingerd->child == 0) {
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		daemon_follow_parent(self);
		answer_run(&mingerd->daemon, &mingerd->known, mingerd->sockets, mingerd->count);
	}
	if (mingerd->child < 0) {
		log_error("cannot fork who answers");
		mingerd->child = 0;
	}
}

static void stop_child(struct mingerd *mingerd)
{
	if (mingerd->child == 0)
		return;
	kill(mingerd->child, SIGTERM);
	waitpid(mingerd->child, NULL, 0);
	mingerd->child = 0;
	unbind_all(mingerd);
}

/* What the settings want, and what became of the child. */
static void look(struct mingerd *mingerd)
{
	bool wanted;
	int status;

	if (mingerd->child > 0 && waitpid(mingerd->child, &status, WNOHANG) == mingerd->child) {
		log_error("who answers ended with wait status 0x%x; another begins", (unsigned)status);
		mingerd->child = 0;
		unbind_all(mingerd);
		mingerd->not_before = time(NULL) + 1;
	}
	settings_refresh(&mingerd->settings);
	wanted = settings_flag(&mingerd->settings, SETTING_MINGER_ENABLED);
	if (!wanted)
		stop_child(mingerd);
	gate_refresh(&mingerd->known, &mingerd->daemon.instance);
	if (!wanted || mingerd->child > 0 || mingerd->known.file == NULL || time(NULL) < mingerd->not_before)
		return;
	bind_all(mingerd);
	if (mingerd->count > 0)
		start_child(mingerd);
	else
		mingerd->not_before = time(NULL) + BIND_AGAIN_S;
}

int main(int argc, char **argv)
{
	static const struct timespec second = {1, 0};
	static struct mingerd mingerd;
	sigset_t waited;
	struct err err;
	int number;

	daemon_start(&mingerd.daemon, argc, argv, "mingerd");
	sigemptyset(&waited);
	sigaddset(&waited, SIGTERM);
	sigaddset(&waited, SIGINT);
	sigaddset(&waited, SIGCHLD);
	sigprocmask(SIG_BLOCK, &waited, NULL);
	if (settings_open(&mingerd.settings, &mingerd.daemon.instance, false, &err) != 0 || sandbox_enter_base(&err) != 0)
		daemon_fail(&err);
	look(&mingerd);
	daemon_ready(&mingerd.daemon);
	do {
		number = sigtimedwait(&waited, NULL, &second);
		if (number != SIGTERM && number != SIGINT)
			look(&mingerd);
	} while (number != SIGTERM && number != SIGINT);
	stop_child(&mingerd);
	return 0;
}
