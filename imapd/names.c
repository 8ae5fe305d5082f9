#include "imapd/names.h"

#include "common/base/memory.h"
#include "imapd/guest.h"
#include "imapd/shared.h"

#include <stdlib.h>

/* Names on their way into the arena. */
struct collection {
	struct arena *arena;
	struct name_entry *entries;
	size_t count, capacity;
};

static void add(struct collection *collection, const struct name_entry *entry)
{
	if (collection->count == collection->capacity) {
		collection->capacity = collection->capacity != 0 ? collection->capacity * 2 : 64;
		collection->entries = memory_resize(collection->entries, collection->capacity * sizeof *collection->entries);
	}
	collection->entries[collection->count++] = *entry;
}

/* A name, and the levels above it. */
static void add_with_parents(struct collection *collection, struct name_entry entry)
{
	entry.name = arena_copy(collection->arena, entry.name);
	add(collection, &entry);
	for (size_t i = 1; i < entry.name.len; i++)
		if (entry.name.data[i] == '/')
			add(collection, &(struct name_entry){.name = str_sub(entry.name, 0, i)});
}

static bool add_folder(const struct mailbox_folder *folder, void *context)
{
	add_with_parents(context, (struct name_entry){.name = str_of(folder->name), .folder = folder->id});
	return true;
}

static void add_shared(struct str name, void *context)
{
	add_with_parents(context, (struct name_entry){.name = name, .folder = 1, .is_shared = true});
}

static bool add_subscription(struct str name, void *context)
{
	add_with_parents(context, (struct name_entry){.name = name, .subscribed = true});
	return true;
}

/* INBOX and what is below it first; '/' before all other characters, so that a level stays together. */
static int compare(const void *one, const void *other)
{
	const struct str a = ((const struct name_entry *)one)->name, b = ((const struct name_entry *)other)->name;
	const struct str inbox = STR("INBOX");
	bool a_inbox = str_equal(a, inbox) || names_is_below(a, inbox);
	bool b_inbox = str_equal(b, inbox) || names_is_below(b, inbox);

	if (a_inbox != b_inbox)
		return a_inbox ? -1 : 1;
	for (size_t i = 0; i < a.len && i < b.len; i++) {
		unsigned char x = (unsigned char)a.data[i], y = (unsigned char)b.data[i];

		if (x != y)
			return (x == '/' ? 0 : x) < (y == '/' ? 0 : y) ? -1 : 1;
	}
	return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

/* One entry a name: what the entries of the same name know is put together. */
static void merge(struct collection *collection)
{
	size_t kept = 0;

	for (size_t i = 0; i < collection->count; i++) {
		struct name_entry *entry = &collection->entries[i];

		if (kept > 0 && str_equal(collection->entries[kept - 1].name, entry->name)) {
			struct name_entry *same = &collection->entries[kept - 1];

			same->folder = same->folder != 0 ? same->folder : entry->folder;
			same->subscribed |= entry->subscribed;
			same->is_shared |= entry->is_shared;
		} else {
			collection->entries[kept++] = *entry;
		}
	}
	collection->count = kept;
}

static void find_children(struct collection *collection)
{
	for (size_t i = 0; i < collection->count; i++) {
		struct name_entry *entry = &collection->entries[i];

		for (size_t j = i + 1;
		     j < collection->count && !entry->has_children && names_is_below(collection->entries[j].name, entry->name);
		     j++)
			entry->has_children = collection->entries[j].folder != 0;
	}
}

bool names_is_below(struct str name, struct str parent)
{
	return name.len > parent.len && name.data[parent.len] == '/' && str_starts(name, parent);
}

int names_collect(struct session *session, bool subscriptions, bool shared, struct names *names, struct err *err)
{
	struct collection collection = {.arena = &session->arena};
	int result = mailbox_folder_each(session->mailbox, add_folder, &collection, err);

	if (result == 0 && subscriptions)
		result = mailbox_subscription_each(session->mailbox, add_subscription, &collection, err);
	if (result == 0 && shared)
		shared_names_each(session, add_shared, &collection);
	if (result == 0 && collection.count > 0) {
		qsort(collection.entries, collection.count, sizeof *collection.entries, compare);
		merge(&collection);
		find_children(&collection);
		names->entries = arena_get(&session->arena, collection.count * sizeof *names->entries);
		memcpy(names->entries, collection.entries, collection.count * sizeof *names->entries);
	}
	names->count = collection.count;
	memory_free(collection.entries);
	return result;
}

void names_write_list(struct session *session, const char *attributes, struct str name, struct str given)
{
	struct conn *conn = &session->conn;

	conn_printf(conn, "* LIST (%s) \"/\" ", attributes);
	imap_write_mailbox(conn, name, true);
	if (!str_equal(name, given)) {
		conn_write(conn, STR(" (\"OLDNAME\" ("));
		imap_write_mailbox(conn, given, true);
		conn_write(conn, STR("))"));
	}
	conn_write(conn, STR("\r\n"));
}

void names_tell_oldname(struct session *session, const char *attributes, struct str name, struct str given)
{
	struct str full = guest_full_name(session, name);

	if (session->enabled.rev2 && !str_equal(full, given))
		names_write_list(session, attributes, full, given);
}
