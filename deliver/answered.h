/*
 * answered: whom autoresponders answered, how often their rules matched, and which messages from outside users got;
 * state/mail/answers/answers.db.
 *
 * Carriers write it, after the answer is linked and before the writer is told: a crash between the two lets the same
 * message be answered again, which its id shows to be the same answer. What is older than 180 days is forgotten.
 */
#ifndef POSTROOM_DELIVER_ANSWERED_H
#define POSTROOM_DELIVER_ANSWERED_H

#include "common/daemon/instance.h"
#include "common/db/db.h"

enum { ANSWERED_DAYS = 180 };

/* The folder of the database into out. */
const char *answered_folder(char *out, size_t size, const struct instance *instance);
/* Make folder and database where they are missing; at start. -1: ERR_SYSTEM, or as db_open and db_migrate. */
int answered_prepare(const struct instance *instance, struct err *err);
/* Open it, in the process that uses it. */
int answered_open(struct db *db, const struct instance *instance, struct err *err);

/*
 * Was that address answered by this autoresponder within the hours before now, for another message than this? 1, 0, -1.
 */
int answered_lately(struct db *db, int64_t responder, struct str address, int64_t hours, struct str message,
                    int64_t now, struct err *err);
int answered_record(struct db *db, int64_t responder, struct str address, struct str message, int64_t now,
                    struct err *err);
/* A rule matched once more, for this message. */
int answered_count(struct db *db, int64_t rule, struct str message, struct err *err);
/* How often it has; 0 where that cannot be told. */
int64_t answered_matches(struct db *db, int64_t rule);
/*
 * Did the user get a message with that fingerprint within the days before now, another than this? 1, 0, -1. And: he
 * gets this one.
 */
int answered_seen(struct db *db, struct str fingerprint, int64_t uid, int64_t days, struct str message, int64_t now,
                  struct err *err);
int answered_see(struct db *db, struct str fingerprint, int64_t uid, int64_t days, struct str message, int64_t now,
                 struct err *err);
/* Forget whom one answered. */
int answered_forget(struct db *db, int64_t responder, struct err *err);

#endif
