/*
 * table: every call of the administration's API, once.
 *
 * A row says which request of which daemon (doc/ipc.md) a call is, what it takes and what it answers. From the rows
 * come the routes, the checks of what a client sends (input.h), the answers (answer.h), and openapi.json (openapi.h);
 * so what is not in a row does not exist, and what is in it is checked and described. A call that no row can say has a
 * function of its own (special.h), and is described all the same.
 *
 * Security stance: a row gives no right. brokerd decides who may ask what, by the session that comes along.
 */
#ifndef POSTROOM_WEBADMIN_API_TABLE_H
#define POSTROOM_WEBADMIN_API_TABLE_H

#include "common/settings/settings.h"

#include <jansson.h>

enum {
	API_FIELDS_MAX = 20,  /* of a call */
	API_COLUMNS_MAX = 30, /* of an answer */
};

enum api_place {
	API_PATH,
	API_QUERY,
	API_BODY,
};

/* What a field is in JSON, and what becomes of it in the request. */
enum api_type {
	API_TEXT,
	API_NAME,     /* of a user or group, in a path: where the request would take a pattern of several, this is none */
	API_KIND,     /* of items, in a path */
	API_NUMBER,   /* an integer, not negative */
	API_TIME,     /* seconds since 1970; for columns alone */
	API_FLAG,     /* true, false: 1, 0 */
	API_TEXTS,    /* an array of texts: the field repeats */
	API_NAMES,    /* an array of texts: one field, separated by commas */
	API_EACH,     /* an array of texts or integers: the whole request is made for each, and the answer tells of each */
	API_SETTINGS, /* an object of keys and values, of the row's catalogue: key and value alternate, null is "unset" */
	API_OTHERS,   /* the same, being all members of the body that the row does not name */
	API_ITEM,     /* all other members of the body are texts of an item of the kind in the path */
	API_CALLS,    /* an array of calls: objects of method, path and body */
	API_DOCUMENT, /* the whole body, not JSON */
	API_FILE,     /* the same, handed over as a descriptor */
	API_ANY,      /* in answers: what the daemon says, an object mostly */
};

struct api_field {
	const char *name; /* NULL ends a list */
	enum api_place place;
	enum api_type type;
	bool required;
	const char *key;   /* of the request; NULL: the same as name */
	const char *words; /* the only texts that are taken, separated by '|'; NULL: any */
	const char *sentence;
};

/* What of an answer, or of each row of one, the client gets. */
struct api_column {
	const char *name; /* NULL ends a list */
	enum api_type type;
	const char *sentence; /* NULL: the name says it */
};

enum api_shape {
	API_NOTHING,  /* 204 */
	API_OBJECT,   /* the fields of the answer, as columns name them */
	API_ROWS,     /* a collection (rows.h): JSON objects, each in a field `list` */
	API_ROW,      /* of those, the one whose first column is the path's last value */
	API_RECORDS,  /* a collection out of lines of common/status/record.h */
	API_LIST,     /* {"items": [...]}, without what rows.h does: of special.h and told.h */
	API_VALUES,   /* a collection of settings, as configd's `get` tells them */
	API_TEXTFILE, /* the field `list` as it is */
	API_RESULTS,  /* of API_EACH: for each what became of it */
};

struct api_work;

/* rows: an array of objects. -1: the rows cannot be told now. */
typedef int api_join(struct api_work *work, json_t *rows, struct err *err);

struct api_call {
	const char *method, *path; /* the path without /api/v1 */
	const char *callee, *op;
	const char *sentence;
	const struct api_field *fields; /* NULL: none */
	enum api_shape shape;
	int status; /* of an answer that is good, told alone; 0: 200, or 204 of API_NOTHING */
	const char *list;
	const struct api_column *columns;
	const struct catalogue *catalogue; /* of API_SETTINGS and API_OTHERS, and of rows with key and value; NULL: none */
	const char *more;  /* the field that tells where a long listing goes on, asked again with it; NULL: it is whole */
	const char *media; /* of API_DOCUMENT, API_FILE and API_TEXTFILE */
	const char *key, *value; /* a further field of the request, always the same; NULL: none */
	int timeout_ms;          /* 0: IPC_TIMEOUT_MS */
	/* Adds columns to rows, before they are selected; or NULL. */
	api_join *join;
	/* The same where it costs much: of the rows that are shown alone, unless a filter or the order wants one of costly,
	 * names separated by '|'. */
	api_join *measure;
	const char *costly;
	/* In place of all that: makes the reply itself (special.h). callee and op may be NULL then. */
	void (*run)(struct api_work *work);
};

/* The lists of rows, each of which ends with a method of NULL. */
extern const struct api_call api_calls_users[], api_calls_addresses[], api_calls_connectors[], api_calls_services[],
    api_calls_running[], api_calls_settings[], api_calls_scripts[];

/* All rows in their order: the first for NULL, then the one behind; NULL behind the last. */
const struct api_call *api_next_call(const struct api_call *call);
/* The row for a method and a path as rows write it; NULL: there is none. */
const struct api_call *api_find_call(const char *method, const char *path);

#endif
