/*
 * IMAP: connection, login, and one folder after another. A message is known by its folder, the folder's UIDVALIDITY and
 * its UID, so each of them is fetched once as long as the server keeps its word; where it gives a new UIDVALIDITY, it
 * says that all messages are others.
 */
#include "collector/login.h"

#include "common/base/memory.h"

/* The next answers are asked for while these come, as long as it can be told whose they are. */
static bool pipelines(const struct session *session)
{
	return !session->lacks_uids;
}

static void ask(struct session *session, struct item *const *items, size_t count, bool whole)
{
	uint32_t uids[WINDOW_MAX];

	for (size_t i = 0; i < count; i++)
		uids[i] = items[i]->number;
	imap_client_ask(&session->imap, uids, count, whole ? IMAP_CLIENT_WHOLE : IMAP_CLIENT_HEADER);
}

static int next(struct session *session, struct coming *coming, struct err *err)
{
	struct imap_client_coming found;
	int result = imap_client_next_message(&session->imap, &found, err);

	*coming = (struct coming){
	    .kind = result == 1 ? COMING_MESSAGE : COMING_END,
	    .number = found.uid,
	    .whole = found.part == IMAP_CLIENT_WHOLE,
	    .refused = result < 0,
	};
	return result < 0 && err->code != MAIL_CLIENT_REFUSED ? -1 : 0;
}

static int read_message(struct session *session, enum smtp_data_mode mode, uint64_t octets_max, mail_client_take *take,
                        void *context, struct err *err)
{
	return imap_client_read_message(&session->imap, mode, octets_max, take, context, err);
}

static const struct source imap_source = {"IMAP", pipelines, ask, next, read_message};

static struct mail_client *client_of(struct session *session)
{
	return &session->imap.mail;
}

static int connect_to(struct session *session, const struct mail_client_target *target, struct err *err)
{
	return imap_client_connect(&session->imap, target, err);
}

static bool offers_tls(const struct session *session)
{
	return (session->imap.offered & IMAP_OFFER_STARTTLS) != 0;
}

static int start_tls(struct session *session, bool verify, struct err *err)
{
	return imap_client_start_tls(&session->imap, session->collectord->tls, verify, err);
}

static int log_in(struct session *session, const char *method, const struct sasl_client_login *login, struct err *err)
{
	struct imap_client_login how = {.by_command = strcmp(method, "login") == 0, .sasl = *login};

	return imap_client_login(&session->imap, &how, err);
}

static const struct mailbox_kind imap_kind = {
    .server = COLLECTOR_SETTING_IMAP_SERVER,
    .port = COLLECTOR_SETTING_IMAP_PORT,
    .encryption = COLLECTOR_SETTING_IMAP_ENCRYPTION,
    .verify = COLLECTOR_SETTING_IMAP_VERIFY,
    .username = COLLECTOR_SETTING_IMAP_USERNAME,
    .authentication = COLLECTOR_SETTING_IMAP_AUTHENTICATION,
    .ports = {143, 993},
    .required = "starttls",
    .if_available = "starttls-if-available",
    .client = client_of,
    .connect = connect_to,
    .offers_tls = offers_tls,
    .start_tls = start_tls,
    .log_in = log_in,
};

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

	for (bool first = true; collect_folder_next(&lines, &line); first = false) {
		if (collect_folder_parse(line, &session->arena, &folder, err) != 0 ||
		    collect_folder(session, &folder, err) != 0)
			return -1;
		if (first) /* what came while it was collected was not looked at */
			session->left = session->imap.has_more ? 0 : session->imap.exists;
	}
	return keeper_listed(session, err);
}

int folders_log_in(struct session *session, struct err *err)
{
	return mailbox_log_in(session, &imap_kind, err);
}

int folders_collect_once(struct session *session, struct err *err)
{
	int result;

	judge_start(session->judge);
	result = collect_folders(session, err);
	judge_end(session->judge);
	if (result == 0)
		session_succeed(session);
	return result;
}

static int converse(struct session *session, struct err *err)
{
	if (folders_log_in(session, err) != 0 || folders_collect_once(session, err) != 0)
		return -1;
	return session->nudge >= 0 ? watch_collect(session, err) : 0;
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
	return result;
}
