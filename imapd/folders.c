/* imapd: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 6.3.4 to 6.3.8). */
#include "common/base/log.h"
#include "imapd/guest.h"
#include "imapd/names.h"
#include "imapd/uses.h"

#include <stdio.h>

enum { USES_PARSED_MAX = 10 }; /* of one CREATE */

/* The delimiter at the end of a name says that the client wants to make more below it (RFC 9051 6.3.4), and means
 * nothing here. */
static struct str without_delimiter(struct str name)
{
	while (name.len > 1 && name.data[name.len - 1] == '/')
		name.len--;
	return name;
}

/* A name that a client wants to make: levels that are not empty, no "#" (the namespaces of others). */
static bool prepare_name(struct session *session, struct str *name)
{
	*name = without_delimiter(*name);
	if (name->len == 0 || name->data[0] == '/' || name->data[0] == '#' || str_find(*name, STR("//")) >= 0) {
		imap_no(session, "CANNOT", "No folder can have that name");
		return false;
	}
	return true;
}

/* "(USE (\Drafts))" (RFC 6154 3), into words separated by spaces. */
static bool parse_uses(struct session *session, struct str *uses)
{
	struct imap_parser *parser = &session->parser;
	struct str use;

	*uses = STR("");
	if (imap_at_end(parser))
		return true;
	if (!imap_parse_space(parser) || !imap_parse_open(parser) || !imap_skip_word(parser, "USE") ||
	    !imap_parse_space(parser) || !imap_parse_open(parser))
		return imap_fail(parser, IMAP_BAD, "CREATE takes USE only");
	for (int count = 0; !imap_peek_char(parser, ')'); count++) {
		if ((count > 0 && !imap_parse_space(parser)) || !imap_parse_flag_atom(parser, &use))
			return false;
		if (count == USES_PARSED_MAX)
			return imap_fail(parser, IMAP_BAD, "There are too many uses");
		*uses = arena_printf(&session->arena, "%.*s%s%.*s", STR_ARG(*uses), uses->len > 0 ? " " : "", STR_ARG(use));
	}
	if (!imap_parse_close(parser)) /* of the uses; then that of the parameters */
		return false;
	return imap_parse_close(parser);
}

/* Make the levels above a name where they are missing (RFC 9051 6.3.4). -1: noted. */
static int make_parents(struct session *session, struct str name)
{
	struct err err;

	for (size_t i = 1; i < name.len; i++) {
		struct mailbox_folder folder;
		struct str parent = str_sub(name, 0, i);
		int64_t id;

		if (name.data[i] != '/' || mailbox_folder_find(session->mailbox, parent, &folder, &err) == 0)
			continue;
		if (mailbox_folder_create(session->mailbox, parent, IMAP_WAIT_MS, &id, &err) != 0 && err.code != ERR_EXISTS) {
			imap_no_store(session, &err);
			return -1;
		}
	}
	return 0;
}

static void create(struct session *session, struct str name, struct str uses)
{
	char id_text[IMAP_ID_MAX], code[IMAP_ID_MAX + 16];
	struct mailbox_folder folder;
	struct err err;
	int64_t id;

	if (mailbox_folder_find(session->mailbox, name, &folder, &err) == 0) {
		imap_no(session, "ALREADYEXISTS", "There is a folder of that name");
		return;
	}
	if (make_parents(session, name) != 0)
		return;
	if (mailbox_folder_create(session->mailbox, name, IMAP_WAIT_MS, &id, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	session_ring(session);
	if (uses.len > 0 && mailbox_folder_set_use(session->mailbox, id, uses, IMAP_WAIT_MS, &err) != 0) {
		imap_no(session, "USEATTR", "%s", err.text);
		/* RFC 6154 3: then it is not made */
		if (mailbox_folder_delete(session->mailbox, id, IMAP_WAIT_MS, &err) != 0)
			log_warning("a folder without its use stays, user=%s folder=%.*s: %s", session->user, STR_ARG(name),
			            err.text);
		return;
	}
	names_tell_oldname(session, "", name, without_delimiter(session->parser.given));
	log_info("folder made, user=%s folder=%.*s id=%s", session->user, STR_ARG(name), imap_mailbox_id(id_text, id));
	snprintf(code, sizeof code, "MAILBOXID (%s)", id_text);
	imap_ok(session, code, "CREATE completed");
}

void command_create(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct str name, uses;

	if (!imap_parse_space(parser) || !imap_parse_mailbox(parser, &name) || !parse_uses(session, &uses) ||
	    !imap_parse_end(parser))
		imap_refuse(session);
	else if (!uses_normalise(session, &uses))
		imap_no(session, "USEATTR", "No folder can be made for that use");
	else if (session_local_name(session, &name) && prepare_name(session, &name) && session_may_create(session, name))
		create(session, name, uses);
}

/* A name that is there because of others below it alone? */
struct below {
	struct str parent;
	int64_t first; /* the first folder below it; 0: none */
};

static bool look_below(const struct mailbox_folder *folder, void *context)
{
	struct below *below = context;
	struct str name = str_of(folder->name);

	if (name.len > below->parent.len && name.data[below->parent.len] == '/' && str_starts(name, below->parent))
		below->first = folder->id;
	return below->first == 0;
}

static int find_below(struct session *session, struct str name, int64_t *first_out)
{
	struct below below = {.parent = name};
	struct err err;

	if (mailbox_folder_each(session->mailbox, look_below, &below, &err) != 0) {
		imap_no_store(session, &err);
		return -1;
	}
	*first_out = below.first;
	return 0;
}

/* The folder that the client has selected goes: it is selected no more (RFC 7162 3.2.11 has the code). */
static void leave_selected(struct session *session, int64_t folder)
{
	if (session->view == NULL || session->view->folder != folder)
		return;
	session_leave(session);
	conn_write(&session->conn, STR("* OK [CLOSED] The selected folder is removed\r\n"));
}

void command_delete(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct mailbox_folder folder;
	struct str name;
	int64_t below;
	struct err err;

	if (!imap_parse_space(parser) || !imap_parse_mailbox(parser, &name) || !imap_parse_end(parser)) {
		imap_refuse(session);
		return;
	}
	if (!session_local_name(session, &name))
		return;
	if (str_equal(name, STR("INBOX"))) {
		imap_no(session, "CANNOT", "INBOX cannot be removed");
		return;
	}
	if (session_find_folder(session, name, "x", &folder) != 0) {
		/* RFC 9051 6.3.5: a name that is but a level above others */
		if (session->guest == NULL && str_equal(session->code, STR("NONEXISTENT")) &&
		    find_below(session, name, &below) == 0 && below != 0)
			imap_no(session, "HASCHILDREN", "There is no such folder, but there are others below it");
		return;
	}
	leave_selected(session, folder.id);
	if (mailbox_folder_delete(session->mailbox, folder.id, IMAP_WAIT_MS, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	names_tell_oldname(session, "\\NonExistent", name, session->parser.given);
	log_info("folder removed, user=%s folder=%.*s messages=%lld", session->user, STR_ARG(name),
	         (long long)folder.totals.messages);
	session_ring(session);
}

/* RFC 9051 6.3.6: a level that is no folder itself: those below it get their new names, each with what is below it. */
static void rename_below(struct session *session, struct str from, struct str to)
{
	struct err err;
	int64_t id;

	while (find_below(session, from, &id) == 0 && id != 0) {
		struct mailbox_folder folder;
		struct str name;

		if (mailbox_folder(session->mailbox, id, &folder, &err) != 0)
			continue; /* gone meanwhile */
		name = arena_printf(&session->arena, "%.*s%s", STR_ARG(to), folder.name + from.len);
		if (make_parents(session, name) != 0)
			return;
		if (mailbox_folder_rename(session->mailbox, id, name, IMAP_WAIT_MS, &err) != 0) {
			imap_no_store(session, &err);
			return;
		}
	}
}

static void rename_folder(struct session *session, struct str from, struct str to)
{
	struct mailbox_folder folder;
	struct err err;
	int64_t below;

	if (mailbox_folder_find(session->mailbox, from, &folder, &err) == 0) {
		if (make_parents(session, to) == 0 &&
		    mailbox_folder_rename(session->mailbox, folder.id, to, IMAP_WAIT_MS, &err) != 0)
			imap_no_store(session, &err);
	} else if (err.code != ERR_NOT_FOUND || find_below(session, from, &below) != 0 || below == 0) {
		imap_no_store(session, &err);
	} else {
		rename_below(session, from, to);
	}
}

/* RFC 4314 section 4: "x" on the folder, "k" where it goes. The owner may rename a level that is no folder, too. */
static bool may_rename(struct session *session, struct str from, struct str to)
{
	struct mailbox_folder folder;
	struct err err;

	if (session_find_folder(session, from, "x", &folder) != 0) {
		if (session->guest != NULL || !str_equal(session->code, STR("NONEXISTENT")) ||
		    mailbox_folder_find(session->mailbox, from, &folder, &err) == 0)
			return false;
		imap_ok(session, NULL, "RENAME completed");
	}
	return session_may_create(session, to);
}

/* given: the first name as the client wrote it. */
static bool parse_rename(struct imap_parser *parser, struct str *from, struct str *given, struct str *to)
{
	if (!imap_parse_space(parser) || !imap_parse_mailbox(parser, from))
		return false;
	*given = parser->given;
	return imap_parse_space(parser) && imap_parse_mailbox(parser, to) && imap_parse_end(parser);
}

/* RFC 9051 6.3.6: a client that wrote one of the names otherwise is told which became which; of INBOX nothing. */
static void tell_renamed(struct session *session, struct str from, struct str given, struct str to)
{
	struct str to_given = without_delimiter(session->parser.given), full = guest_full_name(session, to);

	if (session->enabled.rev2 && !str_equal(from, STR("INBOX")) &&
	    !(str_equal(guest_full_name(session, from), given) && str_equal(full, to_given)))
		names_write_list(session, "", full, given);
}

void command_rename(struct session *session)
{
	struct mailbox_folder folder;
	struct str from, given, to;
	struct err err;

	if (!parse_rename(&session->parser, &from, &given, &to)) {
		imap_refuse(session);
		return;
	}
	if (!session_local_name(session, &from) || !session_local_name(session, &to) || !prepare_name(session, &to) ||
	    !may_rename(session, from, to))
		return;
	if (mailbox_folder_find(session->mailbox, to, &folder, &err) == 0) {
		imap_no(session, "ALREADYEXISTS", "There is a folder of that name");
		return;
	}
	if (str_starts(to, from) && to.len > from.len && to.data[from.len] == '/' && !str_equal(from, STR("INBOX"))) {
		imap_no(session, "CANNOT", "A folder cannot be moved into itself");
		return;
	}
	rename_folder(session, from, to);
	if (session->status == IMAP_OK)
		tell_renamed(session, from, given, to);
	session_ring(session);
	if (session->view != NULL && mailbox_folder(session->mailbox, session->view->folder, &folder, &err) == 0)
		str_copy(str_of(folder.name), session->view->name, sizeof session->view->name);
}

static void subscribe(struct session *session, bool subscribed)
{
	struct imap_parser *parser = &session->parser;
	struct str name;
	struct err err;

	if (!imap_parse_space(parser) || !imap_parse_mailbox(parser, &name) || !imap_parse_end(parser))
		imap_refuse(session);
	else if (mailbox_subscribe(session->mailbox, name, subscribed, IMAP_WAIT_MS, &err) != 0)
		imap_no_store(session, &err);
	else
		session_ring(session);
}

void command_subscribe(struct session *session)
{
	subscribe(session, true);
}

void command_unsubscribe(struct session *session)
{
	subscribe(session, false);
}
