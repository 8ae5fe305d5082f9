#include "webadmin/mail/give.h"

#include "common/base/log.h"
#include "common/db/query.h"
#include "common/net/smtp_client.h"
#include "common/settings/attributes.h"
#include "webadmin/mail/compose.h"
#include "webadmin/mail/drafts.h"

enum { TARGETS_MAX = 1000 };

/* Users by what web.move-to names: one of them, the members of a list, those of a group ("$name"). */
static const char find_users[] =
    "SELECT name FROM user WHERE name = ?1 COLLATE NOCASE "
    "UNION SELECT u.name FROM list l JOIN list_member m ON m.list = l.id JOIN user u ON u.name = "
    "m.address COLLATE NOCASE WHERE l.name = ?1 COLLATE NOCASE "
    "UNION SELECT u.name FROM user_group g JOIN membership m ON m.group_id = g.id JOIN user u ON "
    "u.uid = m.uid WHERE '$' || g.name = ?1 COLLATE NOCASE ORDER BY 1";

static bool is_listed(const json_t *names, struct str name)
{
	for (size_t i = 0; i < json_array_size(names); i++)
		if (str_equal_nocase(str_of(json_string_value(json_array_get(names, i))), name))
			return true;
	return false;
}

static void add_users(struct db *objects, struct str item, const char *self, json_t *names)
{
	struct db_statement rows;
	struct err err;

	if (db_query(objects, &rows, &err, find_users, "t", item) != 0) {
		log_warning("whom web.move-to names is not known: %s", err.text);
		return;
	}
	while (db_step(&rows, &err) == 1 && json_array_size(names) < TARGETS_MAX) {
		struct str name = db_text(&rows, 0);

		if (!is_listed(names, name) && !str_equal_nocase(name, str_of(self)))
			json_array_append_new(names, json_stringn(name.data, name.len));
	}
	db_finalize(&rows);
}

json_t *give_targets(struct web *web, const struct web_request *request)
{
	json_t *names = json_array();
	struct attributes attributes;
	struct db objects;
	struct str rest, item;
	struct err err;

	if (settings_open_snapshot(web->settings, &objects, &err) != 0)
		return names;
	if (attributes_read(&objects, request->visitor.uid, request->arena, &attributes, &err) == 0) {
		rest = str_of(attributes_text(&attributes, ATTRIBUTE_WEB_MOVE_TO));
		while ((item = str_cut_item(&rest)).len > 0)
			add_users(&objects, item, request->visitor.user, names);
	}
	db_close(&objects);
	return names;
}

/* False: the reply says why. */
static bool send_on(struct web *web, const struct web_request *request, const struct mail *mail, struct str to,
                    struct web_reply *reply)
{
	struct arena *arena = request->arena;
	struct smtp_recipient recipient = {
	    .address = arena_printf(arena, "%.*s@%s", STR_ARG(to), settings_default_domain(web->settings))};
	struct smtp_message message = {.file = mail->message.fd,
	                               .size = mail->message.size,
	                               .from = letter_default_from(web, &request->visitor, arena),
	                               .recipients = &recipient,
	                               .recipient_count = 1};
	struct err err;

	reply->is_last = true; /* as of what is sent */
	if (letter_submit(web, request, &message, &err) != 0) {
		if (err.code == ERR_TEMPORARY)
			return mail_again(reply, err.text);
		log_warning("a message cannot be given to smtpd, user=%s: %s", request->visitor.user, err.text);
		web_reply_error(reply, 503, "temporary", "The message cannot be moved at the moment");
		return false;
	}
	if (recipient.outcome == SMTP_DELIVERED)
		return true;
	web_reply_error(reply, 422, "refused", "%.*s", STR_ARG(recipient.words));
	return false;
}

void mail_give(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	json_t *body = mail != NULL ? web_json(request, reply) : NULL, *targets;
	struct mail_place place;
	struct str to;

	if (body == NULL)
		return;
	targets = give_targets(web, request);
	to = mail_json_string(body, "to");
	if (web->smtpd.fd < 0)
		mail_again(reply, "This connection has sent a message already");
	else if (!is_listed(targets, to))
		web_reply_error(reply, 403, "denied", "Messages may not be moved to that user");
	else if (mail_place(request, &place, reply) && mail_read(web, mail, &place, reply) &&
	         send_on(web, request, mail, to, reply))
		draft_remove(mail, &place, reply);
	json_decref(targets);
	json_decref(body);
}
