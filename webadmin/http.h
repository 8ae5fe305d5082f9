/*
 * http: requests and replies, for the parts of webadmin.
 *
 * One process serves one connection, one request after another: a handler reads its request, may wait as long as it
 * has to, and fills in the reply. Routes are rows of tables (struct web_route); each part of webadmin has its own, and
 * routes.c joins them.
 *
 * What a handler need not look at, since it was looked at before it is called: who asks and whether he may (the
 * route's flags), that a change comes from our own pages (csrf), that path, query and body are no longer than they may
 * be, that the path's names are well-formed UTF-8 without NUL. What it must look at: every value. The visitor may be
 * another one with each request of a connection.
 *
 * Security: this process holds no right of its own. Who the visitor is authd says; what he may do the daemons behind
 * it decide by his session, which is handed on.
 */
#ifndef POSTROOM_WEBADMIN_HTTP_H
#define POSTROOM_WEBADMIN_HTTP_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/ipc/ipc.h"
#include "common/policy/access.h"
#include "common/settings/settings.h"
#include "common/status/status.h"
#include "common/status/transcript.h"

#include <jansson.h>
#include <sys/types.h>

struct mail;

/* A process of webadmin: its connection, and what it opened before its sandbox. */
struct web {
	const struct instance *instance;
	struct settings *settings; /* as they were when the request came */
	const char *peer;          /* the client's address as text */
	unsigned port;             /* that it came to */
	bool tls;
	bool to_https;                                  /* nothing is served but the way to https */
	struct ipc_channel authd, broker, imapd, smtpd; /* fd -1: could not be reached, or is lost */
	int scratch;                                    /* descriptor of the folder of files without names that are sent */
	int pages;                                      /* descriptor of the folder of pages; -1: there is none */
	struct pace *pace;                              /* requests in a minute (pace.h) */
	const struct stack_st_X509 *certificates;       /* that TLS shows to clients; NULL: none */
	struct mail *mail; /* the part mail's own, from one request to the next; NULL at first (struct web_part) */
	struct status status;
	struct transcript transcript;         /* for websvr.log */
	const struct access_decision *access; /* what the access list says of the client */
	bool is_known;                        /* somebody has logged in on this connection */
	long failures;                        /* wrong passwords on it */
	int client;                           /* the connection, for web_wait */
};

/* Who asks. */
struct web_visitor {
	bool is_known;         /* logged in; else all that follows is empty */
	bool is_token;         /* by an API token: there is no cookie that another site could use */
	bool is_administrator; /* is one, and asks from an address in the list for administration */
	char user[STATUS_TEXT_MAX];
	int64_t uid;
	int64_t confirmed_s; /* so long ago he gave his password (again); -1: never */
	char csrf[64];
	char session[256]; /* what authd and brokerd know the session by */
};

enum web_flag {
	WEB_OPEN = 0,   /* for everybody */
	WEB_USER = 1,   /* for who has logged in */
	WEB_ADMIN = 2,  /* for administrators */
	WEB_UPLOAD = 4, /* the body goes into a file, up to web.max-upload; else into memory, up to WEB_BODY_MAX */
	WEB_FORM = 8,   /* the body is a form (either encoding): see web_form */
	WEB_PAGE = 16,  /* for people: who has to log in is sent to the login page, and errors are pages */
	WEB_REST = 32,  /* the path's last {name} takes all that is left of it, with its slashes */
};

enum {
	WEB_BODY_MAX = 16 * 1024 * 1024, /* octets of a body in memory */
	WEB_NAMES_MAX = 8,               /* {names} of a path */
	WEB_FIELDS_MAX = 100,            /* fields of a form */
	WEB_FIELD_OCTETS = 1024 * 1024,  /* of a field's value in memory */
};

struct web_request;
struct web_reply;

typedef void web_handler(struct web *web, const struct web_request *request, struct web_reply *reply);

struct web_route {
	const char *method; /* "GET", which is asked for HEAD, too */
	const char *path;   /* "/api/v1/users/{name}"; of two that fit, the one with fewer names is meant */
	unsigned flags;     /* of enum web_flag */
	web_handler *handle;
	const char *summary; /* for the description of the API; NULL: not part of it */
	const void *data;    /* the handler's own */
};

/* A part of webadmin: its routes, which may be made at the first call, and what is to be done when the connection ends
 * (or NULL). */
struct web_part {
	const struct web_route *(*routes)(size_t *count_out);
	void (*end)(struct web *web);
};

/* A field of a form. */
struct web_field {
	struct str name, file_name, type; /* empty where there is none */
	struct str value;                 /* of a field without a file's name */
	int64_t offset, size;             /* of a file: where in request->upload */
};

struct web_request {
	const struct web_route *route;
	struct arena *arena; /* lives until the reply is sent */
	struct str method;
	struct str path; /* as it came, still encoded, without the query */
	struct web_visitor visitor;
	struct str body; /* what is in memory; empty for forms and uploads */
	int upload;      /* descriptor of what came, to be read by pread; -1: none */
	int64_t upload_size;
	const struct web_field *fields; /* of a form */
	size_t field_count;
	struct str names[WEB_NAMES_MAX]; /* the path's values in their order, decoded */
	void *connection;                /* libmicrohttpd's */
};

/*
 * Does a path fit a route's, where {name} stands for one part that is not empty, and with rest the last one for all
 * that is left? Fills in names, decoded, and returns their number; -1: it does not fit, or a part is malformed.
 */
int web_path_fits(const char *pattern, struct str path, bool rest, struct str names[WEB_NAMES_MAX],
                  struct arena *arena);
/* A value of the path by its {name}; empty where the route has no such. */
struct str web_name(const struct web_request *request, const char *name);
/* A value of the query, decoded, in the request's arena. data is NULL where there is none, or it is not UTF-8. */
struct str web_query(const struct web_request *request, const char *name);
/* All of them in order, for what has no fixed name: returns false at the end. Start with *position 0. */
bool web_query_next(const struct web_request *request, size_t *position, struct str *name_out, struct str *value_out);
/* A number of the query, fallback where there is none; false (and a reply, 400) where it is none or out of range. */
bool web_query_number(const struct web_request *request, struct web_reply *reply, const char *name, int64_t min,
                      int64_t max, int64_t fallback, int64_t *value_out);
/* A header field; data is NULL where there is none. */
struct str web_header(const struct web_request *request, const char *name);
/* A field of a form; data is NULL where there is none. */
struct str web_form(const struct web_request *request, const char *name);
/*
 * The body as JSON, an object, which the caller gives back (json_decref). NULL: the reply says why (415: its type is
 * not application/json; 400).
 */
json_t *web_json(const struct web_request *request, struct web_reply *reply);

/* Bytes that come as they are made: a function that may wait. */
struct web_stream {
	/*
	 * Put up to size octets into out. Returns their number, 0 at the end, -1 where it cannot go on (the connection
	 * breaks). It has to give something every WEB_SILENCE_MS, which keeps proxies in patience, too.
	 */
	ssize_t (*read)(void *context, char *out, size_t size);
	void (*end)(void *context); /* always called, once; or NULL */
	void *context;
};

enum { WEB_SILENCE_MS = 20000 };

/*
 * For a stream: wait until fd (-1: none) can be read, WEB_SILENCE_MS or timeout_ms at most, whichever is less. Returns
 * 1 where it can, 0 where the time is over, -1 where the client has gone.
 */
int web_wait(struct web *web, int fd, int timeout_ms);

/* What goes back. A handler that says nothing has replied 204. Texts are copied. */
struct web_reply {
	int status;
	const char *type; /* "application/json"; NULL: no body */
	struct str body;  /* in arena */
	int file;         /* -1: none; else the body is a part of it, and it is closed when that is sent */
	int64_t offset, size;
	struct web_stream stream; /* read NULL: none */
	struct web_reply_header {
		const char *name, *value;
		struct web_reply_header *next;
	} * headers;
	struct arena *arena; /* the request's */
	bool is_page;        /* errors are for people */
	bool is_last;        /* the connection ends behind it */
};

/* json: taken over. */
void web_reply_json(struct web_reply *reply, int status, json_t *json);
/* {"error": {"code": ..., "text": ...}}; on a page, a page. code: "not-found". */
void web_reply_error(struct web_reply *reply, int status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The same about one field of what was sent ("field"). */
void web_reply_field_error(struct web_reply *reply, int status, const char *code, const char *field, struct str text);
/* What a daemon's answer means here: ERR_NOT_FOUND 404, ERR_EXISTS and ERR_CONFLICT 409, ERR_SYNTAX and ERR_LIMIT 422,
 * ERR_DENIED 403, what may pass 503. */
void web_reply_err(struct web_reply *reply, const struct err *err);
/* type: valid until the reply is sent. */
void web_reply_text(struct web_reply *reply, int status, const char *type, struct str body);
/* A part of a file, whose descriptor is taken over; with Range where the request wants a part of that. */
void web_reply_file(const struct web_request *request, struct web_reply *reply, const char *type, int fd,
                    int64_t offset, int64_t size);
void web_reply_stream(struct web_reply *reply, int status, const char *type, const struct web_stream *stream);
/* 303. target: a path of this server. */
void web_reply_redirect(struct web_reply *reply, struct str target);
/* A header field beside those that every reply has; one of the same name takes the place of theirs
 * (Content-Security-Policy, Cache-Control). What would end the line is left out of value. */
void web_reply_header(struct web_reply *reply, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A text for HTML: what means something there is written as an entity. At most 8,000 octets. */
struct str web_escape(struct arena *arena, struct str text);
/* ETag; and true where the request says that the client has that very thing: the reply is 304 then. tag: without
 * quotes. */
bool web_reply_has_tag(const struct web_request *request, struct web_reply *reply, struct str tag);
/* Compress the body that the reply has where the client takes that. Only for what is the same for everybody: the length
 * of what holds secrets beside what strangers wrote would tell of them. */
void web_reply_pack(const struct web_request *request, struct web_reply *reply);

#endif
