#include "imapd/notify.h"

#include "common/base/io.h"
#include "common/base/memory.h"

enum { LOOK_EVERY_MS = 120000 }; /* a ring may get lost */

static const struct {
	const char *name;
	unsigned event;
} event_names[] = {
    {"MessageNew", NOTIFY_NEW},
    {"MessageExpunge", NOTIFY_EXPUNGE},
    {"FlagChange", NOTIFY_FLAGS},
    {"MailboxName", NOTIFY_NAME},
    {"SubscriptionChange", NOTIFY_SUBSCRIPTION},
    {"MailboxMetadataChange", NOTIFY_METADATA},
    {"ServerMetadataChange", NOTIFY_SERVER_METADATA},
};

enum { EVENT_COUNT = sizeof event_names / sizeof *event_names };

void notify_free(struct notify *notify)
{
	if (notify == NULL)
		return;
	arena_free(&notify->arena);
	arena_free(&notify->known.arena);
	memory_free(notify);
}

bool notify_take_attributes(struct imap_parser *parser, struct arena *arena, struct str *attributes)
{
	struct str rest = parser->rest;
	bool quoted = false;
	size_t len = 0;
	int depth = 0;

	do {
		char c = len < rest.len ? rest.data[len] : '\0';

		if (c == '\0' || (c == '{' && !quoted))
			return imap_fail(parser, IMAP_BAD, "A list of what to fetch does not end");
		if (c == '"')
			quoted = !quoted;
		else if (!quoted)
			depth += c == '(' ? 1 : c == ')' ? -1 : 0;
		len++;
	} while (depth > 0);
	*attributes = arena_copy(arena, str_sub(rest, 0, len));
	parser->rest = str_skip(rest, len);
	return true;
}

/* An event; one that is not known is noted by *unknown, for the tagged NO (section 3.1). */
static bool parse_event(struct imap_parser *parser, struct notify *notify, struct notify_group *group, bool *unknown)
{
	struct str name;

	if (!imap_parse_atom(parser, &name))
		return false;
	for (size_t i = 0; i < EVENT_COUNT; i++)
		if (str_equal_nocase(name, str_of(event_names[i].name))) {
			group->events |= event_names[i].event;
			if (event_names[i].event != NOTIFY_NEW || !str_starts(parser->rest, STR(" (")))
				return true;
			if (group->filter > NOTIFY_SELECTED_DELAYED)
				return imap_fail(parser, IMAP_BAD, "Only of the selected folder messages can be fetched");
			return imap_parse_space(parser) && notify_take_attributes(parser, &notify->arena, &group->attributes);
		}
	*unknown = true;
	return true;
}

static bool check_events(struct imap_parser *parser, const struct notify_group *group)
{
	unsigned both = group->events & (NOTIFY_NEW | NOTIFY_EXPUNGE);

	/* RFC 5465 section 5 */
	if (both != 0 && both != (NOTIFY_NEW | NOTIFY_EXPUNGE))
		return imap_fail(parser, IMAP_BAD, "MessageNew and MessageExpunge go together");
	if ((group->events & NOTIFY_FLAGS) != 0 && both == 0)
		return imap_fail(parser, IMAP_BAD, "FlagChange needs MessageNew and MessageExpunge");
	if (group->filter <= NOTIFY_SELECTED_DELAYED && (group->events & ~(unsigned)NOTIFY_MESSAGE_EVENTS) != 0)
		return imap_fail(parser, IMAP_BAD, "Of the selected folder there are message events only");
	return true;
}

static bool parse_events(struct imap_parser *parser, struct notify *notify, struct notify_group *group, bool *unknown)
{
	if (imap_skip_word(parser, "NONE"))
		return true;
	if (!imap_parse_open(parser))
		return false;
	do
		if (!parse_event(parser, notify, group, unknown))
			return false;
	while (imap_skip_char(parser, ' '));
	return imap_parse_close(parser) && check_events(parser, group);
}

/* One name, or several in parentheses. */
static bool parse_names(struct imap_parser *parser, struct notify *notify, struct notify_group *group)
{
	bool listed;

	if (!imap_parse_space(parser))
		return false;
	listed = imap_peek_char(parser, '(') && imap_parse_open(parser);
	group->names = arena_get(&notify->arena, NOTIFY_NAMES_MAX * sizeof *group->names);
	do {
		struct str name;

		if (group->name_count == NOTIFY_NAMES_MAX)
			return imap_fail(parser, IMAP_TOO_BIG, "Too many folders are named");
		if (!imap_parse_mailbox(parser, &name))
			return false;
		group->names[group->name_count++] = arena_copy(&notify->arena, name);
	} while (listed && imap_skip_char(parser, ' '));
	return !listed || imap_parse_close(parser);
}

static bool parse_group(struct imap_parser *parser, struct notify *notify, bool *unknown)
{
	static const struct {
		const char *word;
		enum notify_filter filter;
	} filters[] = {
	    {"selected-delayed", NOTIFY_SELECTED_DELAYED},
	    {"selected", NOTIFY_SELECTED},
	    {"inboxes", NOTIFY_PERSONAL},
	    {"personal", NOTIFY_PERSONAL},
	    {"subtree", NOTIFY_SUBTREE},
	    {"subscribed", NOTIFY_SUBSCRIBED},
	    {"mailboxes", NOTIFY_MAILBOXES},
	};
	struct notify_group *group = &notify->groups[notify->count];
	size_t i = 0;

	if (notify->count == NOTIFY_GROUPS_MAX)
		return imap_fail(parser, IMAP_TOO_BIG, "Too many groups");
	if (!imap_parse_open(parser))
		return false;
	while (i < sizeof filters / sizeof *filters && !imap_skip_word(parser, filters[i].word))
		i++;
	if (i == sizeof filters / sizeof *filters)
		return imap_fail(parser, IMAP_BAD, "There is no such set of folders");
	group->filter = filters[i].filter;
	if (group->filter >= NOTIFY_SUBTREE && !parse_names(parser, notify, group))
		return false;
	if (!imap_parse_space(parser) || !parse_events(parser, notify, group, unknown) || !imap_parse_close(parser))
		return false;
	if (group->filter > NOTIFY_SELECTED_DELAYED)
		notify->events |= group->events;
	else if (notify->selected != NULL)
		return imap_fail(parser, IMAP_BAD, "The selected folder is named twice");
	else
		notify->selected = group;
	notify->count++;
	return true;
}

static void refuse_events(struct session *session)
{
	struct buf names;

	buf_init(&names, SETTING_VALUE_MAX);
	for (size_t i = 0; i < EVENT_COUNT; i++)
		buf_printf(&names, "%s%s", i > 0 ? " " : "", event_names[i].name);
	imap_no(session, arena_printf(&session->arena, "BADEVENT (%.*s)", STR_ARG(buf_str(&names))).data,
	        "An event is not known");
	buf_free(&names);
}

enum imap_status notify_fetch(struct session *session, struct str uids, struct str attributes)
{
	struct session before = *session;
	enum imap_status status;

	session->parser.failure = IMAP_PARSED;
	session->parser.depth = 0;
	session->parser.rest = arena_printf(&session->arena, " %.*s %.*s", STR_ARG(uids), STR_ARG(attributes));
	session->by_uid = true;
	command_fetch(session);
	status = session->status;
	session->parser = before.parser;
	session->by_uid = before.by_uid;
	session->status = before.status;
	session->code = before.code;
	session->text = before.text;
	return status;
}

/* Are the attributes such that FETCH takes them? Tried on a message that is not there. */
static bool check_attributes(struct session *session, const struct notify *notify)
{
	return session->view == NULL || notify->selected == NULL || notify->selected->attributes.len == 0 ||
	       notify_fetch(session, STR("4294967295"), notify->selected->attributes) == IMAP_OK;
}

static void set(struct session *session, struct notify *notify, bool with_status)
{
	struct err err;

	if (!check_attributes(session, notify)) {
		imap_bad(session, "What MessageNew is to fetch is not known");
		notify_free(notify);
	} else if (notify->events != 0 && notify_begin(session, notify, with_status, &err) != 0) {
		imap_no_store(session, &err);
		notify_free(notify);
	} else {
		/* RFC 5465 3.1: what happened so far is told now, whatever is wanted from here on */
		notify_free(session->notify);
		session->notify = NULL;
		session_news(session);
		session->notify = notify;
	}
}

void command_notify(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	bool with_status = false, unknown = false;
	struct notify *notify;

	if (imap_parse_space(parser) && imap_skip_word(parser, "NONE") && imap_parse_end(parser)) {
		/* RFC 5465 3.1: not even what happens in the selected folder */
		notify_free(session->notify);
		session->notify = memory_get(sizeof *session->notify);
		return;
	}
	if (!imap_skip_word(parser, "SET")) {
		imap_fail(parser, IMAP_BAD, "SET or NONE is expected");
		imap_refuse(session);
		return;
	}
	notify = memory_get(sizeof *notify);
	notify->groups = arena_get(&notify->arena, NOTIFY_GROUPS_MAX * sizeof *notify->groups);
	imap_parse_space(parser);
	if (imap_skip_word(parser, "STATUS"))
		with_status = imap_parse_space(parser);
	do
		parse_group(parser, notify, &unknown);
	while (imap_skip_char(parser, ' '));
	if (!imap_parse_end(parser)) {
		imap_refuse(session);
		notify_free(notify);
	} else if (unknown) {
		refuse_events(session);
		notify_free(notify);
	} else {
		set(session, notify, with_status);
	}
}

unsigned notify_selected_events(const struct session *session)
{
	if (session->notify == NULL)
		return NOTIFY_MESSAGE_EVENTS;
	return session->notify->selected != NULL ? session->notify->selected->events : 0;
}

bool notify_delays(const struct session *session)
{
	return session->notify != NULL && session->notify->selected != NULL &&
	       session->notify->selected->filter == NOTIFY_SELECTED_DELAYED;
}

void notify_fetch_new(struct session *session, size_t from)
{
	const struct view *view = session->view;
	struct sequence_builder uids;

	if (session->notify == NULL || session->notify->selected == NULL ||
	    session->notify->selected->attributes.len == 0 || from >= view->count)
		return;
	sequence_builder_init(&uids);
	for (size_t at = from; at < view->count; at++)
		if ((view->messages[at].flags & VIEW_GONE) == 0 && !view_is_own(view, view->messages[at].uid))
			sequence_builder_add(&uids, view->messages[at].uid);
	if (sequence_builder_text(&uids).len > 0)
		notify_fetch(session, sequence_builder_text(&uids), session->notify->selected->attributes);
	sequence_builder_free(&uids);
}

void notify_wait(struct session *session)
{
	int64_t until = io_now_ms() + session->conn.timeout_ms;
	int events = 0;

	while ((events & CONN_INPUT) == 0 && !conn_has_input(&session->conn)) {
		int64_t left = until - io_now_ms();
		struct err err;

		events = conn_wait_input(&session->conn, session->bell, left < LOOK_EVERY_MS ? (int)left : LOOK_EVERY_MS, &err);
		if (events < 0 || (events == 0 && io_now_ms() >= until))
			return; /* the reading of the command finds the same */
		session_hear(session, events == 0);
		if ((events & CONN_INPUT) == 0) {
			session->keep_sequence = notify_delays(session);
			session->waiting = false;
			if (session_news(session) != 0)
				return;
			arena_reset(&session->arena);
			session->waiting = true;
		}
	}
}
