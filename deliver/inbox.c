#include "deliver/inbox.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/db/query.h"
#include "common/settings/attributes.h"
#include "common/spool/spool.h"
#include "common/store/bin.h"
#include "common/store/changes.h"
#include "deliver/answer.h"

#include <unistd.h>

enum {
	LOCK_MS = 5000, /* patience with a mailbox that is written to */
	AT_ONCE = 64,   /* messages of one call of the store, each an open file */
};

/* What the process has. */
struct keeper {
	const struct instance *instance;
	struct settings settings;
	bool settings_open;
	int ringer;
};

/* One Inbox, while it is copied. */
struct copying {
	struct keeper *keeper;
	struct arena arena;
	int64_t owner;
	struct mailbox *mailbox;
	struct mailbox_list list;
	int64_t copied, known;
};

/* A batch of it. */
struct batch {
	struct store_append appends[AT_ONCE];
	struct store_source sources[AT_ONCE];
	char originals[AT_ONCE][STORE_ID_MAX + 1];
	struct spool_file ids[AT_ONCE];
	size_t count;
};

/* Settings are opened when they are needed first, as no handle of a database may be taken through a fork. */
static int look_at_settings(struct keeper *keeper, struct err *err)
{
	if (keeper->settings_open) {
		settings_refresh(&keeper->settings);
		return 0;
	}
	if (settings_open(&keeper->settings, keeper->instance, true, err) != 0)
		return -1;
	keeper->settings_open = true;
	return 0;
}

static void tell_sessions(const struct keeper *keeper, int64_t uid)
{
	if (ringer_tell(keeper->ringer, &uid, 1) != 0)
		log_warning("sessions of user uid=%lld do not hear what changed", (long long)uid);
}

static int open_inbox(struct keeper *keeper, int64_t uid, struct mailbox **mailbox, struct mailbox_list *list,
                      struct err *err)
{
	if (mailbox_open(mailbox, keeper->instance, uid, LOCK_MS, err) != 0)
		return -1;
	mailbox_set_bin(*mailbox, settings_number(&keeper->settings, SETTING_MAILBOX_RECYCLE) * 3600);
	if (mailbox_list(*mailbox, STORE_INBOX, list, err) == 0)
		return 0;
	mailbox_close(*mailbox);
	return -1;
}

static int empty(struct keeper *keeper, int64_t uid, struct ipc_message *reply, struct err *err)
{
	struct mailbox *mailbox;
	struct mailbox_list list;
	struct arena arena;
	size_t removed = 0;
	uint32_t *uids;
	int result;

	if (open_inbox(keeper, uid, &mailbox, &list, err) != 0)
		return -1;
	arena_init(&arena);
	uids = arena_get(&arena, (list.count + 1) * sizeof *uids);
	for (size_t i = 0; i < list.count; i++)
		uids[i] = list.messages[i].uid;
	result = mailbox_expunge(mailbox, STORE_INBOX, uids, list.count, LOCK_MS, &removed, err);
	arena_free(&arena);
	mailbox_list_free(&list);
	mailbox_close(mailbox);
	if (result != 0)
		return -1;
	log_info("the Inbox of user uid=%lld is emptied: %zu messages", (long long)uid, removed);
	tell_sessions(keeper, uid);
	ipc_add_number(reply, "removed", (int64_t)removed);
	return 0;
}

/* The id that a message's copy has; one that came without an id of its own is known by its place in the mailbox. */
static int name_copy(struct copying *copying, uint32_t uid, char original[STORE_ID_MAX + 1], struct spool_file *copy,
                     struct err *err)
{
	char unique[STORE_UNIQUE_MAX];
	struct str name;

	if (mailbox_message_id(copying->mailbox, STORE_INBOX, uid, original, err) != 0)
		return -1;
	name = str_of(original[0] != '\0' ? original : mailbox_unique(unique, copying->list.uidvalidity, uid));
	spool_make_id(copy, "deliver",
	              arena_printf(&copying->arena, "%.*s/assistant/%lld", STR_ARG(name), (long long)copying->owner));
	return 0;
}

/* One message joins the batch; one that has gone meanwhile does not. */
static int add(struct copying *copying, struct batch *batch, struct mailbox *to, const struct mailbox_message *message,
               struct err *err)
{
	struct store_source *source = &batch->sources[batch->count];
	struct mailbox_details details;
	struct spool_file *copy = &batch->ids[batch->count];

	if (mailbox_details(copying->mailbox, STORE_INBOX, message->uid, &details, err) != 0 ||
	    name_copy(copying, message->uid, batch->originals[batch->count], copy, err) != 0 ||
	    mailbox_open_message(copying->mailbox, STORE_INBOX, message->uid, &source->fd, err) != 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	source->offset = 0;
	source->size = message->size;
	source->prefix = STR("");
	source->id = str_of(copy->id);
	batch->appends[batch->count++] = (struct store_append){.mailbox = to,
	                                                       .folder = STORE_INBOX,
	                                                       .source = source,
	                                                       .internal_date = details.internal_date,
	                                                       .keywords = STR("")};
	return 0;
}

/* Store the batch, and empty it. -1: something of it could not be stored; the rest is. */
static int store(struct copying *copying, struct batch *batch, struct err *err)
{
	int result = 0;

	store_append(batch->appends, batch->count, LOCK_MS);
	for (size_t i = 0; i < batch->count; i++) {
		const struct store_append *append = &batch->appends[i];

		close(batch->sources[i].fd);
		copying->copied += append->result == STORE_ADDED;
		copying->known += append->result == STORE_DUPLICATE;
		if (append->result == STORE_FAILED) {
			*err = append->err;
			result = -1;
		} else if (append->result == STORE_ADDED) {
			log_info("id=%s assistant of user uid=%lld to INBOX of uid=%lld as id=%s",
			         batch->originals[i][0] != '\0' ? batch->originals[i] : "-", (long long)copying->owner,
			         (long long)mailbox_uid(append->mailbox), batch->ids[i].id);
		}
	}
	batch->count = 0;
	arena_reset(&copying->arena);
	return result;
}

static int copy_all(struct copying *copying, struct mailbox *to, struct err *err)
{
	static struct batch batch;
	int result = 0;

	batch.count = 0;
	for (size_t i = 0; result == 0 && i < copying->list.count; i++) {
		const struct mailbox_message *message = &copying->list.messages[i];

		if ((message->flags & STORE_DELETED) == 0)
			result = add(copying, &batch, to, message, err);
		if (result == 0 && batch.count == AT_ONCE)
			result = store(copying, &batch, err);
	}
	if (result == 0)
		return store(copying, &batch, err);
	for (size_t i = 0; i < batch.count; i++)
		close(batch.sources[i].fd);
	return -1;
}

static int copy_to(struct copying *copying, int64_t uid, struct err *err)
{
	struct mailbox *to;
	int result;

	if (mailbox_open(&to, copying->keeper->instance, uid, LOCK_MS, err) != 0)
		return -1;
	result = copy_all(copying, to, err);
	mailbox_close(to);
	tell_sessions(copying->keeper, uid);
	return result;
}

/* Is it a domain of this server? 1, 0; -1: the settings cannot be read. */
static int is_ours(struct keeper *keeper, struct str domain, struct arena *arena, struct err *err)
{
	struct str normal;

	if (addr_normalise_domain(domain, arena, &normal, NULL) != 0)
		return 0;
	return db_query_number(&keeper->settings.objects, NULL, err, "SELECT 1 FROM domain WHERE name = ?", "t", normal);
}

/* The user that an assistant's address names, not by any mapping; 0: none, or the owner. -1: not known now. */
static int find_assistant(struct keeper *keeper, int64_t owner, struct str address, struct arena *arena,
                          int64_t *uid_out, struct err *err)
{
	ptrdiff_t at = str_find_char(address, '@');
	int64_t uid;
	int ours = at < 0 ? 1 : is_ours(keeper, str_skip(address, (size_t)at + 1), arena, err);

	*uid_out = 0;
	if (ours != 1)
		return ours;
	if (deliver_find_user(&keeper->settings, at < 0 ? address : str_sub(address, 0, (size_t)at), &uid, err) != 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	*uid_out = uid != owner ? uid : 0;
	return 0;
}

/* To each of the list who is a user. `arena` outlives the copying's own, which is reset between batches. */
static int copy_to_each(struct copying *copying, struct str list, struct arena *arena, struct ipc_message *reply,
                        struct err *err)
{
	struct str address;
	size_t found = 0;
	int64_t uid;

	while ((address = answer_next_address(&list)).len > 0) {
		if (find_assistant(copying->keeper, copying->owner, address, arena, &uid, err) != 0 ||
		    (uid != 0 && copy_to(copying, uid, err) != 0))
			return -1;
		if (uid != 0 && ++found > 0)
			ipc_add(reply, "assistant", address);
	}
	return found > 0 ? 0 : err_set(err, ERR_NOT_FOUND, "no assistant of this user is another user of this server");
}

static int copy(struct keeper *keeper, int64_t uid, struct ipc_message *reply, struct err *err)
{
	struct copying copying = {.keeper = keeper, .owner = uid};
	struct attributes attributes;
	struct arena arena;
	int result;

	arena_init(&arena);
	arena_init(&copying.arena);
	result = attributes_load(&keeper->settings, uid, &arena, &attributes, err);
	if (result == 0)
		result = open_inbox(keeper, uid, &copying.mailbox, &copying.list, err);
	if (result == 0) {
		result = copy_to_each(&copying, str_of(attributes_text(&attributes, ATTRIBUTE_ASSISTANT)), &arena, reply, err);
		mailbox_list_free(&copying.list);
		mailbox_close(copying.mailbox);
	}
	ipc_add_number(reply, "copied", copying.copied);
	ipc_add_number(reply, "known", copying.known);
	arena_free(&copying.arena);
	arena_free(&arena);
	return result;
}

static int answer(const struct ipc_message *request, struct ipc_message *reply, void *context, struct err *err)
{
	struct keeper *keeper = context;
	int64_t uid;

	if (look_at_settings(keeper, err) != 0 ||
	    deliver_find_user(&keeper->settings, ipc_get(request, "user"), &uid, err) != 0)
		return -1;
	return ipc_is(request, "inbox-empty") ? empty(keeper, uid, reply, err) : copy(keeper, uid, reply, err);
}

int inbox_start(struct helper **inbox_out, int ringer, const struct daemon *daemon, struct event_base *base,
                struct err *err)
{
	static struct keeper keeper;

	keeper.instance = &daemon->instance;
	keeper.ringer = ringer;
	return helper_start(inbox_out, "inbox", answer, &keeper, daemon, base, err);
}
