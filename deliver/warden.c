#include "deliver/warden.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/policy/mailbox_quota.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

struct warden {
	int fd;
	struct settings settings;
	uint64_t looked_at; /* generation of the settings that in_use is of */
	bool in_use;        /* a user has a quota */
	struct event_base *base;
	struct cache *cache;
	struct warden_packet grown[BATCH_MAX]; /* in this batch; before: by how much */
	size_t count;
};

int warden_start(struct warden **warden_out, const struct daemon *daemon, struct err *err)
{
	struct warden *warden = memory_get(sizeof *warden);
	pid_t parent = getpid(), child = -1;
	int pair[2];

	*warden_out = warden;
	if (settings_open(&warden->settings, &daemon->instance, false, err) != 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 || (child = fork()) < 0)
		return err_system(err, "cannot make the warden");
	if (child == 0) {
		daemon_follow_parent(parent);
		for (int i = 0; i < daemon->socket_count; i++)
			close(daemon->sockets[i].fd);
		close(pair[0]);
		watch_run(&daemon->instance, &warden->settings, pair[1]);
	}
	close(pair[1]);
	signal(SIGCHLD, SIG_IGN); /* its end shows at the socket */
	warden->fd = pair[0];
	return 0;
}

int warden_measure(struct cache *cache, int64_t uid, int64_t *octets_out, struct err *err)
{
	struct mailbox_totals totals;
	struct mailbox *mailbox;

	if (cache_get(cache, uid, &mailbox, err) != 0 || mailbox_stat(mailbox, &totals, err) != 0)
		return -1;
	*octets_out = totals.bytes + totals.held_bytes;
	return 0;
}

static void say(struct warden *warden, const struct warden_packet *packet)
{
	if (send(warden->fd, packet, sizeof *packet, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN)
		return; /* what it cannot take now, the daily look finds */
	log_error("the warden of mailbox quotas is gone; starting again");
	event_base_loopbreak(warden->base);
}

static void on_question(evutil_socket_t fd, short what, void *context)
{
	struct warden *warden = context;
	struct warden_packet packet;
	ssize_t size = recv(fd, &packet, sizeof packet, MSG_DONTWAIT);
	struct err err;

	(void)what;
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size != (ssize_t)sizeof packet) {
		log_error("the warden of mailbox quotas is gone; starting again");
		event_base_loopbreak(warden->base);
		return;
	}
	packet.before = -1;
	if (warden_measure(warden->cache, packet.uid, &packet.after, &err) != 0)
		packet.after = -1;
	say(warden, &packet);
}

void warden_serve(struct warden *warden, struct event_base *base, struct cache *cache)
{
	struct event *questions = event_new(base, warden->fd, EV_READ | EV_PERSIST, on_question, warden);

	warden->base = base;
	warden->cache = cache;
	event_priority_set(questions, event_base_get_npriorities(base) - 1);
	event_add(questions, NULL);
}

static void look(struct warden *warden)
{
	struct err err;

	settings_refresh(&warden->settings);
	if (warden->looked_at == warden->settings.generation)
		return;
	warden->looked_at = warden->settings.generation;
	warden->in_use = mailbox_quota_in_use(&warden->settings, &err) != 0;
}

void warden_note(struct warden *warden, int64_t uid, int64_t octets)
{
	struct warden_packet *last = warden->count > 0 ? &warden->grown[warden->count - 1] : NULL;

	if (last != NULL && last->uid == uid)
		last->before += octets;
	else if (warden->count < BATCH_MAX)
		warden->grown[warden->count++] = (struct warden_packet){.uid = uid, .before = octets};
}

/* Deliveries of one user are neighbours mostly; where they are not, a warning may come twice. */
void warden_tell(struct warden *warden)
{
	look(warden);
	for (size_t i = 0; warden->in_use && i < warden->count; i++) {
		struct warden_packet *packet = &warden->grown[i];
		struct err err;

		if (warden_measure(warden->cache, packet->uid, &packet->after, &err) != 0)
			continue;
		packet->before = packet->after > packet->before ? packet->after - packet->before : 0;
		say(warden, packet);
	}
	warden->count = 0;
}

void warden_failing(struct warden *warden, int64_t uid, int64_t responder)
{
	say(warden, &(struct warden_packet){.uid = uid, .before = WARDEN_FAILING, .after = responder});
}
