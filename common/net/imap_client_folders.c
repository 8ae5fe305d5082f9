/* imap_client: which folders there are, what is in one, and waiting for more. */
#include "common/base/io.h"
#include "common/imap/parser.h"
#include "common/imap/text.h"
#include "common/imap/value.h"
#include "common/net/imap_client_io.h"

enum {
	FOLDERS_MAX = 100000,
	NAME_MAX_OCTETS = 4096,
	FLAGS_MAX = 200, /* of one message; more are passed over */
};

struct listing {
	imap_client_visit_folder *visit;
	imap_client_visit_detail *visit_detail;
	void *context;
	unsigned count;
	struct arena arena; /* of one reply */
};

static const struct {
	const char *word;
	enum imap_client_use use;
} uses[] = {
    {"\\Sent", IMAP_CLIENT_USE_SENT},    {"\\Drafts", IMAP_CLIENT_USE_DRAFTS},  {"\\Junk", IMAP_CLIENT_USE_JUNK},
    {"\\Spam", IMAP_CLIENT_USE_JUNK},    {"\\Trash", IMAP_CLIENT_USE_TRASH},    {"\\Archive", IMAP_CLIENT_USE_ARCHIVE},
    {"\\All", IMAP_CLIENT_USE_VIEW},     {"\\AllMail", IMAP_CLIENT_USE_VIEW},   {"\\Flagged", IMAP_CLIENT_USE_VIEW},
    {"\\Starred", IMAP_CLIENT_USE_VIEW}, {"\\Important", IMAP_CLIENT_USE_VIEW},
};

static void take_attributes(const struct imap_value *list, struct imap_client_folder *folder)
{
	folder->selectable = true;
	for (const struct imap_value *value = list != NULL ? list->first : NULL; value != NULL; value = value->next) {
		if (imap_value_is(value, "\\Noselect") || imap_value_is(value, "\\NonExistent"))
			folder->selectable = false;
		for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++)
			if (imap_value_is(value, uses[i].word))
				folder->use = uses[i].use;
	}
}

/* LIST (\HasNoChildren \Sent) "/" "Sent Items" */
static int take_folder(struct imap_client *client, struct str text, void *context, struct err *err)
{
	struct listing *listing = context;
	struct imap_client_folder folder = {.name = STR("")};
	struct imap_value *reply;
	struct str delimiter;
	struct buf name;
	int result = 0;

	(void)client;
	if (!str_starts_nocase(text, STR("LIST ")) && !str_starts_nocase(text, STR("XLIST ")))
		return 0;
	if (++listing->count > FOLDERS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d folders", FOLDERS_MAX);
	arena_reset(&listing->arena);
	if (imap_value_parse(text, &listing->arena, &reply, err) != 0)
		return -1;
	take_attributes(imap_value_at(reply, 1), &folder);
	delimiter = imap_value_text(imap_value_at(reply, 2));
	folder.delimiter = delimiter.len == 1 ? delimiter.data[0] : '\0';
	folder.name = imap_value_text(imap_value_at(reply, 3));
	buf_init(&name, NAME_MAX_OCTETS);
	if (mutf7_decode(folder.name, &name, NULL) == 0) /* else it is UTF-8 as it stands */
		folder.name = buf_str(&name);
	if (folder.name.len > 0)
		result = listing->visit(&folder, listing->context, err);
	buf_free(&name);
	return result;
}

int imap_client_list(struct imap_client *client, imap_client_visit_folder *visit, void *context, struct err *err)
{
	struct listing listing = {.visit = visit, .context = context};
	const char *command = "LIST \"\" \"*\"";
	int result;

	if ((client->offered & IMAP_OFFER_SPECIAL_USE) != 0 && (client->offered & IMAP_OFFER_LIST_EXTENDED) != 0)
		command = "LIST \"\" \"*\" RETURN (SPECIAL-USE)"; /* RFC 6154 section 2: else a server need not say it */
	else if ((client->offered & IMAP_OFFER_XLIST) != 0)
		command = "XLIST \"\" \"*\"";
	arena_init(&listing.arena);
	client->keeps_literals = true;
	imap_client_begin_command(client, command);
	imap_client_end_command(client);
	result = imap_client_finish(client, "LIST", take_folder, &listing, err);
	client->keeps_literals = false;
	arena_free(&listing.arena);
	return result;
}

struct prefix {
	struct arena *arena;
	struct str text;
};

/* NAMESPACE (("INBOX." ".")) NIL NIL: own folders, those of others, shared ones. */
static int take_namespace(struct imap_client *client, struct str text, void *context, struct err *err)
{
	struct prefix *prefix = context;
	struct imap_value *reply;
	const struct imap_value *own;
	struct str found;

	(void)client;
	if (!str_starts_nocase(text, STR("NAMESPACE ")))
		return 0;
	if (imap_value_parse(text, prefix->arena, &reply, err) != 0)
		return -1;
	own = imap_value_at(imap_value_at(reply, 1), 0);
	found = imap_value_text(imap_value_at(own, 0));
	prefix->text = found.len > 0 ? arena_copy(prefix->arena, found) : STR("");
	return 0;
}

int imap_client_namespace(struct imap_client *client, struct arena *arena, struct str *prefix_out, struct err *err)
{
	struct prefix prefix = {.arena = arena, .text = STR("")};
	int result = 0;

	if ((client->offered & IMAP_OFFER_NAMESPACE) != 0) {
		imap_client_begin_command(client, "NAMESPACE");
		imap_client_end_command(client);
		result = imap_client_finish(client, "NAMESPACE", take_namespace, &prefix, err);
	}
	*prefix_out = prefix.text;
	return result;
}

/* "17-Jul-1996 02:44:25 -0700"; 0: it is none. */
static int64_t take_date(struct str text, struct arena *arena)
{
	struct imap_parser parser;
	int64_t seconds;

	imap_parser_init(&parser, NULL, arena, 0);
	parser.rest = arena_printf(arena, "\"%.*s\"", STR_ARG(text));
	return imap_parse_date_time(&parser, &seconds) ? seconds : 0;
}

static int take_detail(struct imap_client *client, struct str text, void *context, struct err *err)
{
	struct listing *listing = context;
	struct imap_client_detail detail = {0};
	struct str flags[FLAGS_MAX];
	struct imap_value *reply;
	const struct imap_value *items, *flag;
	uint64_t uid;

	(void)client;
	arena_reset(&listing->arena);
	if (imap_value_parse(text, &listing->arena, &reply, err) != 0)
		return -1;
	items = imap_value_at(reply, 2);
	if (!imap_value_is(imap_value_at(reply, 1), "FETCH") ||
	    !imap_value_number(imap_value_of(items, "UID"), UINT32_MAX, &uid) || uid == 0 ||
	    !imap_value_number(imap_value_of(items, "RFC822.SIZE"), INT64_MAX, &detail.size))
		return 0;
	if (++listing->count > IMAP_CLIENT_MESSAGES_MAX)
		return err_set(err, ERR_LIMIT, "more than %d messages", IMAP_CLIENT_MESSAGES_MAX);
	detail.uid = (uint32_t)uid;
	detail.date = take_date(imap_value_text(imap_value_of(items, "INTERNALDATE")), &listing->arena);
	detail.flags = flags;
	flag = imap_value_of(items, "FLAGS");
	for (flag = flag != NULL ? flag->first : NULL; flag != NULL && detail.flag_count < FLAGS_MAX; flag = flag->next)
		flags[detail.flag_count++] = imap_value_text(flag);
	listing->visit_detail(&detail, listing->context);
	return 0;
}

int imap_client_details(struct imap_client *client, imap_client_visit_detail *visit, void *context, struct err *err)
{
	struct listing listing = {.visit_detail = visit, .context = context};
	int result;

	arena_init(&listing.arena);
	imap_client_begin_command(client, "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)");
	imap_client_end_command(client);
	result = imap_client_finish(client, "UID FETCH", take_detail, &listing, err);
	arena_free(&listing.arena);
	return result;
}

/* Read untagged replies of IDLE until there are more messages. 1: as imap_client_idle; 0: the time is over; -1: lost.
 */
static int wait_for_more(struct imap_client *client, int other_fd, int64_t until_ms, struct err *err)
{
	struct imap_reply reply;
	bool stopped;

	while (!client->has_more) {
		int64_t left = until_ms - io_now_ms();
		int seen = left > 0 ? conn_wait_input(&client->mail.conn, other_fd, (int)left, err) : 0;

		if (seen < 0)
			return mail_client_lost(&client->mail, "IDLE", err);
		if (seen == 0)
			return 0;
		if ((seen & CONN_INPUT) == 0)
			return 1;
		mail_client_begin_wait(&client->mail);
		if (imap_client_read_reply(client, "IDLE", false, &reply, &stopped, err) != 0)
			return -1;
		if (reply.kind == IMAP_REPLY_TAGGED) { /* it has ended by itself, which none should */
			err_set(err, ERR_PROTOCOL, "the server ended IDLE by itself: %s", client->mail.words);
			return mail_client_lost(&client->mail, "IDLE", err);
		}
	}
	return 1;
}

int imap_client_idle(struct imap_client *client, int other_fd, int wait_ms, struct err *err)
{
	struct imap_reply reply;
	bool stopped;
	int found;

	imap_client_begin_command(client, "IDLE");
	imap_client_end_command(client);
	mail_client_begin_wait(&client->mail);
	do {
		if (imap_client_read_reply(client, "IDLE", false, &reply, &stopped, err) != 0)
			return -1;
		if (reply.kind == IMAP_REPLY_TAGGED)
			return imap_client_conclude(client, "IDLE", &reply, err) == 0 ? 0 : -1;
	} while (reply.kind != IMAP_REPLY_CONTINUE);
	found = wait_for_more(client, other_fd, io_now_ms() + wait_ms, err);
	if (found < 0)
		return -1;
	conn_write(&client->mail.conn, STR("DONE\r\n"));
	return imap_client_finish(client, "IDLE", NULL, NULL, err) == 0 ? found : -1;
}
