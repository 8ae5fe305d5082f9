/*
 * exchange: one request and its reply, while they are under way. For the files of webadmin's HTTP layer alone.
 */
#ifndef POSTROOM_WEBADMIN_EXCHANGE_H
#define POSTROOM_WEBADMIN_EXCHANGE_H

#include "webadmin/http.h"

#include <microhttpd.h>

struct exchange {
	struct web *web;
	struct arena arena;
	struct web_request request;
	struct web_reply reply;
	bool is_refused;   /* the reply is there; what comes of the body is passed over */
	struct buf body;   /* in memory */
	int64_t received;  /* octets of body */
	int64_t body_max;  /* that may be */
	bool is_too_large; /* more came */
	struct MHD_PostProcessor *post;
	struct web_field *fields;
	size_t field_count;
	struct buf value; /* of the field that comes in now */
};

/* http.c: seconds that a client may be silent, or take nothing, in the middle of a request or reply. */
unsigned http_silence_s(const struct web *web);

/* body.c */

/* Prepare for the body that the route wants. -1: the reply says why not. */
int body_begin(struct exchange *exchange);
/* A piece of it. */
void body_take(struct exchange *exchange, const char *data, size_t size);
/* It is complete: fill in the request. -1: the reply says what is wrong. */
int body_end(struct exchange *exchange);
void body_free(struct exchange *exchange);

/* decode.c */

/*
 * Undo percent-encoding (RFC 3986 2.1), in arena. data of the result is NULL where the text is malformed: no two
 * hexadecimal digits, a NUL, not UTF-8.
 */
struct str web_decode(struct str text, struct arena *arena);
/*
 * The part of so many octets that a Range field wants (RFC 9110 14.2). 1: that of offset and size; 0: all, since there
 * is no such field, it is malformed, or it names several; -1: none of it is there (416).
 */
int web_range(struct str field, int64_t total, int64_t *offset_out, int64_t *size_out);
/* Does a list of tags (If-None-Match) hold this one (RFC 9110 13.1.2)? tag: without quotes. */
bool web_tags_hold(struct str list, struct str tag);
/* Does a list of codings (Accept-Encoding) take gzip (RFC 9110 12.5.3)? */
bool web_takes_gzip(struct str list);

/* route.c */

/* Find the route and the values of its path. Where there is none the reply says so (404, 405) and it is NULL. */
const struct web_route *route_find(struct exchange *exchange);

/* visitor.c */

/* Who asks, and may he? -1: the reply says what is in the way. */
int visitor_admit(struct web *web, struct exchange *exchange);
/* Does a request that changes something come from our own pages, as far as the browser tells? */
bool visitor_is_from_here(struct web *web, const struct web_request *request);

/* reply.c */

/* Send the reply. -1: the connection has to break. */
enum MHD_Result reply_queue(struct exchange *exchange, struct MHD_Connection *connection, bool is_last);

#endif
