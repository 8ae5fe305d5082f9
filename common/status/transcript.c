#include "common/status/transcript.h"

#include "common/base/log.h"

#include <stdio.h>
#include <sys/socket.h>

enum { PACKET_OCTETS = 32 * 1024, PATIENCE_SECONDS = 1 };

static const char HIDDEN[] = "***";

static void flush(struct transcript *transcript)
{
	struct err err;

	if (transcript->packet.fields.len > 0 && transcript->channel.fd >= 0 &&
	    ipc_send(transcript->channel.fd, &transcript->packet, ++transcript->channel.sequence, &err) != 0) {
		log_warning("the log of this session ends here: %s", err.text);
		ipc_close(&transcript->channel);
	}
	ipc_message_reset(&transcript->packet);
}

static void tell(struct transcript *transcript, bool by_client, struct str line)
{
	if (transcript->packet.fields.len + line.len > PACKET_OCTETS)
		flush(transcript);
	if (transcript->packet.fields.len == 0)
		ipc_request(&transcript->packet, "transcript");
	ipc_add(&transcript->packet, by_client ? "client" : "server", line);
}

/*
 * How much of a client's line may be seen where it begins a login, in octets: the command, and for AUTH the mechanism,
 * for APOP the name. 0: it is no such line.
 */
static size_t visible_part(enum transcript_protocol protocol, struct str line)
{
	struct str rest = line, verb;
	bool shows_word;

	if (protocol == TRANSCRIPT_WEB)
		return 0;
	if (protocol == TRANSCRIPT_IMAP)
		str_cut_word(&rest); /* the tag */
	verb = str_cut_word(&rest);
	shows_word = str_equal_nocase(verb, protocol == TRANSCRIPT_IMAP ? STR("AUTHENTICATE") : STR("AUTH")) ||
	             (protocol == TRANSCRIPT_POP3 && str_equal_nocase(verb, STR("APOP")));
	if (shows_word)
		verb = str_cut_word(&rest);
	else if (!(protocol == TRANSCRIPT_POP3 && str_equal_nocase(verb, STR("PASS"))) &&
	         !(protocol == TRANSCRIPT_IMAP && str_equal_nocase(verb, STR("LOGIN"))))
		return 0;
	return verb.len != 0 ? (size_t)(verb.data + verb.len - line.data) : line.len;
}

static void take_client_line(struct transcript *transcript, struct str line)
{
	char shown[TRANSCRIPT_LINE_MAX + sizeof "... ***"];
	size_t visible;

	if (transcript->in_data && transcript->cuts_messages)
		return;
	if (transcript->hiding) {
		tell(transcript, true, str_of(HIDDEN));
		return;
	}
	visible = transcript->in_data ? 0 : visible_part(transcript->protocol, line);
	if (visible == 0) {
		tell(transcript, true, line);
		return;
	}
	transcript->hiding = true;
	snprintf(shown, sizeof shown, "%.*s%s%s", (int)visible, line.data, visible < line.len ? " " : "",
	         visible < line.len ? HIDDEN : "");
	tell(transcript, true, str_of(shown));
}

/* Does the server's line end the command that was sent last; if not, how many octets of it hold no challenge? */
static bool is_final(enum transcript_protocol protocol, struct str line, size_t *visible_out)
{
	*visible_out = 2;
	switch (protocol) {
	case TRANSCRIPT_SMTP:
		*visible_out = 4;
		return line.len > 3 && line.data[0] != '3' && line.data[3] == ' ';
	case TRANSCRIPT_POP3:
		return str_starts(line, STR("+OK")) || str_starts(line, STR("-"));
	case TRANSCRIPT_IMAP:
	case TRANSCRIPT_WEB:
		break;
	}
	if (str_starts(line, STR("* ")))
		*visible_out = line.len;
	return !str_starts(line, STR("+")) && !str_starts(line, STR("* "));
}

static void take_server_line(struct transcript *transcript, struct str line)
{
	const char *secret = transcript->conn != NULL ? transcript->conn->hidden : NULL;
	char shown[TRANSCRIPT_LINE_MAX + sizeof "...***"], blotted[TRANSCRIPT_LINE_MAX + sizeof "..."];
	size_t visible;
	bool final = is_final(transcript->protocol, line, &visible);

	transcript->in_data = transcript->protocol == TRANSCRIPT_SMTP && str_starts(line, STR("354"));
	if (secret != NULL && str_find(line, str_of(secret)) >= 0) {
		str_copy(line, blotted, sizeof blotted);
		str_blot(blotted, str_of(secret));
		line = str_of(blotted);
	}
	if (!transcript->hiding || final || line.len <= visible) {
		tell(transcript, false, line);
	} else {
		snprintf(shown, sizeof shown, "%.*s%s", (int)visible, line.data, HIDDEN);
		tell(transcript, false, str_of(shown));
	}
	if (final)
		transcript->hiding = false;
}

static void take_line(struct transcript *transcript, bool by_client, struct str line)
{
	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	if (by_client)
		take_client_line(transcript, line);
	else
		take_server_line(transcript, line);
}

/* Add to the line that is not complete; what is more than may be told is dropped, and shows as dots at its end. */
static void add_partly(struct buf *line, struct str part)
{
	size_t room = TRANSCRIPT_LINE_MAX > line->len ? TRANSCRIPT_LINE_MAX - line->len : 0;

	buf_add_str(line, str_sub(part, 0, room));
	if (part.len > room && room > 0)
		buf_add_str(line, STR("..."));
}

void transcript_take(struct transcript *transcript, bool by_client, struct str bytes)
{
	struct buf *line = by_client ? &transcript->in : &transcript->out;
	ptrdiff_t end;

	while ((end = str_find_char(bytes, '\n')) >= 0) {
		add_partly(line, str_sub(bytes, 0, (size_t)end));
		take_line(transcript, by_client, buf_str(line));
		buf_reset(line);
		bytes = str_skip(bytes, (size_t)end + 1);
	}
	add_partly(line, bytes);
}

static void trace(enum conn_traced what, struct str bytes, void *context)
{
	struct transcript *transcript = context;

	if (what == CONN_TRACE_WAIT)
		flush(transcript);
	else
		transcript_take(transcript, (what == CONN_TRACE_IN) != transcript->is_ours, bytes);
}

static bool is_logged(const struct settings *settings, enum transcript_protocol protocol)
{
	static const enum setting switches[] = {SETTING_SMTP_LOG, SETTING_POP3_LOG, SETTING_IMAP_LOG, SETTING_WEB_LOG};

	return settings_flag(settings, switches[protocol]);
}

static bool is_meant(const struct settings *settings, const char *peer)
{
	const char *clients = settings_text(settings, SETTING_LOG_CLIENTS);

	return clients[0] == '\0' || settings_networks_hold(clients, peer);
}

void transcript_init(struct transcript *transcript, enum transcript_protocol protocol)
{
	*transcript = (struct transcript){.channel = {.fd = -1}, .protocol = protocol};
	buf_init(&transcript->in, TRANSCRIPT_LINE_MAX + 3);
	buf_init(&transcript->out, TRANSCRIPT_LINE_MAX + 3);
	ipc_message_init(&transcript->packet);
}

void transcript_free(struct transcript *transcript)
{
	ipc_close(&transcript->channel);
	ipc_message_free(&transcript->packet);
	buf_free(&transcript->in);
	buf_free(&transcript->out);
}

static int connect_channel(struct transcript *transcript, const struct settings *settings, const char *program)
{
	const struct timeval patience = {PATIENCE_SECONDS, 0};
	struct err err;

	if (ipc_connect(&transcript->channel, settings->instance, "historyd", program, &err) != 0) {
		log_warning("this session is not logged: %s", err.text);
		return -1;
	}
	setsockopt(transcript->channel.fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	return 0;
}

/* Say whose session it is. */
static void introduce(struct transcript *transcript, const char *service, const char *peer)
{
	ipc_request(&transcript->packet, "transcript-begin");
	ipc_add_text(&transcript->packet, "service", service);
	ipc_add_text(&transcript->packet, "peer", peer);
	flush(transcript);
}

void transcript_reserve(struct transcript *transcript, const struct settings *settings,
                        enum transcript_protocol protocol, const char *program)
{
	transcript_init(transcript, protocol);
	transcript->is_ours = true;
	connect_channel(transcript, settings, program);
}

void transcript_about(struct transcript *transcript, const struct settings *settings, const char *name,
                      const char *peer, bool with_messages)
{
	if (transcript->channel.fd < 0)
		return;
	flush(transcript);
	transcript->hiding = transcript->in_data = false;
	transcript->cuts_messages = !with_messages;
	transcript->silent = name == NULL || !is_meant(settings, peer);
	if (!transcript->silent)
		introduce(transcript, name, peer);
}

void transcript_attach(struct transcript *transcript, struct conn *conn)
{
	if (transcript->channel.fd < 0 || transcript->silent)
		return;
	transcript->conn = conn;
	conn->trace = trace;
	conn->trace_context = transcript;
}

void transcript_begin(struct transcript *transcript, struct conn *conn, const struct settings *settings,
                      enum transcript_protocol protocol, const char *program)
{
	const struct service *service = settings_service(settings, settings->service);
	const char *peer = conn->peer[0] != '\0' ? conn->peer : "local";

	transcript_init(transcript, protocol);
	if (!is_logged(settings, protocol) || !is_meant(settings, peer))
		return;
	if (connect_channel(transcript, settings, program) == 0)
		introduce(transcript, service != NULL ? service->label : "local", peer);
	transcript_attach(transcript, conn);
}

void transcript_open(struct transcript *transcript, const struct settings *settings, enum transcript_protocol protocol,
                     const char *program, const char *name, const char *peer)
{
	transcript_init(transcript, protocol);
	transcript->is_ours = true;
	if (is_meant(settings, peer) && connect_channel(transcript, settings, program) == 0)
		introduce(transcript, name, peer);
}

void transcript_note(struct transcript *transcript, struct str asked, struct str answered)
{
	if (transcript->channel.fd < 0)
		return;
	tell(transcript, true, str_sub(asked, 0, TRANSCRIPT_LINE_MAX));
	tell(transcript, false, str_sub(answered, 0, TRANSCRIPT_LINE_MAX));
	flush(transcript);
}

void transcript_end(struct transcript *transcript)
{
	if (transcript->conn == NULL)
		return;
	flush(transcript);
	transcript->conn->trace = NULL;
	transcript->conn = NULL;
	transcript_free(transcript);
}
