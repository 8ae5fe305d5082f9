#include "minger/mingerd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/ipc/ipc.h"
#include "common/minger/minger.h"
#include "common/net/sandbox.h"
#include "common/policy/event.h"
#include "common/policy/gate.h"
#include "common/settings/settings.h"
#include "common/status/status.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { RESOLVER_MS = 5000, KEY_MAX = 64 };

struct answerer {
	const struct instance *instance;
	struct settings settings;
	struct known known;
	struct ipc_channel resolver;
	struct arena arena;
};

/* A datagram's sender, as text. */
struct peer {
	struct sockaddr_storage address;
	socklen_t len;
	char text[ENDPOINT_TEXT];
	char key[KEY_MAX]; /* what stands for it in accounts */
};

static bool name_peer(struct peer *peer)
{
	struct cidr client, key;
	struct buf text;
	bool good = cidr_from_sockaddr(&peer->address, &client);

	buf_init(&text, ENDPOINT_TEXT - 1);
	if (good) {
		cidr_format(&client, &text);
		good = str_copy(buf_str(&text), peer->text, sizeof peer->text) && policy_key(buf_str(&text), &key);
	}
	buf_reset(&text);
	if (good) {
		cidr_format(&key, &text);
		good = str_copy(buf_str(&text), peer->key, sizeof peer->key);
	}
	buf_free(&text);
	return good;
}

/* The resolver's word, as for a RCPT of a stranger; its channel is opened again after a failure. */
static enum minger_status resolve(struct answerer *answerer, struct str address)
{
	enum minger_status status = MINGER_BUSY;
	struct ipc_message request, answer;
	struct err err;

	if (answerer->resolver.fd < 0 &&
	    ipc_connect(&answerer->resolver, answerer->instance, "resolver", "mingerd", &err) != 0) {
		log_warning("%s", err.text);
		return MINGER_BUSY;
	}
	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, "resolve");
	ipc_add(&request, "address", address);
	ipc_add_number(&request, "brief", 1);
	if (ipc_call(&answerer->resolver, &request, &answer, RESOLVER_MS, &err) == 0)
		status = str_equal(ipc_get(&answer, "kind"), STR("local")) ? MINGER_VALID : MINGER_UNKNOWN;
	else if (err.code == ERR_SYNTAX)
		status = MINGER_UNKNOWN;
	else
		log_warning("an address cannot be resolved: %s", err.text);
	ipc_message_free(&request);
	ipc_message_free(&answer);
	return status;
}

/* Held against the client like a login with a wrong password. */
static void note_wrong_secret(const struct answerer *answerer, const struct peer *peer, struct str address)
{
	struct status status;

	log_info("minger: wrong digest client=%s address=<%.*s>", peer->text, STR_ARG(address));
	status_begin(&status, answerer->instance, "mingerd", "minger", peer->text, false);
	status_event(&status, POLICY_BAD_LOGIN, address);
	status_end(&status);
}

static enum minger_status judge(struct answerer *answerer, const struct peer *peer, const struct minger_query *query)
{
	struct str secret = str_of(settings_text(&answerer->settings, SETTING_MINGER_SECRET));

	if (minger_query_is_from(query, secret))
		return resolve(answerer, query->address.text);
	if (query->digest.len > 0)
		note_wrong_secret(answerer, peer, query->address.text);
	return MINGER_DENIED;
}

static void answer(struct answerer *answerer, int fd, struct peer *peer, struct str packet)
{
	enum minger_status status = MINGER_MALFORMED;
	struct minger_query query;
	struct buf reply;
	struct err err;

	if (!name_peer(peer) || !rate_permits(str_of(peer->key), io_now_ms()) ||
	    gate_was_shut(&answerer->known, peer->text))
		return;
	if (minger_query_parse(packet, &answerer->arena, &query, &err) == 0)
		status = judge(answerer, peer, &query);
	buf_init(&reply, MINGER_PACKET_MAX + 8);
	minger_answer_format(&query, status, &reply);
	if (sendto(fd, reply.data, reply.len, MSG_DONTWAIT, (const struct sockaddr *)&peer->address, peer->len) < 0 &&
	    errno != EAGAIN)
		log_debug("an answer cannot be sent to %s", peer->text);
	buf_free(&reply);
	arena_reset(&answerer->arena);
}

static void take(struct answerer *answerer, int fd)
{
	char packet[MINGER_PACKET_MAX + 1]; /* one more: what is too long shows */
	struct peer peer = {.len = sizeof peer.address};
	ssize_t size = recvfrom(fd, packet, sizeof packet, MSG_DONTWAIT, (struct sockaddr *)&peer.address, &peer.len);

	if (size >= 0)
		answer(answerer, fd, &peer, str_from(packet, (size_t)size));
}

static int begin(struct answerer *answerer, const struct daemon *daemon, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	*answerer = (struct answerer){.instance = &daemon->instance, .resolver = {.fd = -1}};
	arena_init(&answerer->arena);
	if (settings_open(&answerer->settings, answerer->instance, false, err) != 0)
		return -1;
	instance_path(settings, sizeof settings, daemon->instance.state, "settings");
	if (sandbox_init(&sandbox, SANDBOX_UNIX, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 || sandbox_prepare(&sandbox, err) != 0 ||
	                 sandbox_enter(&sandbox, err) != 0
	             ? -1
	             : 0;
	sandbox_free(&sandbox);
	return result;
}

void answer_run(const struct daemon *daemon, const struct known *known, const int *sockets, size_t count)
{
	struct pollfd waits[ENDPOINTS_MAX];
	static struct answerer answerer;
	struct err err;

	if (begin(&answerer, daemon, &err) != 0)
		daemon_fail(&err);
	answerer.known = *known;
	for (size_t i = 0; i < count; i++)
		waits[i] = (struct pollfd){.fd = sockets[i], .events = POLLIN};
	for (;;) {
		if (poll(waits, count, -1) < 0 && errno != EINTR) {
			err_system(&err, "cannot wait for questions");
			daemon_fail(&err);
		}
		settings_refresh(&answerer.settings);
		for (size_t i = 0; i < count; i++)
			if (waits[i].revents != 0)
				take(&answerer, waits[i].fd);
	}
}
