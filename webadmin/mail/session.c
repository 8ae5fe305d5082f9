/* mail: the imapd session behind a connection of webmail. */
#include "webadmin/mail/session.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/imap/text.h"
#include "common/mime/text.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_MS = 120000 }; /* of imapd: a SEARCH of a large mailbox takes its time */

static const struct {
	const char *code; /* of IMAP (RFC 5530) */
	int status;
	const char *word;
} refusals[] = {
    {"NONEXISTENT", 404, "not-found"}, {"TRYCREATE", 404, "not-found"},   {"ALREADYEXISTS", 409, "exists"},
    {"NOPERM", 403, "denied"},         {"UNAVAILABLE", 503, "temporary"}, {"INUSE", 503, "temporary"},
    {"TOOBIG", 413, "limit"},          {"OVERQUOTA", 422, "over-quota"},  {"LIMIT", 422, "limit"},
};

bool mail_again(struct web_reply *reply, const char *why)
{
	web_reply_error(reply, 503, "again", "%s", why);
	web_reply_header(reply, "Connection", "close");
	return false;
}

bool mail_failed(const struct mail *mail, const struct err *err, struct web_reply *reply)
{
	struct str code = str_of(mail->talk.code);

	if (err->code != MAIL_CLIENT_REFUSED) {
		log_warning("the session in a mailbox was lost: %s", err->text);
		return mail_again(reply, "The mailbox cannot be reached at the moment");
	}
	code = str_cut_word(&code);
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
		if (str_equal_nocase(code, str_of(refusals[i].code))) {
			web_reply_error(reply, refusals[i].status, refusals[i].word, "%s", mail->talk.words);
			return false;
		}
	web_reply_error(reply, 422, "refused", "%s", mail->talk.words);
	return false;
}

/* service: imap or smtp. The ticket is in the answer. */
static int get_ticket(struct web *web, const struct web_request *request, const char *service,
                      struct ipc_message *reply, struct err *err)
{
	struct ipc_message ask;
	int result;

	ipc_message_init(&ask);
	ipc_request(&ask, "web-ticket");
	ipc_add_text(&ask, "session", request->visitor.session);
	ipc_add_text(&ask, "peer", web->peer);
	ipc_add_text(&ask, "service", service);
	result = ipc_call(&web->authd, &ask, reply, IPC_TIMEOUT_MS, err);
	ipc_message_free(&ask);
	return result;
}

/* Ask for a session on one end of a pair of sockets. *fd_out: the other end. The channel takes no second request. */
static int ask_session(struct web *web, struct ipc_channel *channel, const char *op, struct str ticket, int *fd_out,
                       struct err *err)
{
	struct ipc_message ask;
	int pair[2], result;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return err_system(err, "cannot make a pair of sockets");
	ipc_message_init(&ask);
	ipc_request(&ask, op);
	ipc_add(&ask, "ticket", ticket);
	ipc_add_text(&ask, "peer", web->peer);
	ipc_add_number(&ask, "tls", web->tls);
	ipc_add_text(&ask, "tag", "p1");
	ipc_add_fd(&ask, pair[1]);
	result = ipc_send(channel->fd, &ask, 1, err);
	ipc_message_free(&ask);
	close(pair[1]);
	if (result != 0)
		close(pair[0]);
	else
		*fd_out = pair[0];
	ipc_close(channel);
	return result;
}

int mail_ask_session(struct web *web, const struct web_request *request, const char *service, struct err *err)
{
	bool is_imap = strcmp(service, "imap") == 0;
	struct ipc_channel *channel = is_imap ? &web->imapd : &web->smtpd;
	struct ipc_message ticket;
	int fd = -1, result;

	if (channel->fd < 0)
		return err_set(err, ERR_TEMPORARY, "this connection cannot ask for another session");
	ipc_message_init(&ticket);
	result = get_ticket(web, request, service, &ticket, err);
	if (result == 0)
		result = ask_session(web, channel, is_imap ? "session" : "submit", ipc_get(&ticket, "ticket"), &fd, err);
	ipc_message_free(&ticket);
	return result == 0 ? fd : -1;
}

static int begin(struct web *web, const struct web_request *request, struct mail *mail, struct err *err)
{
	const struct mail_client_timeouts timeouts = {.connect_ms = ANSWER_MS, .reply_ms = ANSWER_MS};
	int fd = mail_ask_session(web, request, "imap", err);

	return fd >= 0 ? imap_talk_open(&mail->talk, fd, timeouts, err) : -1;
}

struct mail *mail_open(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mail *mail = web->mail;
	struct err err;

	if (mail == NULL && web->imapd.fd >= 0) {
		mail = web->mail = memory_get(sizeof *mail);
		mail->message.fd = -1;
		mail->uid = request->visitor.uid;
		if (begin(web, request, mail, &err) != 0) {
			log_warning("cannot begin a session in the mailbox of user=%s: %s", request->visitor.user, err.text);
			mail_again(reply, "The mailbox cannot be opened at the moment");
			return NULL;
		}
	}
	if (mail != NULL && mail->uid == request->visitor.uid && imap_talk_is_open(&mail->talk))
		return mail;
	mail_again(reply, "The mailbox cannot be reached by this connection any more");
	return NULL;
}

void mail_end(struct web *web)
{
	if (web->mail == NULL)
		return;
	imap_talk_close(&web->mail->talk);
	if (web->mail->message.fd >= 0)
		close(web->mail->message.fd);
	memory_free(web->mail);
	web->mail = NULL;
}

static int take_selected(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	struct mail *mail = context;
	uint64_t number;

	(void)err;
	if (value == NULL && imap_reply_code(reply->text, "UIDVALIDITY", &number) && number <= UINT32_MAX)
		mail->uidvalidity = (uint32_t)number;
	return 0;
}

bool mail_select(struct mail *mail, struct str folder, uint32_t uidvalidity, struct web_reply *reply)
{
	bool is_selected = mail->folder[0] != '\0' && str_equal(folder, str_of(mail->folder));
	struct err err;

	imap_talk_begin(&mail->talk, is_selected ? "NOOP" : "SELECT ");
	if (!is_selected) {
		imap_talk_mailbox(&mail->talk, folder);
		mail->folder[0] = '\0';
		mail->uidvalidity = 0;
	}
	if (imap_talk_finish(&mail->talk, take_selected, mail, &err) != 0)
		return mail_failed(mail, &err, reply);
	if (!is_selected && !str_copy(folder, mail->folder, sizeof mail->folder)) {
		web_reply_error(reply, 404, "not-found", "There is no folder of such a name");
		return false;
	}
	if (uidvalidity == 0 || uidvalidity == mail->uidvalidity)
		return true;
	web_reply_error(reply, 404, "not-found", "The folder is another one than it was; load it again");
	return false;
}

static bool no_place(struct web_reply *reply)
{
	web_reply_error(reply, 404, "not-found", "There is no such message");
	return false;
}

bool mail_place(const struct web_request *request, struct mail_place *place, struct web_reply *reply)
{
	uint64_t uidvalidity, uid;

	place->folder = web_name(request, "folder");
	if (!str_to_u64(web_name(request, "uidvalidity"), UINT32_MAX, &uidvalidity) || uidvalidity == 0 ||
	    !str_to_u64(web_name(request, "uid"), UINT32_MAX, &uid) || uid == 0)
		return no_place(reply);
	place->uidvalidity = (uint32_t)uidvalidity;
	place->uid = (uint32_t)uid;
	return true;
}

bool mail_place_of(const json_t *object, struct mail_place *place, struct web_reply *reply)
{
	json_int_t uidvalidity = json_integer_value(json_object_get(object, "uidvalidity")),
	           uid = json_integer_value(json_object_get(object, "uid"));

	place->folder = mail_json_string(object, "folder");
	if (uidvalidity < 1 || uidvalidity > UINT32_MAX || uid < 1 || uid > UINT32_MAX || place->folder.len == 0) {
		web_reply_error(reply, 422, "syntax", "A message is named by folder, uidvalidity and uid");
		return false;
	}
	place->uidvalidity = (uint32_t)uidvalidity;
	place->uid = (uint32_t)uid;
	return true;
}

struct special {
	const char *use;
	char *out;
};

static int take_special(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	const struct special *special = context;
	struct buf name;

	(void)reply, (void)err;
	if (!imap_value_is(imap_value_at(value, 0), "LIST") || special->out[0] != '\0')
		return 0;
	for (const struct imap_value *flag = imap_value_at(imap_value_at(value, 1), 0); flag != NULL; flag = flag->next) {
		if (!imap_value_is(flag, special->use))
			continue;
		buf_init(&name, MAIL_FOLDER_MAX - 1);
		if (mutf7_decode(imap_value_text(imap_value_at(value, 3)), &name, NULL) == 0)
			str_copy(buf_str(&name), special->out, MAIL_FOLDER_MAX);
		buf_free(&name);
	}
	return 0;
}

bool mail_special(struct mail *mail, const char *use, char *out, struct web_reply *reply)
{
	struct special special = {.use = use, .out = out};
	struct err err;

	out[0] = '\0';
	imap_talk_begin(&mail->talk, "LIST (SPECIAL-USE) \"\" \"*\"");
	return imap_talk_finish(&mail->talk, take_special, &special, &err) == 0 || mail_failed(mail, &err, reply);
}

int mail_scratch(const struct web *web, struct err *err)
{
	int fd = openat(web->scratch, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : err_system(err, "cannot make a file for a message");
}

json_t *mail_json_text(struct str text, struct arena *arena)
{
	if (!str_is_utf8(text))
		text = mime_charset_convert(STR(""), text, arena);
	return json_stringn_nocheck(text.len > 0 ? text.data : "", text.len);
}

json_t *mail_json_flags(const struct imap_value *list, struct arena *arena)
{
	json_t *flags = json_array();

	for (const struct imap_value *at = imap_value_at(list, 0); at != NULL; at = at->next)
		if (!imap_value_is(at, "\\Recent")) /* which says something of sessions, not of the message */
			json_array_append_new(flags, mail_json_text(imap_value_text(at), arena));
	return flags;
}

struct str mail_json_string(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? str_from(json_string_value(value), json_string_length(value)) : STR("");
}
