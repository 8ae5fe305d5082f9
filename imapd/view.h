/*
 * imapd/view: what the client believes of the selected folder: which message has which number (RFC 9051 2.3.1.2).
 *
 * The view changes only by view_follow, which reads what happened since the view's MODSEQ (common/store/changes.h), the
 * session's own changes among it, and says what the client has to be told. A message that went while numbers must not
 * move stays in the view, marked, until it may be told.
 *
 * 16 bytes a message: keywords are an index into the view's table of the combinations that occur in the folder.
 */
#ifndef POSTROOM_IMAPD_VIEW_H
#define POSTROOM_IMAPD_VIEW_H

#include "common/base/arena.h"
#include "common/store/changes.h"

enum {
	VIEW_GONE = 1 << 14,   /* vanished, not told yet */
	VIEW_RECENT = 1 << 15, /* \Recent for this session (RFC 3501 2.3.2) */
};

struct view_message {
	uint32_t uid;
	uint16_t flags;    /* enum store_flag, VIEW_GONE, VIEW_RECENT */
	uint16_t keywords; /* 0: none; else view_keywords */
	int64_t modseq;
};

struct view {
	int64_t folder;
	char name[STORE_NAME_MAX + 1]; /* as it was selected */
	bool read_only;
	char rights[STORE_RIGHTS_MAX + 1];
	struct mailbox_state state; /* as the client knows it */
	struct view_message *messages;
	size_t count, capacity;
	size_t gone; /* how many are marked VIEW_GONE */
	struct arena keyword_arena;
	struct str *keywords; /* combinations, as the store has them; [0] is empty */
	size_t keyword_count, keyword_capacity;
};

/* Load a folder. -1 as mailbox_changes. */
int view_open(struct view **view_out, struct mailbox *mailbox, const struct mailbox_folder *folder, bool read_only,
              struct err *err);
void view_close(struct view *view);

/* The number of the message with this UID (1 is the first), 0: not in the view. */
uint32_t view_number(const struct view *view, uint32_t uid);
/* The position of the first message whose UID is at least uid; count where there is none. */
size_t view_lower_bound(const struct view *view, uint32_t uid);
struct str view_keywords(const struct view *view, const struct view_message *message);
/* Does the message have the keyword (letters in any case)? */
bool view_has_keyword(const struct view *view, const struct view_message *message, struct str keyword);

#endif
