/* Sessions: asking authd, cookies, and the API's calls about them. */
#include "webadmin/login.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/policy/event.h"
#include "common/settings/logo.h"
#include "webadmin/exchange.h"
#include "webadmin/login_page.h"
#include "webadmin/routes.h"

#include <stdio.h>
#include <unistd.h>

enum {
	REQUEST_OCTETS_MAX = 4096, /* of a name, password or token */
	AGENT_MAX = 200,           /* of what a browser calls itself */
};

static const char FAILED[] = "Logging on failed";

static int ask_authd(struct web *web, const struct ipc_message *ask, struct ipc_message *answer, struct err *err)
{
	if (web->authd.fd < 0)
		return err_set(err, ERR_TEMPORARY, "authd cannot be reached");
	return ipc_call(&web->authd, ask, answer, IPC_TIMEOUT_MS, err);
}

static bool read_visitor(const struct ipc_message *answer, struct web_visitor *visitor)
{
	int64_t administrator, area;
	struct str kind = ipc_get(answer, "kind");

	*visitor = (struct web_visitor){.is_known = true, .is_token = str_equal(kind, STR("token"))};
	if (!ipc_get_text(answer, "user", visitor->user, sizeof visitor->user) ||
	    (!visitor->is_token && !ipc_get_text(answer, "csrf", visitor->csrf, sizeof visitor->csrf)) ||
	    !ipc_get_number(answer, "uid", 1, INT64_MAX, &visitor->uid) ||
	    !ipc_get_number(answer, "administrator", 0, 1, &administrator) ||
	    !ipc_get_number(answer, "admin-area", 0, 1, &area) ||
	    !ipc_get_number(answer, "confirmed", -1, INT64_MAX, &visitor->confirmed_s))
		return false;
	visitor->is_administrator = administrator == 1 && area == 1;
	return true;
}

int login_learn(struct web *web, struct str session, struct web_visitor *visitor_out, struct err *err)
{
	struct ipc_message ask, answer;
	int result;

	ipc_message_init(&ask);
	ipc_message_init(&answer);
	ipc_request(&ask, "web-session");
	ipc_add(&ask, "session", session);
	ipc_add_text(&ask, "peer", web->peer);
	ipc_add_number(&ask, "touch", 1);
	result = ask_authd(web, &ask, &answer, err);
	if (result == 0 && !read_visitor(&answer, visitor_out))
		result = err_set(err, ERR_PROTOCOL, "authd's answer about a session is not complete");
	if (result != 0)
		*visitor_out = (struct web_visitor){.confirmed_s = -1};
	else
		str_copy(session, visitor_out->session, sizeof visitor_out->session);
	ipc_message_free(&ask);
	ipc_message_free(&answer);
	return result;
}

/* seconds 0: until the browser ends; -1: not any more. */
static void set_cookie(const struct web *web, struct web_reply *reply, const char *name, struct str value,
                       int64_t seconds)
{
	char lasts[40] = "";

	if (seconds != 0)
		snprintf(lasts, sizeof lasts, "; Max-Age=%lld", (long long)(seconds > 0 ? seconds : 0));
	web_reply_header(reply, "Set-Cookie", "%s=%.*s; Path=/; HttpOnly; SameSite=Strict%s%s", name, STR_ARG(value), lasts,
	                 web->tls ? "; Secure" : "");
}

/* authd forgets a session that is not to be. */
static void end_session(struct web *web, const struct web_visitor *visitor)
{
	struct ipc_message ask, answer;
	struct err err;

	ipc_message_init(&ask);
	ipc_message_init(&answer);
	ipc_request(&ask, "web-logout");
	ipc_add_text(&ask, "session", visitor->session);
	ipc_add_text(&ask, "peer", web->peer);
	if (ask_authd(web, &ask, &answer, &err) != 0)
		log_warning("a session that is not to be goes on: %s", err.text);
	ipc_message_free(&ask);
	ipc_message_free(&answer);
}

/* Rules of the access list may be for some users: to anybody else it looks like a wrong password. */
static int check_access(struct web *web, struct web_visitor *visitor, struct err *err)
{
	if (access_allows_user(web->access, visitor->uid))
		return 0;
	log_info("login refused by the access list, service=web user=%s peer=%s", visitor->user, web->peer);
	status_security(&web->status, visitor->user, STATUS_BY_ACCESS_LIST);
	end_session(web, visitor);
	*visitor = (struct web_visitor){.confirmed_s = -1};
	return err_set(err, ERR_DENIED, "%s", FAILED);
}

/* The session that authd's answer tells becomes the browser's. */
static int take_session(struct web *web, struct web_reply *reply, const struct ipc_message *answer,
                        struct web_visitor *visitor_out, struct err *err)
{
	struct str session = ipc_get(answer, "session"), remember = ipc_get(answer, "remember-token");
	int64_t days = settings_number(web->settings, SETTING_WEB_REMEMBER_DAYS);

	if (session.len == 0 || login_learn(web, session, visitor_out, err) != 0)
		return err_set(err, ERR_TEMPORARY, "authd does not know the session that it made");
	if (check_access(web, visitor_out, err) != 0)
		return -1;
	set_cookie(web, reply, LOGIN_COOKIE, session, 0);
	if (remember.len != 0)
		set_cookie(web, reply, LOGIN_REMEMBER, remember, days * 24 * 3600);
	return 0;
}

/* Whoever fails too often on one connection has to open another, which is counted where all are. */
static void count_failure(struct web *web, struct web_reply *reply, struct str user)
{
	status_event(&web->status, POLICY_BAD_LOGIN, user);
	if (++web->failures >= settings_number(web->settings, SETTING_LOGIN_MAX_FAILURES))
		reply->is_last = true;
}

/* Who asks, for authd's lists and limits. */
static void add_client(const struct web *web, const struct web_request *request, struct ipc_message *ask)
{
	struct str agent = web_header(request, "User-Agent");

	ipc_add_text(ask, "peer", web->peer);
	ipc_add_number(ask, "tls", web->tls);
	if (agent.len > 0)
		ipc_add(ask, "agent", str_sub(agent, 0, AGENT_MAX));
}

int login_begin(struct web *web, const struct web_request *request, struct web_reply *reply,
                const struct login_try *attempt, struct web_visitor *visitor_out, struct err *err)
{
	struct ipc_message ask, answer;
	int result;

	*visitor_out = (struct web_visitor){.confirmed_s = -1};
	ipc_message_init(&ask);
	ipc_message_init(&answer);
	ipc_request(&ask, "web-login");
	ipc_add(&ask, "user", str_sub(attempt->user, 0, REQUEST_OCTETS_MAX));
	ipc_add(&ask, "password", str_sub(attempt->password, 0, REQUEST_OCTETS_MAX));
	add_client(web, request, &ask);
	ipc_add_number(&ask, "remember", attempt->remember);
	result = ask_authd(web, &ask, &answer, err);
	memory_wipe(ask.fields.data, ask.fields.len);
	if (result == 0)
		result = take_session(web, reply, &answer, visitor_out, err);
	if (result != 0 && err->code == ERR_DENIED)
		count_failure(web, reply, attempt->user);
	ipc_message_free(&ask);
	ipc_message_free(&answer);
	return result;
}

int login_resume(struct web *web, const struct web_request *request, struct web_reply *reply, struct str token,
                 struct web_visitor *visitor_out, struct err *err)
{
	struct ipc_message ask, answer;
	int result;

	ipc_message_init(&ask);
	ipc_message_init(&answer);
	ipc_request(&ask, "web-resume");
	ipc_add(&ask, "remember-token", str_sub(token, 0, REQUEST_OCTETS_MAX));
	add_client(web, request, &ask);
	result = ask_authd(web, &ask, &answer, err);
	if (result == 0)
		result = take_session(web, reply, &answer, visitor_out, err);
	else if (err->code == ERR_DENIED)
		set_cookie(web, reply, LOGIN_REMEMBER, STR(""), -1);
	ipc_message_free(&ask);
	ipc_message_free(&answer);
	return result;
}

/* What authd's refusal means to a page. */
static void refuse(struct web_reply *reply, const struct ipc_message *answer, const struct err *err)
{
	struct str code = ipc_get(answer, "code");

	if (str_equal(code, STR("login")))
		web_reply_error(reply, 401, "login", "%s", err->text);
	else if (str_equal(code, STR("confirm")))
		web_reply_error(reply, 403, "confirm", "%s", err->text);
	else
		web_reply_err(reply, err);
}

/* Ask authd something about the visitor's own session; its answer, which the caller frees, or a reply. */
static int ask_about(struct web *web, const struct web_request *request, struct web_reply *reply,
                     struct ipc_message *ask, struct ipc_message *answer)
{
	struct err err;

	ipc_add_text(ask, "session", request->visitor.session);
	ipc_add_text(ask, "peer", web->peer);
	if (ask_authd(web, ask, answer, &err) == 0)
		return 0;
	refuse(reply, answer, &err);
	return -1;
}

static void reply_visitor(const struct web *web, struct web_reply *reply, int status, const struct web_visitor *visitor)
{
	char path[INSTANCE_PATH_MAX + 128];

	web_reply_json(reply, status,
	               json_pack("{s:s, s:I, s:b, s:s, s:s, s:b}", "user", visitor->user, "uid", (json_int_t)visitor->uid,
	                         "administrator", (int)visitor->is_administrator, "csrf", visitor->csrf, "version",
	                         POSTROOM_VERSION, "logo",
	                         access(logo_path(web->instance, "mail", path, sizeof path), R_OK) == 0));
}

static void post_session(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	json_t *json = web_json(request, reply);
	struct web_visitor visitor;
	struct login_try attempt;
	const char *user = NULL, *password = NULL;
	size_t user_len, password_len;
	int remember = 0;
	struct err err;

	if (json == NULL)
		return;
	if (json_unpack(json, "{s:s%, s:s%, s?:b}", "user", &user, &user_len, "password", &password, &password_len,
	                "remember", &remember) != 0) {
		web_reply_error(reply, 400, "syntax", "Say user and password, both texts, and perhaps remember");
		json_decref(json);
		return;
	}
	attempt = (struct login_try){str_from(user, user_len), str_from(password, password_len), remember != 0};
	if (login_begin(web, request, reply, &attempt, &visitor, &err) == 0)
		reply_visitor(web, reply, 200, &visitor);
	else if (err.code == ERR_DENIED)
		web_reply_error(reply, 401, "denied", "%s", FAILED);
	else
		web_reply_error(reply, 503, "temporary", "Logging on is not possible at the moment");
	json_decref(json);
}

static void get_session(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	reply_visitor(web, reply, 200, &request->visitor);
}

static void delete_session(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct ipc_message ask, answer;

	ipc_message_init(&ask);
	ipc_message_init(&answer);
	ipc_request(&ask, "web-logout");
	if (ask_about(web, request, reply, &ask, &answer) == 0) {
		set_cookie(web, reply, LOGIN_COOKIE, STR(""), -1);
		set_cookie(web, reply, LOGIN_REMEMBER, STR(""), -1);
		reply->is_last = true; /* what the connection keeps of this user ends */
	}
	ipc_message_free(&ask);
	ipc_message_free(&answer);
}

/* A text of the body's object; data is NULL, and a reply is there, where it is missing. */
static struct str text_of(const json_t *json, struct web_reply *reply, const char *key)
{
	const json_t *value = json_object_get(json, key);

	if (json_is_string(value) && json_string_length(value) <= REQUEST_OCTETS_MAX)
		return str_from(json_string_value(value), json_string_length(value));
	web_reply_field_error(reply, 400, "syntax", key, STR("A text is missing, or too long"));
	return (struct str){NULL, 0};
}

/* Requests of authd whose fields are texts of the body. */
static void hand_on(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	const char *const *words = request->route->data; /* the op, then the fields, NULL at the end */
	json_t *json = web_json(request, reply);
	struct ipc_message ask, answer;
	bool complete = json != NULL;
	struct err err;

	ipc_message_init(&ask);
	ipc_message_init(&answer);
	ipc_request(&ask, words[0]);
	for (size_t i = 1; complete && words[i] != NULL; i++) {
		struct str value = text_of(json, reply, words[i]);

		complete = value.data != NULL;
		if (complete)
			ipc_add(&ask, words[i], value);
	}
	ipc_add_text(&ask, "session", request->visitor.session);
	ipc_add_text(&ask, "peer", web->peer);
	if (complete && ask_authd(web, &ask, &answer, &err) != 0) {
		if (err.code == ERR_DENIED)
			count_failure(web, reply, str_of(request->visitor.user));
		refuse(reply, &answer, &err);
	}
	memory_wipe(ask.fields.data, ask.fields.len);
	json_decref(json);
	ipc_message_free(&ask);
	ipc_message_free(&answer);
}

/* What the visitor has of a kind, as authd lists it: JSON objects. */
static void get_list(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	const char *const *words = request->route->data; /* the op, the field of each */
	json_t *items = json_array();
	struct ipc_message ask, answer;
	struct str key, value;
	size_t position = 0;

	ipc_message_init(&ask);
	ipc_message_init(&answer);
	ipc_request(&ask, words[0]);
	if (ask_about(web, request, reply, &ask, &answer) == 0) {
		while (ipc_next(&answer, &position, &key, &value))
			if (str_equal(key, str_of(words[1])))
				json_array_append_new(items, json_loadb(value.data, value.len, 0, NULL));
		web_reply_json(reply, 200,
		               json_pack("{s:O, s:I}", "items", items, "total", (json_int_t)json_array_size(items)));
	}
	json_decref(items);
	ipc_message_free(&ask);
	ipc_message_free(&answer);
}

/* One of them by its number; of sessions without it all but this one. */
static void delete_listed(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	const char *op = request->route->data;
	struct str id = web_name(request, "id");
	struct ipc_message ask, answer;

	ipc_message_init(&ask);
	ipc_message_init(&answer);
	ipc_request(&ask, op);
	if (id.len != 0)
		ipc_add(&ask, "id", id);
	ask_about(web, request, reply, &ask, &answer);
	ipc_message_free(&ask);
	ipc_message_free(&answer);
}

/* A token for scripts of the visitor's: it is told this once. */
static void post_token(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	json_t *json = web_json(request, reply);
	const char *name = NULL, *scope = "own";
	json_int_t days = 0;
	size_t name_len;
	struct ipc_message ask, answer;
	int64_t id;

	if (json == NULL)
		return;
	if (json_unpack(json, "{s:s%, s?:s, s?:I}", "name", &name, &name_len, "scope", &scope, "days", &days) != 0) {
		web_reply_error(reply, 400, "syntax", "Say name and perhaps scope, both texts, and days, a number");
		json_decref(json);
		return;
	}
	ipc_message_init(&ask);
	ipc_message_init(&answer);
	ipc_request(&ask, "api-token-add");
	ipc_add(&ask, "name", str_sub(str_from(name, name_len), 0, REQUEST_OCTETS_MAX));
	ipc_add(&ask, "scope", str_sub(str_of(scope), 0, REQUEST_OCTETS_MAX));
	ipc_add_number(&ask, "days", days);
	if (ask_about(web, request, reply, &ask, &answer) == 0 && ipc_get_number(&answer, "id", 1, INT64_MAX, &id)) {
		struct str token = ipc_get(&answer, "token");

		web_reply_json(reply, 201, json_pack("{s:s%, s:I}", "token", token.data, token.len, "id", (json_int_t)id));
	}
	json_decref(json);
	ipc_message_free(&ask);
	ipc_message_free(&answer);
}

static const char *const sessions[] = {"web-list", "entry"};
static const char *const tokens[] = {"api-token-list", "token"};
static const char *const confirm[] = {"web-confirm", "password", NULL};
static const char *const message_security[] = {"message-security-open", "password", NULL};
static const char *const forgotten[] = {"web-forgotten", "user", NULL};
static const char *const reset[] = {"web-reset", "token", "password", NULL};

static const struct web_route routes[] = {
    {"POST", "/api/v1/session", WEB_OPEN, post_session, "Log on", NULL},
    {"GET", "/api/v1/session", WEB_USER, get_session, "Who is logged on", NULL},
    {"DELETE", "/api/v1/session", WEB_USER, delete_session, "Log off", NULL},
    {"POST", "/api/v1/session/confirm", WEB_USER, hand_on, "Give the password again, for what matters most", confirm},
    {"POST", "/api/v1/session/message-security", WEB_USER, hand_on,
     "Give the password of Message Security, for others' mail in this session", message_security},
    {"GET", "/api/v1/sessions", WEB_USER, get_list, "Own sessions and remembered browsers", sessions},
    {"DELETE", "/api/v1/sessions", WEB_USER, delete_listed, "End all of them but this one", "web-revoke"},
    {"DELETE", "/api/v1/sessions/{id}", WEB_USER, delete_listed, "End one of them", "web-revoke"},
    {"GET", "/api/v1/tokens", WEB_USER, get_list, "Own tokens for scripts", tokens},
    {"POST", "/api/v1/tokens", WEB_USER, post_token, "Make one", NULL},
    {"DELETE", "/api/v1/tokens/{id}", WEB_USER, delete_listed, "Let one be good no more", "api-token-delete"},
    {"POST", "/api/v1/password/forgotten", WEB_OPEN, hand_on, "Have a link sent that sets a new password", forgotten},
    {"POST", "/api/v1/password/reset", WEB_OPEN, hand_on, "Set a new password by such a link", reset},
    {"GET", LOGIN_PATH, WEB_OPEN | WEB_PAGE, login_page_get, NULL, NULL},
    {"POST", LOGIN_PATH, WEB_OPEN | WEB_PAGE | WEB_FORM, login_page_post, NULL, NULL},
};

static const struct web_route *login_routes(size_t *count_out)
{
	*count_out = sizeof routes / sizeof routes[0];
	return routes;
}

const struct web_part login_part = {.routes = login_routes};
