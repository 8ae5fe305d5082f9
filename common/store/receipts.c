#include "common/store/receipts.h"

#include "common/base/log.h"
#include "common/mime/header.h"
#include "common/store/changes.h"

#include <unistd.h>

enum { HEADER_MAX = 64 * 1024 /* octets that are searched */ };

void receipts_open(struct receipts *receipts, const struct settings *settings, const struct instance *instance,
                   const char *program)
{
	struct err err;

	*receipts = (struct receipts){.settings = settings, .channel = {.fd = -1}};
	if (settings_text(settings, SETTING_RECEIPT_READ_FIELDS)[0] != '\0' &&
	    ipc_connect_now(&receipts->channel, instance, "filterd", program, &err) != 0)
		log_warning("no receipts of reading: %s", err.text);
}

void receipts_close(struct receipts *receipts)
{
	ipc_close(&receipts->channel);
}

/* Has the header one of the fields? */
static bool is_wanted(const struct receipts *receipts, int fd)
{
	struct str names = str_of(settings_text(receipts->settings, SETTING_RECEIPT_READ_FIELDS)), name;
	static char text[HEADER_MAX];
	ssize_t size = pread(fd, text, sizeof text, 0);
	struct str header = str_from(text, size > 0 ? (size_t)size : 0);
	struct mime_field field;
	ptrdiff_t end = str_find(header, STR("\r\n\r\n"));

	header = str_sub(header, 0, end >= 0 ? (size_t)end + 2 : header.len);
	while ((name = str_cut_item(&names)).len != 0)
		if (mime_field_find(header, name, &field))
			return true;
	return false;
}

/* Give it the keyword; a message that has it already stays as it is, by its MODSEQ. */
static bool mark_first(struct mailbox *mailbox, int64_t folder, uint32_t uid)
{
	const struct store_change change = {.how = STORE_ADD, .keywords = STR(RECEIPT_KEYWORD), .unchanged_since = -1};
	struct mailbox_details before, after;
	struct err err;

	return mailbox_details(mailbox, folder, uid, &before, &err) == 0 &&
	       mailbox_store(mailbox, folder, &uid, 1, &change, NULL, NULL, 0, &err) == 0 &&
	       mailbox_details(mailbox, folder, uid, &after, &err) == 0 && after.modseq != before.modseq;
}

static void tell(struct receipts *receipts, const char *user, int fd)
{
	struct ipc_message notice;
	struct err err;

	ipc_message_init(&notice);
	ipc_request(&notice, "read");
	ipc_add_text(&notice, "user", user);
	ipc_add_fd(&notice, fd);
	if (ipc_send(receipts->channel.fd, &notice, ++receipts->channel.sequence, &err) != 0) {
		log_warning("no receipts of reading: %s", err.text);
		ipc_close(&receipts->channel);
	}
	ipc_message_free(&notice);
}

void receipts_fetched(struct receipts *receipts, struct mailbox *mailbox, int64_t folder, uint32_t uid,
                      const char *user)
{
	struct err err;
	int fd;

	if (receipts->channel.fd < 0 || mailbox_open_message(mailbox, folder, uid, &fd, &err) != 0)
		return;
	if (is_wanted(receipts, fd) && mark_first(mailbox, folder, uid))
		tell(receipts, user, fd);
	close(fd);
}
