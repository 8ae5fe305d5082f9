/* imapd: the answer for one message. */
#include "imapd/fetch.h"

#include "common/base/log.h"
#include "imapd/envelope.h"

#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STRUCTURE_MAX = 16 << 20, /* octets of a BODY answer */
	SHORT_MAX = 16 << 10,     /* octets of a message that is read at once */
	TURN_OCTETS = 256 << 10,  /* of messages that a FETCH opens before it has to wait for its turn */
	LAZY_MAX = 64 << 10,      /* octets of a message whose preview is made also for who would do without */
};

/* A short message is read at once; of a long one only what is needed, and its octets go by sendfile. */
static int load(struct fetch_message *message, struct err *err)
{
	size_t size = (size_t)message->source.size;
	char *data;

	if (message->source.size > SHORT_MAX)
		return 0;
	data = arena_get(&message->arena, size + 1);
	if (mime_source_read(&message->source, 0, data, size, err) != 0)
		return -1;
	message->data = data;
	message->source = mime_source_memory(str_from(data, size));
	return 0;
}

int fetch_open(struct fetch *fetch, struct fetch_message *message, struct err *err)
{
	struct session *session = fetch->session;
	struct stat st;

	if (message->fd >= 0)
		return 0;
	if (mailbox_open_message(session->mailbox, fetch->folder, message->uid, &message->fd, err) != 0) {
		message->fd = -1;
		return -1;
	}
	if (fstat(message->fd, &st) != 0)
		return err_system(err, "cannot look at a message");
	message->source = mime_source_file(message->fd, 0, st.st_size);
	fetch->octets += st.st_size;
	if (fetch->octets > TURN_OCTETS && fetch_take_turn(fetch, err) != 0)
		return -1;
	return load(message, err);
}

int fetch_parse_message(struct fetch *fetch, struct fetch_message *message, struct err *err)
{
	if (message->root != NULL)
		return 0;
	if (fetch_open(fetch, message, err) != 0)
		return -1;
	return mime_parse(&message->source, &message->arena, &message->root, err);
}

/* See to it that cached holds the header's things, and what is wanted beyond them. */
static int learn(struct fetch *fetch, struct fetch_message *message, unsigned wanted, struct err *err)
{
	struct cached *cached = &message->cached;

	if (message->has_cached && ((wanted & CACHED_STRUCTURE) == 0 || cached->structure.data != NULL) &&
	    ((wanted & CACHED_PREVIEW) == 0 || cached->preview.data != NULL))
		return 0;
	if (fetch_open(fetch, message, err) != 0 ||
	    cached_build(&message->source, wanted, &message->arena, cached, err) != 0)
		return -1;
	message->has_cached = message->learned = true;
	return 0;
}

static int prepare_section(struct fetch *fetch, struct fetch_message *message, const struct fetch_item *item,
                           struct err *err)
{
	const struct section *section = &item->section;

	if (section->count != 0)
		return fetch_parse_message(fetch, message, err);
	if (section->text != SECTION_ALL && learn(fetch, message, 0, err) != 0)
		return -1;
	/* Fields that were too many to be kept are read from the message. */
	if (section_is_cached(section) && message->cached.has_fields)
		return 0;
	return fetch_open(fetch, message, err);
}

int fetch_prepare(struct fetch *fetch, struct fetch_message *message, const struct fetch_item *item, struct err *err)
{
	switch (item->what) {
	case FETCH_ENVELOPE:
	case FETCH_THREADID:
		return learn(fetch, message, 0, err);
	case FETCH_BODYSTRUCTURE:
		return learn(fetch, message, CACHED_STRUCTURE, err);
	case FETCH_PREVIEW:
		return item->is_lazy && message->details.size > LAZY_MAX ? 0 : learn(fetch, message, CACHED_PREVIEW, err);
	case FETCH_BODY:
		return fetch_parse_message(fetch, message, err);
	case FETCH_SECTION:
	case FETCH_BINARY:
	case FETCH_BINARY_SIZE:
		return prepare_section(fetch, message, item, err);
	case FETCH_FLAGS:
	case FETCH_UID:
	case FETCH_INTERNALDATE:
	case FETCH_SIZE:
	case FETCH_MODSEQ:
	case FETCH_SAVEDATE:
	case FETCH_EMAILID:
		break;
	}
	return 0;
}

static void write_number(struct conn *conn, int64_t number)
{
	char text[24];
	size_t at = sizeof text;
	uint64_t rest = number < 0 ? 0 : (uint64_t)number;

	do
		text[--at] = (char)('0' + rest % 10);
	while ((rest /= 10) != 0);
	conn_write(conn, str_from(text + at, sizeof text - at));
}

/* FLAGS, and MODSEQ where they changed for a client that keeps track; what was to be told of them is told then. */
static void write_flags(struct fetch *fetch, struct fetch_message *message)
{
	struct session *session = fetch->session;
	struct view_message *seen = &session->view->messages[message->at];
	bool tell_modseq = session->enabled.condstore && (seen->flags & (VIEW_CHANGED | VIEW_MODSEQ)) != 0;

	conn_write(&session->conn, STR("FLAGS "));
	session_write_flags(session, seen->flags, view_keywords(session->view, seen),
	                    !session->enabled.rev2 && (seen->flags & VIEW_RECENT) != 0);
	if (tell_modseq)
		conn_printf(&session->conn, " MODSEQ (%" PRId64 ")", seen->modseq);
	seen->flags &= ~(unsigned)(VIEW_CHANGED | VIEW_MODSEQ | VIEW_EXPECTED);
}

static void write_structure(struct session *session, struct fetch_message *message)
{
	struct buf text;

	buf_init(&text, STRUCTURE_MAX);
	structure_format(message->root, false, &message->arena, &text);
	conn_write(&session->conn, buf_str(&text));
	buf_free(&text);
}

static void write_thread(struct session *session, struct fetch_message *message)
{
	char thread[CACHED_THREAD_MAX];

	conn_printf(&session->conn, "(%s)", cached_thread_id(message->cached.fields, message->details.email_id, thread));
}

/* The value of an item that is no section. */
static void write_value(struct fetch *fetch, struct fetch_message *message, const struct fetch_item *item)
{
	struct session *session = fetch->session;
	struct conn *conn = &session->conn;

	switch (item->what) {
	case FETCH_UID:
		write_number(conn, message->uid);
		break;
	case FETCH_INTERNALDATE:
		imap_write_date_time(conn, message->details.internal_date);
		break;
	case FETCH_SAVEDATE:
		imap_write_date_time(conn, message->details.save_date);
		break;
	case FETCH_SIZE:
		write_number(conn, message->details.size);
		break;
	case FETCH_ENVELOPE:
		conn_write(conn, message->cached.envelope);
		break;
	case FETCH_BODYSTRUCTURE:
		conn_write(conn, message->cached.structure);
		break;
	case FETCH_BODY:
		write_structure(session, message);
		break;
	case FETCH_MODSEQ:
		conn_printf(conn, "(%" PRId64 ")", session->view->messages[message->at].modseq);
		break;
	case FETCH_PREVIEW:
		imap_write_nstring(conn, message->has_cached ? message->cached.preview : (struct str){NULL, 0},
		                   session_utf8(session));
		break;
	case FETCH_EMAILID:
		conn_printf(conn, "(M%" PRId64 ")", message->details.email_id);
		break;
	case FETCH_THREADID:
		write_thread(session, message);
		break;
	case FETCH_FLAGS:
	case FETCH_SECTION:
	case FETCH_BINARY:
	case FETCH_BINARY_SIZE:
		break;
	}
}

static int write_item(struct fetch *fetch, struct fetch_message *message, const struct fetch_item *item,
                      struct err *err)
{
	struct conn *conn = &fetch->session->conn;

	if (item->what == FETCH_FLAGS) {
		write_flags(fetch, message);
		return 0;
	}
	if (item->what == FETCH_SECTION || item->what == FETCH_BINARY || item->what == FETCH_BINARY_SIZE)
		return section_write(fetch, message, item, err);
	conn_write(conn, item->label);
	conn_write(conn, STR(" "));
	write_value(fetch, message, item);
	return 0;
}

static bool has_item(const struct fetch *fetch, enum fetch_what what)
{
	for (size_t i = 0; i < fetch->count; i++)
		if (fetch->items[i].what == what)
			return true;
	return false;
}

/*
 * What the client did not ask for, and has to be told all the same: flags that this very FETCH changed; the UID, in
 * answers to UID commands and with such flags where the client keeps track of MODSEQ (RFC 7162 3.2.4).
 */
static const char *write_unasked(struct fetch *fetch, struct fetch_message *message)
{
	const struct view_message *seen = &fetch->session->view->messages[message->at];
	bool changed = fetch->sets_seen && (seen->flags & VIEW_CHANGED) != 0;
	const char *space = "";

	if ((fetch->session->by_uid || (changed && fetch->session->enabled.condstore)) && !has_item(fetch, FETCH_UID)) {
		conn_write(&fetch->session->conn, STR("UID "));
		write_number(&fetch->session->conn, message->uid);
		space = " ";
	}
	if (changed && !has_item(fetch, FETCH_FLAGS)) {
		conn_write(&fetch->session->conn, str_of(space));
		write_flags(fetch, message);
		space = " ";
	}
	return space;
}

/* Part of an answer was written and the rest cannot be read: nobody may take what is there for the whole. */
static int break_off(struct fetch *fetch, const struct fetch_message *message, const struct err *err)
{
	struct conn *conn = &fetch->session->conn;

	if (conn->failed != 0)
		return -1;
	log_error("cannot read message %u in folder %" PRId64 ", user=%s: %s", message->uid, fetch->folder,
	          fetch->session->user, err->text);
	conn->failed = err->code;
	conn->failure = *err;
	return -1;
}

int fetch_write_message(struct fetch *fetch, struct fetch_message *message, struct err *err)
{
	struct conn *conn = &fetch->session->conn;
	const char *space;

	for (size_t i = 0; i < fetch->count; i++)
		if (fetch_prepare(fetch, message, &fetch->items[i], err) != 0)
			return -1;
	conn_write(conn, STR("* "));
	write_number(conn, (int64_t)message->at + 1);
	conn_write(conn, STR(" FETCH ("));
	space = write_unasked(fetch, message);
	for (size_t i = 0; i < fetch->count; i++) {
		conn_write(conn, str_of(space));
		space = " ";
		if (write_item(fetch, message, &fetch->items[i], err) != 0)
			return break_off(fetch, message, err);
	}
	conn_write(conn, STR(")\r\n"));
	return 0;
}
