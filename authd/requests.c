#include "authd/authd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

typedef void request_handler(struct authd *authd, struct ipc_incoming *incoming);

void request_forget(struct ipc_incoming *incoming)
{
	struct buf *fields = &incoming->message.fields;

	if (fields->data != NULL)
		memory_wipe(fields->data, fields->len);
	buf_reset(fields);
}

void request_put_off(struct ipc_incoming *incoming, const struct err *err)
{
	struct err answer;

	if (!ipc_caller_gone(incoming))
		log_error("a request of %s is put off: %s", incoming->caller, err->text);
	err_set(&answer, ERR_TEMPORARY, "authd cannot do that now");
	ipc_answer_error(incoming, &answer);
}

static void take_mechanisms(struct authd *authd, struct ipc_incoming *incoming)
{
	struct ipc_message reply;
	const char *name;

	(void)authd;
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	for (int i = 0; (name = exchange_offered(i)) != NULL; i++)
		ipc_add_text(&reply, "mechanism", name);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

static void take_login(struct authd *authd, struct ipc_incoming *incoming)
{
	struct str user = ipc_get(&incoming->message, "user");
	struct str password = ipc_get(&incoming->message, "password");
	struct login_origin origin;
	struct err err;

	if (user.data == NULL || password.data == NULL) {
		err_set(&err, ERR_PROTOCOL, "login needs user and password");
		ipc_answer_error(incoming, &err);
	} else if (login_read_origin(incoming, &origin, &err) != 0) {
		ipc_answer_error(incoming, &err);
	} else {
		login_by_password(authd, incoming, &origin, "password", user, password);
	}
}

/* A guest's name and groups: by them the session knows what the owner lets him do. */
static int add_grantee(struct authd *authd, const struct ticket_right *right, struct ipc_message *reply,
                       struct err *err)
{
	int64_t groups[SHARES_GROUPS_MAX];
	size_t count;

	if (right->grantee == 0)
		return 0;
	if (sharing_groups(&authd->settings, right->grantee, groups, &count, err) != 0)
		return -1;
	ipc_add_text(reply, "grantee", right->grantee_user);
	ipc_add_number(reply, "grantee-uid", right->grantee);
	for (size_t i = 0; i < count; i++)
		ipc_add_number(reply, "group", groups[i]);
	return 0;
}

/* The right to relay, by the service and for the client that smtpd names: of a login elsewhere (webmail) that it takes
 * over. */
static void add_token(const struct authd *authd, const struct ipc_message *request, const struct ticket_right *right,
                      struct ipc_message *reply)
{
	char token[TOKEN_MAX];

	token_make(&authd->relay_key, "authd", ipc_get(request, "label"), ipc_get(request, "peer"), str_of(right->user),
	           token);
	ipc_add_text(reply, "token", token);
}

static void take_redeem(struct authd *authd, struct ipc_incoming *incoming)
{
	struct ticket_right right;
	struct ipc_message reply;
	struct err err;

	ipc_message_init(&reply);
	if (tickets_redeem(&authd->tickets, incoming->caller, ipc_get(&incoming->message, "service"),
	                   ipc_get(&incoming->message, "ticket"), io_now_ms(), &right, &err) == 0) {
		ipc_reply_ok(&reply);
		ipc_add_text(&reply, "user", right.user);
		ipc_add_number(&reply, "uid", right.uid);
		if (add_grantee(authd, &right, &reply, &err) != 0) {
			request_put_off(incoming, &err);
			ipc_message_free(&reply);
			return;
		}
		if (strcmp(incoming->caller, "smtpd") == 0)
			add_token(authd, &incoming->message, &right, &reply);
		if (strcmp(incoming->caller, "imapd") == 0)
			sharing_bind(incoming->peer, &right);
	} else {
		log_warning("%s gave a ticket that is not valid", incoming->caller);
		ipc_reply_error(&reply, &err);
	}
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

static void take_audit(struct authd *authd, struct ipc_incoming *incoming)
{
	audit_ask(&authd->audit, incoming);
}

static void answer_done(struct ipc_incoming *incoming, int result, const struct err *err)
{
	if (result == 0)
		ipc_answer_ok(incoming);
	else if (err->code == ERR_SYNTAX || err->code == ERR_LIMIT)
		ipc_answer_error(incoming, err);
	else
		request_put_off(incoming, err);
}

static void take_secret_set(struct authd *authd, struct ipc_incoming *incoming)
{
	struct str name = ipc_get(&incoming->message, "name");
	struct err err;
	int result = secrets_set(&authd->secrets, name, ipc_get(&incoming->message, "value"), &err);

	if (result == 0)
		log_info("the secret %.*s was set", STR_ARG(name));
	request_forget(incoming);
	answer_done(incoming, result, &err);
}

static void take_secret_delete(struct authd *authd, struct ipc_incoming *incoming)
{
	struct str name = ipc_get(&incoming->message, "name");
	struct err err;
	int result = secrets_delete(&authd->secrets, name, &err);

	if (result == 0)
		log_info("the secret %.*s was deleted", STR_ARG(name));
	answer_done(incoming, result, &err);
}

/* A caller may read what bears its own name in front, and nothing else. */
static bool secret_is_of(struct str name, const char *caller)
{
	struct str owner = str_of(caller);

	return name.len > owner.len + 1 && str_starts(name, owner) && name.data[owner.len] == '/';
}

static void take_secret_get(struct authd *authd, struct ipc_incoming *incoming)
{
	struct str name = ipc_get(&incoming->message, "name");
	struct ipc_message reply;
	struct buf value;
	struct err err;
	int result;

	ipc_message_init(&reply);
	buf_init(&value, SECRETS_VALUE_MAX);
	result = secret_is_of(name, incoming->caller)
	             ? secrets_get(&authd->secrets, name, &value, &err)
	             : err_set(&err, ERR_DENIED, "%s may not read the secret %.*s", incoming->caller, STR_ARG(name));
	if (result == 0) {
		ipc_reply_ok(&reply);
		ipc_add(&reply, "value", buf_str(&value));
	} else {
		log_error("%s", err.text);
		ipc_reply_error(&reply, &err);
	}
	ipc_answer(incoming, &reply);
	if (value.data != NULL)
		memory_wipe(value.data, value.capacity);
	buf_free(&value);
	memory_wipe(reply.fields.data, reply.fields.capacity);
	ipc_message_free(&reply);
}

/* A right to relay for an address from which somebody read his mail lately. */
static void take_recent(struct authd *authd, struct ipc_incoming *incoming)
{
	int64_t minutes = settings_number(&authd->settings, SETTING_SMTP_POP_FIRST_TIME);
	struct login_origin origin;
	struct ipc_message reply;
	char token[TOKEN_MAX];
	struct err err;

	if (login_read_origin(incoming, &origin, &err) != 0) {
		ipc_answer_error(incoming, &err);
		return;
	}
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (settings_flag(&authd->settings, SETTING_SMTP_POP_FIRST) &&
	    recent_has(&authd->recent, origin.peer, minutes * 60 * 1000, io_now_ms())) {
		token_make(&authd->relay_key, "authd", str_of(origin.service), str_of(origin.peer), STR(""), token);
		ipc_add_text(&reply, "token", token);
	}
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

/* Who may ask what: the channel is the identity. */
static const struct {
	const char *op;
	const char *callers[5];
	request_handler *handler;
} requests[] = {
    {"sasl-start", {"smtpd", "pop3-login", "imap-login"}, conversation_start},
    {"apop-start", {"pop3-login"}, conversation_start_apop},
    {"sasl-step", {"smtpd", "pop3-login", "imap-login"}, conversation_step},
    {"sasl-cancel", {"smtpd", "pop3-login", "imap-login"}, conversation_cancel},
    {"login", {"smtpd", "pop3-login", "imap-login", "listd"}, take_login},
    {"redeem", {"pop3d", "imapd", "smtpd"}, take_redeem},
    {"share-set", {"imapd", "postroom"}, sharing_set},
    {"share-names", {"imapd"}, sharing_names},
    {"share-list", {"imapd"}, sharing_list},
    {"share-ticket", {"imapd"}, sharing_ticket},
    {"audit", {"statusd"}, take_audit},
    {"recent-login", {"smtpd"}, take_recent},
    {"mechanisms", {"smtpd", "pop3-login", "imap-login"}, take_mechanisms},
    {"secret-get", {"sender", "lfwd", "collector"}, take_secret_get},
    {"oauth-begin", {"postroom"}, oauth_begin},
    {"oauth-poll", {"postroom"}, oauth_poll},
    {"oauth-list", {"postroom"}, oauth_list},
    {"oauth-delete", {"postroom"}, oauth_delete},
    {"oauth-test", {"postroom"}, oauth_test},
    {"oauth-token", {"sender", "collector"}, oauth_token},
    {"oauth-work", {"fetchd"}, oauth_take_work},
    {"oauth-done", {"fetchd"}, oauth_take_done},
    {"password-set", {"configd"}, password_set},
    {"password-try", {"configd"}, password_set},
    {"user-rename", {"configd"}, password_user_rename},
    {"user-delete", {"configd"}, password_user_delete},
    {"secret-set", {"configd"}, take_secret_set},
    {"secret-delete", {"configd"}, take_secret_delete},
    {"web-login", {"webadmin"}, web_login},
    {"web-resume", {"webadmin"}, web_resume},
    {"web-confirm", {"webadmin"}, web_confirm},
    {"message-security", {"postroom"}, guard_status},
    {"message-security-set", {"postroom"}, guard_set},
    {"message-security-off", {"postroom"}, guard_off},
    {"message-security-open", {"webadmin"}, guard_open},
    {"web-session", {"webadmin", "postroom"}, web_session},
    {"web-logout", {"webadmin"}, web_logout},
    {"web-ticket", {"webadmin"}, web_ticket},
    {"web-token", {"webadmin"}, web_token},
    {"web-list", {"webadmin"}, web_list},
    {"web-revoke", {"webadmin"}, web_revoke},
    {"web-forgotten", {"webadmin"}, web_forgotten},
    {"web-reset", {"webadmin"}, web_reset},
    {"reset-work", {"configd"}, web_reset_take_work},
    {"api-token-add", {"webadmin", "postroom"}, web_key_add},
    {"api-token-list", {"webadmin", "postroom"}, web_key_list},
    {"api-token-delete", {"webadmin", "postroom"}, web_key_delete},
    {"locks", {"postroom"}, locks_list},
    {"unlock", {"postroom"}, locks_end},
    {"dump", {"configd"}, password_dump},
    {"restore", {"configd"}, password_restore},
};

void request_take(struct ipc_incoming *incoming, void *context)
{
	struct authd *authd = context;
	struct err err;

	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		if (!ipc_is(&incoming->message, requests[i].op))
			continue;
		for (const char *const *caller = requests[i].callers; *caller != NULL; caller++) {
			if (strcmp(incoming->caller, *caller) == 0) {
				settings_refresh(&authd->settings);
				challenges_follow(authd);
				requests[i].handler(authd, incoming);
				return;
			}
		}
		log_error("%s may not ask for %s: refused", incoming->caller, requests[i].op);
		err_set(&err, ERR_DENIED, "%s may not ask for that", incoming->caller);
		ipc_answer_error(incoming, &err);
		return;
	}
	err_set(&err, ERR_PROTOCOL, "authd does not know this request");
	ipc_answer_error(incoming, &err);
}

void request_gone(struct ipc_peer *peer, void *context)
{
	if (strcmp(ipc_peer_caller(peer), "imapd") == 0)
		sharing_end(peer);
	else
		conversation_end(context, peer);
}
