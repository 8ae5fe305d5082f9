/*
 * table: collect.db: what is known of the messages at servers, by collector and identity.
 *
 * The identity of a message is the server's (UIDL), or where that is none or not its alone, a digest of the message
 * (digests.h). A message that vanished from the server is remembered for collect.hold-uidls days. Times are seconds
 * since 1970, 0: never.
 */
#ifndef POSTROOM_COLLECTOR_TABLE_H
#define POSTROOM_COLLECTOR_TABLE_H

#include "collector/collector.h"

int table_open(struct collectord *collectord, struct err *err);

/* What is known of a message; all 0: it is new. */
struct known {
	int64_t first_seen;
	int64_t downloaded; /* it is stored, or was thrown away as its rule says */
	int64_t asked;      /* its recipients were asked whether they want it */
	bool headers_only;  /* what was downloaded is its header alone */
	bool told;          /* that it is too large, or cannot be taken */
	bool get, remove;   /* marks of an administrator; get: also of an answer to a query */
};

/* A message is at the server now. Gives what was known of it before. */
int table_see(struct collectord *collectord, int64_t collector, struct str identity, int64_t size, int64_t now,
              struct known *known_out, struct err *err);

/* What became of a message. Empty texts leave what is there. */
struct fate {
	struct str identity;
	struct str subject, from, to;
	int64_t size, date;
	bool downloaded, headers_only, asked, told; /* these happened now */
	bool remove;                                /* it is to be deleted at the server, whatever its age */
	struct str token;                           /* of the query */
};
int table_note(struct collectord *collectord, int64_t collector, const struct fate *fate, int64_t now, struct err *err);
/* Somebody may answer its query without the token. */
int table_add_answerer(struct collectord *collectord, int64_t collector, struct str identity, struct str address,
                       struct err *err);

/* The server has deleted it. It is forgotten at once where nothing else could have its identity: hold is 0 days. */
int table_deleted(struct collectord *collectord, int64_t collector, struct str identity, int64_t hold_days,
                  struct err *err);
/* The whole list of the server was seen since that time: forget what vanished more than so many days ago. */
int table_forget(struct collectord *collectord, int64_t collector, int64_t listed_since, int64_t hold_days,
                 struct err *err);
/* Forget all of collectors that are no more. */
int table_forget_collectors(struct collectord *collectord, const struct collector_settings *list, size_t count,
                            struct err *err);

/*
 * For administrators: set or take back marks (-1: leave as it is) of one message, or of all where identity is empty.
 * *count_out: how many there are.
 */
int table_mark(struct collectord *collectord, int64_t collector, struct str identity, int get, int remove,
               int64_t *count_out, struct err *err);
/* Add a JSON object for each message of a collector, the newest first, to reply as `message`. */
int table_list(struct collectord *collectord, int64_t collector, struct ipc_message *reply, struct err *err);

/* An answer to a query came: the message with this token is fetched at the next run. -1: ERR_NOT_FOUND. */
int table_answer(struct collectord *collectord, struct str token, struct err *err);

/* Add a JSON object as a field; the reference is given away. */
struct json_t;
void table_add_object(struct ipc_message *reply, const char *key, struct json_t *object);

/* history.c: the runs. */
struct run_record {
	int64_t collector, connection; /* 0: none */
	int64_t began, ended;
	struct run_result result;
};
int history_add(struct collectord *collectord, const struct run_record *record, struct err *err);
/* Add JSON objects as `run`, the newest first; collector 0: the last one of each. */
int history_list(struct collectord *collectord, int64_t collector, int64_t limit, struct ipc_message *reply,
                 struct err *err);

#endif
