/* imapd: GETMETADATA and SETMETADATA (RFC 5464). */
#include "imapd/metadata.h"

#include "imapd/uses.h"

#include <limits.h>
#include <stdio.h>

/* RFC 6154 section 4: not kept as metadata; it is what LIST says of the folder. */
static const struct str SPECIAL_USE = {"/private/specialuse", 19};

/* RFC 5464 3.2: from "/private/" or "/shared/" on, no empty component, no wildcards, ASCII. For a question with DEPTH
 * these two themselves will do. */
static bool is_entry_name(struct str name, bool asks)
{
	if (asks && (str_equal_nocase(name, STR("/private")) || str_equal_nocase(name, STR("/shared"))))
		return true;
	if (name.len > METADATA_NAME_MAX || name.data[name.len - 1] == '/' || str_find(name, STR("//")) >= 0 ||
	    !(str_starts_nocase(name, STR("/private/")) || str_starts_nocase(name, STR("/shared/"))))
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f || name.data[i] == '*' || name.data[i] == '%')
			return false;
	return true;
}

static bool parse_entry(struct imap_parser *parser, bool asks, struct str *name)
{
	if (!imap_parse_astring(parser, name))
		return false;
	return (name->len > 0 && is_entry_name(*name, asks)) || imap_fail(parser, IMAP_BAD, "That is no name of an entry");
}

static bool add_entry(struct imap_parser *parser, bool asks, struct metadata_query *query)
{
	if (query->count == METADATA_ENTRIES_MAX)
		return imap_fail(parser, IMAP_BAD, "There are too many entries");
	return parse_entry(parser, asks, &query->entries[query->count++]);
}

bool metadata_parse_entries(struct session *session, struct metadata_query *query)
{
	struct imap_parser *parser = &session->parser;

	query->count = 0;
	query->depth = 0;
	query->limit = UINT64_MAX;
	if (!imap_peek_char(parser, '('))
		return add_entry(parser, true, query);
	if (!imap_parse_open(parser))
		return false;
	do {
		if (!add_entry(parser, true, query))
			return false;
	} while (imap_skip_char(parser, ' '));
	return imap_parse_close(parser);
}

/* What is stored, in the arena. */
struct known_entry {
	struct str name, value;
	struct known_entry *next;
};

struct known {
	struct arena *arena;
	bool hides_private; /* they are the owner's, and this is a guest */
	struct known_entry *first, **last;
};

static bool add_known(struct str name, struct str value, void *context)
{
	struct known *known = context;
	struct known_entry *entry;

	if (known->hides_private && str_starts_nocase(name, STR("/private/")))
		return true;
	entry = arena_get(known->arena, sizeof *entry);
	entry->name = arena_copy(known->arena, name);
	entry->value = arena_copy(known->arena, value);
	*known->last = entry;
	known->last = &entry->next;
	return true;
}

/* RFC 5464 3.2.1.1: what the server says of itself, read-only. */
static void add_server_entries(struct session *session, struct known *known)
{
	const struct settings *settings = &session->imapd->settings;

	add_known(STR("/shared/admin"),
	          arena_printf(&session->arena, "mailto:postmaster@%s", settings_default_domain(settings)), known);
	if (!settings_flag(settings, SETTING_ANONYMISE))
		add_known(STR("/shared/comment"), STR("Postroom"), known);
}

/* What a folder is for, as metadata. */
static int add_use(struct session *session, int64_t folder, struct known *known, struct err *err)
{
	char uses[STORE_NAME_MAX];

	if (mailbox_folder_use(session->mailbox, folder, uses, sizeof uses, err) != 0)
		return -1;
	if (uses[0] != '\0')
		add_known(SPECIAL_USE, str_of(uses), known);
	return 0;
}

static bool is_meant(struct str name, struct str entry, unsigned depth)
{
	unsigned levels = 0;

	if (!str_starts_nocase(name, entry))
		return false;
	for (size_t i = entry.len; i < name.len; i++)
		levels += name.data[i] == '/';
	return name.len == entry.len || (name.data[entry.len] == '/' && levels <= depth);
}

/* One response, begun with its first entry. */
struct response {
	struct session *session;
	struct str name;
	bool begun;
};

static void write_entry(struct response *response, struct str name, struct str value)
{
	struct session *session = response->session;
	struct conn *conn = &session->conn;

	if (response->begun) {
		conn_write(conn, STR(" "));
	} else {
		conn_write(conn, STR("* METADATA "));
		imap_write_mailbox(conn, response->name, session_utf8(session));
		conn_write(conn, STR(" ("));
		response->begun = true;
	}
	imap_write_astring(conn, name, false);
	conn_write(conn, STR(" "));
	if (value.len > 0 && memchr(value.data, '\0', value.len) != NULL)
		conn_write(conn, STR("~")); /* a literal8; the string becomes a literal because of its NUL */
	imap_write_nstring(conn, value, session_utf8(session));
}

static void write_meant(struct response *response, const struct known *known, struct str entry,
                        const struct metadata_query *query, size_t *longest)
{
	bool found = false;

	for (const struct known_entry *at = known->first; at != NULL; at = at->next) {
		if (!is_meant(at->name, entry, query->depth))
			continue;
		found = true;
		if (at->value.len <= query->limit)
			write_entry(response, at->name, at->value);
		else if (at->value.len > *longest)
			*longest = at->value.len;
	}
	if (!found && query->depth == 0)
		write_entry(response, entry, str_from(NULL, 0));
}

int metadata_write(struct session *session, struct str name, int64_t folder, const struct metadata_query *query,
                   size_t *longest_out, struct err *err)
{
	struct known known = {.arena = &session->arena, .hides_private = session->guest != NULL};
	struct response response = {.session = session, .name = name};
	size_t longest = 0;

	known.last = &known.first;
	if (mailbox_metadata_each(session->mailbox, folder, add_known, &known, err) != 0)
		return -1;
	if (folder == METADATA_SERVER)
		add_server_entries(session, &known);
	else if (add_use(session, folder, &known, err) != 0)
		return -1;
	for (size_t i = 0; i < query->count; i++)
		write_meant(&response, &known, query->entries[i], query, &longest);
	if (response.begun)
		conn_write(&session->conn, STR(")\r\n"));
	if (longest_out != NULL)
		*longest_out = longest;
	return 0;
}

static bool parse_depth(struct imap_parser *parser, unsigned *depth)
{
	uint64_t levels;

	if (imap_skip_word(parser, "INFINITY")) {
		*depth = UINT_MAX;
		return true;
	}
	if (!imap_parse_number(parser, 1, &levels))
		return false;
	*depth = (unsigned)levels;
	return true;
}

/* "(MAXSIZE 1024 DEPTH 1)" and a space */
static bool parse_options(struct imap_parser *parser, unsigned *depth, uint64_t *limit)
{
	if (!imap_parse_open(parser))
		return false;
	do {
		if (imap_skip_word(parser, "MAXSIZE")) {
			if (!imap_parse_space(parser) || !imap_parse_number(parser, UINT32_MAX, limit))
				return false;
		} else if (imap_skip_word(parser, "DEPTH")) {
			if (!imap_parse_space(parser) || !parse_depth(parser, depth))
				return false;
		} else {
			return imap_fail(parser, IMAP_BAD, "GETMETADATA knows no such option");
		}
	} while (imap_skip_char(parser, ' '));
	return imap_parse_close(parser) && imap_parse_space(parser);
}

/* Where options may come: a parenthesis behind which there is no entry. */
static bool comes_options(const struct imap_parser *parser)
{
	return imap_peek_char(parser, '(') && parser->rest.len > 1 && parser->rest.data[1] != '/' &&
	       parser->rest.data[1] != '"' && parser->rest.data[1] != '{';
}

/* The folder of a command; the empty name is the server. -1: noted. */
static int find(struct session *session, struct str name, const char *rights, int64_t *folder_out)
{
	struct mailbox_folder folder;

	*folder_out = METADATA_SERVER;
	if (name.len == 0)
		return 0;
	if (session_find_folder(session, name, rights, &folder) != 0)
		return -1;
	*folder_out = folder.id;
	return 0;
}

void command_getmetadata(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct metadata_query *query = arena_get(&session->arena, sizeof *query);
	uint64_t limit = UINT64_MAX;
	unsigned depth = 0;
	int64_t folder;
	size_t longest;
	struct str name;
	char code[64];
	struct err err;

	/* the grammar of RFC 5464 has the options before the name, its examples behind it */
	if (!imap_parse_space(parser) || (imap_peek_char(parser, '(') && !parse_options(parser, &depth, &limit)) ||
	    !imap_parse_mailbox(parser, &name) || !imap_parse_space(parser) ||
	    (comes_options(parser) && !parse_options(parser, &depth, &limit)) || !metadata_parse_entries(session, query) ||
	    !imap_parse_end(parser)) {
		imap_refuse(session);
		return;
	}
	query->depth = depth;
	query->limit = limit;
	if (find(session, name, "r", &folder) != 0)
		return;
	if (metadata_write(session, name, folder, query, &longest, &err) != 0) {
		imap_no_store(session, &err);
	} else if (longest > 0) {
		snprintf(code, sizeof code, "METADATA LONGENTRIES %zu", longest);
		imap_ok(session, code, "Some values are larger");
	}
}

/* "(" entry value ... ")" into two arrays. */
static bool parse_values(struct imap_parser *parser, struct metadata_query *names, struct str *values)
{
	if (!imap_parse_open(parser))
		return false;
	do {
		struct str *value = &values[names->count];

		if (!add_entry(parser, false, names) || !imap_parse_space(parser) ||
		    !(imap_peek_char(parser, '~') ? imap_parse_literal8(parser, value) : imap_parse_nstring(parser, value)))
			return false;
	} while (imap_skip_char(parser, ' '));
	return imap_parse_close(parser) && imap_parse_end(parser);
}

static bool is_use(int64_t folder, struct str name)
{
	return folder != METADATA_SERVER && str_equal_nocase(name, SPECIAL_USE);
}

/* Also brings special uses into their form. */
static bool may_set(struct session *session, int64_t folder, const struct metadata_query *names, struct str *values)
{
	char code[64];

	for (size_t i = 0; i < names->count; i++) {
		if (values[i].len > STORE_METADATA_VALUE_MAX) {
			snprintf(code, sizeof code, "METADATA MAXSIZE %d", STORE_METADATA_VALUE_MAX);
			imap_no(session, code, "A value is too large");
			return false;
		}
		if (folder == METADATA_SERVER && str_starts_nocase(names->entries[i], STR("/shared/"))) {
			imap_no(session, "NOPERM", "What the server says to all is not changed by one user");
			return false;
		}
		if (session->guest != NULL && str_starts_nocase(names->entries[i], STR("/private/"))) {
			imap_no(session, "METADATA NOPRIVATE", "Private entries are the owner's"); /* RFC 5464 4.3 */
			return false;
		}
		if (is_use(folder, names->entries[i]) && !uses_normalise(session, &values[i])) {
			imap_no(session, "USEATTR", "No folder can be for that use");
			return false;
		}
	}
	return true;
}

/* -1: noted. */
static int set_entry(struct session *session, int64_t folder, struct str name, struct str value)
{
	struct err err;

	if (is_use(folder, name)) {
		if (mailbox_folder_set_use(session->mailbox, folder, value, IMAP_WAIT_MS, &err) == 0)
			return 0;
		if (err.code == ERR_EXISTS)
			imap_no(session, "USEATTR", "%s", err.text);
		else
			imap_no_store(session, &err);
		return -1;
	}
	if (mailbox_metadata_set(session->mailbox, folder, name, value, IMAP_WAIT_MS, &err) == 0)
		return 0;
	if (err.code == ERR_LIMIT)
		imap_no(session, "METADATA TOOMANY", "%s", err.text);
	else
		imap_no_store(session, &err);
	return -1;
}

void command_setmetadata(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct metadata_query *names = arena_get(&session->arena, sizeof *names);
	struct str *values = arena_get(&session->arena, METADATA_ENTRIES_MAX * sizeof *values);
	struct str name;
	int64_t folder;

	if (!imap_parse_space(parser) || !imap_parse_mailbox(parser, &name) || !imap_parse_space(parser) ||
	    !parse_values(parser, names, values)) {
		imap_refuse(session);
		return;
	}
	if (find(session, name, "w", &folder) != 0 || !may_set(session, folder, names, values))
		return;
	for (size_t i = 0; i < names->count; i++)
		if (set_entry(session, folder, names->entries[i], values[i]) != 0)
			return;
	session_ring(session);
}
