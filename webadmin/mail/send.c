/* mail: a letter on its way to smtpd, and what is done in the mailbox then. */
#include "common/base/log.h"
#include "common/net/smtp_client.h"
#include "webadmin/mail/drafts.h"
#include "webadmin/mail/later.h"

/* All recipients, as they are to be tried. */
static struct smtp_message message_of(const struct letter *letter)
{
	struct smtp_message message = {.file = letter->fd,
	                               .size = letter->size,
	                               .from = letter->from,
	                               .recipient_count = letter->recipient_count,
	                               .hold_until = letter->at};

	message.recipients = arena_get(letter->arena, letter->recipient_count * sizeof *message.recipients);
	for (size_t i = 0; i < letter->recipient_count; i++) {
		struct str address = letter->recipients[i];

		message.recipients[i].address = address;
		for (size_t n = 0; n < address.len; n++)
			message.smtputf8 |= (unsigned char)address.data[n] >= 0x80;
	}
	return message;
}

int letter_submit(struct web *web, const struct web_request *request, struct smtp_message *message, struct err *err)
{
	struct smtp_client client;
	int fd = mail_ask_session(web, request, "smtp", err), result;

	if (fd < 0)
		return -1;
	smtp_client_init(&client, settings_host_name(web->settings), (struct smtp_timeouts){0});
	result = smtp_client_begin(&client, "smtpd", fd, err);
	if (result == 0)
		result = smtp_client_hello(&client, err);
	if (result == 0)
		result = smtp_client_send(&client, message, request->arena, err);
	smtp_client_close(&client);
	return result;
}

/* Those whom it does not reach, and why. */
static json_t *refused_of(const struct smtp_message *message, struct arena *arena, const struct smtp_recipient **taken)
{
	json_t *refused = json_array();

	for (size_t i = 0; i < message->recipient_count; i++) {
		const struct smtp_recipient *recipient = &message->recipients[i];

		if (recipient->outcome == SMTP_DELIVERED)
			*taken = recipient;
		else
			json_array_append_new(refused, json_pack("{s:o, s:o}", "address", mail_json_text(recipient->address, arena),
			                                         "text", mail_json_text(recipient->words, arena)));
	}
	return refused;
}

/* The message is under way: what follows changes nothing of that, and says so in the log where it fails. */
static void note_failure(struct web_reply *aside, const struct web_request *request, const char *what)
{
	log_warning("%s of a message that was sent failed, user=%s: %.*s", what, request->visitor.user,
	            STR_ARG(str_sub(aside->body, 0, 200)));
	*aside = (struct web_reply){.file = -1, .arena = aside->arena};
}

static void keep_copy(struct mail *mail, const struct web_request *request, const struct letter *letter,
                      struct web_reply *aside)
{
	char folder[MAIL_FOLDER_MAX];
	struct mail_place place;

	if (!mail_special(mail, "\\Sent", folder, aside) ||
	    (folder[0] != '\0' && !draft_store(mail, letter, str_of(folder), "\\Seen", 0, &place, aside)))
		note_failure(aside, request, "the copy");
}

static void mark_answered(struct mail *mail, const struct web_request *request, const struct letter *letter,
                          struct web_reply *aside)
{
	struct err err;

	if (letter->kind == LETTER_NEW)
		return;
	if (mail_select(mail, letter->answers.folder, letter->answers.uidvalidity, aside)) {
		imap_talk_begin(&mail->talk, "UID STORE ");
		conn_printf(imap_talk_conn(&mail->talk), "%u +FLAGS.SILENT (%s)", letter->answers.uid,
		            letter->kind == LETTER_REPLY ? "\\Answered" : "$Forwarded");
		if (imap_talk_finish(&mail->talk, NULL, NULL, &err) == 0 || mail_failed(mail, &err, aside))
			return;
	}
	note_failure(aside, request, "the mark on what is answered");
}

static void finish(struct mail *mail, const struct web_request *request, struct letter *letter,
                   const struct mail_place *draft, struct str words)
{
	struct web_reply aside = {.file = -1, .arena = request->arena};

	if (letter->at == 0)
		keep_copy(mail, request, letter, &aside);
	else if (!later_keep(mail, letter, words, &aside))
		note_failure(&aside, request, "the copy");
	if (draft->uid != 0 && !draft_remove(mail, draft, &aside))
		note_failure(&aside, request, "the end of the draft");
	mark_answered(mail, request, letter, &aside);
}

static void send_letter(struct web *web, struct mail *mail, const struct web_request *request, struct letter *letter,
                        const struct mail_place *draft, struct web_reply *reply)
{
	struct smtp_message message = message_of(letter);
	const struct smtp_recipient *taken = NULL;
	json_t *refused;
	struct err err;

	reply->is_last = true; /* the way to smtpd is used up, so the browser asks by another connection next */
	if (letter_submit(web, request, &message, &err) != 0) {
		if (err.code == ERR_TEMPORARY) {
			mail_again(reply, err.text);
			return;
		}
		log_warning("a message cannot be given to smtpd, user=%s: %s", request->visitor.user, err.text);
		web_reply_error(reply, 503, "temporary", "The message cannot be sent at the moment");
		return;
	}
	refused = refused_of(&message, request->arena, &taken);
	if (taken != NULL) {
		log_info("message sent by webmail, user=%s recipients=%zu", request->visitor.user,
		         message.recipient_count - json_array_size(refused));
		finish(mail, request, letter, draft, taken->words);
		web_reply_json(reply, 200, json_pack("{s:o}", "refused", refused));
		return;
	}
	web_reply_error(reply, 422, "refused", "%.*s", STR_ARG(message.recipients[0].words));
	json_decref(refused);
}

void mail_send(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	json_t *body = mail != NULL ? web_json(request, reply) : NULL;
	struct mail_place draft;
	struct letter letter = {.fd = -1};

	if (body == NULL)
		return;
	if (web->smtpd.fd < 0) {
		mail_again(reply, "This connection has sent a message already"); /* before anything is done */
	} else if (draft_replaces(body, &draft, reply) && letter_compose(web, mail, request, body, false, &letter, reply)) {
		send_letter(web, mail, request, &letter, &draft, reply);
		letter_end(&letter);
	}
	json_decref(body);
}
