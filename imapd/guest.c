#include "imapd/guest.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "imapd/shared.h"
#include "imapd/status.h"
#include "imapd/target.h"

#include <inttypes.h>
#include <unistd.h>

enum {
	BEGIN_MS = 10000,
	REST_AFTER_MS = 2000,
};

bool guest_is_here(const struct guest *guest, struct str name)
{
	struct str owner, rest;

	return shared_split(name, &owner, &rest) && str_equal_nocase(owner, str_of(guest->owner)) && rest.len > 0;
}

bool guest_local_name(const struct session *session, struct str *name)
{
	struct str owner, rest;

	if (!shared_is_name(*name))
		return true;
	if (!guest_is_here(session->guest, *name) || !shared_split(*name, &owner, &rest))
		return false;
	*name = rest;
	/* RFC 9051 5.1: INBOX in any case; the parser knows it at the beginning of names alone */
	if (str_equal_nocase(rest, STR("INBOX")))
		*name = STR("INBOX");
	return true;
}

struct str guest_full_name(struct session *session, struct str name)
{
	if (session->guest == NULL || shared_is_name(name))
		return name;
	return arena_printf(&session->arena, "#users/%s/%.*s", session->guest->owner, STR_ARG(name));
}

/* Names of folders with their numbers, in the arena: rights are asked for when the list is complete. */
struct folder_list {
	struct session *session;
	struct folder_list_entry {
		int64_t id;
		struct str name;
		struct folder_list_entry *next;
	} * first, **last;
};

static bool add_folder(const struct mailbox_folder *folder, void *context)
{
	struct folder_list *list = context;
	struct folder_list_entry *entry = arena_get(&list->session->arena, sizeof *entry);

	entry->id = folder->id;
	entry->name = arena_copy(&list->session->arena, str_of(folder->name));
	*list->last = entry;
	list->last = &entry->next;
	return true;
}

/* Call visit for each folder that the guest may see, until it says false. */
static int each_visible(struct session *session, bool (*visit)(struct str name, void *context), void *context,
                        struct err *err)
{
	struct folder_list list = {.session = session};
	unsigned rights;

	list.last = &list.first;
	if (mailbox_folder_each(session->mailbox, add_folder, &list, err) != 0)
		return -1;
	for (const struct folder_list_entry *entry = list.first; entry != NULL; entry = entry->next) {
		if (rights_find(session, entry->id, &rights, err) != 0)
			return -1;
		if ((rights & RIGHT_LOOKUP) != 0 && !visit(entry->name, context))
			break;
	}
	return 0;
}

struct level {
	struct str name;
	bool found;
};

static bool look_below(struct str name, void *context)
{
	struct level *level = context;

	level->found = name.len > level->name.len && name.data[level->name.len] == '/' && str_starts(name, level->name);
	return !level->found;
}

bool guest_is_level(struct session *session, struct str name)
{
	struct level level = {.name = name};
	struct err err;

	return guest_local_name(session, &level.name) && each_visible(session, look_below, &level, &err) == 0 &&
	       level.found;
}

bool guest_may_stay(struct session *session)
{
	struct view *view = session->view;
	unsigned rights;
	struct err err;

	if (view == NULL || view->folder == 0)
		return true;
	if (rights_find(session, view->folder, &rights, &err) != 0) {
		log_error("cannot look at the rights of a folder of uid=%" PRId64 ": %s", session->uid, err.text);
		rights = 0;
	}
	if ((rights & RIGHT_READ) == 0) {
		session_bye(session, "The selected folder is not shared any more");
		return false;
	}
	if (rights != view->rights) {
		view->rights = rights;
		session_write_permanent_flags(session);
	}
	return true;
}

int guest_store(struct session *session, struct upload *upload, struct stored *stored)
{
	struct ipc_channel channel = {.fd = session->guest->control};
	struct ipc_message request, reply;
	struct err err = {0};
	int result = -1;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "store");
	if (bundle_add(&request, upload)) {
		if (ipc_call(&channel, &request, &reply, -1, &err) != 0) {
			/* a channel that broke is closed by then; the loop sees its end */
			session->guest->control = channel.fd;
			imap_no_store(session, &err);
		} else if (bundle_take_result(session, &reply)) {
			result = bundle_take_stored(session, &reply, upload->count, stored, &err);
			if (result != 0)
				imap_no_store(session, &err);
		}
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

static bool add_name(struct str name, void *context)
{
	ipc_add(context, "name", name);
	return true;
}

static void take_names(struct session *session, const struct ipc_message *request, struct ipc_message *reply)
{
	struct err err;

	(void)request;
	if (each_visible(session, add_name, reply, &err) != 0) {
		ipc_message_reset(reply);
		ipc_reply_error(reply, &err);
	}
}

/* For LIST ... RETURN (STATUS): nothing is said of what cannot be read. */
static void take_status(struct session *session, const struct ipc_message *request, struct ipc_message *reply)
{
	struct str name = ipc_get(request, "name");
	struct mailbox_folder folder;
	int64_t items;
	struct err err;

	(void)reply;
	if (ipc_get_number(request, "items", 1, UINT32_MAX, &items) &&
	    session_find_folder(session, name, "r", &folder) == 0 &&
	    status_write(session, guest_full_name(session, name), &folder, (unsigned)items, &err) != 0)
		imap_no_store(session, &err);
}

static void take_find(struct session *session, const struct ipc_message *request, struct ipc_message *reply)
{
	struct target target;

	target_find(session, ipc_get(request, "name"), &target);
	bundle_add_result(reply, session);
}

static void take_store(struct session *session, struct ipc_message *request, struct ipc_message *reply)
{
	struct upload upload;
	struct target target;
	struct stored stored;
	struct err err;

	upload_init(&upload, session);
	upload.count_max = UPLOAD_COPIES_MAX;
	if (bundle_take(request, &upload, &err) != 0)
		imap_no_store(session, &err);
	else if (target_find(session, ipc_get(request, "name"), &target) == 0 && target.place == TARGET_HERE &&
	         target_store(session, &target, &upload, &stored) == 0)
		bundle_add_stored(reply, &stored, upload.count);
	bundle_add_result(reply, session);
	upload_free(&upload);
}

static void take_replace(struct session *session, struct ipc_message *request, struct ipc_message *reply)
{
	struct upload upload;
	int64_t by_uid = 0;
	struct err err;

	ipc_get_number(request, "by-uid", 0, 1, &by_uid);
	session->by_uid = by_uid != 0;
	session->keep_sequence = false;
	session->command = session_find_command(STR("REPLACE"));
	upload_init(&upload, session);
	if (session->view == NULL)
		imap_no(session, NULL, "No folder is selected");
	else if (bundle_take(request, &upload, &err) != 0)
		imap_no_store(session, &err);
	else if (upload.count == 1 && guest_may_stay(session))
		session_replace(session, arena_copy(&session->arena, ipc_get(request, "set")),
		                arena_copy(&session->arena, ipc_get(request, "name")), &upload);
	bundle_add_result(reply, session);
	upload_free(&upload);
}

static void take_enabled(struct session *session, const struct ipc_message *request)
{
	int64_t condstore = 0, set = 0;

	ipc_get_number(request, "enabled", 0, 7, &set);
	ipc_get_number(request, "condstore", 0, 1, &condstore);
	session->enabled.rev2 = (set & 1) != 0;
	session->enabled.utf8 = (set & 2) != 0;
	session->enabled.qresync = (set & 4) != 0;
	if (condstore != 0)
		session_enable_condstore(session);
}

/* A command of the client's, complete with its literals. */
static void take_run(struct session *session, const struct ipc_message *request, struct ipc_message *reply)
{
	struct str text = ipc_get(request, "text");

	take_enabled(session, request);
	conn_drop_input(&session->conn);
	buf_add_str(&session->conn.in, text);
	session_take_command(session);
	ipc_add_number(reply, "selected", session->view != NULL);
	ipc_add_number(reply, "condstore", session->enabled.condstore);
	ipc_add_number(reply, "ended", session->ended);
}

static void take_leave(struct session *session, const struct ipc_message *request, struct ipc_message *reply)
{
	(void)request, (void)reply;
	session_leave(session);
}

/* False: it is no request. */
static bool act(struct session *session, struct ipc_message *request, struct ipc_message *reply)
{
	ipc_reply_ok(reply);
	if (ipc_is(request, "run")) {
		take_run(session, request, reply);
		return true;
	}
	arena_reset(&session->arena);
	imap_ok(session, NULL, "completed");
	if (ipc_is(request, "find"))
		take_find(session, request, reply);
	else if (ipc_is(request, "store"))
		take_store(session, request, reply);
	else if (ipc_is(request, "replace"))
		take_replace(session, request, reply);
	else if (ipc_is(request, "names"))
		take_names(session, request, reply);
	else if (ipc_is(request, "status"))
		take_status(session, request, reply);
	else if (ipc_is(request, "leave"))
		take_leave(session, request, reply);
	else
		return false;
	return true;
}

/* The next request; 0: the guest's session is gone, or has asked nothing for long. */
static int next_request(struct session *session, struct ipc_message *request, uint32_t *sequence)
{
	struct err err;
	int got = ipc_receive(session->guest->control, request, sequence, REST_AFTER_MS, &err);

	if (got < 0 && err.code == ERR_TIMEOUT) {
		session_rest(session);
		got = ipc_receive(session->guest->control, request, sequence,
		                  session->view != NULL ? -1 : GUEST_IDLE_MS - REST_AFTER_MS, &err);
	}
	if (got < 0 && err.code != ERR_TIMEOUT)
		log_warning("a session of guest=%s ends: %s", session->user, err.text);
	return got > 0;
}

static void serve(struct session *session)
{
	struct ipc_message request, reply;
	uint32_t sequence;
	struct err err;
	bool good = true;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	while (good && !session->ended && session->guest->control >= 0 && next_request(session, &request, &sequence)) {
		ipc_message_reset(&reply);
		session->waiting = false;
		good = act(session, &request, &reply) && session->guest->control >= 0;
		session_ring_now(session);
		conn_flush(&session->conn, NULL);
		session->waiting = true;
		good = good && ipc_send(session->guest->control, &reply, sequence, &err) == 0;
		ipc_message_reset(&request);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
}

static int begin(struct session *session, const struct ipc_message *request, uint32_t sequence)
{
	struct ipc_message reply;
	struct err err;
	int result = session_open(session, ipc_get(request, "ticket"), &err);

	ipc_message_init(&reply);
	if (result == 0) {
		log_info("session began, user=%s in the mailbox of=%s peer=%s", session->user, session->guest->owner,
		         session->conn.peer);
		ipc_reply_ok(&reply);
		ipc_add_text(&reply, "owner", session->guest->owner);
	} else {
		log_error("a session in a shared mailbox could not begin, peer=%s: %s", session->conn.peer, err.text);
		ipc_reply_error(&reply, &err);
	}
	if (ipc_send(session->guest->control, &reply, sequence, &err) != 0)
		result = -1;
	ipc_message_free(&reply);
	return result;
}

int guest_session(struct imapd *imapd, int control)
{
	struct ipc_message request;
	struct session *session;
	uint32_t sequence;
	struct err err;
	int stream = -1, result = 1;

	ipc_message_init(&request);
	if (ipc_receive(control, &request, &sequence, BEGIN_MS, &err) <= 0 || !ipc_is(&request, "begin") ||
	    (stream = ipc_take_fd(&request, 0)) < 0) {
		log_error("a session was asked for that never began");
	} else {
		session = session_new(imapd, stream, &request, "shared");
		session->guest = memory_get(sizeof *session->guest);
		session->guest->control = control;
		result = begin(session, &request, sequence);
		if (result == 0)
			serve(session);
		memory_free(session->guest->groups);
		memory_free(session->guest);
		session_free(session);
	}
	ipc_message_free(&request);
	return result != 0;
}
