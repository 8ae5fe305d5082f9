/* imapd/target: what goes from session to session (doc/ipc.md, "imapd's sessions among themselves"). */
#include "imapd/target.h"

#include <inttypes.h>
#include <sys/stat.h>

bool bundle_add(struct ipc_message *message, struct upload *upload)
{
	struct arena *arena = &upload->session->arena;

	if (!upload_to_file(upload))
		return false;
	for (size_t i = 0; i < upload->count; i++) {
		const struct upload_message *one = &upload->messages[i];

		ipc_add(message, "message",
		        arena_printf(arena, "%" PRId64 " %" PRId64 " %u %" PRId64 " %.*s", one->offset, one->size, one->flags,
		                     one->internal_date, STR_ARG(one->keywords)));
	}
	ipc_add_fd(message, upload->fd);
	return true;
}

/* The next number of a field, 0 to max; with_sign: or below 0. */
static bool take_number(struct str *field, uint64_t max, bool with_sign, int64_t *number)
{
	struct str text = str_cut(field, ' ');
	bool below = with_sign && str_starts(text, STR("-"));
	uint64_t value;

	if (!str_to_u64(str_skip(text, below), max, &value))
		return false;
	*number = below ? -(int64_t)value : (int64_t)value;
	return true;
}

/* Keywords go into the index, and from there into the FLAGS lines of other sessions. */
static bool are_keywords(struct str words)
{
	if (words.data == NULL || words.len > STORE_KEYWORDS_MAX)
		return false;
	while (words.len > 0) {
		struct str word = str_cut(&words, ' ');

		if (!imap_is_keyword(word) || word.len > STORE_KEYWORD_MAX || (words.data != NULL && words.len == 0))
			return false;
	}
	return true;
}

/* One field into the next message of upload. */
static bool take_message(struct str field, int64_t file_size, struct upload *upload)
{
	const unsigned all = STORE_SEEN | STORE_ANSWERED | STORE_FLAGGED | STORE_DELETED | STORE_DRAFT;
	int64_t offset, size, flags, date;
	struct upload_message *message;

	if (!take_number(&field, (uint64_t)file_size, false, &offset) ||
	    !take_number(&field, (uint64_t)(file_size - offset), false, &size) ||
	    !take_number(&field, all, false, &flags) || !take_number(&field, INT64_MAX, true, &date) ||
	    !are_keywords(field))
		return false;
	message = upload_begin(upload);
	if (message == NULL)
		return false;
	message->in_file = true;
	message->offset = offset;
	message->size = size;
	message->flags = (unsigned)flags;
	message->internal_date = date;
	message->keywords = arena_copy(&upload->session->arena, field);
	return true;
}

int bundle_take(struct ipc_message *message, struct upload *upload, struct err *err)
{
	struct str key, value;
	size_t position = 0;
	struct stat status;

	upload->fd = ipc_take_fd(message, 0);
	if (upload->fd < 0 || fstat(upload->fd, &status) != 0 || !S_ISREG(status.st_mode))
		return err_set(err, ERR_PROTOCOL, "messages came without their file");
	while (ipc_next(message, &position, &key, &value))
		if (str_equal(key, STR("message")) && !take_message(value, status.st_size, upload))
			return err_set(err, ERR_PROTOCOL, "a message came that is none");
	return upload->count > 0 ? 0 : err_set(err, ERR_PROTOCOL, "no message came");
}

void bundle_add_stored(struct ipc_message *message, const struct stored *stored, size_t count)
{
	ipc_add_number(message, "uidvalidity", stored->uidvalidity);
	for (size_t i = 0; i < count; i++)
		ipc_add_number(message, "uid", stored->uids[i]);
}

int bundle_take_stored(struct session *session, const struct ipc_message *message, size_t count, struct stored *stored,
                       struct err *err)
{
	size_t position = 0, taken = 0;
	struct str key, value;
	int64_t uidvalidity;
	uint64_t uid;

	stored->uids = arena_get(&session->arena, count * sizeof *stored->uids + 1);
	if (!ipc_get_number(message, "uidvalidity", 1, UINT32_MAX, &uidvalidity))
		return err_set(err, ERR_PROTOCOL, "messages were stored without a UIDVALIDITY");
	stored->uidvalidity = (uint32_t)uidvalidity;
	while (ipc_next(message, &position, &key, &value))
		if (str_equal(key, STR("uid")) && taken < count && str_to_u64(value, UINT32_MAX, &uid))
			stored->uids[taken++] = (uint32_t)uid;
	return taken == count ? 0 : err_set(err, ERR_PROTOCOL, "messages were stored without their UIDs");
}

void bundle_add_result(struct ipc_message *message, const struct session *session)
{
	ipc_add(message, "code", session->code);
	if (session->status == IMAP_OK)
		return;
	ipc_add_text(message, "refused", session->status == IMAP_NO ? "no" : "bad");
	ipc_add(message, "words", session->text);
}

bool bundle_take_result(struct session *session, const struct ipc_message *message)
{
	struct str code = ipc_get(message, "code"), words = ipc_get(message, "words"), how = ipc_get(message, "refused");

	if (how.data == NULL)
		return true;
	if (str_equal(how, STR("bad")))
		imap_bad(session, "%.*s", STR_ARG(words));
	else
		imap_no(session, code.len > 0 ? arena_text(&session->arena, code) : NULL, "%.*s", STR_ARG(words));
	return false;
}
