/* imapd/view: loading a folder and following it. */
#include "imapd/view.h"

#include "common/base/memory.h"
#include "imapd/view_keywords.h"

enum { FIRST_CAPACITY = 64 };

size_t view_lower_bound(const struct view *view, uint32_t uid)
{
	size_t low = 0, high = view->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (view->messages[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32_t view_number(const struct view *view, uint32_t uid)
{
	size_t at = view_lower_bound(view, uid);

	return at < view->count && view->messages[at].uid == uid ? (uint32_t)at + 1 : 0;
}

static void note_due(struct view *view, const struct view_message *message)
{
	if (message->uid < view->due_first)
		view->due_first = message->uid;
	if (message->uid > view->due_last)
		view->due_last = message->uid;
}

void view_tell(struct view *view, struct view_message *message, unsigned what)
{
	message->flags |= what;
	note_due(view, message);
}

void view_note_own(struct view *view, uint32_t uid)
{
	if (view->own_first == 0 || uid < view->own_first)
		view->own_first = uid;
	if (uid > view->own_last)
		view->own_last = uid;
}

bool view_is_own(const struct view *view, uint32_t uid)
{
	return uid >= view->own_first && uid <= view->own_last;
}

/* What a visit of mailbox_changes needs. */
struct following {
	struct view *view;
	bool failed; /* too many combinations of keywords */
};

static void add_message(struct view *view, const struct mailbox_entry *entry, uint32_t keywords)
{
	if (view->count == view->capacity) {
		view->capacity = view->capacity != 0 ? view->capacity * 2 : FIRST_CAPACITY;
		view->messages = memory_resize(view->messages, view->capacity * sizeof *view->messages);
	}
	view->messages[view->count++] = (struct view_message){
	    .uid = entry->uid, .flags = entry->flags & VIEW_STORE_FLAGS, .keywords = keywords, .modseq = entry->modseq};
}

static void change_message(struct view *view, struct view_message *message, const struct mailbox_entry *entry,
                           uint32_t keywords)
{
	unsigned flags = entry->flags & VIEW_STORE_FLAGS, own = message->flags & ~(unsigned)VIEW_STORE_FLAGS;
	bool same = (message->flags & VIEW_STORE_FLAGS) == flags && message->keywords == keywords;

	if (message->modseq == entry->modseq && same)
		return;
	/* What changed back and forth, too, was a change: the MODSEQ says so. */
	own |= same && (own & VIEW_EXPECTED) != 0 ? VIEW_MODSEQ : VIEW_CHANGED;
	message->flags = (own & ~(unsigned)VIEW_EXPECTED) | flags;
	message->keywords = keywords;
	message->modseq = entry->modseq;
	note_due(view, message);
}

static void see_present(const struct mailbox_entry *entry, void *context)
{
	struct following *following = context;
	struct view *view = following->view;
	uint32_t keywords;
	size_t at;

	if (!view_find_keywords(view, entry->keywords, &keywords)) {
		following->failed = true;
		return;
	}
	if (view->count == 0 || entry->uid > view->messages[view->count - 1].uid) {
		add_message(view, entry, keywords);
		return;
	}
	at = view_lower_bound(view, entry->uid);
	if (view->messages[at].uid == entry->uid)
		change_message(view, &view->messages[at], entry, keywords);
}

static void see_vanished(uint32_t first, uint32_t last, void *context)
{
	struct view *view = ((struct following *)context)->view;

	for (size_t at = view_lower_bound(view, first); at < view->count && view->messages[at].uid <= last; at++) {
		view->gone += (view->messages[at].flags & VIEW_GONE) == 0;
		view->messages[at].flags |=
		    (view->messages[at].flags & VIEW_EXPECTED) != 0 ? VIEW_GONE | VIEW_UNSURE : VIEW_GONE;
	}
}

/* Messages from `from` on are new here; those that no session had before are recent. */
static void mark_recent(struct view *view, size_t from)
{
	size_t at = view_lower_bound(view, view->state.recent);

	for (at = at > from ? at : from; at < view->count; at++) {
		view->messages[at].flags |= VIEW_RECENT;
		view->recent++;
	}
}

static int take_changes(struct view *view, struct mailbox *mailbox, struct err *err)
{
	struct following following = {.view = view};
	struct mailbox_visitor visitor = {see_present, see_vanished, &following};
	struct mailbox_state state = view->state;
	size_t before = view->count;
	int result = mailbox_changes(mailbox, view->folder, view->state.modseq, &visitor, &state, err);

	if (result == 0 && following.failed)
		result = err_set(err, ERR_LIMIT, "more than %d combinations of keywords in a folder", VIEW_KEYWORDS_MAX);
	if (result != 0) { /* what was not seen to its end is looked at again from where this began */
		view->count = before;
		return -1;
	}
	view->state = state;
	mark_recent(view, before);
	return 0;
}

int view_open(struct view **view_out, struct mailbox *mailbox, const struct mailbox_folder *folder, bool read_only,
              struct err *err)
{
	struct view *view = memory_get(sizeof *view);

	*view_out = NULL;
	view->folder = folder->id;
	view->read_only = read_only;
	view->due_first = UINT32_MAX;
	str_copy(str_of(folder->name), view->name, sizeof view->name);
	if (take_changes(view, mailbox, err) != 0) {
		view_close(view);
		return -1;
	}
	view->told = view->count;
	view->told_modseq = view->state.modseq;
	view->words_grew = false;
	*view_out = view;
	return 0;
}

void view_open_empty(struct view **view_out, struct str name)
{
	struct view *view = memory_get(sizeof *view);

	view->read_only = true;
	view->due_first = UINT32_MAX;
	view->state = (struct mailbox_state){.uidvalidity = 1, .uidnext = 1, .modseq = 1, .recent = 1};
	view->told_modseq = 1;
	str_copy(name, view->name, sizeof view->name);
	*view_out = view;
}

void view_close(struct view *view)
{
	if (view == NULL)
		return;
	view_free_keywords(view);
	memory_free(view->messages);
	memory_free(view);
}

int view_follow(struct view *view, struct mailbox *mailbox, struct err *err)
{
	int64_t modseq;
	uint32_t uidnext;

	if (view->folder == 0)
		return 0;
	if (!view->behind && mailbox_peek(mailbox, view->folder, &modseq, &uidnext, err) != 0)
		return -1;
	if (!view->behind && modseq == view->state.modseq && uidnext == view->state.uidnext)
		return 0;
	view_trim_keywords(view);
	if (take_changes(view, mailbox, err) != 0)
		return -1;
	view->behind = false;
	return 0;
}

void view_remove_gone(struct view *view, void (*told)(uint32_t number, uint32_t uid, void *context), void *context)
{
	size_t kept = 0, told_kept = 0;

	if (view->gone == 0)
		return;
	for (size_t at = 0; at < view->count; at++) {
		const struct view_message *message = &view->messages[at];

		if ((message->flags & VIEW_GONE) == 0) {
			told_kept += at < view->told;
			view->messages[kept++] = *message;
			continue;
		}
		view->recent -= (message->flags & VIEW_RECENT) != 0;
		if (at < view->told)
			told((uint32_t)kept + 1, message->uid, context);
	}
	view->count = kept;
	view->told = told_kept;
	view->gone = 0;
}
