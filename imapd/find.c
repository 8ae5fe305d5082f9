/* imapd: from what a client names to folders, messages and flags. */
#include "imapd/guest.h"
#include "imapd/imapd.h"
#include "imapd/rights.h"
#include "imapd/shared.h"

#include <inttypes.h>
#include <stdio.h>

const char *imap_mailbox_id(char out[IMAP_ID_MAX], int64_t folder)
{
	snprintf(out, IMAP_ID_MAX, "F%" PRId64, folder);
	return out;
}

bool session_local_name(struct session *session, struct str *name)
{
	if (session->guest == NULL || guest_local_name(session, name))
		return true;
	imap_no(session, "NONEXISTENT", "There is no such folder");
	return false;
}

int session_find_with_rights(struct session *session, struct str name, const char *rights,
                             struct mailbox_folder *folder, unsigned *rights_out)
{
	unsigned needed = 0;
	struct err err;

	rights_parse(str_of(rights), &needed);
	if (!session_local_name(session, &name))
		return -1;
	if (mailbox_folder_find(session->mailbox, name, folder, &err) != 0 ||
	    rights_find(session, folder->id, rights_out, &err) != 0) {
		imap_no_store(session, &err);
		return -1;
	}
	if ((*rights_out & needed) == needed && *rights_out != 0)
		return 0;
	/* RFC 4314 section 6: who may not see a folder is not told whether there is one */
	if ((*rights_out & RIGHT_LOOKUP) == 0)
		imap_no(session, "NONEXISTENT", "There is no such folder");
	else
		imap_no(session, "NOPERM", "The rights do not allow that");
	return -1;
}

int session_find_folder(struct session *session, struct str name, const char *rights, struct mailbox_folder *folder)
{
	unsigned all;

	return session_find_with_rights(session, name, rights, folder, &all);
}

bool session_may_create(struct session *session, struct str name)
{
	struct mailbox_folder folder;
	unsigned rights;
	struct err err;

	for (ptrdiff_t slash; (slash = str_find_last_char(name, '/')) >= 0;) {
		name = str_sub(name, 0, (size_t)slash);
		if (mailbox_folder_find(session->mailbox, name, &folder, &err) != 0)
			continue;
		if (rights_find(session, folder.id, &rights, &err) != 0) {
			imap_no_store(session, &err);
			return false;
		}
		if ((rights & RIGHT_CREATE) == 0)
			imap_no(session, "NOPERM", "The rights do not allow to make a folder there");
		return (rights & RIGHT_CREATE) != 0;
	}
	if (session->guest != NULL)
		imap_no(session, "NOPERM", "Only the owner makes folders there");
	return session->guest == NULL;
}

bool session_may_change(struct session *session, unsigned rights)
{
	const struct view *view = session->view;

	if (view->read_only)
		imap_no(session, "READ-ONLY", "The folder was opened for reading");
	else if ((view->rights & rights) != rights)
		imap_no(session, "NOPERM", "The rights do not allow that");
	return !view->read_only && (view->rights & rights) == rights;
}

bool session_is_fake(struct session *session, struct str name)
{
	if (!settings_flag(&session->imapd->settings, SETTING_IMAP_FAKE_ACCESS))
		return false;
	return session->guest != NULL ? guest_is_level(session, name) : shared_is_level(session, name);
}

static bool take_system_flag(struct imap_parser *parser, struct str name, unsigned *flags)
{
	static const struct {
		const char *name;
		unsigned flag;
	} known[] = {{"\\Seen", STORE_SEEN},
	             {"\\Answered", STORE_ANSWERED},
	             {"\\Flagged", STORE_FLAGGED},
	             {"\\Deleted", STORE_DELETED},
	             {"\\Draft", STORE_DRAFT}};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (str_equal_nocase(name, str_of(known[i].name))) {
			*flags |= known[i].flag;
			return true;
		}
	/* RFC 9051 2.3.2: \Recent cannot be set, and no other flag with a backslash is defined. */
	return imap_fail(parser, IMAP_BAD, "There is no such system flag");
}

static bool take_flag(struct imap_parser *parser, unsigned *flags, struct buf *keywords)
{
	struct str flag;

	if (!imap_parse_flag_atom(parser, &flag))
		return false;
	if (flag.data[0] == '\\')
		return take_system_flag(parser, flag, flags);
	if (flag.len > STORE_KEYWORD_MAX)
		return imap_fail(parser, IMAP_BAD, "A keyword is too long");
	if (keywords->len > 0)
		buf_add_char(keywords, ' ');
	buf_add_str(keywords, flag);
	return !keywords->overflow || imap_fail(parser, IMAP_BAD, "Too many keywords");
}

bool session_parse_flags(struct session *session, unsigned *flags, struct str *keywords)
{
	struct imap_parser *parser = &session->parser;
	bool listed = imap_peek_char(parser, '(');
	struct buf words;

	*flags = 0;
	buf_init(&words, STORE_KEYWORDS_MAX);
	if (listed)
		imap_parse_open(parser);
	if (!listed || !imap_peek_char(parser, ')'))
		do
			take_flag(parser, flags, &words);
		while (imap_skip_char(parser, ' '));
	if (listed)
		imap_parse_close(parser);
	*keywords = arena_copy(&session->arena, buf_str(&words));
	buf_free(&words);
	return parser->failure == IMAP_PARSED;
}

/* The messages of which the ranges speak, without those that have a flag of `without`; true: there are such. */
static bool collect_uids(const struct view *view, const struct sequence *set, bool by_uid, unsigned without,
                         uint32_t *uids, size_t *count)
{
	bool gone = false;

	*count = 0;
	for (size_t i = 0; i < set->count; i++) {
		const struct sequence_range *range = &set->ranges[i];
		size_t at = by_uid ? view_lower_bound(view, range->first) : range->first - 1;

		for (; at < view->count && (by_uid ? view->messages[at].uid : at + 1) <= range->last; at++)
			if ((view->messages[at].flags & without) == 0)
				uids[(*count)++] = view->messages[at].uid;
			else
				gone = true;
	}
	return gone;
}

/* How many messages the set can name at most. */
static size_t count_bound(const struct view *view, const struct sequence *set)
{
	uint64_t size = sequence_size(set);

	return size < view->count ? (size_t)size : view->count;
}

static bool find_uids(struct session *session, struct str text, unsigned without, uint32_t **uids, size_t *count)
{
	const struct view *view = session->view;
	uint32_t last_uid = view->count > 0 ? view->messages[view->count - 1].uid : 0;
	uint32_t largest = session->by_uid ? last_uid : (uint32_t)view->count;
	struct sequence set = session->saved;
	bool gone, saved = str_equal(text, STR("$"));

	*count = 0;
	*uids = NULL;
	if (!saved && !sequence_parse(&session->arena, text, largest, &set)) {
		imap_bad(session, "That is not a set of message numbers");
		return false;
	}
	/* RFC 9051 section 9 "seq-number": a number past the end is an error; "n:*" always names the last message. */
	if (!saved && !session->by_uid && set.count > 0 && set.ranges[set.count - 1].last > largest) {
		if (str_find_char(text, '*') < 0) {
			imap_bad(session, "There are only %zu messages", view->count);
			return false;
		}
		set.ranges[set.count - 1].last = largest;
	}
	*uids = arena_get(&session->arena, count_bound(view, &set) * sizeof **uids + 1);
	gone = collect_uids(view, &set, saved || session->by_uid, without, *uids, count);
	if (gone && !saved && !session->by_uid)
		imap_ok(session, "EXPUNGEISSUED", "%s completed, but messages are gone", session->command->name);
	return true;
}

bool session_uids(struct session *session, struct str set, uint32_t **uids, size_t *count)
{
	return find_uids(session, set, VIEW_GONE, uids, count);
}

bool session_uids_told(struct session *session, struct str set, uint32_t **uids, size_t *count)
{
	return find_uids(session, set, VIEW_UNSURE, uids, count);
}
