#include "webadmin/mail/folders.h"

#include "common/base/log.h"
#include "common/imap/text.h"
#include "webadmin/mail/session.h"

static const struct {
	const char *flag; /* RFC 6154 */
	const char *use;
} uses[] = {
    {"\\Sent", "sent"},       {"\\Trash", "trash"}, {"\\Drafts", "drafts"},       {"\\Junk", "junk"},
    {"\\Archive", "archive"}, {"\\All", "all"},     {"\\Scheduled", "scheduled"},
};

struct listing {
	json_t *items;
	struct arena *arena;
};

/* The name of a folder as people have it: UTF-8. */
static json_t *name_of(struct str name, struct arena *arena)
{
	struct buf utf8;
	json_t *text;

	buf_init(&utf8, MAIL_FOLDER_MAX);
	text = mutf7_decode(name, &utf8, NULL) == 0 ? mail_json_text(buf_str(&utf8), arena) : mail_json_text(name, arena);
	buf_free(&utf8);
	return text;
}

static json_t *find(const struct listing *listing, const json_t *name)
{
	for (size_t i = 0; i < json_array_size(listing->items); i++) {
		json_t *item = json_array_get(listing->items, i);

		if (json_equal(json_object_get(item, "name"), name))
			return item;
	}
	return NULL;
}

static void add_folder(struct listing *listing, const struct imap_value *value)
{
	json_t *item = json_object();

	json_object_set_new(item, "name", name_of(imap_value_text(imap_value_at(value, 3)), listing->arena));
	json_object_set_new(item, "separator", mail_json_text(imap_value_text(imap_value_at(value, 2)), listing->arena));
	json_object_set_new(item, "subscribed", json_false());
	json_object_set_new(item, "selectable", json_true());
	for (const struct imap_value *flag = imap_value_at(imap_value_at(value, 1), 0); flag != NULL; flag = flag->next) {
		if (imap_value_is(flag, "\\Subscribed"))
			json_object_set_new(item, "subscribed", json_true());
		if (imap_value_is(flag, "\\NoSelect") || imap_value_is(flag, "\\NonExistent"))
			json_object_set_new(item, "selectable", json_false());
		for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++)
			if (imap_value_is(flag, uses[i].flag))
				json_object_set_new(item, "use", json_string(uses[i].use));
	}
	if (str_equal(mail_json_string(item, "name"), STR("INBOX")))
		json_object_set_new(item, "use", json_string("inbox"));
	json_array_append_new(listing->items, item);
}

static void add_counts(const struct listing *listing, const struct imap_value *value)
{
	static const struct {
		const char *item, *key;
	} counts[] = {{"MESSAGES", "messages"},
	              {"UNSEEN", "unseen"},
	              {"UIDNEXT", "uidnext"},
	              {"UIDVALIDITY", "uidvalidity"},
	              {"SIZE", "size"}};
	json_t *name = name_of(imap_value_text(imap_value_at(value, 1)), listing->arena);
	json_t *item = find(listing, name);
	uint64_t number;

	json_decref(name);
	for (size_t i = 0; item != NULL && i < sizeof counts / sizeof counts[0]; i++)
		if (imap_value_number(imap_value_of(imap_value_at(value, 2), counts[i].item), INT64_MAX, &number))
			json_object_set_new(item, counts[i].key, json_integer((json_int_t)number));
}

static int take_listing(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	struct listing *listing = context;

	(void)reply, (void)err;
	if (imap_value_is(imap_value_at(value, 0), "LIST"))
		add_folder(listing, value);
	else if (imap_value_is(imap_value_at(value, 0), "STATUS"))
		add_counts(listing, value);
	return 0;
}

void mail_folders_list(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	struct listing listing = {.items = NULL, .arena = request->arena};
	struct err err;

	if (mail == NULL)
		return;
	listing.items = json_array();
	imap_talk_begin(&mail->talk, "LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE STATUS (MESSAGES UNSEEN UIDNEXT "
	                             "UIDVALIDITY SIZE))");
	if (imap_talk_finish(&mail->talk, take_listing, &listing, &err) != 0) {
		json_decref(listing.items);
		mail_failed(mail, &err, reply);
		return;
	}
	web_reply_json(
	    reply, 200,
	    json_pack("{s:o, s:I}", "items", listing.items, "total", (json_int_t)json_array_size(listing.items)));
}

/* A command with names of folders as its arguments; second: empty where there is one only. */
static bool run(struct mail *mail, const char *command, struct str name, struct str second, struct web_reply *reply)
{
	struct err err;

	imap_talk_begin(&mail->talk, command);
	imap_talk_mailbox(&mail->talk, name);
	if (second.len > 0) {
		conn_write(imap_talk_conn(&mail->talk), STR(" "));
		imap_talk_mailbox(&mail->talk, second);
	}
	return imap_talk_finish(&mail->talk, NULL, NULL, &err) == 0 || mail_failed(mail, &err, reply);
}

/* The name that the request gives to a folder. False: it gives none (*given false, without refusal), or none that can
 * be. */
static bool take_name(const json_t *body, struct str *name, bool *given, struct web_reply *reply)
{
	*given = json_object_get(body, "name") != NULL;
	*name = mail_json_string(body, "name");
	if (!*given)
		return true;
	if (name->len > 0 && name->len < MAIL_FOLDER_MAX && str_find_char(*name, '\0') < 0)
		return true;
	web_reply_field_error(reply, 422, "syntax", "name", STR("A folder needs a name of 1 to 1,000 octets"));
	return false;
}

void mail_folders_create(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	json_t *body = mail != NULL ? web_json(request, reply) : NULL;
	struct str name;
	bool given;

	if (body == NULL)
		return;
	if (take_name(body, &name, &given, reply)) {
		if (!given)
			web_reply_field_error(reply, 422, "syntax", "name", STR("A folder needs a name"));
		else if (run(mail, "CREATE ", name, STR(""), reply) && run(mail, "SUBSCRIBE ", name, STR(""), reply))
			web_reply_json(reply, 201, json_pack("{s:s%}", "name", name.data, name.len));
	}
	json_decref(body);
}

/* What was selected is closed where its folder is renamed or deleted. */
static bool leave(struct mail *mail, struct web_reply *reply)
{
	struct err err;

	if (mail->folder[0] == '\0')
		return true;
	mail->folder[0] = '\0';
	imap_talk_begin(&mail->talk, "UNSELECT");
	return imap_talk_finish(&mail->talk, NULL, NULL, &err) == 0 || mail_failed(mail, &err, reply);
}

void mail_folders_change(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	json_t *body = mail != NULL ? web_json(request, reply) : NULL, *subscribed;
	struct str name = web_name(request, "folder"), to;
	bool renames;

	if (body == NULL)
		return;
	subscribed = json_object_get(body, "subscribed");
	/* IMAP's RENAME of INBOX moves its messages away: not what is meant where a folder is given another name */
	if (take_name(body, &to, &renames, reply)) {
		if (renames && str_equal_nocase(name, STR("INBOX")))
			web_reply_error(reply, 422, "refused", "The inbox keeps its name");
		else if ((!renames || (leave(mail, reply) && run(mail, "RENAME ", name, to, reply))) && subscribed != NULL)
			run(mail, json_is_true(subscribed) ? "SUBSCRIBE " : "UNSUBSCRIBE ", renames ? to : name, STR(""), reply);
	}
	json_decref(body);
}

void mail_folders_delete(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	struct str name = web_name(request, "folder");

	if (mail != NULL && leave(mail, reply) && run(mail, "DELETE ", name, STR(""), reply))
		run(mail, "UNSUBSCRIBE ", name, STR(""), reply);
}

void mail_folders_empty(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	struct err err;

	if (mail == NULL || !mail_select(mail, web_name(request, "folder"), 0, reply))
		return;
	imap_talk_begin(&mail->talk, "UID STORE 1:* +FLAGS.SILENT (\\Deleted)");
	if (imap_talk_finish(&mail->talk, NULL, NULL, &err) == 0) {
		imap_talk_begin(&mail->talk, "EXPUNGE");
		if (imap_talk_finish(&mail->talk, NULL, NULL, &err) == 0) {
			log_info("folder emptied, user=%s", request->visitor.user);
			return;
		}
	}
	mail_failed(mail, &err, reply);
}
