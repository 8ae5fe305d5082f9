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
#include "common/store/folders.h"

enum {                          /* beside enum store_flag */
	   VIEW_GONE = 1 << 6,      /* vanished, not told yet */
	   VIEW_RECENT = 1 << 7,    /* \Recent for this session (RFC 3501 2.3.2) */
	   VIEW_CHANGED = 1 << 8,   /* its flags are to be told */
	   VIEW_MODSEQ = 1 << 9,    /* its MODSEQ is to be told, where the client wants that */
	   VIEW_EXPECTED = 1 << 10, /* the session itself made a change and asked not to be told (STORE .SILENT) */
	   VIEW_UNSURE = 1 << 11,   /* it vanished before that change: what stands here as its flags never was */
};

enum { VIEW_KEYWORDS_MAX = 1 << 20 }; /* combinations of keywords in a folder */

struct view_message {
	uint32_t uid;
	uint32_t flags : 12;    /* enum store_flag, VIEW_... */
	uint32_t keywords : 20; /* 0: none; else view_keywords */
	int64_t modseq;
};

struct view {
	int64_t folder;
	char name[STORE_NAME_MAX + 1]; /* as it was selected */
	bool read_only;
	unsigned rights;            /* enum right */
	struct mailbox_state state; /* as of the last view_follow */
	struct view_message *messages;
	size_t count, capacity;
	size_t told; /* the first so many messages are known to the client: what EXISTS said, less what was expunged */
	size_t gone; /* how many are marked VIEW_GONE */
	int64_t told_modseq;          /* of the latest change of which, and of all before it, the client knows */
	uint32_t own_first, own_last; /* UIDs that the session itself put there, not told yet; 0: none */
	bool behind;                  /* the session itself changed the folder: no need to ask whether somebody did */
	bool holds_back;              /* the client was told that there is more to come */
	size_t recent;                /* how many are marked VIEW_RECENT */
	uint32_t due_first, due_last; /* the UIDs between which VIEW_CHANGED and VIEW_MODSEQ may be; first > last: none */
	struct arena keyword_arena;
	struct str *keywords; /* combinations, as the store has them; [0] is empty */
	size_t keyword_count, keyword_capacity;
	uint32_t *keyword_slots; /* hash table of indices into keywords, 0: free; twice keyword_capacity */
	struct str *words;       /* each keyword that occurs, once */
	size_t word_count, word_capacity;
	bool words_grew; /* FLAGS is to be told anew */
};

/* Load a folder. -1 as mailbox_changes. */
int view_open(struct view **view_out, struct mailbox *mailbox, const struct mailbox_folder *folder, bool read_only,
              struct err *err);
/* A view of no folder (view->folder is 0): it looks like one that is empty and for reading only. */
void view_open_empty(struct view **view_out, struct str name);
void view_close(struct view *view); /* NULL is allowed */

/*
 * Take in what happened since: messages at the end are added, those that went are marked, flags are as they are now,
 * and what the client has to hear is noted in the messages. Costs one small question where nothing happened.
 * -1: as mailbox_changes.
 */
int view_follow(struct view *view, struct mailbox *mailbox, struct err *err);
/* A message's flags (VIEW_CHANGED) or its MODSEQ (VIEW_MODSEQ) are to be told, whether they changed or not. */
void view_tell(struct view *view, struct view_message *message, unsigned what);
/* The session itself put a message there. */
void view_note_own(struct view *view, uint32_t uid);
bool view_is_own(const struct view *view, uint32_t uid);
/* Before the session changes flags silently: what it expects to find is no news. */
void view_expect(struct view *view, struct view_message *message, const struct store_change *change);
/* Take the messages out that are marked as gone. told is called for each that the client knows, rising, with the
 * number it has when those before it are gone. */
void view_remove_gone(struct view *view, void (*told)(uint32_t number, uint32_t uid, void *context), void *context);

/* The number of the message with this UID (1 is the first), 0: not in the view. */
uint32_t view_number(const struct view *view, uint32_t uid);
/* The position of the first message whose UID is at least uid; count where there is none. */
size_t view_lower_bound(const struct view *view, uint32_t uid);
struct str view_keywords(const struct view *view, const struct view_message *message);
/* Does the message have the keyword (letters in any case)? */
bool view_has_keyword(const struct view *view, const struct view_message *message, struct str keyword);

#endif
