/*
 * calls: words that the lists of rows (table.h) share; for these alone.
 */
#ifndef POSTROOM_WEBADMIN_API_CALLS_H
#define POSTROOM_WEBADMIN_API_CALLS_H

#include "webadmin/api/special.h"

#include "common/settings/attributes.h"
#include "common/settings/connectors.h"
#include "common/settings/list_settings.h"

#define FIELDS(...)  ((const struct api_field[]){__VA_ARGS__, {.name = NULL}})
#define COLUMNS(...) ((const struct api_column[]){__VA_ARGS__, {.name = NULL}})

/*
 * A row (struct api_call): the request `op` of a daemon, what that does, and what else there is to say of it by the
 * names of its members.
 */
#define CALL(call_method, call_path, call_callee, call_op, text, ...)                                               \
	{                                                                                                               \
		.method = (call_method), .path = (call_path), .callee = (call_callee), .op = (call_op), .sentence = (text), \
		__VA_ARGS__                                                                                                 \
	}
/* The same of a call with a function of its own (special.h). */
#define SPECIAL(call_method, call_path, function, text, ...)                                             \
	{                                                                                                    \
		.method = (call_method), .path = (call_path), .run = (function), .sentence = (text), __VA_ARGS__ \
	}
#define CALLS_END      \
	{                  \
		.method = NULL \
	}

/* What another part's route takes and answers (told.h). */
#define TOLD(call_method, call_path, ...)                         \
	{                                                             \
		.method = (call_method), .path = (call_path), __VA_ARGS__ \
	}

/* What a row answers: a collection out of the answer's fields of one name, or an object. */
#define ROWS(field, what) .shape = API_ROWS, .list = (field), .columns = (what)
#define LIST(what)        .shape = API_LIST, .columns = (what)
#define OBJECT(what)      .shape = API_OBJECT, .columns = (what)

/* One field; a request's field of another name is written out. */
#define IN_PATH(field, text)                                                     \
	{                                                                            \
		.name = (field), .place = API_PATH, .required = true, .sentence = (text) \
	}
#define NUMBER_IN_PATH(text)                                                                          \
	{                                                                                                 \
		.name = "number", .place = API_PATH, .type = API_NUMBER, .required = true, .sentence = (text) \
	}
#define ID_IN_PATH                                                                                   \
	{                                                                                                \
		.name = "id", .place = API_PATH, .type = API_NUMBER, .required = true, .sentence = "Its id." \
	}
#define QUERY(field, kind, text)                                                \
	{                                                                           \
		.name = (field), .place = API_QUERY, .type = (kind), .sentence = (text) \
	}
#define QUERY_NEEDED(field, kind, text)                                                           \
	{                                                                                             \
		.name = (field), .place = API_QUERY, .type = (kind), .required = true, .sentence = (text) \
	}
#define BODY(field, kind, text)                                                \
	{                                                                          \
		.name = (field), .place = API_BODY, .type = (kind), .sentence = (text) \
	}
#define BODY_NEEDED(field, kind, text)                                                           \
	{                                                                                            \
		.name = (field), .place = API_BODY, .type = (kind), .required = true, .sentence = (text) \
	}
#define BODY_WORDS(field, choices, text)                                           \
	{                                                                              \
		.name = (field), .place = API_BODY, .words = (choices), .sentence = (text) \
	}
#define DOCUMENT(field, text)                                                                          \
	{                                                                                                  \
		.name = (field), .place = API_BODY, .type = API_DOCUMENT, .required = true, .sentence = (text) \
	}

#define OCTETS(field, text)                                                                        \
	{                                                                                              \
		.name = (field), .place = API_BODY, .type = API_FILE, .required = true, .sentence = (text) \
	}

#define SETTING_COLUMNS                                                                        \
	COLUMNS({"key", API_TEXT, NULL},                                                           \
	        {"value", API_ANY, "As its type wants it: true or false, an integer, or a text."}, \
	        {"default", API_FLAG, "Nothing else was set."})
/* Of an import of rows. */
#define IMPORT_COLUMNS                                                                                       \
	COLUMNS({"added", API_NUMBER, NULL}, {"known", API_NUMBER, "How many were there already."},              \
	        {"bad", API_NUMBER, "How many rows are bad."}, {"error", API_TEXTS, "What is wrong with them."}, \
	        {"refused", API_FLAG, "Nothing was changed."})
#define STATUS_COLUMNS                                                                                                 \
	COLUMNS({"time", API_TIME, "Of these numbers."}, {"version", API_TEXT, NULL}, {"host", API_TEXT, NULL},            \
	        {"queue", API_ANY, "incoming, active, deferred, held."},                                                   \
	        {"sessions", API_ANY, "By service, how many there are."}, {"blocked", API_NUMBER, "Clients shut out."},    \
	        {"locked", API_NUMBER, "Locks of accounts."}, {"held-posts", API_NUMBER, "Posts of lists that wait."},     \
	        {"connections", API_ANY, "As /schedule/status tells them."}, {"disk", API_ANY, "free and total, octets."}, \
	        {"warnings", API_TEXTS, "Sentences."})
#define WARNING_COLUMNS COLUMNS({"warning", API_TEXTS, "What was put right, or should be looked at."})

/* Of tokens for scripts, a user's or one's own. */
#define TOKEN_COLUMNS                                                                                       \
	COLUMNS({"id", API_NUMBER, NULL}, {"name", API_TEXT, NULL}, {"scope", API_TEXT, "own, admin or full."}, \
	        {"made", API_TIME, NULL}, {"used", API_TIME, "0: never."}, {"expires", API_TIME, "0: never."})
#define TOKEN_FIELDS                                                                                               \
	BODY_NEEDED("name", API_TEXT, "What it is for."),                                                              \
	    BODY_WORDS("scope", "own|admin|full",                                                                      \
	               "What it may: what the user may for himself, which it is without it; what administrators may; " \
	               "also what takes the password again."),                                                         \
	    BODY("days", API_NUMBER, "So long it is good; 0 or nothing: for ever.")
#define TOKEN_MADE OBJECT(COLUMNS({"token", API_TEXT, "Nobody can tell it again."}, {"id", API_NUMBER, NULL}))

enum { CALLS_LONG_MS = 120000 /* for what waits for others */ };

#endif
