#include "webadmin/mail/later.h"

#include "common/base/log.h"
#include "common/imap/reply.h"
#include "common/mime/header.h"
#include "common/mime/text.h"
#include "common/spool/spool.h"
#include "webadmin/mail/ask.h"
#include "webadmin/mail/drafts.h"
#include "webadmin/mail/list.h"

#include <time.h>

enum {
	SHOWN_MAX = 1000,    /* letters at once */
	GONE_AFTER_S = 5,    /* after its time, until then it may be on its way out */
	FIELD_MAX = 4 * 998, /* octets of the field with its name */
};

static const char *const flags_kept = "\\Seen", *const flags_unwanted = "\\Seen \\Draft";

/* The copies in the folder. */
struct copies {
	struct arena *arena;
	json_t *items;
};

/* The last word that is an id: "2.0.0 OK - queued as 65f...". Empty where there is none. */
static struct str id_of(struct str words)
{
	struct str word, id = STR("");

	while ((word = str_cut_word(&words)).len > 0)
		if (spool_id_is_valid(word))
			id = word;
	return id;
}

bool later_keep(struct mail *mail, struct letter *letter, struct str words, struct web_reply *reply)
{
	char folder[MAIL_FOLDER_MAX];
	struct mail_place place;
	struct letter copy = *letter;

	copy.on_top = arena_printf(letter->arena, LATER_FIELD ": %.*s %lld\r\n%.*s", STR_ARG(id_of(words)),
	                           (long long)letter->at, STR_ARG(letter->on_top));
	return draft_folder(mail, "\\Scheduled", "Scheduled", folder, reply) &&
	       draft_store(mail, &copy, str_of(folder), flags_kept, 0, &place, reply);
}

/* The field as FETCH gives it, behind the item BODY[...]: its id and its time. */
static bool read_field(const struct imap_value *items, struct str *id, int64_t *at)
{
	const struct imap_value *item = imap_value_at(items, 0);
	struct mime_field field;
	struct str value;
	uint64_t seconds;

	while (item != NULL && !str_starts_nocase(imap_value_text(item), STR("BODY[")))
		item = item->next;
	if (item == NULL || item->next == NULL || imap_value_text(item->next).len > FIELD_MAX ||
	    !mime_field_find(imap_value_text(item->next), STR(LATER_FIELD), &field))
		return false;
	value = field.value;
	*id = str_cut_word(&value);
	if (!spool_id_is_valid(*id) || !str_to_u64(str_trim(value), INT64_MAX, &seconds))
		return false;
	*at = (int64_t)seconds;
	return true;
}

static bool has_flag(const struct imap_value *items, const char *name)
{
	for (const struct imap_value *flag = imap_value_at(imap_value_of(items, "FLAGS"), 0); flag != NULL;
	     flag = flag->next)
		if (imap_value_is(flag, name))
			return true;
	return false;
}

static int take_copy(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	const struct imap_value *items = imap_value_at(value, 2), *envelope;
	struct copies *copies = context;
	struct str id, subject;
	uint64_t uid, size = 0;
	int64_t at;

	(void)reply, (void)err;
	if (!imap_value_is(imap_value_at(value, 1), "FETCH") || json_array_size(copies->items) == SHOWN_MAX ||
	    !imap_value_number(imap_value_of(items, "UID"), UINT32_MAX, &uid) || !read_field(items, &id, &at))
		return 0;
	envelope = imap_value_of(items, "ENVELOPE");
	subject = imap_value_text(imap_value_at(envelope, 1));
	imap_value_number(imap_value_of(items, "RFC822.SIZE"), INT64_MAX, &size);
	json_array_append_new(
	    copies->items,
	    json_pack(
	        "{s:o, s:I, s:I, s:I, s:b, s:o, s:o}", "id", mail_json_text(id, copies->arena), "at", (json_int_t)at, "uid",
	        (json_int_t)uid, "size", (json_int_t)size, "unwanted", (int)has_flag(items, "\\Draft"), "subject",
	        mail_json_text(mime_decode_words(subject.data != NULL ? subject : STR(""), copies->arena), copies->arena),
	        "to", mail_json_envelope_addresses(imap_value_at(envelope, 5), copies->arena)));
	return 0;
}

/* Select the folder, and list the copies in it; *items is NULL where it refuses, and empty without such a folder. */
static bool read_copies(struct mail *mail, char *folder, struct arena *arena, json_t **items, struct web_reply *reply)
{
	struct copies copies = {.arena = arena};
	struct err err;

	*items = NULL;
	if (!mail_special(mail, "\\Scheduled", folder, reply) ||
	    (folder[0] != '\0' && !mail_select(mail, str_of(folder), 0, reply)))
		return false;
	copies.items = json_array();
	if (folder[0] != '\0') {
		imap_talk_begin(&mail->talk,
		                "UID FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE BODY.PEEK[HEADER.FIELDS (" LATER_FIELD ")])");
		if (imap_talk_finish(&mail->talk, take_copy, &copies, &err) != 0) {
			json_decref(copies.items);
			return mail_failed(mail, &err, reply);
		}
	}
	*items = copies.items;
	return true;
}

static json_int_t number_of(const json_t *item, const char *key)
{
	return json_integer_value(json_object_get(item, key));
}

static const json_t *find(const json_t *items, struct str id)
{
	for (size_t i = 0; i < json_array_size(items); i++)
		if (str_equal(mail_json_string(json_array_get(items, i), "id"), id))
			return json_array_get(items, i);
	return NULL;
}

/* "[COPYUID 38505 304 3956]" (RFC 4315): of MOVE before its end, where it went. */
static int take_moved(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	struct mail_place *place = context;
	struct str code = str_skip(reply->text, 1);
	uint64_t uidvalidity, uid;

	(void)err;
	if (value != NULL || !str_equal_nocase(str_cut_word(&code), STR("COPYUID")) ||
	    !str_to_u64(str_cut_word(&code), UINT32_MAX, &uidvalidity) || str_cut_word(&code).len == 0 ||
	    !str_to_u64(str_trim(str_cut(&code, ']')), UINT32_MAX, &uid))
		return 0;
	place->uidvalidity = (uint32_t)uidvalidity;
	place->uid = (uint32_t)uid;
	return 0;
}

static bool set_flags(struct mail *mail, json_int_t uid, const char *flags, struct web_reply *reply)
{
	struct err err;

	imap_talk_begin(&mail->talk, "UID STORE ");
	conn_printf(imap_talk_conn(&mail->talk), "%u FLAGS.SILENT (%s)", (unsigned)uid, flags);
	return imap_talk_finish(&mail->talk, NULL, NULL, &err) == 0 || mail_failed(mail, &err, reply);
}

/* Out of the folder, which is selected, to where drafts or sent mail are. */
static bool move(struct mail *mail, json_int_t uid, bool as_draft, struct arena *arena, struct mail_place *place,
                 struct web_reply *reply)
{
	char folder[MAIL_FOLDER_MAX];
	struct err err;

	if (!draft_folder(mail, as_draft ? "\\Drafts" : "\\Sent", as_draft ? "Drafts" : "Sent", folder, reply))
		return false;
	*place = (struct mail_place){.folder = arena_copy(arena, str_of(folder))};
	imap_talk_begin(&mail->talk, "UID MOVE ");
	conn_printf(imap_talk_conn(&mail->talk), "%u ", (unsigned)uid);
	imap_talk_mailbox(&mail->talk, place->folder);
	return imap_talk_finish(&mail->talk, take_moved, place, &err) == 0 || mail_failed(mail, &err, reply);
}

/* What queue-manager keeps for the user. */
static bool ask_waiting(struct web *web, const struct web_request *request, json_t **waiting, struct web_reply *reply)
{
	struct mail_ask asking;
	bool asked;

	mail_ask_begin(&asking, web, request, reply, "queue-manager", "scheduled");
	ipc_add_text(&asking.ask, "user", request->visitor.user);
	asked = mail_ask_put(&asking);
	if (asked)
		*waiting = mail_ask_list(&asking, "message");
	mail_ask_end(&asking);
	return asked;
}

/* Is it over with this copy: has its message gone, or been taken back by a process that ended before it said so? */
static bool is_over(const json_t *item, const json_t *waiting)
{
	bool may_have_gone = number_of(item, "at") + GONE_AFTER_S <= (json_int_t)time(NULL);

	return (may_have_gone || json_is_true(json_object_get(item, "unwanted"))) &&
	       find(waiting, mail_json_string(item, "id")) == NULL;
}

/* False: the reply says why; items are as they were then. */
static bool settle(struct web *web, const struct web_request *request, struct mail *mail, json_t *items,
                   struct web_reply *reply)
{
	json_t *waiting = NULL;
	struct mail_place place;
	bool moved = true;

	if (json_array_size(items) == 0)
		return true;
	if (!ask_waiting(web, request, &waiting, reply))
		return false;
	for (size_t i = json_array_size(items); i-- > 0 && moved;) {
		const json_t *item = json_array_get(items, i);

		if (!is_over(item, waiting))
			continue;
		moved = move(mail, number_of(item, "uid"), json_is_true(json_object_get(item, "unwanted")), request->arena,
		             &place, reply);
		if (moved)
			json_array_remove(items, i);
	}
	json_decref(waiting);
	return moved;
}

void mail_later_list(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	char folder[MAIL_FOLDER_MAX];
	json_t *items;

	if (mail == NULL || !read_copies(mail, folder, request->arena, &items, reply))
		return;
	if (settle(web, request, mail, items, reply))
		web_reply_json(reply, 200,
		               json_pack("{s:O, s:s, s:I, s:I}", "items", items, "folder", folder, "uidvalidity",
		                         (json_int_t)mail->uidvalidity, "total", (json_int_t)json_array_size(items)));
	json_decref(items);
}

/* op: of queue-manager. False: 409 where it has gone, or as it says. */
static bool ask_for_one(struct web *web, const struct web_request *request, const char *op, struct web_reply *reply)
{
	struct mail_ask asking;
	bool done;

	mail_ask_begin(&asking, web, request, reply, "queue-manager", op);
	ipc_add_text(&asking.ask, "user", request->visitor.user);
	ipc_add(&asking.ask, "id", web_name(request, "id"));
	done = mail_ask_put(&asking);
	mail_ask_end(&asking);
	if (!done && reply->status == 404)
		web_reply_error(reply, 409, "gone", "The message does not wait any more: it has been sent");
	return done;
}

void mail_later_send(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	char folder[MAIL_FOLDER_MAX];
	struct mail_place place;
	const json_t *item;
	json_t *items;

	if (mail == NULL || !read_copies(mail, folder, request->arena, &items, reply))
		return;
	item = find(items, web_name(request, "id"));
	if (item == NULL)
		web_reply_error(reply, 404, "not-found", "No such message waits");
	else if (ask_for_one(web, request, "scheduled-send", reply))
		move(mail, number_of(item, "uid"), false, request->arena, &place, reply);
	json_decref(items);
}

/* The mark comes first: whatever happens behind it, the copy becomes a draft once its message does not wait. */
static void cancel(struct web *web, const struct web_request *request, struct mail *mail, json_int_t uid,
                   struct web_reply *reply)
{
	struct web_reply aside = {.file = -1, .arena = request->arena};
	struct mail_place place;

	if (!set_flags(mail, uid, flags_unwanted, reply))
		return;
	if (!ask_for_one(web, request, "scheduled-cancel", reply)) {
		if (reply->status == 409)
			set_flags(mail, uid, flags_kept, &aside);
		return;
	}
	if (move(mail, uid, true, request->arena, &place, reply))
		web_reply_json(reply, 200,
		               json_pack("{s:s%, s:I, s:I}", "folder", place.folder.data, place.folder.len, "uidvalidity",
		                         (json_int_t)place.uidvalidity, "uid", (json_int_t)place.uid));
}

void mail_later_cancel(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	char folder[MAIL_FOLDER_MAX];
	const json_t *item;
	json_t *items;

	if (mail == NULL || !read_copies(mail, folder, request->arena, &items, reply))
		return;
	item = find(items, web_name(request, "id"));
	if (item == NULL)
		web_reply_error(reply, 404, "not-found", "No such message waits");
	else
		cancel(web, request, mail, number_of(item, "uid"), reply);
	json_decref(items);
}
