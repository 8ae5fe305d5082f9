/* imapd: LIST and LSUB (RFC 9051 6.3.9, RFC 3501 6.3.9, RFC 5258, 5819, 6154, 9590). */
#include "imapd/list.h"

#include "common/imap/pattern.h"
#include "imapd/names.h"
#include "imapd/shared.h"

enum { USES_MAX = 256 };

/* One name under way. */
struct answer {
	const struct name_entry *entry;
	bool by_children; /* it does not itself meet the criteria, but something below it does, which is not told */
	bool child_info;  /* RFC 5258 3.5 */
	char uses[USES_MAX];
};

static bool matches(const struct list_request *request, struct str name)
{
	for (size_t i = 0; i < request->pattern_count; i++)
		if (imap_pattern_matches(request->patterns[i], name))
			return true;
	return false;
}

/* The special uses of a folder, "" where they are not wanted or there are none. */
static void read_uses(struct session *session, const struct list_request *request, const struct name_entry *entry,
                      char uses[USES_MAX])
{
	uses[0] = '\0';
	if (entry->folder == 0 || entry->is_shared || request->is_lsub ||
	    (request->is_extended && ((request->returned | request->select) & LIST_SPECIAL_USE) == 0))
		return;
	if (mailbox_folder_use(session->mailbox, entry->folder, uses, USES_MAX, NULL) != 0)
		uses[0] = '\0';
}

/* Does a name meet the selection options? */
static bool is_selected(struct session *session, const struct list_request *request, const struct name_entry *entry)
{
	char uses[USES_MAX];

	if ((request->select & LIST_SUBSCRIBED) != 0 && !entry->subscribed)
		return false;
	if ((request->select & LIST_SPECIAL_USE) != 0) {
		read_uses(session, request, entry, uses);
		if (uses[0] == '\0')
			return false;
	}
	/* without criteria: what there is, and levels above it */
	return (request->select & (LIST_SUBSCRIBED | LIST_SPECIAL_USE)) != 0 || entry->folder != 0 || entry->has_children;
}

/* Does something below names->entries[at] meet the criteria; and is there one among these that the patterns leave out?
 */
static void look_below(struct session *session, const struct list_request *request, const struct names *names,
                       size_t at, bool *any, bool *untold)
{
	*any = *untold = false;
	for (size_t i = at + 1; i < names->count && names_is_below(names->entries[i].name, names->entries[at].name); i++) {
		if (!is_selected(session, request, &names->entries[i]))
			continue;
		*any = true;
		*untold = !matches(request, names->entries[i].name);
		if (*untold)
			return;
	}
}

static struct str attributes_of(struct session *session, const struct list_request *request,
                                const struct answer *answer)
{
	const struct name_entry *entry = answer->entry;
	bool subscribed = entry->subscribed && ((request->select | request->returned) & LIST_SUBSCRIBED) != 0;

	/* a level above folders of others: 05-13.7 */
	bool is_missing = entry->folder == 0 && !(entry->has_children && shared_is_name(entry->name) &&
	                                          settings_flag(&session->imapd->settings, SETTING_IMAP_FAKE_ACCESS));

	if (request->is_lsub)
		/* RFC 3501 6.3.9: a level that is told only because of what is below it */
		return answer->by_children ? STR("\\Noselect") : STR("");
	return arena_printf(&session->arena, "%s%s%s%s%s", is_missing ? "\\NonExistent \\Noselect " : "",
	                    subscribed ? "\\Subscribed " : "", entry->has_children ? "\\HasChildren" : "\\HasNoChildren",
	                    answer->uses[0] != '\0' ? " " : "", answer->uses);
}

/* RFC 5258 3.5. */
static struct str extended_data_of(struct session *session, const struct list_request *request,
                                   const struct answer *answer)
{
	bool subscribed = (request->select & LIST_SUBSCRIBED) != 0, used = (request->select & LIST_SPECIAL_USE) != 0;

	if (!answer->child_info)
		return STR("");
	return arena_printf(&session->arena, " (\"CHILDINFO\" (%s%s%s))", subscribed ? "\"SUBSCRIBED\"" : "",
	                    subscribed && used ? " " : "", used ? "\"SPECIAL-USE\"" : "");
}

/* False: the administrator's script does not show it. */
static bool write_answer(struct session *session, const struct list_request *request, const struct answer *answer)
{
	struct conn *conn = &session->conn;
	struct str attributes = attributes_of(session, request, answer);
	struct str extended = extended_data_of(session, request, answer);

	if (!request->is_lsub &&
	    !imap_hook_list(&session->script, answer->entry->name, &attributes, &extended, &session->arena))
		return false;
	conn_printf(conn, "* %s (%.*s) \"/\" ", request->is_lsub ? "LSUB" : "LIST", STR_ARG(attributes));
	imap_write_mailbox(conn, answer->entry->name, session_utf8(session));
	conn_write(conn, extended);
	conn_write(conn, STR("\r\n"));
	return true;
}

/* What is asked for beside the name itself. A folder that goes meanwhile has none. */
static void write_more(struct session *session, const struct list_request *request, const struct name_entry *entry)
{
	struct mailbox_folder folder;
	struct err err;

	if (entry->is_shared && (request->returned & LIST_STATUS) != 0)
		shared_write_status(session, entry->name, request->status_items);
	if (entry->folder == 0 || entry->is_shared || mailbox_folder(session->mailbox, entry->folder, &folder, &err) != 0)
		return;
	if ((request->returned & LIST_STATUS) != 0 &&
	    status_write(session, entry->name, &folder, request->status_items, &err) != 0)
		imap_no_store(session, &err);
	if ((request->returned & LIST_METADATA) != 0 &&
	    metadata_write(session, entry->name, entry->folder, &request->metadata, NULL, &err) != 0)
		imap_no_store(session, &err);
}

static void consider(struct session *session, const struct list_request *request, const struct names *names, size_t at)
{
	struct answer answer = {.entry = &names->entries[at]};
	bool any = false, untold = false;

	if (!matches(request, answer.entry->name))
		return;
	answer.by_children = !is_selected(session, request, answer.entry);
	if ((request->select & LIST_RECURSIVE) != 0)
		look_below(session, request, names, at, &any, &untold);
	if (answer.by_children && !untold)
		return;
	answer.child_info = any && !request->is_lsub;
	read_uses(session, request, answer.entry, answer.uses);
	if (write_answer(session, request, &answer))
		write_more(session, request, answer.entry);
}

/* May a name of another user's folder match? LSUB goes by the subscriptions alone. */
static bool wants_shared(const struct list_request *request)
{
	bool wanted = false;

	for (size_t i = 0; i < request->pattern_count && !request->is_lsub; i++) {
		struct str pattern = request->patterns[i];

		wanted |= pattern.len > 0 && (pattern.data[0] == '*' || pattern.data[0] == '%' || pattern.data[0] == '#');
	}
	return wanted;
}

static void list(struct session *session, struct list_request *request)
{
	struct names names;
	struct err err;

	if (!list_parse(session, request)) {
		imap_refuse(session);
		return;
	}
	if (request->asks_delimiter) {
		/* RFC 9051 6.3.9: the root of the reference */
		conn_printf(&session->conn, "* LIST (\\Noselect) \"/\" \"%s\"\r\n",
		            shared_is_name(request->patterns[0]) ? "#users/" : "");
		return;
	}
	if ((request->status_items & STATUS_HIGHESTMODSEQ) != 0)
		session_enable_condstore(session);
	if (names_collect(session, ((request->select | request->returned) & LIST_SUBSCRIBED) != 0, wants_shared(request),
	                  &names, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	for (size_t i = 0; i < names.count && session->conn.failed == 0; i++)
		consider(session, request, &names, i);
}

void command_list(struct session *session)
{
	struct list_request *request = arena_get(&session->arena, sizeof *request);

	list(session, request);
}

/* RFC 3501 6.3.9: with "%" also the levels above subscribed names, which is what RECURSIVEMATCH tells. */
void command_lsub(struct session *session)
{
	struct list_request *request = arena_get(&session->arena, sizeof *request);

	request->is_lsub = true;
	request->select = LIST_SUBSCRIBED | LIST_RECURSIVE;
	list(session, request);
}
