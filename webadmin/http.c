/* One connection of HTTP/1.1, by libmicrohttpd, which gets the connection instead of listening itself. */
#include "webadmin/http_run.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "webadmin/exchange.h"
#include "webadmin/pace.h"
#include "webadmin/routes.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HEAD_OCTETS = 64 * 1024,       /* of a request's line and fields, and of a block that is sent */
	BODY_RATE = 512,               /* octets in a second that a body has to come with */
	REQUESTS_MAX = 1000,           /* of a connection */
	PASSED_OVER_MAX = 1024 * 1024, /* octets of body that are read though the request is refused already */
	LOOK_MS = 1000,
};

/* A connection. */
struct http {
	struct web *web;
	struct exchange *exchange; /* the one under way */
	int64_t since_ms;          /* when it began, or the one before ended */
	bool body_is_complete;
	bool has_ended;
	long requests;
};

unsigned http_silence_s(const struct web *web)
{
	return 2 * (unsigned)settings_number(web->settings, SETTING_WEB_TIMEOUT);
}

static void exchange_free(struct exchange *exchange)
{
	if (exchange->reply.stream.end != NULL)
		exchange->reply.stream.end(exchange->reply.stream.context);
	if (exchange->reply.file >= 0)
		close(exchange->reply.file);
	body_free(exchange);
	arena_wipe(&exchange->arena); /* there may be passwords in it */
	arena_free(&exchange->arena);
	memory_free(exchange);
}

/* The name of this server as the client wrote it, if it is one: letters, digits, and what addresses have. */
static struct str named_host(const struct web_request *request)
{
	struct str host = web_header(request, "Host");

	for (size_t i = 0; i < host.len; i++)
		if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:[]", host.data[i]) == NULL)
			return STR("");
	return host;
}

/* Who may not connect at all hears so, and who came in clear where TLS is wanted is sent there (05-1.8). */
static bool is_turned_away(struct exchange *exchange)
{
	const struct web *web = exchange->web;
	struct web_reply *reply = &exchange->reply;
	struct str host = named_host(&exchange->request);

	if (!web->access->allow) {
		log_info("access not allowed, service=web peer=%s", web->peer);
		web_reply_text(reply, 403, "text/plain",
		               settings_flag(web->settings, SETTING_ANONYMISE) ? STR("Server access not allowed!\n")
		                                                               : STR("Postroom Server access not allowed!\n"));
	} else if (web->to_https && host.len > 0) {
		reply->status = MHD_HTTP_TEMPORARY_REDIRECT;
		web_reply_header(reply, "Location", "https://%.*s%.*s", STR_ARG(host), STR_ARG(exchange->request.path));
	} else if (web->to_https) {
		web_reply_error(reply, 400, "syntax", "This is served by HTTPS alone");
	} else {
		return false;
	}
	reply->is_last = true;
	return true;
}

/* So many seconds from now he may ask again. */
static bool is_too_fast(struct exchange *exchange, const char *kind, struct str key, enum setting setting)
{
	const struct web *web = exchange->web;
	int wait_s = pace_take(web->pace, kind, key, settings_number(web->settings, setting), io_now_ms() * 1000);

	if (wait_s == 0)
		return false;
	web_reply_error(&exchange->reply, 429, "limit", "Too many requests in a minute: come again in %d s", wait_s);
	web_reply_header(&exchange->reply, "Retry-After", "%d", wait_s);
	return true;
}

/* This machine's own addresses, and proxies on it, are not counted. */
static bool is_address_too_fast(struct exchange *exchange)
{
	char key[STATUS_TEXT_MAX];

	return is_too_fast(exchange, "address", str_of(status_address_key(exchange->web->peer, key)),
	                   SETTING_WEB_ADDRESS_REQUESTS);
}

static bool is_session_too_fast(struct exchange *exchange)
{
	return is_too_fast(exchange, "session", str_of(exchange->request.visitor.session), SETTING_WEB_SESSION_REQUESTS);
}

/* Find out what is wanted, and whether it may be, before the body comes. */
static void begin(struct http *http, struct MHD_Connection *connection, const char *url, const char *method)
{
	struct exchange *exchange = memory_get(sizeof *exchange);
	struct web_request *request = &exchange->request;

	exchange->web = http->web;
	arena_init(&exchange->arena);
	buf_init(&exchange->body, WEB_BODY_MAX);
	buf_init(&exchange->value, WEB_FIELD_OCTETS);
	request->arena = exchange->reply.arena = &exchange->arena;
	request->upload = exchange->reply.file = -1;
	request->connection = connection;
	request->method = arena_copy(&exchange->arena, str_of(method));
	request->path = arena_copy(&exchange->arena, str_of(url));
	exchange->reply.status = MHD_HTTP_NO_CONTENT;
	http->exchange = exchange;
	http->requests++;
	http->since_ms = io_now_ms();
	http->body_is_complete = false;
	exchange->is_refused = is_turned_away(exchange) || is_address_too_fast(exchange);
	if (exchange->is_refused)
		return;
	request->route = route_find(exchange);
	exchange->reply.is_page = request->route != NULL && (request->route->flags & WEB_PAGE) != 0;
	exchange->is_refused = request->route == NULL || visitor_admit(http->web, exchange) != 0 ||
	                       is_session_too_fast(exchange) || body_begin(exchange) != 0;
}

/* Is what comes after a request that is refused more than is worth reading? Then the connection ends with the reply. */
static bool is_long(const struct web_request *request)
{
	struct str length = web_header(request, "Content-Length");
	uint64_t announced = 0;

	return web_header(request, "Transfer-Encoding").data != NULL ||
	       (length.data != NULL && (!str_to_u64(length, UINT64_MAX, &announced) || announced > PASSED_OVER_MAX));
}

/* Without the query, in which there may be a password. */
static void note(const struct http *http, const struct exchange *exchange)
{
	const struct web_request *request = &exchange->request;

	struct str asked = arena_printf(request->arena, "%.*s %.*s", STR_ARG(request->method), STR_ARG(request->path));
	struct str answered =
	    arena_printf(request->arena, "%d user=%s octets=%lld", exchange->reply.status,
	                 request->visitor.user[0] != '\0' ? request->visitor.user : "-",
	                 (long long)(exchange->reply.file >= 0 ? exchange->reply.size : (int64_t)exchange->reply.body.len));

	transcript_note(&http->web->transcript, asked, answered);
}

static enum MHD_Result reply(struct http *http, struct MHD_Connection *connection)
{
	struct exchange *exchange = http->exchange;

	note(http, exchange);
	return reply_queue(exchange, connection, exchange->reply.is_last || http->requests >= REQUESTS_MAX);
}

static enum MHD_Result answer(struct http *http, struct MHD_Connection *connection)
{
	struct exchange *exchange = http->exchange;

	http->body_is_complete = true;
	if (!exchange->is_refused && body_end(exchange) == 0) {
		/* the handler may wait for others; that time is not the client's */
		MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0U);
		settings_refresh(http->web->settings);
		exchange->request.route->handle(http->web, &exchange->request, &exchange->reply);
		MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, http_silence_s(http->web));
	}
	return reply(http, connection);
}

static enum MHD_Result take_request(void *context, struct MHD_Connection *connection, const char *url,
                                    const char *method, const char *version, const char *data, size_t *size,
                                    void **known)
{
	struct http *http = context;

	(void)version;
	if (*known == NULL) {
		begin(http, connection, url, method);
		*known = http->exchange;
		if (!http->exchange->is_refused || !is_long(&http->exchange->request))
			return MHD_YES;
		http->exchange->reply.is_last = true;
		return reply(http, connection);
	}
	if (*size == 0)
		return answer(http, connection);
	body_take(http->exchange, data, *size);
	*size = 0;
	return MHD_YES;
}

static void end_request(void *context, struct MHD_Connection *connection, void **known,
                        enum MHD_RequestTerminationCode code)
{
	struct http *http = context;

	(void)connection, (void)code;
	if (*known == NULL)
		return;
	exchange_free(*known);
	*known = NULL;
	http->exchange = NULL;
	http->since_ms = io_now_ms();
}

static void end_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                           enum MHD_ConnectionNotificationCode code)
{
	struct http *http = context;

	(void)connection, (void)socket_context;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED)
		http->has_ended = true;
}

/* Paths and queries are decoded where they are taken apart (web_decode): an encoded slash is none. */
static size_t leave_encoded(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context, (void)connection;
	return strlen(text);
}

static void log_library(void *context, const char *format, va_list args)
{
	char text[500];

	(void)context;
	vsnprintf(text, sizeof text, format, args);
	log_debug("libmicrohttpd: %s", text);
}

/* Does the client take too long over its request? */
static bool is_slow(const struct http *http)
{
	int64_t seconds = (io_now_ms() - http->since_ms) / 1000;

	if (seconds < settings_number(http->web->settings, SETTING_WEB_TIMEOUT))
		return false;
	return http->exchange == NULL || (!http->body_is_complete && http->exchange->received < seconds * BODY_RATE);
}

static struct MHD_Daemon *start(struct http *http)
{
	return MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ERROR_LOG, 0, NULL, NULL, take_request, http,
	                        MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,            /* first, to hear of the others */
	                        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_OCTETS,  /* else 431, 414 */
	                        MHD_OPTION_CONNECTION_LIMIT, 1U,                          /* */
	                        MHD_OPTION_CONNECTION_TIMEOUT, http_silence_s(http->web), /* */
	                        MHD_OPTION_STRICT_FOR_CLIENT, 1,                          /* */
	                        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,                     /* daemon_start ignores it */
	                        MHD_OPTION_UNESCAPE_CALLBACK, leave_encoded, NULL,        /* */
	                        MHD_OPTION_NOTIFY_COMPLETED, end_request, http,           /* */
	                        MHD_OPTION_NOTIFY_CONNECTION, end_connection, http, MHD_OPTION_END);
}

int http_run(struct web *web, int fd, struct err *err)
{
	struct http http = {.web = web, .since_ms = io_now_ms()};
	struct sockaddr_storage peer = {.ss_family = AF_UNIX};
	socklen_t size = sizeof peer;
	struct MHD_Daemon *daemon = start(&http);

	if (daemon == NULL) {
		close(fd);
		return err_set(err, ERR_SYSTEM, "libmicrohttpd does not start");
	}
	web->client = fd;
	getpeername(fd, (struct sockaddr *)&peer, &size);
	if (MHD_add_connection(daemon, fd, (struct sockaddr *)&peer, size) != MHD_YES)
		http.has_ended = true;
	while (!http.has_ended && MHD_run_wait(daemon, LOOK_MS) == MHD_YES)
		if (is_slow(&http)) {
			log_debug("a client is silent or slow, peer=%s", web->peer);
			break;
		}
	MHD_stop_daemon(daemon);
	for (const struct web_part *const *part = web_parts; *part != NULL; part++)
		if ((*part)->end != NULL)
			(*part)->end(web);
	return 0;
}
