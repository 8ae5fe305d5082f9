#include "collector/arrival.h"

#include "common/base/log.h"
#include "common/mime/header.h"

#include <time.h>

enum { SLICE = 64 * 1024 };

/* RFC 5322 3.3 date-time, in local time. */
static struct str date_now(const struct session *session, struct arena *arena)
{
	char text[64];
	time_t now = time(NULL);
	struct tm local;

	(void)session;
	localtime_r(&now, &local);
	strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S %z", &local);
	return arena_copy(arena, str_of(text));
}

/* The date of the newest Received field there is, as it stands, where that is wanted; else now. */
static struct str received_date(const struct arrival *arrival)
{
	const struct session *session = arrival->session;
	struct mime_field field;
	struct mime_date date;
	ptrdiff_t semicolon;
	struct str text;

	if (settings_flag(&session->settings, SETTING_COLLECT_RECEIVED_DATE) &&
	    mime_field_find(message_header(&arrival->message), STR("Received"), &field) &&
	    (semicolon = str_find_last_char(field.value, ';')) >= 0) {
		text = str_trim(mime_unfold(str_skip(field.value, (size_t)semicolon + 1), arrival->arena));
		if (text.len < 64 && mime_parse_date(text, &date))
			return text;
	}
	return date_now(session, arrival->arena);
}

/* RFC 5321 4.4, as far as it fits: from whom it was fetched, by what protocol. */
static struct str received_field(const struct arrival *arrival, const char *id)
{
	const struct session *session = arrival->session;
	const struct conn *conn = &session->server->conn;
	struct arena *arena = arrival->arena;
	struct str tls = STR("");

	if (conn->tls_active)
		tls = arena_printf(arena, "\r\n\t(%s)", conn_tls_text(conn, arena));
	return arena_printf(arena,
	                    "Received: from %s ([%s%s])\r\n\tby %s (Postroom) with %s%s%.*s\r\n\tid %s;\r\n\t%.*s\r\n",
	                    session->server->host, strchr(conn->peer, ':') != NULL ? "IPv6:" : "", conn->peer,
	                    settings_host_name(&session->settings), session->source->protocol, conn->tls_active ? "S" : "",
	                    STR_ARG(tls), id, STR_ARG(received_date(arrival)));
}

/* The envelope of what the collector makes. */
static struct spool_envelope make_envelope(const struct session *session, struct spool_file *file, struct arena *arena)
{
	const struct conn *conn = &session->server->conn;
	struct timespec now;

	spool_make_id(file, session->drop.producer, STR(""));
	clock_gettime(CLOCK_REALTIME, &now);
	return (struct spool_envelope){
	    .id = str_of(file->id),
	    .time_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
	    .producer = str_of(session->drop.producer),
	    .peer = str_of(conn->peer),
	    .protocol = arena_printf(arena, "%s%s", session->source->protocol, conn->tls_active ? "S" : ""),
	    .collector = session->collector.id,
	};
}

static int write_message(struct arrival *arrival, struct spool_file *file, struct err *err)
{
	const struct judgement *judgement = &arrival->pick->judgement;

	for (size_t i = judgement->line_count; i-- > 0;)
		message_add_on_top(&arrival->message, arena_printf(arrival->arena, "%.*s\r\n", STR_ARG(judgement->lines[i])));
	return message_write(&arrival->message, received_field(arrival, file->id), STR(""), file, err);
}

static int park_message(struct arrival *arrival, struct err *err)
{
	struct session *session = arrival->session;
	const struct judgement *judgement = &arrival->pick->judgement;
	struct spool_file file;
	struct spool_envelope envelope = make_envelope(session, &file, arrival->arena);

	if (arrival_look(arrival, err) != 0)
		return -1;
	envelope.from = judgement->sender;
	envelope.arc = arrival->arc;
	envelope.results = arrival->results;
	envelope.recipients = judgement->recipients;
	envelope.recipient_count = judgement->recipient_count;
	if (spool_begin(&file, &session->drop, &envelope, err) != 0)
		return -1;
	if (write_message(arrival, &file, err) != 0) {
		spool_abort(&file);
		return -1;
	}
	log_info("id=%s collected by %s: message %.*s, from=<%.*s>, recipients=%zu, %.*s", file.id, session->collector.name,
	         STR_ARG(arrival->pick->item->identity), STR_ARG(judgement->sender), judgement->recipient_count,
	         STR_ARG(judgement->reason));
	return batch_add_mail(session, &file, err);
}

static int write_source(const struct mime_source *source, struct spool_file *file, struct err *err)
{
	char slice[SLICE];

	for (int64_t at = 0; at < source->size;) {
		size_t len = source->size - at < SLICE ? (size_t)(source->size - at) : SLICE;

		if (mime_source_read(source, at, slice, len, err) != 0 || spool_write(file, str_from(slice, len), err) != 0)
			return -1;
		at += (int64_t)len;
	}
	return 0;
}

/* One that is made of a message, or of its header. */
static int park_mail(struct session *session, const struct judge_mail *mail, const struct mime_source *original,
                     struct arena *arena, struct err *err)
{
	struct spool_file file;
	struct spool_envelope envelope = make_envelope(session, &file, arena);
	int result;

	envelope.service = str_of(mail->service);
	envelope.from = mail->from;
	envelope.protocol = STR("");
	envelope.peer = STR("");
	envelope.body = mail->is_8bit ? STR("8BITMIME") : STR("");
	envelope.recipients = mail->recipients;
	envelope.recipient_count = mail->recipient_count;
	if (spool_begin(&file, &session->drop, &envelope, err) != 0)
		return -1;
	result = spool_write(&file, mail->head, err);
	if (result == 0 && mail->original)
		result = write_source(original, &file, err);
	if (result == 0)
		result = spool_write(&file, mail->tail, err);
	if (result != 0) {
		spool_abort(&file);
		return -1;
	}
	log_info("id=%s made by the collector %s (%s)", file.id, session->collector.name, mail->step);
	return batch_add_mail(session, &file, err);
}

static int park_mails(struct session *session, const struct judgement *judgement, const struct mime_source *original,
                      struct arena *arena, struct err *err)
{
	for (size_t i = 0; i < judgement->mail_count; i++)
		if (park_mail(session, &judgement->mails[i], original, arena, err) != 0)
			return -1;
	return 0;
}

static struct str join_recipients(const struct judgement *judgement, struct arena *arena)
{
	struct str joined = STR("");

	for (size_t i = 0; i < judgement->recipient_count && joined.len < COLLECT_TEXT_MAX; i++)
		joined = arena_printf(arena, "%.*s%s%.*s", STR_ARG(joined), i > 0 ? ", " : "",
		                      STR_ARG(judgement->recipients[i].address));
	return joined;
}

/* What is shown of a message in the table. */
static struct fate describe(const struct pick *pick, struct str header, struct arena *arena)
{
	struct fate fate = {
	    .identity = pick->item->identity,
	    .size = (int64_t)pick->item->size,
	    .subject = pick->judgement.routing.subject,
	    .from = pick->judgement.routing.author,
	    .to = join_recipients(&pick->judgement, arena),
	};
	struct mime_field field;
	struct mime_date date;

	if (mime_field_find(header, STR("Date"), &field) && mime_parse_date(mime_unfold(field.value, arena), &date))
		fate.date = date.time;
	return fate;
}

/* Copies (specification 04, Duplicate removal): the same Message-ID, From, Subject and Date, and the same body. */
static int copy_digest(const struct arrival *arrival, unsigned char bytes[DIGEST_LEN], bool *has_id_out,
                       struct err *err)
{
	static const char *const names[] = {"Message-ID", "From", "Subject", "Date"};
	struct mime_source source = message_source(&arrival->message);
	struct str header = message_header(&arrival->message);
	struct str parts[2 * sizeof names / sizeof names[0]];
	size_t count = 0;

	*has_id_out = false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct mime_field field = {.value = STR("")};

		if (mime_field_find(header, str_of(names[i]), &field) && i == 0)
			*has_id_out = field.value.len != 0;
		parts[count++] = field.value;
		parts[count++] = STR("\n");
	}
	return digest_make(arena_join(arrival->arena, parts, count), &source, (int64_t)arrival->message.header_len, bytes,
	                   err);
}

static bool holds_line(struct str lines, struct str line)
{
	while (lines.data != NULL)
		if (str_equal_nocase(str_cut(&lines, '\n'), line))
			return true;
	return false;
}

/* Of a copy: those who got the first one already are no recipients of this one. */
static int drop_copies(struct arrival *arrival, struct err *err)
{
	struct session *session = arrival->session;
	struct judgement *judgement = &arrival->pick->judgement;
	unsigned char bytes[DIGEST_LEN];
	struct digest *first;
	size_t kept = 0;
	bool has_id;

	if (session_number(session, COLLECTOR_SETTING_DUPLICATES) == 0)
		return 0;
	if (copy_digest(arrival, bytes, &has_id, err) != 0)
		return -1;
	if (!has_id)
		return 0;
	first = digests_get(&session->copies, bytes);
	first->count++;
	for (size_t i = 0; i < judgement->recipient_count; i++) {
		struct str address = judgement->recipients[i].address;

		if (holds_line(first->recipients, address))
			continue;
		first->recipients = arena_printf(&session->arena, "%.*s%.*s\n", STR_ARG(first->recipients), STR_ARG(address));
		judgement->recipients[kept++] = judgement->recipients[i];
	}
	if (kept < judgement->recipient_count)
		log_info("collector %s: message %.*s is a copy; %zu of %zu recipients have it", session->collector.name,
		         STR_ARG(arrival->pick->item->identity), judgement->recipient_count - kept, judgement->recipient_count);
	judgement->recipient_count = kept;
	return 0;
}

/* What is to become of a message at the server that is done with now. */
static enum item_state after(const struct session *session, const struct pick *pick, struct fate *fate)
{
	bool leaves = session_number(session, COLLECTOR_SETTING_LEAVE_DAYS) > 0;

	fate->remove = pick->judgement.remove == COLLECT_REMOVE_NOW;
	if (fate->remove)
		return ITEM_DELETE;
	return leaves || fate->headers_only ? ITEM_LEAVE : ITEM_DELETE;
}

int arrival_store(struct arrival *arrival, struct err *err)
{
	struct session *session = arrival->session;
	struct pick *pick = arrival->pick;
	struct mime_source source = message_source(&arrival->message);
	struct judge_arrival judged = {.offer = &pick->offer, .message = source};
	struct fate fate;
	struct err reason;

	judged.header = message_header(&arrival->message);
	if (judge_arrived(session->judge, &judged, arrival->arena, &pick->judgement, &reason) != 0) {
		log_warning("collector %s: message %.*s waits for the next time: %s", session->collector.name,
		            STR_ARG(pick->item->identity), reason.text);
		pick->item->state = ITEM_LEAVE;
		session->put_off++;
		return 0;
	}
	fate = describe(pick, judged.header, arrival->arena);
	fate.downloaded = true;
	fate.headers_only = pick->judgement.fetch == COLLECT_HEADERS;
	if (drop_copies(arrival, err) != 0 || park_mails(session, &pick->judgement, &source, arrival->arena, err) != 0)
		return -1;
	if (pick->judgement.recipient_count > 0 && park_message(arrival, err) != 0)
		return -1;
	pick->item->state = after(session, pick, &fate);
	batch_add_message(&session->batch, &fate);
	session->result.messages++;
	return 0;
}

/* Too large, and nobody is asked: told once. */
static void tell_too_large(struct session *session, const struct pick *pick, struct arena *arena, struct fate *fate)
{
	if (!pick->offer.too_large || pick->judgement.query || pick->item->known.told || pick->item->known.asked != 0)
		return;
	fate->told = true;
	keeper_notice(session, "Pop3DownloadTooBig", "Message too large to be collected",
	              arena_printf(arena,
	                           "The collector %s left a message at the server: its %llu bytes are more than"
	                           " max-size allows.\n\nFrom: %.*s\nSubject: %.*s\nIdentity: %.*s\n",
	                           session->collector.name, (unsigned long long)pick->item->size, STR_ARG(fate->from),
	                           STR_ARG(fate->subject), STR_ARG(fate->identity)));
}

/* Is its time at the server over, though it was not fetched? */
static bool is_overdue(const struct session *session, const struct pick *pick)
{
	const struct known *known = &pick->item->known;
	int64_t leave = session_number(session, COLLECTOR_SETTING_LEAVE_DAYS) * COLLECT_DAY_S;
	int64_t asked = settings_number(&session->settings, SETTING_COLLECT_QUERY_DAYS) * COLLECT_DAY_S;

	switch (pick->judgement.remove) {
	case COLLECT_REMOVE_NOW:
		return true;
	case COLLECT_REMOVE_QUERY:
		return known->asked != 0 && session->now - known->asked >= asked;
	case COLLECT_REMOVE_IGNORED:
		return leave > 0 && known->first_seen != 0 && session->now - known->first_seen >= leave;
	case COLLECT_REMOVE_LATER:
		break;
	}
	return false;
}

int offer_settle(struct session *session, struct pick *pick, struct arena *arena, struct err *err)
{
	const struct judgement *judgement = &pick->judgement;
	struct mime_source header = mime_source_memory(pick->offer.header);
	struct fate fate = describe(pick, pick->offer.header, arena);
	bool overdue = is_overdue(session, pick);

	pick->item->state = overdue ? ITEM_DELETE : ITEM_LEAVE;
	fate.asked = judgement->query && pick->item->known.asked == 0;
	fate.token = fate.asked ? pick->offer.token : STR("");
	fate.downloaded = fate.remove = overdue;
	tell_too_large(session, pick, arena, &fate);
	if (overdue)
		log_info("collector %s: message %.*s is deleted unread: %.*s", session->collector.name,
		         STR_ARG(pick->item->identity), STR_ARG(judgement->reason));
	if (!fate.asked && !fate.downloaded && !fate.told)
		return 0;
	if (park_mails(session, judgement, &header, arena, err) != 0)
		return -1;
	batch_add_message(&session->batch, &fate);
	for (size_t i = 0; fate.asked && i < judgement->asked_count; i++)
		batch_add_answerer(&session->batch, judgement->asked[i]);
	return 0;
}
