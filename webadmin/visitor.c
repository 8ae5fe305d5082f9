/* Who asks, and may he. */
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/policy/access.h"
#include "webadmin/exchange.h"
#include "webadmin/login.h"

/* The session that a request names: an API token, or a cookie. Empty: none. */
static struct str named_session(const struct web_request *request, bool *is_token_out)
{
	struct str authorization = web_header(request, "Authorization");
	const char *cookie = MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, LOGIN_COOKIE);

	*is_token_out = authorization.data != NULL && str_equal_nocase(str_cut_word(&authorization), STR("Bearer"));
	return *is_token_out ? str_trim(authorization) : str_of(cookie);
}

static int identify(struct web *web, struct web_request *request, struct err *err)
{
	bool is_token;
	struct str session = named_session(request, &is_token);

	if (session.len == 0)
		return err_set(err, ERR_DENIED, "You have to log on first");
	if (login_learn(web, session, &request->visitor, err) != 0)
		return -1;
	/* each by its own way: what a browser sends by itself must not pass for what only a program knows */
	if (request->visitor.is_token == is_token)
		return 0;
	request->visitor = (struct web_visitor){.confirmed_s = -1};
	return err_set(err, ERR_DENIED, "You have to log on first");
}

/* Where the administrator allows it a link may log in (05-17.4). The page is asked for again then, without it. */
static int identify_by_link(struct web *web, struct exchange *exchange, struct err *err)
{
	struct web_request *request = &exchange->request;
	const struct login_try attempt = {.user = web_query(request, "user"), .password = web_query(request, "password")};

	if (!settings_flag(web->settings, SETTING_WEB_PASSWORD_IN_URL) || attempt.user.data == NULL ||
	    attempt.password.data == NULL)
		return -1;
	return login_begin(web, request, &exchange->reply, &attempt, &request->visitor, err);
}

/* A page may be opened by what the browser remembers of an earlier session, or by a link. */
static int identify_for_page(struct web *web, struct exchange *exchange, struct err *err)
{
	struct web_request *request = &exchange->request;
	const char *remembered = MHD_lookup_connection_value(request->connection, MHD_COOKIE_KIND, LOGIN_REMEMBER);

	if (identify(web, request, err) == 0)
		return 0;
	if (err->code != ERR_DENIED || (request->route->flags & WEB_PAGE) == 0)
		return -1;
	if (identify_by_link(web, exchange, err) == 0)
		return 0;
	return remembered != NULL ? login_resume(web, request, &exchange->reply, str_of(remembered), &request->visitor, err)
	                          : -1;
}

/* Tell who has to log in first: a page goes there. */
static int refuse(struct exchange *exchange, const struct err *err)
{
	struct web_reply *reply = &exchange->reply;

	if (err->code != ERR_DENIED) {
		log_warning("who asks cannot be said: %s", err->text);
		web_reply_error(reply, 503, "temporary", "This cannot be done at the moment");
	} else if (reply->is_page) {
		login_send_there(&exchange->request, reply);
	} else {
		web_reply_error(reply, 401, "login", "You have to log on first");
	}
	return -1;
}

static bool is_change(struct str method)
{
	return !str_equal(method, STR("GET")) && !str_equal(method, STR("HEAD"));
}

bool visitor_is_from_here(struct web *web, const struct web_request *request)
{
	struct str site = web_header(request, "Sec-Fetch-Site"), origin = web_header(request, "Origin");
	struct str host = web_header(request, "Host"), scheme = web->tls ? STR("https://") : STR("http://");

	if (site.data != NULL && !str_equal(site, STR("same-origin")) && !str_equal(site, STR("none")))
		return false;
	if (origin.data == NULL)
		return true;
	/* a proxy in front of us may speak TLS for us */
	if (!str_starts(origin, scheme) && !str_starts(origin, STR("https://")))
		return false;
	origin = str_skip(origin, str_starts(origin, STR("https://")) ? strlen("https://") : strlen("http://"));
	return host.data != NULL && str_equal_nocase(origin, host);
}

/* A change by a cookie, which the browser sends whoever made it ask: our pages prove themselves by what they know. */
static bool is_meant(const struct web_request *request)
{
	struct str proof = web_header(request, "X-CSRF-Token");

	if (!is_change(request->method) || request->visitor.is_token)
		return true;
	return proof.data != NULL && io_equal_secret(proof, str_of(request->visitor.csrf));
}

static int admit_known(struct web *web, struct exchange *exchange)
{
	struct web_request *request = &exchange->request;
	struct web_visitor *visitor = &request->visitor;
	struct err err;

	if (identify_for_page(web, exchange, &err) != 0)
		return refuse(exchange, &err);
	if (!access_allows_user(web->access, visitor->uid)) {
		*visitor = (struct web_visitor){.confirmed_s = -1};
		err_set(&err, ERR_DENIED, "the access list does not allow this user");
		return refuse(exchange, &err);
	}
	if (!web->is_known)
		status_login(&web->status, visitor->user, visitor->uid);
	web->is_known = true;
	if ((request->route->flags & WEB_ADMIN) != 0 && !visitor->is_administrator) {
		web_reply_error(&exchange->reply, 403, "admin", "This is for administrators");
		return -1;
	}
	if (!is_meant(request)) {
		web_reply_error(&exchange->reply, 403, "csrf", "The header X-CSRF-Token is missing or wrong");
		return -1;
	}
	return 0;
}

int visitor_admit(struct web *web, struct exchange *exchange)
{
	const struct web_request *request = &exchange->request;

	exchange->request.visitor.confirmed_s = -1;
	if (is_change(request->method) && !visitor_is_from_here(web, request)) {
		web_reply_error(&exchange->reply, 403, "csrf", "Requests of other sites' pages are not taken");
		return -1;
	}
	return (request->route->flags & (WEB_USER | WEB_ADMIN)) != 0 ? admit_known(web, exchange) : 0;
}
