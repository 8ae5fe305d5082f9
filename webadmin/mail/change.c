/* mail: flags of messages, and where they lie. */
#include "common/imap/parser.h"
#include "common/imap/text.h"
#include "webadmin/mail/message.h"
#include "webadmin/mail/search.h"

enum {
	FLAGS_MAX = 50,  /* in one change */
	SET_MAX = 60000, /* octets of the numbers of messages in one command */
};

/* What is to be done with messages, looked at as a whole before anything is. */
struct change {
	struct str set; /* of UIDs, or "$" */
	struct buf add, remove;
	struct str move, copy;
	bool deletes;
};

static bool is_flag(struct str flag)
{
	static const char *const system[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Draft", "\\Deleted"};

	for (size_t i = 0; i < sizeof system / sizeof system[0]; i++)
		if (str_equal_nocase(flag, str_of(system[i])))
			return true;
	return imap_is_keyword(flag) && flag.len <= 100;
}

static bool take_flags(const json_t *list, struct buf *out, struct web_reply *reply)
{
	json_t *item;
	size_t i;

	if (json_array_size(list) > FLAGS_MAX) {
		web_reply_field_error(reply, 422, "limit", "flags", STR("These are too many flags"));
		return false;
	}
	json_array_foreach (list, i, item) {
		struct str flag = str_from(json_string_value(item), json_string_length(item));

		if (flag.data == NULL || !is_flag(flag)) {
			web_reply_field_error(reply, 422, "syntax", "flags", STR("That is no flag"));
			return false;
		}
		buf_printf(out, "%s%.*s", out->len > 0 ? " " : "", STR_ARG(flag));
	}
	return true;
}

static bool take_body(const json_t *body, struct change *change, struct web_reply *reply)
{
	const json_t *flags = json_object_get(body, "flags");

	change->move = mail_json_string(body, "move");
	change->copy = mail_json_string(body, "copy");
	change->deletes = json_is_true(json_object_get(body, "delete"));
	if ((change->move.len > 0) && change->deletes) {
		web_reply_error(reply, 422, "syntax", "Messages are either moved or deleted");
		return false;
	}
	return take_flags(json_object_get(flags, "add"), &change->add, reply) &&
	       take_flags(json_object_get(flags, "remove"), &change->remove, reply);
}

static bool run(struct mail *mail, const char *command, struct str set, const char *words, struct str argument,
                struct web_reply *reply)
{
	struct conn *conn = imap_talk_conn(&mail->talk);
	struct err err;

	imap_talk_begin(&mail->talk, command);
	conn_printf(conn, " %.*s%s", STR_ARG(set), words);
	if (words[0] == '\0' && argument.len > 0) {
		conn_write(conn, STR(" "));
		imap_talk_mailbox(&mail->talk, argument);
	} else if (argument.len > 0) {
		conn_printf(conn, " (%.*s)", STR_ARG(argument));
	}
	return imap_talk_finish(&mail->talk, NULL, NULL, &err) == 0 || mail_failed(mail, &err, reply);
}

/* Into the trash; what lies there already, or has no trash to go to, for good. */
static bool run_delete(struct mail *mail, struct str set, struct web_reply *reply)
{
	char trash[MAIL_FOLDER_MAX];
	struct str folder = str_of(mail->folder), name;

	if (!mail_special(mail, "\\Trash", trash, reply))
		return false;
	name = str_of(trash);
	if (name.len > 0 && !(str_starts(folder, name) && (folder.len == name.len || folder.data[name.len] == '/')))
		return run(mail, "UID MOVE", set, "", name, reply);
	return run(mail, "UID STORE", set, " +FLAGS.SILENT", STR("\\Deleted"), reply) &&
	       run(mail, "UID EXPUNGE", set, "", STR(""), reply);
}

static bool run_change(struct mail *mail, const struct change *change, struct web_reply *reply)
{
	if (change->add.len > 0 && !run(mail, "UID STORE", change->set, " +FLAGS.SILENT", buf_str(&change->add), reply))
		return false;
	if (change->remove.len > 0 &&
	    !run(mail, "UID STORE", change->set, " -FLAGS.SILENT", buf_str(&change->remove), reply))
		return false;
	if (change->copy.len > 0 && !run(mail, "UID COPY", change->set, "", change->copy, reply))
		return false;
	if (change->move.len > 0)
		return run(mail, "UID MOVE", change->set, "", change->move, reply);
	return !change->deletes || run_delete(mail, change->set, reply);
}

/* "uids" of a body as a set. False: refused. */
static bool take_uids(const json_t *list, struct buf *set, struct web_reply *reply)
{
	json_t *item;
	size_t i;

	if (json_array_size(list) == 0 || json_array_size(list) > MAIL_UIDS_MAX) {
		web_reply_field_error(reply, 422, "limit", "uids", STR("Name 1 to 5,000 messages, or all"));
		return false;
	}
	json_array_foreach (list, i, item) {
		json_int_t uid = json_integer_value(item);

		if (uid < 1 || uid > UINT32_MAX) {
			web_reply_field_error(reply, 422, "syntax", "uids", STR("That is no number of a message"));
			return false;
		}
		buf_printf(set, "%s%u", i > 0 ? "," : "", (unsigned)uid);
	}
	return true;
}

/* All that a search finds: imapd keeps them as "$" (RFC 5182). */
static bool save_found(struct mail *mail, struct str search, struct web_reply *reply)
{
	struct err err;

	imap_talk_begin(&mail->talk, "UID SEARCH RETURN (SAVE) CHARSET UTF-8");
	search_write(&mail->talk, search);
	return imap_talk_finish(&mail->talk, NULL, NULL, &err) == 0 || mail_failed(mail, &err, reply);
}

static bool take_set(struct mail *mail, const json_t *body, struct buf *set, struct web_reply *reply)
{
	if (!json_is_true(json_object_get(body, "all")))
		return take_uids(json_object_get(body, "uids"), set, reply);
	return buf_add_str(set, STR("$")) == 0 && save_found(mail, mail_json_string(body, "search"), reply);
}

void mail_messages_change(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	json_t *body = mail != NULL ? web_json(request, reply) : NULL;
	struct change change = {.deletes = false};
	json_int_t uidvalidity;
	struct buf set;

	if (body == NULL)
		return;
	buf_init(&set, SET_MAX);
	buf_init(&change.add, SET_MAX);
	buf_init(&change.remove, SET_MAX);
	uidvalidity = json_integer_value(json_object_get(body, "uidvalidity"));
	if (uidvalidity < 1 || uidvalidity > UINT32_MAX)
		web_reply_field_error(reply, 422, "syntax", "uidvalidity", STR("The folder's UIDVALIDITY is needed"));
	else if (take_body(body, &change, reply) &&
	         mail_select(mail, web_name(request, "folder"), (uint32_t)uidvalidity, reply) &&
	         take_set(mail, body, &set, reply)) {
		change.set = buf_str(&set);
		run_change(mail, &change, reply);
	}
	buf_free(&set);
	buf_free(&change.add);
	buf_free(&change.remove);
	json_decref(body);
}

static bool select_one(struct mail *mail, const struct web_request *request, struct change *change,
                       struct web_reply *reply)
{
	struct mail_place place;

	if (!mail_place(request, &place, reply) || !mail_select(mail, place.folder, place.uidvalidity, reply))
		return false;
	change->set = arena_printf(request->arena, "%u", place.uid);
	return true;
}

void mail_message_change(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	json_t *body = mail != NULL ? web_json(request, reply) : NULL;
	struct change change = {.deletes = false};

	if (body == NULL)
		return;
	buf_init(&change.add, SET_MAX);
	buf_init(&change.remove, SET_MAX);
	if (take_body(body, &change, reply) && select_one(mail, request, &change, reply))
		run_change(mail, &change, reply);
	buf_free(&change.add);
	buf_free(&change.remove);
	json_decref(body);
}

void mail_message_delete(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	struct change change = {.deletes = true};

	if (mail != NULL && select_one(mail, request, &change, reply))
		run_change(mail, &change, reply);
}
