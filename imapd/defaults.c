/* imapd: the folders that every user has from the start (02-3, 05-17 "Default folder names"), made once. */
#include "common/base/log.h"
#include "imapd/imapd.h"

/* Remembers that it was done: users may rename and remove these folders. No name of an entry that a client can give
 * (they begin with "/private/" or "/shared/"). */
static const struct str DONE_ENTRY = {"/postroom/default-folders", 25};

static const struct {
	enum setting name;
	const char *use; /* RFC 6154 */
} defaults[] = {
    {SETTING_MAILBOX_SENT, "\\Sent"},
    {SETTING_MAILBOX_TRASH, "\\Trash"},
    {SETTING_MAILBOX_DRAFTS, "\\Drafts"},
};

static bool look_for_entry(struct str entry, struct str value, void *context)
{
	(void)value;
	*(bool *)context |= str_equal_nocase(entry, DONE_ENTRY);
	return !*(bool *)context;
}

/* What is there already, by another session at the same moment or by its user, is as good. */
static int make(struct session *session, struct str name, const char *use, struct err *err)
{
	struct mailbox_folder folder;
	int64_t id;

	if (mailbox_folder_create(session->mailbox, name, IMAP_WAIT_MS, &id, err) != 0) {
		if (err->code != ERR_EXISTS || mailbox_folder_find(session->mailbox, name, &folder, err) != 0)
			return -1;
		id = folder.id;
	}
	if (mailbox_folder_set_use(session->mailbox, id, str_of(use), IMAP_WAIT_MS, err) != 0 && err->code != ERR_EXISTS)
		return -1;
	return mailbox_subscribe(session->mailbox, name, true, IMAP_WAIT_MS, err);
}

static int make_all(struct session *session, struct err *err)
{
	bool done = false;

	if (mailbox_metadata_each(session->mailbox, 0, look_for_entry, &done, err) != 0)
		return -1;
	if (done)
		return 0;
	if (mailbox_subscribe(session->mailbox, STR("INBOX"), true, IMAP_WAIT_MS, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++) {
		struct str name = str_of(settings_text(&session->imapd->settings, defaults[i].name));

		if (name.len > 0 && make(session, name, defaults[i].use, err) != 0)
			return -1;
	}
	return mailbox_metadata_set(session->mailbox, 0, DONE_ENTRY, STR("1"), IMAP_WAIT_MS, err);
}

void session_make_defaults(struct session *session)
{
	struct err err;

	/* the next session tries again */
	if (make_all(session, &err) != 0)
		log_warning("the default folders of user=%s cannot be made: %s", session->user, err.text);
}
