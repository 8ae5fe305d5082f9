#include "smtpd/smtpd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "smtpd/intake.h"

/* Octets a second below which, over the whole message or chunk, a client is cut off. */
enum { SLOWEST_PER_S = 256 };

static const struct smtp_refusal chunk_failed = {503, "5.5.1", "A chunk was refused, say RSET"};

/* The octets that came, INTAKE_SLICE at most, of a message or chunk that began at start_ms. -1: there are none. */
static int read_slice(struct session *session, int64_t start_ms, uint64_t read, struct str *bytes_out)
{
	struct conn *conn = &session->conn;
	struct err err;

	conn->deadline_ms = start_ms + 2 * (int64_t)conn->timeout_ms + (int64_t)(read * 1000 / SLOWEST_PER_S);
	if (conn_read_some(conn, bytes_out, &err) == 0) {
		*bytes_out = str_sub(*bytes_out, 0, INTAKE_SLICE);
		return 0;
	}
	log_info("message broken off after %llu octets: %s from=<%.*s> client=%s service=%s", (unsigned long long)read,
	         err.text, STR_ARG(session->transaction.mail.from.text), session->peer, session->service);
	return -1;
}

/* Read to the message's end. -1: the connection failed. */
static int receive(struct intake *intake)
{
	struct session *session = intake->session;
	int64_t start_ms = io_now_ms();
	uint64_t read = 0;

	while (!intake->data.ended) {
		struct str bytes;
		size_t taken;

		if (read_slice(session, start_ms, read, &bytes) != 0)
			return -1;
		intake_take(intake, bytes, &taken);
		conn_consume(&session->conn, taken);
		read += taken;
	}
	session->stray = intake->data.stray;
	return 0;
}

void command_data(struct session *session, struct str argument)
{
	struct intake intake;

	(void)argument;
	if (!disk_has_room(session, SETTING_DISK_MESSAGE)) {
		reply_refusal(session, &intake_storage_full);
		return;
	}
	if (!hooks_permit(session, "DoDATAStart", STR("")))
		return;
	reply(session, 354, NULL, "End data with <CR><LF>.<CR><LF>");
	intake_begin(&intake, session, false);
	if (receive(&intake) == 0)
		intake_finish(&intake);
	intake_end(&intake);
	transaction_reset(session);
}

/* Read a chunk, for the message or, where intake is NULL, to be dropped. -1: the connection failed. */
static int read_chunk(struct session *session, struct intake *intake, uint64_t size)
{
	int64_t start_ms = io_now_ms();
	uint64_t read = 0;

	while (read < size) {
		struct str bytes;
		size_t taken;

		if (read_slice(session, start_ms, read, &bytes) != 0)
			return -1;
		bytes = str_sub(bytes, 0, size - read < bytes.len ? (size_t)(size - read) : bytes.len);
		taken = bytes.len;
		if (intake != NULL)
			intake_take(intake, bytes, &taken);
		conn_consume(&session->conn, taken);
		read += taken;
	}
	return 0;
}

/* -1: it is not known where the chunk ends; what follows could be taken for commands, so nothing more is read. */
static int parse_chunk(struct session *session, struct str argument, struct smtp_chunk *chunk)
{
	struct smtp_refusal refusal;

	if (smtp_parse_bdat(argument, chunk, &refusal) == 0)
		return 0;
	reply_refusal(session, &refusal);
	session->closing = true;
	return -1;
}

void chunk_refuse(struct session *session, struct str argument, const struct smtp_refusal *refusal)
{
	struct smtp_chunk chunk;

	if (parse_chunk(session, argument, &chunk) == 0 && read_chunk(session, NULL, chunk.size) == 0)
		reply_refusal(session, refusal);
}

static void begin_chunks(struct session *session)
{
	struct intake *intake = arena_get(&session->transaction_arena, sizeof *intake);

	session->transaction.intake = intake;
	intake_begin(intake, session, true);
	if (!disk_has_room(session, SETTING_DISK_MESSAGE))
		intake_refuse(intake, &intake_storage_full);
}

/* A script may refuse the first chunk, as it may DATA; there is nothing else that it could answer. */
static bool script_permits(struct session *session)
{
	bool permitted = hooks_permit(session, "DoDATAStart", STR(""));

	session->hooks.instead = STR("");
	return permitted;
}

/* RFC 3030 2: whatever is answered, the chunk is read first. */
void command_bdat(struct session *session, struct str argument)
{
	struct transaction *transaction = &session->transaction;
	bool begins = transaction->intake == NULL;
	struct smtp_chunk chunk;

	if (transaction->chunks_failed) {
		chunk_refuse(session, argument, &chunk_failed);
		return;
	}
	if (parse_chunk(session, argument, &chunk) != 0)
		return;
	if (begins)
		begin_chunks(session);
	if (read_chunk(session, transaction->intake, chunk.size) != 0)
		return;
	if (begins && !script_permits(session)) {
		transaction->chunks_failed = true;
	} else if (chunk.is_last) {
		intake_take_end(transaction->intake);
		intake_finish(transaction->intake);
		transaction_reset(session);
	} else if (transaction->intake->refusal != NULL) {
		intake_answer_refusal(transaction->intake);
		transaction->chunks_failed = true;
	} else {
		reply(session, 250, "2.0.0", "%llu octets received", (unsigned long long)chunk.size);
	}
}
