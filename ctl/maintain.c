/*
 * `postroom maintain`: what is to be done once a day with mailboxes: old mail goes to the recycle bin, as prune rules
 * say (common/items/prune.h). A user has his own rules where he does not use those of the server.
 */
#include "ctl/mail.h"

#include "common/base/memory.h"
#include "common/items/prune.h"
#include "common/settings/attributes.h"
#include "common/store/bin.h"
#include "common/store/changes.h"

#include <stdio.h>
#include <time.h>

static const struct ctl_command usage = {"maintain", "[USER]", NULL, NULL, false};

struct maintenance {
	struct settings settings;
	struct arena arena; /* of one mailbox */
	time_t now;
};

/* A message of a folder, with what decides about it. */
struct candidate {
	uint32_t uid, flags;
	bool is_spam, goes;
};

struct folder_work {
	const struct prune_rule *rules; /* those that mean this folder */
	size_t rule_count;
	time_t now;
	struct candidate *list;
	size_t count, room;
};

/* Everything but age and size. */
static bool is_meant(const struct prune_rule *rule, const struct candidate *message)
{
	bool seen = (message->flags & STORE_SEEN) != 0, flagged = (message->flags & STORE_FLAGGED) != 0;

	if (rule->deleted_only && (message->flags & STORE_DELETED) == 0)
		return false;
	if (rule->spam_only && !message->is_spam)
		return false;
	if (rule->read != PRUNE_EITHER && (rule->read == PRUNE_YES) != seen)
		return false;
	return rule->flagged == PRUNE_EITHER || (rule->flagged == PRUNE_YES) == flagged;
}

/* RFC 9051 2.3.2: $Junk says that a message was taken for spam. */
static bool has_junk(struct str keywords)
{
	while (keywords.len > 0)
		if (str_equal_nocase(str_cut_word(&keywords), STR("$Junk")))
			return true;
	return false;
}

static void on_message(const struct mailbox_entry *entry, void *context)
{
	struct folder_work *work = context;

	if (work->count == work->room) {
		work->room = work->room != 0 ? 2 * work->room : 256;
		work->list = memory_resize(work->list, work->room * sizeof *work->list);
	}
	work->list[work->count++] = (struct candidate){entry->uid, entry->flags, has_junk(entry->keywords), false};
}

static struct candidate *find(const struct folder_work *work, uint32_t uid)
{
	size_t low = 0, high = work->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (work->list[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < work->count && work->list[low].uid == uid ? &work->list[low] : NULL;
}

static void on_details(uint32_t uid, const struct mailbox_details *details, void *context)
{
	struct folder_work *work = context;
	struct candidate *message = find(work, uid);

	for (size_t i = 0; i < work->rule_count && message != NULL; i++) {
		const struct prune_rule *rule = &work->rules[i];

		message->goes |= is_meant(rule, message) && details->size >= rule->size &&
		                 details->internal_date < (int64_t)work->now - rule->days * 86400;
	}
}

/* The UIDs of all, or of those that go, in *uids_out; their number. */
static size_t list_uids(const struct folder_work *work, bool going, uint32_t *uids)
{
	size_t count = 0;

	for (size_t i = 0; i < work->count; i++)
		if (!going || work->list[i].goes)
			uids[count++] = work->list[i].uid;
	return count;
}

static int prune_folder(struct mailbox *mailbox, int64_t folder, struct folder_work *work, size_t *removed,
                        struct err *err)
{
	const struct mailbox_visitor visitor = {.present = on_message, .context = work};
	struct mailbox_state state;
	uint32_t *uids = NULL;
	size_t count;
	int result = mailbox_changes(mailbox, folder, 0, &visitor, &state, err);

	*removed = 0;
	if (result == 0 && work->count > 0) {
		uids = memory_get(work->count * sizeof *uids);
		count = list_uids(work, false, uids);
		result = mailbox_details_each(mailbox, folder, uids, count, on_details, work, err);
		count = list_uids(work, true, uids);
		if (result == 0 && count > 0)
			result = mailbox_expunge(mailbox, folder, uids, count, MAIL_WAIT_MS, removed, err);
	}
	memory_free(uids);
	memory_free(work->list);
	return result;
}

/* Folders are listed before any is changed. */
struct folder_list {
	struct arena *arena;
	struct mailbox_folder *list;
	size_t count, room;
};

static bool add_folder(const struct mailbox_folder *folder, void *context)
{
	struct folder_list *folders = context;

	if (folders->count == folders->room) {
		folders->room = folders->room != 0 ? 2 * folders->room : 16;
		folders->list = memory_resize(folders->list, folders->room * sizeof *folders->list);
	}
	folders->list[folders->count++] = *folder;
	return true;
}

static bool means_folder(const struct prune_rule *rule, const char *name)
{
	if (str_equal(rule->folder, STR("*")))
		return true;
	return strcmp(name, "INBOX") == 0 ? str_equal_nocase(rule->folder, STR("INBOX"))
	                                  : str_equal(rule->folder, str_of(name));
}

static int prune_mailbox(struct maintenance *maintenance, struct mailbox *mailbox, const char *name,
                         const struct prune_rule *rules, size_t count, struct err *err)
{
	struct folder_list folders = {.arena = &maintenance->arena};
	struct prune_rule *meant = arena_get(&maintenance->arena, (count + 1) * sizeof *meant);
	int result = mailbox_folder_each(mailbox, add_folder, &folders, err);

	for (size_t i = 0; i < folders.count && result == 0; i++) {
		struct folder_work work = {.rules = meant, .now = maintenance->now};
		size_t removed;

		for (size_t j = 0; j < count; j++)
			if (means_folder(&rules[j], folders.list[i].name))
				meant[work.rule_count++] = rules[j];
		if (work.rule_count == 0 || folders.list[i].totals.messages == 0)
			continue;
		result = prune_folder(mailbox, folders.list[i].id, &work, &removed, err);
		if (result == 0 && removed > 0)
			printf("%s: %zu messages removed from %s\n", name, removed, folders.list[i].name);
	}
	memory_free(folders.list);
	return result;
}

/* The rules that hold for a user. */
static int load_rules(struct maintenance *maintenance, int64_t uid, struct prune_rule **rules_out, size_t *count_out,
                      struct err *err)
{
	struct attributes attributes;
	struct items items;
	int64_t owner;

	*count_out = 0;
	if (attributes_load(&maintenance->settings, uid, &maintenance->arena, &attributes, err) != 0)
		return -1;
	owner = attributes_flag(&attributes, ATTRIBUTE_PRUNE_GLOBAL) ? ITEM_SERVER : uid;
	if (items_load(&maintenance->settings.objects, ITEM_PRUNE_RULE, owner, &maintenance->arena, &items, err) != 0)
		return -1;
	*rules_out = arena_get(&maintenance->arena, (items.count + 1) * sizeof **rules_out);
	for (size_t i = 0; i < items.count; i++)
		if (prune_rule_read(&items.list[i], &(*rules_out)[*count_out], err) == 0)
			(*count_out)++;
	return 0;
}

static int maintain_one(struct ctl *ctl, int64_t uid, const char *name, void *context)
{
	struct maintenance *maintenance = context;
	struct prune_rule *rules;
	struct mailbox *mailbox;
	size_t count;
	struct err err;
	int result;

	arena_reset(&maintenance->arena);
	if (load_rules(maintenance, uid, &rules, &count, &err) != 0)
		return ctl_refuse("%s: %s", name, err.text);
	if (count == 0)
		return CTL_DONE;
	if (mail_open_uid(ctl, uid, &mailbox) != CTL_DONE)
		return CTL_REFUSED;
	mailbox_set_bin(mailbox, settings_number(&maintenance->settings, SETTING_MAILBOX_RECYCLE) * 3600);
	result = prune_mailbox(maintenance, mailbox, name, rules, count, &err);
	mailbox_close(mailbox);
	return result == 0 ? CTL_DONE : ctl_refuse("%s: %s", name, err.text);
}

int ctl_maintain(struct ctl *ctl, int argc, char **argv)
{
	struct maintenance maintenance = {.now = time(NULL)};
	int64_t uid = 0;
	struct err err;
	int status;

	if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
		return ctl_usage(&usage);
	if ((argc == 2 && mail_find_user(&ctl->instance, argv[1], &uid, &err) != 0) ||
	    settings_open(&maintenance.settings, &ctl->instance, true, &err) != 0)
		return ctl_refuse_err(&err);
	arena_init(&maintenance.arena);
	status = mail_become(ctl, false);
	if (status == CTL_DONE)
		status = argc == 2 ? maintain_one(ctl, uid, argv[1], &maintenance) : mail_each(ctl, maintain_one, &maintenance);
	arena_free(&maintenance.arena);
	settings_close(&maintenance.settings);
	return status;
}
