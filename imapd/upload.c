#include "imapd/upload.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

enum {
	SMALL_MAX = 256 * 1024,       /* octets of one message in memory */
	MEMORY_MAX = 4 * 1024 * 1024, /* octets of all */
	FIRST_CAPACITY = 8,
};

void upload_init(struct upload *upload, struct session *session)
{
	*upload = (struct upload){.session = session, .fd = -1, .count_max = UPLOAD_MESSAGES_MAX};
	upload->size_max = (uint64_t)settings_number(&session->imapd->settings, SETTING_IMAP_MAX_MESSAGE);
}

void upload_free(struct upload *upload)
{
	for (size_t i = 0; i < upload->count; i++)
		buf_free(&upload->messages[i].small);
	memory_free(upload->messages);
	if (upload->fd >= 0)
		close(upload->fd);
}

struct upload_message *upload_begin(struct upload *upload)
{
	struct upload_message *message;

	if (upload->count == upload->count_max) {
		imap_no(upload->session, "LIMIT", "At most %zu messages at a time", upload->count_max);
		return NULL;
	}
	if (upload->count == upload->capacity) {
		upload->capacity = upload->capacity != 0 ? upload->capacity * 2 : FIRST_CAPACITY;
		upload->messages = memory_resize(upload->messages, upload->capacity * sizeof *upload->messages);
	}
	message = &upload->messages[upload->count++];
	*message = (struct upload_message){.keywords = STR(""), .internal_date = time(NULL)};
	buf_init(&message->small, SMALL_MAX);
	return message;
}

static bool refuse(struct upload *upload, const struct err *err)
{
	log_error("cannot take a message of user=%s: %s", upload->session->user, err->text);
	imap_no(upload->session, "UNAVAILABLE", "The message cannot be stored at the moment");
	return false;
}

/* From here on the last message is in the file. */
static int move_to_file(struct upload *upload, struct upload_message *message, struct err *err)
{
	const struct session *session = upload->session;
	char path[STORE_PATH_MAX];

	if (upload->fd < 0) {
		mailbox_path(path, sizeof path, &session->imapd->daemon.instance, session->uid);
		upload->fd = open(path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (upload->fd < 0)
			return err_system(err, "cannot make an unnamed file in %s", path);
	}
	message->in_file = true;
	message->offset = upload->file_end;
	if (io_write_all(upload->fd, message->small.data, message->small.len, err) != 0)
		return -1;
	upload->file_end += (int64_t)message->small.len;
	upload->in_memory -= message->small.len;
	buf_free(&message->small);
	return 0;
}

bool upload_add(struct upload *upload, struct str bytes)
{
	struct upload_message *message = &upload->messages[upload->count - 1];
	struct err err;

	if ((uint64_t)message->size + bytes.len > upload->size_max) {
		imap_no(upload->session, "TOOBIG", "The message is larger than %" PRIu64 " octets", upload->size_max);
		return false;
	}
	message->size += (int64_t)bytes.len;
	if (!message->in_file && message->small.len + bytes.len <= SMALL_MAX &&
	    upload->in_memory + bytes.len <= MEMORY_MAX) {
		upload->in_memory += bytes.len;
		buf_add_str(&message->small, bytes);
		return true;
	}
	if ((!message->in_file && move_to_file(upload, message, &err) != 0) ||
	    io_write_all(upload->fd, bytes.data, bytes.len, &err) != 0)
		return refuse(upload, &err);
	upload->file_end += (int64_t)bytes.len;
	return true;
}

/*
 * The octets are taken as they are, also bare CR and LF (RFC 9051 6.3.12 knows no conversion, and a signature would
 * break); a NUL is allowed in a literal8 only (section 9, CHAR8).
 */
static bool add_octets(struct upload *upload, uint64_t size, bool allow_nul)
{
	struct session *session = upload->session;
	bool good = true, has_nul = false;

	while (size > 0) {
		struct str bytes;
		struct err err;

		if (conn_read_some(&session->conn, &bytes, &err) != 0)
			return imap_fail(&session->parser, IMAP_ENDED, "The connection ended");
		if (bytes.len > size)
			bytes.len = (size_t)size;
		has_nul = has_nul || (!allow_nul && memchr(bytes.data, '\0', bytes.len) != NULL);
		/* What cannot be stored is read to its end, so that the next command is found. */
		good = good && upload_add(upload, bytes);
		conn_consume(&session->conn, bytes.len);
		size -= bytes.len;
	}
	if (good && has_nul)
		imap_bad(session, "A NUL is not allowed in a literal");
	return good && !has_nul;
}

bool upload_literal(struct upload *upload, bool needs_literal8)
{
	struct session *session = upload->session;
	struct imap_parser *parser = &session->parser;
	uint64_t size;
	bool is_literal8, good;

	if (!imap_parse_literal(parser, upload->size_max, &size, &is_literal8)) {
		imap_refuse(session);
		return false;
	}
	good = add_octets(upload, size, is_literal8);
	if (!imap_parse_literal_end(parser)) {
		imap_refuse(session);
		return false;
	}
	if (good && needs_literal8 && !is_literal8) {
		imap_bad(session, "UTF8 takes a literal8");
		return false;
	}
	return good;
}

bool upload_to_file(struct upload *upload)
{
	struct err err;

	for (size_t i = 0; i < upload->count; i++)
		if (!upload->messages[i].in_file && move_to_file(upload, &upload->messages[i], &err) != 0)
			return refuse(upload, &err);
	return true;
}

/* The file's octets, as many as there are, behind what the upload has. */
static int copy_file(struct upload *upload, int from, int64_t size, struct err *err)
{
	while (size > 0) {
		ssize_t count = copy_file_range(from, NULL, upload->fd, NULL, (size_t)size, 0);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return count < 0 ? err_system(err, "cannot copy a message")
			                 : err_set(err, ERR_CORRUPT, "a message is shorter than it should be");
		upload->file_end += count;
		size -= count;
	}
	return 0;
}

int upload_add_stored(struct upload *upload, int64_t folder, uint32_t uid, struct str keywords, struct err *err)
{
	struct session *session = upload->session;
	struct mailbox_details details;
	struct upload_message *message;
	int fd, result;

	if (mailbox_details(session->mailbox, folder, uid, &details, err) != 0 ||
	    mailbox_open_message(session->mailbox, folder, uid, &fd, err) != 0)
		return -1;
	message = upload_begin(upload);
	result = message != NULL ? move_to_file(upload, message, err) : err_set(err, ERR_LIMIT, "too many messages");
	if (result == 0) {
		message->flags = details.flags;
		message->keywords = keywords;
		message->internal_date = details.internal_date;
		message->size = details.size;
		result = copy_file(upload, fd, details.size, err);
	}
	close(fd);
	return result;
}
