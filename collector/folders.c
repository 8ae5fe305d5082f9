/*
 * IMAP: connection, login, and one folder after another. A message is known by its folder, the folder's UIDVALIDITY and
 * its UID, so each of them is fetched once as long as the server keeps its word; where it gives a new UIDVALIDITY, it
 * says that all messages are others.
 */
#include "collector/session.h"

#include "common/base/log.h"
#include "common/base/memory.h"

enum {
	IMAP_PORT = 143,
	IMAPS_PORT = 993,
	CONNECT_MS = 60000,
};

static bool pipelines(const struct session *session)
{
	(void)session;
	return false; /* RFC 9051 5.5: answers to several FETCHes may come mixed, and do from Dovecot */
}

static void ask(struct session *session, const struct item *item, bool whole)
{
	imap_client_ask(&session->imap, item->number, whole ? IMAP_CLIENT_WHOLE : IMAP_CLIENT_HEADER);
}

static int begin_message(struct session *session, bool whole, struct err *err)
{
	(void)whole;
	return imap_client_begin_message(&session->imap, err);
}

static int read_message(struct session *session, enum smtp_data_mode mode, uint64_t octets_max, mail_client_take *take,
                        void *context, struct err *err)
{
	return imap_client_read_message(&session->imap, mode, octets_max, take, context, err);
}

static const struct source imap_source = {pipelines, ask, begin_message, read_message};

static bool encrypts(const struct session *session, const char *word)
{
	return strcmp(session_text(session, COLLECTOR_SETTING_IMAP_ENCRYPTION), word) == 0;
}

/* To the first address that answers. */
static int connect_server(struct session *session, struct err *err)
{
	bool tls = encrypts(session, "tls");
	int64_t port = session_number(session, COLLECTOR_SETTING_IMAP_PORT);
	struct imap_client *client = &session->imap;
	struct mail_client_target target = {
	    .host = session_text(session, COLLECTOR_SETTING_IMAP_SERVER),
	    .port = (unsigned)(port != 0 ? port
	                       : tls     ? IMAPS_PORT
	                                 : IMAP_PORT),
	    .tls = tls ? session->collectord->tls : NULL,
	    .verify = session_number(session, COLLECTOR_SETTING_IMAP_VERIFY) != 0,
	    .proxy = session->route.proxy,
	    .prepare = session_attach_transcript,
	    .context = session,
	};

	for (size_t i = 0; i < session->address_count && !client->mail.connected; i++) {
		target.address = arena_text(&session->arena, session->addresses[i]);
		if (imap_client_connect(client, &target, err) == 0)
			break;
	}
	session->result.connected = client->mail.connected;
	return client->mail.open ? 0 : -1;
}

static int encrypt(struct session *session, struct err *err)
{
	struct imap_client *client = &session->imap;
	bool required = encrypts(session, "starttls");

	if (!required && !(encrypts(session, "starttls-if-available") && (client->offered & IMAP_OFFER_STARTTLS) != 0))
		return 0;
	if (imap_client_start_tls(client, session->collectord->tls,
	                          required && session_number(session, COLLECTOR_SETTING_IMAP_VERIFY) != 0, err) != 0)
		return err->code == MAIL_CLIENT_REFUSED && !required ? 0 : -1;
	status_tls(&session->status);
	return 0;
}

static int log_in(struct session *session, struct err *err)
{
	const char *word = session_text(session, COLLECTOR_SETTING_IMAP_AUTHENTICATION);
	struct arena secret;
	struct imap_client_login login = {
	    .by_command = strcmp(word, "login") == 0,
	    .sasl = {.user = session_text(session, COLLECTOR_SETTING_IMAP_USERNAME),
	             .host = session->imap.mail.host,
	             .port = session->imap.mail.conn.peer_port},
	};
	int result;

	if (sasl_client_parse_method(str_of(word), &login.sasl.method) != 0)
		login.sasl.method = SASL_CLIENT_METHOD_AUTOMATIC;
	arena_init(&secret);
	login.sasl.secret = arena_text(&secret, session->route.password);
	result = imap_client_login(&session->imap, &login, err);
	arena_wipe(&secret);
	arena_free(&secret);
	route_wipe(&session->route);
	return result;
}

static int begin(struct session *session, struct err *err)
{
	int reply_ms = (int)settings_number(&session->settings, SETTING_COLLECT_TIMEOUT) * 1000;

	imap_client_init(&session->imap, (struct mail_client_timeouts){
	                                     .connect_ms = reply_ms < CONNECT_MS ? reply_ms : CONNECT_MS,
	                                     .reply_ms = reply_ms,
	                                 });
	if (connect_server(session, err) != 0 || encrypt(session, err) != 0)
		return -1;
	return log_in(session, err);
}

/* Messages of the selected folder, as they are listed. */
struct listing {
	struct session *session;
	struct imap_client_selected selected;
	uint32_t room;
};

static void take_size(uint32_t uid, uint64_t size, void *context)
{
	struct listing *listing = context;
	struct session *session = listing->session;
	struct str identity =
	    arena_printf(&session->arena, "%u.%u %.*s", listing->selected.uidvalidity, uid, STR_ARG(session->folder->name));

	if (session->item_count == listing->room) {
		listing->room = listing->room != 0 ? 2 * listing->room : 256;
		session->items = memory_resize(session->items, listing->room * sizeof *session->items);
	}
	session->items[session->item_count++] =
	    (struct item){.number = uid, .size = size, .identity = identity, .is_listed = true};
}

/* Delete them, or move them, in commands of some. */
static int remove_some(struct session *session, struct item *const *items, size_t count, struct err *err)
{
	struct str folder = str_of(session_text(session, COLLECTOR_SETTING_IMAP_MOVE_TO));
	uint32_t uids[IMAP_CLIENT_UIDS_MAX];
	int result;

	for (size_t i = 0; i < count; i++)
		uids[i] = items[i]->number;
	if (count == 0)
		return 0;
	result = folder.len > 0 ? imap_client_move(&session->imap, uids, count, folder, err)
	                        : imap_client_delete(&session->imap, uids, count, err);
	for (size_t i = 0; i < count && result == 0; i++)
		items[i]->state = ITEM_DELETED;
	return result;
}

static int remove_messages(struct session *session, struct err *err)
{
	struct item *items[IMAP_CLIENT_UIDS_MAX];
	size_t count = 0;

	for (uint32_t i = 0; i < session->item_count; i++) {
		if (session->items[i].state != ITEM_DELETE)
			continue;
		items[count++] = &session->items[i];
		if (count == IMAP_CLIENT_UIDS_MAX && remove_some(session, items, count, err) != 0)
			return -1;
		count %= IMAP_CLIENT_UIDS_MAX;
	}
	return remove_some(session, items, count, err) == 0 ? keeper_deleted(session, err) : -1;
}

static int list_folder(struct session *session, struct err *err)
{
	struct listing listing = {.session = session};

	session->item_count = 0;
	if (imap_client_select(&session->imap, session->folder->name, &listing.selected, err) != 0)
		return err_prefix(err, "folder %.*s", STR_ARG(session->folder->name));
	if (listing.selected.exists == 0)
		return 0;
	return imap_client_sizes(&session->imap, take_size, &listing, err);
}

static int collect_folder(struct session *session, const struct collect_folder *folder, struct err *err)
{
	int result;

	session->folder = folder;
	session->items = NULL;
	result = list_folder(session, err);
	if (result == 0)
		result = plan_ask(session, err);
	if (result == 0)
		result = fetch_all(session, err);
	session->is_fetching = result != 0;
	if (result == 0)
		result = remove_messages(session, err);
	memory_free(session->items);
	session->items = NULL;
	session->item_count = 0;
	return result;
}

/* What vanished from the server is known when all folders were seen. */
static int collect_folders(struct session *session, struct err *err)
{
	struct str lines = str_of(session_text(session, COLLECTOR_SETTING_IMAP_FOLDERS)), line;
	struct collect_folder folder;

	while (collect_folder_next(&lines, &line))
		if (collect_folder_parse(line, &session->arena, &folder, err) != 0 ||
		    collect_folder(session, &folder, err) != 0)
			return -1;
	return keeper_listed(session, err);
}

static int converse(struct session *session, struct err *err)
{
	int result;

	if (begin(session, err) != 0)
		return -1;
	judge_start(session->judge);
	result = collect_folders(session, err);
	judge_end(session->judge);
	return result;
}

int folders_collect(struct session *session, struct err *err)
{
	struct err ignored;
	int result;

	session->source = &imap_source;
	result = converse(session, err);
	if (session->imap.mail.open && !session->is_fetching)
		imap_client_logout(&session->imap, &ignored);
	transcript_end(&session->transcript);
	imap_client_close(&session->imap);
	if (result == 0)
		session_succeed(session);
	return result;
}
