/*
 * imapd/notify: NOTIFY (RFC 5465): what a client wants to hear of, also while it sends no command.
 *
 * For folders that are not selected the session remembers what the client knows of each (a line of the index each) and
 * compares, when the bell rang or the session itself changed something. Nothing of it is there before the first NOTIFY
 * SET. What one session may ask for is bounded: NOTIFY_NAMES_MAX names, and the store's own bound of folders.
 */
#ifndef POSTROOM_IMAPD_NOTIFY_H
#define POSTROOM_IMAPD_NOTIFY_H

#include "imapd/imapd.h"

enum {
	NOTIFY_GROUPS_MAX = 64,
	NOTIFY_NAMES_MAX = 1000,
};

enum notify_event {
	NOTIFY_NEW = 1,
	NOTIFY_EXPUNGE = 2,
	NOTIFY_FLAGS = 4,
	NOTIFY_NAME = 8,
	NOTIFY_SUBSCRIPTION = 16,
	NOTIFY_METADATA = 32,
	NOTIFY_SERVER_METADATA = 64,
	NOTIFY_MESSAGE_EVENTS = NOTIFY_NEW | NOTIFY_EXPUNGE | NOTIFY_FLAGS,
	NOTIFY_FOLDER_EVENTS = NOTIFY_NAME | NOTIFY_SUBSCRIPTION | NOTIFY_METADATA | NOTIFY_SERVER_METADATA,
};

enum notify_filter {
	NOTIFY_SELECTED,
	NOTIFY_SELECTED_DELAYED,
	NOTIFY_PERSONAL, /* and inboxes: rules may deliver into any folder */
	NOTIFY_SUBSCRIBED,
	NOTIFY_SUBTREE,
	NOTIFY_MAILBOXES,
};

struct notify_group {
	enum notify_filter filter;
	unsigned events;
	struct str *names;
	size_t name_count;
	struct str attributes; /* what MessageNew fetches, "(UID ...)", or empty */
};

/* Entries, each with a sum over its value. */
struct notify_metadata {
	struct notify_entry {
		struct str name;
		uint64_t sum;
	} * entries;
	size_t count, capacity;
};

/* What the client knows of a folder. */
struct notify_folder {
	int64_t id;
	struct str name;
	uint32_t uidvalidity, uidnext;
	int64_t modseq, messages, unseen;
	bool is_subscribed;
	struct notify_metadata metadata; /* empty where it is not watched */
};

struct notify_snapshot {
	struct arena arena;
	struct notify_folder *folders; /* by id */
	size_t count;
	struct str *subscriptions; /* sorted */
	size_t subscription_count;
	struct notify_metadata server_metadata;
};

struct notify {
	struct arena arena;
	struct notify_group *groups;
	size_t count;
	const struct notify_group *selected; /* NULL: nothing of the selected folder is wanted */
	struct notify_snapshot known;
	unsigned events; /* of all groups but selected */
	unsigned own;    /* those that the command just run made itself */
	bool due;        /* something may have changed */
};

/* Free; NULL is allowed. */
void notify_free(struct notify *notify);

/* Which message events of the selected folder does the client want? All of them where NOTIFY is not in use. */
unsigned notify_selected_events(const struct session *session);
/* Numbers must not move outside of a command (SELECTED-DELAYED). */
bool notify_delays(const struct session *session);
/*
 * New messages from position `from` of the view on were told of: FETCH what MessageNew asked for, but for those that
 * the session itself put there (RFC 5465 5.2).
 */
void notify_fetch_new(struct session *session, size_t from);

/* Take "(" fetch-att ... ")" as it stands, copied into arena: commands take it again and again. False: noted. */
bool notify_take_attributes(struct imap_parser *parser, struct arena *arena, struct str *attributes);
/* Run a FETCH of these UIDs as if the client had asked; what it notes of its end is returned, not kept. */
enum imap_status notify_fetch(struct session *session, struct str uids, struct str attributes);

/* Take what is as known (notify_look.c). with_status: write a STATUS for each folder whose messages are watched. */
int notify_begin(struct session *session, struct notify *notify, bool with_status, struct err *err);
/* Compare with what is known, and tell (notify_look.c). */
void notify_tell(struct session *session);
/* Wait for the client's next command, telling what happens meanwhile. */
void notify_wait(struct session *session);

#endif
