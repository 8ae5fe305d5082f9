/* imapd/shared: the sessions in other mailboxes: begun, asked, listened to, ended. */
#include "imapd/shared.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/net/bell.h"
#include "imapd/guest.h"
#include "imapd/target.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PIECE = 32768,       /* octets relayed at a time */
	SILENCE_MS = 600000, /* of a session that works on a command */
};

bool shared_is_name(struct str name)
{
	return str_starts_nocase(name, STR("#users")) && (name.len == 6 || name.data[6] == '/');
}

bool shared_split(struct str name, struct str *owner, struct str *rest)
{
	if (!shared_is_name(name))
		return false;
	*rest = str_skip(name, 7);
	*owner = str_cut(rest, '/');
	if (rest->data == NULL)
		*rest = STR("");
	return owner->len > 0;
}

static void hang_up(struct remote *remote)
{
	close(remote->control);
	close(remote->stream);
	*remote = (struct remote){.owner = ""};
}

struct remote *shared_selected(const struct session *session)
{
	return session->shared != NULL ? session->shared->selected : NULL;
}

void shared_close(struct session *session)
{
	for (size_t i = 0; session->shared != NULL && i < SHARED_MAX; i++)
		if (session->shared->remotes[i].owner[0] != '\0')
			hang_up(&session->shared->remotes[i]);
	memory_free(session->shared);
	session->shared = NULL;
}

/* A place for another one: a free one, or that of the one that was used longest ago. */
static struct remote *find_place(struct shared *shared)
{
	struct remote *place = NULL;

	for (size_t i = 0; i < SHARED_MAX; i++) {
		struct remote *remote = &shared->remotes[i];

		if (remote->owner[0] == '\0')
			return remote;
		if (remote != shared->selected && (place == NULL || remote->used_ms < place->used_ms))
			place = remote;
	}
	hang_up(place);
	return place;
}

/* One that may just be ending itself is not asked (guest.h). */
static struct remote *find_open(struct shared *shared, struct str owner)
{
	for (size_t i = 0; i < SHARED_MAX; i++) {
		struct remote *remote = &shared->remotes[i];

		if (remote->owner[0] == '\0' || !str_equal_nocase(str_of(remote->owner), owner))
			continue;
		if (remote == shared->selected || io_now_ms() - remote->used_ms < GUEST_FRESH_MS)
			return remote;
		hang_up(remote);
	}
	return NULL;
}

/* A pair of sockets; the other end goes to the new session. */
static int make_pair(int type, int pair[2], struct err *err)
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) == 0 ? 0 : err_system(err, "cannot make a socket pair");
}

/* Let the listener fork the session, and tell it what it is for. */
static int begin(struct session *session, struct remote *remote, struct str ticket, int control, int stream,
                 struct err *err)
{
	struct ipc_channel channel = {.fd = remote->control};
	struct ipc_message request, reply;
	int result;

	if (bell_fork(session->bell, control, err) != 0)
		return -1;
	close(control);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "begin");
	ipc_add(&request, "ticket", ticket);
	ipc_add_text(&request, "peer", session->conn.peer);
	ipc_add_fd(&request, stream);
	result = ipc_call(&channel, &request, &reply, IPC_TIMEOUT_MS + IMAP_WAIT_MS, err);
	if (result == 0 && !ipc_get_text(&reply, "owner", remote->owner, sizeof remote->owner))
		result = err_set(err, ERR_PROTOCOL, "a session in another mailbox does not say whose it is");
	remote->control = channel.fd; /* closed where that failed */
	remote->sequence = channel.sequence;
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

static int connect_remote(struct session *session, struct remote *remote, struct str ticket, struct err *err)
{
	int control[2] = {-1, -1}, stream[2] = {-1, -1};
	int result = make_pair(SOCK_SEQPACKET, control, err);

	if (result == 0)
		result = make_pair(SOCK_STREAM, stream, err);
	remote->control = control[0];
	remote->stream = stream[0];
	remote->used_ms = io_now_ms();
	if (result == 0) {
		result = begin(session, remote, ticket, control[1], stream[1], err);
		close(stream[1]);
	}
	if (result != 0) {
		if (remote->control >= 0)
			close(remote->control);
		if (remote->stream >= 0)
			close(remote->stream);
		*remote = (struct remote){.owner = ""};
	}
	return result;
}

static int open_remote(struct session *session, struct remote *remote, struct str owner, struct err *err)
{
	struct ipc_message request, reply;
	int result;

	if (session->authd.fd < 0)
		return err_set(err, ERR_CLOSED, "authd was started again meanwhile");
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "share-ticket");
	ipc_add(&request, "owner", owner);
	result = ipc_call(&session->authd, &request, &reply, IPC_TIMEOUT_MS, err);
	if (result == 0)
		result = connect_remote(session, remote, ipc_get(&reply, "ticket"), err);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

struct remote *shared_open(struct session *session, struct str owner)
{
	struct remote *remote;
	struct err err;

	if (session->shared == NULL)
		session->shared = memory_get(sizeof *session->shared);
	remote = find_open(session->shared, owner);
	if (remote != NULL)
		return remote;
	remote = find_place(session->shared);
	if (open_remote(session, remote, owner, &err) == 0)
		return remote;
	if (err.code == ERR_NOT_FOUND) {
		imap_no(session, "NONEXISTENT", "There is no such folder");
	} else {
		log_error("cannot open the folders of %.*s for user=%s: %s", STR_ARG(owner), session->user, err.text);
		imap_no(session, "UNAVAILABLE", "The folders of that user cannot be reached at the moment");
	}
	return NULL;
}

/* What it wrote, as far as it is there, goes to the client. 1: there was something; 0: not now; -1: it is gone. */
static int relay(struct session *session, struct remote *remote)
{
	char piece[PIECE];
	ssize_t count = recv(remote->stream, piece, sizeof piece, MSG_DONTWAIT);

	if (count > 0)
		conn_write(&session->conn, str_from(piece, (size_t)count));
	else if (count == 0 || (errno != EAGAIN && errno != EINTR))
		return -1;
	return count > 0;
}

/* It has messages for where the client's command says. */
static int take_messages(struct session *session, struct remote *remote, struct ipc_message *request, uint32_t sequence,
                         struct err *err)
{
	struct str name = session->shared->copy_target;
	struct ipc_message reply;
	struct upload upload;
	struct target target;
	struct stored stored;
	int result;

	session->shared->copy_target = STR(""); /* once a command */
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	imap_ok(session, NULL, "completed");
	upload_init(&upload, session);
	upload.count_max = UPLOAD_COPIES_MAX;
	if (name.len == 0 || !ipc_is(request, "store") || bundle_take(request, &upload, err) != 0)
		imap_no(session, NULL, "Nobody asked for messages");
	else if (target_find(session, name, &target) == 0 && target_store(session, &target, &upload, &stored) == 0)
		bundle_add_stored(&reply, &stored, upload.count);
	bundle_add_result(&reply, session);
	upload_free(&upload);
	result = ipc_send(remote->control, &reply, sequence, err);
	ipc_message_free(&reply);
	return result;
}

/* A packet of its: the answer (1), or a question of its own, which is answered (0). -1: it is gone. */
static int take_packet(struct session *session, struct remote *remote, struct ipc_message *reply, struct err *err)
{
	uint32_t sequence;

	ipc_message_reset(reply);
	if (ipc_receive(remote->control, reply, &sequence, 0, err) <= 0)
		return -1;
	if (ipc_get(reply, "op").data != NULL)
		return take_messages(session, remote, reply, sequence, err);
	return sequence == remote->sequence ? 1 : -1;
}

/* Wait for it, and, in IDLE, for the client. Returns 1: something came of it; 2: of the client; -1. */
static int wait_for(struct session *session, struct remote *remote, bool input, struct err *err)
{
	struct pollfd waits[] = {{.fd = remote->stream, .events = POLLIN}, {.fd = remote->control, .events = POLLIN}};
	int events;

	if (input) {
		events = conn_wait_input(&session->conn, remote->stream, SILENCE_MS, err);
		return events < 0 ? -1 : (events & CONN_INPUT) != 0 ? 2 : 1;
	}
	if (poll(waits, 2, 0) == 0) {
		conn_flush(&session->conn, NULL);
		events = poll(waits, 2, SILENCE_MS);
		if (events == 0)
			return err_set(err, ERR_TIMEOUT, "nothing was heard for too long");
	}
	return 1;
}

/* The line that ends IDLE. */
static int hand_line_on(struct session *session, struct remote *remote, struct err *err)
{
	struct str line;

	if (conn_read_line(&session->conn, IMAP_LINE_MAX, true, &line, err) != 0)
		return -1;
	line = arena_printf(&session->arena, "%.*s\r\n", STR_ARG(line));
	return io_write_all(remote->stream, line.data, line.len, err);
}

static int listen_to(struct session *session, struct remote *remote, struct ipc_message *reply, bool input,
                     struct err *err)
{
	struct pollfd control = {.fd = remote->control, .events = POLLIN};
	int got = 0;

	err_set(err, ERR_CLOSED, "it ended");
	while (got == 0) {
		int what = wait_for(session, remote, input, err);

		if (what < 0 || session->conn.failed != 0)
			return -1;
		if (what == 2) {
			input = false;
			if (hand_line_on(session, remote, err) != 0)
				return -1;
		}
		got = relay(session, remote);
		if (got == 1)
			got = 0;
		else if (poll(&control, 1, 0) > 0)
			got = take_packet(session, remote, reply, err);
	}
	/* what it wrote before its answer is there: a local socket has no way to be late */
	while (got == 1 && relay(session, remote) == 1)
		;
	return got == 1 ? 0 : -1;
}

int shared_ask(struct session *session, struct remote *remote, const struct ipc_message *request,
               struct ipc_message *reply, bool input)
{
	bool was_selected = session->shared->selected == remote;
	struct err err;

	remote->sequence++;
	if (ipc_send(remote->control, request, remote->sequence, &err) == 0 &&
	    listen_to(session, remote, reply, input, &err) == 0) {
		remote->used_ms = io_now_ms();
		return 0;
	}
	if (session->conn.failed == 0)
		log_error("the session in the mailbox of %s for user=%s is gone: %s", remote->owner, session->user, err.text);
	hang_up(remote);
	imap_no(session, "UNAVAILABLE", "The folders of that user cannot be reached at the moment");
	if (was_selected) {
		session->shared->selected = NULL;
		session_bye(session, "The selected folder cannot be reached any more");
	}
	return -1;
}
