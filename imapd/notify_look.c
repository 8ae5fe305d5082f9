/* imapd/notify: what happened to the folders that are not selected. */
#include "common/base/log.h"
#include "imapd/notify.h"

#include <inttypes.h>
#include <stdlib.h>

enum { USES_MAX = 256 };

static bool is_below(struct str name, struct str top)
{
	return str_equal(name, top) || (str_starts(name, top) && name.data[top.len] == '/');
}

static bool group_matches(const struct notify_group *group, struct str name, bool is_subscribed)
{
	switch (group->filter) {
	case NOTIFY_PERSONAL:
		return true;
	case NOTIFY_SUBSCRIBED:
		return is_subscribed;
	case NOTIFY_SUBTREE:
		for (size_t i = 0; i < group->name_count; i++)
			if (is_below(name, group->names[i]))
				return true;
		return false;
	case NOTIFY_MAILBOXES:
		for (size_t i = 0; i < group->name_count; i++)
			if (str_equal(name, group->names[i]))
				return true;
		return false;
	default:
		return false;
	}
}

/* RFC 5465 section 6: several groups may apply to one folder. */
static unsigned events_of(const struct notify *notify, struct str name, bool is_subscribed)
{
	unsigned events = 0;

	for (size_t i = 0; i < notify->count; i++)
		if (group_matches(&notify->groups[i], name, is_subscribed))
			events |= notify->groups[i].events;
	return events & ~notify->own;
}

struct looking {
	struct notify_snapshot *snapshot;
	size_t capacity;
};

static void *grow(struct arena *arena, void *old, size_t size, size_t count, size_t *capacity)
{
	void *larger;

	if (count < *capacity)
		return old;
	*capacity = *capacity != 0 ? *capacity * 2 : 64;
	larger = arena_get(arena, *capacity * size);
	if (count > 0)
		memcpy(larger, old, count * size);
	return larger;
}

struct metadata_looking {
	struct arena *arena;
	struct notify_metadata *metadata;
};

/* FNV-1a: a change shows, but for one in 2^64. */
static bool see_entry(struct str entry, struct str value, void *context)
{
	struct metadata_looking *looking = context;
	struct notify_metadata *metadata = looking->metadata;
	uint64_t sum = 14695981039346656037U;

	for (size_t i = 0; i < value.len; i++)
		sum = (sum ^ (unsigned char)value.data[i]) * 1099511628211U;
	metadata->entries =
	    grow(looking->arena, metadata->entries, sizeof *metadata->entries, metadata->count, &metadata->capacity);
	metadata->entries[metadata->count++] = (struct notify_entry){arena_copy(looking->arena, entry), sum};
	return true;
}

static int look_at_metadata(struct session *session, struct notify_snapshot *snapshot, int64_t folder,
                            struct notify_metadata *metadata, struct err *err)
{
	struct metadata_looking looking = {&snapshot->arena, metadata};

	return mailbox_metadata_each(session->mailbox, folder, see_entry, &looking, err);
}

static bool see_subscription(struct str name, void *context)
{
	struct looking *looking = context;
	struct notify_snapshot *snapshot = looking->snapshot;

	snapshot->subscriptions = grow(&snapshot->arena, snapshot->subscriptions, sizeof *snapshot->subscriptions,
	                               snapshot->subscription_count, &looking->capacity);
	snapshot->subscriptions[snapshot->subscription_count++] = arena_copy(&snapshot->arena, name);
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static bool is_subscribed(const struct notify_snapshot *snapshot, struct str name)
{
	return snapshot->subscription_count > 0 &&
	       bsearch(&name, snapshot->subscriptions, snapshot->subscription_count, sizeof name, compare_names) != NULL;
}

static bool see_folder(const struct mailbox_folder *folder, void *context)
{
	struct looking *looking = context;
	struct notify_snapshot *snapshot = looking->snapshot;
	struct notify_folder *known;

	snapshot->folders =
	    grow(&snapshot->arena, snapshot->folders, sizeof *snapshot->folders, snapshot->count, &looking->capacity);
	known = &snapshot->folders[snapshot->count++];
	*known = (struct notify_folder){.id = folder->id,
	                                .name = arena_copy(&snapshot->arena, str_of(folder->name)),
	                                .uidvalidity = folder->uidvalidity,
	                                .uidnext = folder->uidnext,
	                                .modseq = folder->modseq,
	                                .messages = folder->totals.messages,
	                                .unseen = folder->totals.unseen};
	known->is_subscribed = is_subscribed(snapshot, known->name);
	return true;
}

static int compare_ids(const void *a, const void *b)
{
	const struct notify_folder *left = a, *right = b;

	return left->id < right->id ? -1 : left->id > right->id;
}

static int look(struct session *session, const struct notify *notify, struct notify_snapshot *snapshot, struct err *err)
{
	struct looking names = {.snapshot = snapshot}, folders = names;

	*snapshot = (struct notify_snapshot){.count = 0};
	if (mailbox_subscription_each(session->mailbox, see_subscription, &names, err) != 0)
		return -1;
	if (snapshot->subscription_count > 0)
		qsort(snapshot->subscriptions, snapshot->subscription_count, sizeof *snapshot->subscriptions, compare_names);
	if (mailbox_folder_each(session->mailbox, see_folder, &folders, err) != 0)
		return -1;
	if (snapshot->count > 0)
		qsort(snapshot->folders, snapshot->count, sizeof *snapshot->folders, compare_ids);
	if ((notify->events & NOTIFY_SERVER_METADATA) != 0 &&
	    look_at_metadata(session, snapshot, 0, &snapshot->server_metadata, err) != 0)
		return -1;
	for (size_t i = 0; i < snapshot->count && (notify->events & NOTIFY_METADATA) != 0; i++)
		if (look_at_metadata(session, snapshot, snapshot->folders[i].id, &snapshot->folders[i].metadata, err) != 0)
			return -1;
	return 0;
}

static void write_status(struct session *session, const struct notify_folder *folder, bool with_modseq)
{
	struct conn *conn = &session->conn;

	conn_write(conn, STR("* STATUS "));
	imap_write_mailbox(conn, folder->name, session_utf8(session));
	conn_printf(conn, " (UIDVALIDITY %u UIDNEXT %u MESSAGES %" PRId64 " UNSEEN %" PRId64, folder->uidvalidity,
	            folder->uidnext, folder->messages, folder->unseen);
	if (with_modseq)
		conn_printf(conn, " HIGHESTMODSEQ %" PRId64, folder->modseq);
	conn_write(conn, STR(")\r\n"));
}

static bool is_selected(const struct session *session, const struct notify_folder *folder)
{
	return session->view != NULL && session->view->folder == folder->id;
}

static bool has_children(const struct notify_snapshot *snapshot, struct str name)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (is_below(snapshot->folders[i].name, name) && !str_equal(snapshot->folders[i].name, name))
			return true;
	return false;
}

static const struct notify_folder *find_name(const struct notify_snapshot *snapshot, struct str name)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (str_equal(snapshot->folders[i].name, name))
			return &snapshot->folders[i];
	return NULL;
}

/* One LIST line of a name as it is now; old_name: what it was before, or empty. The session may be at rest: its arena
 * is not to grow. */
static void write_list(struct session *session, const struct notify_snapshot *now, struct str name, struct str old_name)
{
	struct conn *conn = &session->conn;
	bool utf8 = session_utf8(session);
	const struct notify_folder *folder = find_name(now, name);
	struct str attributes, extended = STR("");
	char uses[USES_MAX] = "";
	struct arena arena;

	if (folder != NULL && mailbox_folder_use(session->mailbox, folder->id, uses, sizeof uses, NULL) != 0)
		uses[0] = '\0';
	arena_init(&arena);
	attributes = arena_printf(
	    &arena, "%s%s%s%s%s", folder == NULL ? "\\NonExistent " : "", is_subscribed(now, name) ? "\\Subscribed " : "",
	    has_children(now, name) ? "\\HasChildren" : "\\HasNoChildren", uses[0] != '\0' ? " " : "", uses);
	if (imap_hook_list(&session->script, name, &attributes, &extended, &arena)) {
		conn_printf(conn, "* LIST (%.*s) \"/\" ", STR_ARG(attributes));
		imap_write_mailbox(conn, name, utf8);
		if (old_name.len > 0) {
			conn_write(conn, STR(" (\"OLDNAME\" ("));
			imap_write_mailbox(conn, old_name, utf8);
			conn_write(conn, STR("))\r\n"));
		} else {
			conn_printf(conn, "%.*s\r\n", STR_ARG(extended));
		}
	}
	arena_free(&arena);
}

/* A folder came or went: it and its parent are affected (RFC 5465 5.4). */
static void tell_name(struct session *session, const struct notify_snapshot *now, const struct notify_folder *folder)
{
	ptrdiff_t slash = str_find_last_char(folder->name, '/');
	struct str parent = slash > 0 ? str_sub(folder->name, 0, (size_t)slash) : STR("");

	if ((events_of(session->notify, folder->name, folder->is_subscribed) & NOTIFY_NAME) != 0)
		write_list(session, now, folder->name, STR(""));
	if (parent.len > 0 && (events_of(session->notify, parent, is_subscribed(now, parent)) & NOTIFY_NAME) != 0)
		write_list(session, now, parent, STR(""));
}

/* Children are renamed with their parent, and nothing is said of them. */
static bool parent_was_renamed(const struct notify_snapshot *before, const struct notify_snapshot *now,
                               const struct notify_folder *old, const struct notify_folder *new)
{
	ptrdiff_t old_slash = str_find_last_char(old->name, '/'), new_slash = str_find_last_char(new->name, '/');
	const struct notify_folder *old_parent, *new_parent;

	if (old_slash <= 0 || new_slash <= 0)
		return false;
	old_parent = find_name(before, str_sub(old->name, 0, (size_t)old_slash));
	new_parent = find_name(now, str_sub(new->name, 0, (size_t)new_slash));
	return old_parent != NULL && new_parent != NULL && old_parent->id == new_parent->id &&
	       !str_equal(old_parent->name, new_parent->name);
}

static const struct notify_entry *find_entry(const struct notify_metadata *metadata, struct str name)
{
	for (size_t i = 0; i < metadata->count; i++)
		if (str_equal_nocase(metadata->entries[i].name, name))
			return &metadata->entries[i];
	return NULL;
}

/* The names of those entries of one that the other does not have, or (changed) has with another value. */
static void add_entries(struct buf *names, const struct notify_metadata *of, const struct notify_metadata *not_in,
                        bool changed)
{
	for (size_t i = 0; i < of->count; i++) {
		const struct notify_entry *other = find_entry(not_in, of->entries[i].name);

		if (other == NULL || (changed && other->sum != of->entries[i].sum))
			buf_printf(names, " %.*s", STR_ARG(of->entries[i].name));
	}
}

/* RFC 5464 4.4.2: the names of the entries that changed, without their values. */
static void tell_metadata(struct session *session, struct str folder, const struct notify_metadata *old,
                          const struct notify_metadata *new)
{
	struct buf names;

	buf_init(&names, (size_t)STORE_METADATA_MAX * STORE_NAME_MAX);
	add_entries(&names, new, old, true);
	add_entries(&names, old, new, false);
	if (names.len > 0) {
		conn_write(&session->conn, STR("* METADATA "));
		if (folder.len > 0)
			imap_write_mailbox(&session->conn, folder, session_utf8(session));
		else
			conn_write(&session->conn, STR("\"\""));
		conn_write(&session->conn, buf_str(&names));
		conn_write(&session->conn, STR("\r\n"));
	}
	buf_free(&names);
}

static void compare_folder(struct session *session, const struct notify_snapshot *before,
                           const struct notify_snapshot *now, const struct notify_folder *old,
                           const struct notify_folder *new)
{
	unsigned events = events_of(session->notify, new->name, new->is_subscribed);
	bool counts =
	    new->uidnext != old->uidnext || new->messages != old->messages || new->uidvalidity != old->uidvalidity;
	bool flags = new->modseq != old->modseq && (session->enabled.condstore || new->unseen != old->unseen);

	if (!str_equal(old->name, new->name) && (events & NOTIFY_NAME) != 0 && !parent_was_renamed(before, now, old, new))
		write_list(session, now, new->name, old->name);
	if ((events & NOTIFY_METADATA) != 0)
		tell_metadata(session, new->name, &old->metadata, &new->metadata);
	if (is_selected(session, new))
		return;
	if ((counts && (events & NOTIFY_NEW) != 0) || (flags && (events & NOTIFY_FLAGS) != 0))
		write_status(session, new, session->enabled.condstore);
}

static void compare_folders(struct session *session, const struct notify_snapshot *before,
                            const struct notify_snapshot *now)
{
	size_t old = 0, new = 0;

	while (old < before->count || new < now->count) {
		if (new == now->count || (old < before->count && before->folders[old].id < now->folders[new].id))
			tell_name(session, now, &before->folders[old++]);
		else if (old == before->count || before->folders[old].id > now->folders[new].id)
			tell_name(session, now, &now->folders[new ++]);
		else
			compare_folder(session, before, now, &before->folders[old++], &now->folders[new ++]);
	}
}

static void compare_subscriptions(struct session *session, const struct notify_snapshot *before,
                                  const struct notify_snapshot *now)
{
	size_t old = 0, new = 0;

	while (old < before->subscription_count || new < now->subscription_count) {
		int order = old == before->subscription_count ? 1
		            : new == now->subscription_count  ? -1
		                                             : str_compare(before->subscriptions[old], now->subscriptions[new]);
		struct str name = order < 0 ? before->subscriptions[old] : now->subscriptions[new];

		old += order <= 0;
		new += order >= 0;
		if (order != 0 && (events_of(session->notify, name, true) & NOTIFY_SUBSCRIPTION) != 0)
			write_list(session, now, name, STR(""));
	}
}

int notify_begin(struct session *session, struct notify *notify, bool with_status, struct err *err)
{
	if (look(session, notify, &notify->known, err) != 0)
		return -1;
	for (size_t i = 0; i < notify->known.count && with_status; i++) {
		const struct notify_folder *folder = &notify->known.folders[i];
		unsigned events = events_of(notify, folder->name, folder->is_subscribed);

		/* RFC 5465 3.1: with FlagChange also for clients that have not enabled CONDSTORE */
		if (!is_selected(session, folder) && (events & NOTIFY_MESSAGE_EVENTS) != 0)
			write_status(session, folder, session->enabled.condstore || (events & NOTIFY_FLAGS) != 0);
	}
	return 0;
}

/* What the command that runs changed itself is no news to its client (RFC 5465 section 5); messages that came meanwhile
 * are. */
static unsigned own_events(const struct session *session)
{
	static const char *const names[] = {"CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "SETMETADATA"};

	for (size_t i = 0; i < sizeof names / sizeof *names && session->command != NULL; i++)
		if (strcmp(session->command->name, names[i]) == 0)
			return NOTIFY_FOLDER_EVENTS;
	return 0;
}

void notify_tell(struct session *session)
{
	struct notify *notify = session->notify;
	struct notify_snapshot now;
	struct err err;

	if (notify == NULL || notify->events == 0 || !notify->due)
		return;
	if (look(session, notify, &now, &err) != 0) {
		log_error("cannot look at the folders of user=%s: %s", session->user, err.text);
		arena_free(&now.arena);
		return; /* still due */
	}
	notify->due = false;
	notify->own = own_events(session);
	compare_folders(session, &notify->known, &now);
	compare_subscriptions(session, &notify->known, &now);
	if ((notify->own & NOTIFY_SERVER_METADATA) == 0)
		tell_metadata(session, STR(""), &notify->known.server_metadata, &now.server_metadata);
	arena_free(&notify->known.arena);
	notify->known = now;
}
