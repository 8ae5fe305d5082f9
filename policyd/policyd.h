/*
 * policyd: what is held against clients, and who is shut out because of it.
 *
 * Sessions tell what their clients do, by way of statusd; policyd keeps account of it by address (specification 05,
 * SMTP IDS/IPS; 07, intrusion protection). A listener that finds a client's address in the file of known ones
 * (common/policy/known.h) lets the session ask here before its greeting: the answer is a look at the never-block list,
 * the block list, and the score of the last hour. Administrators see and change the lists.
 *
 * Security stance: an event is believed as its session tells it, so a session that was taken over can get an address
 * blocked, for a while, that is not on the never-block list; it can free none and read nothing. policyd itself decides
 * about connections and quotas alone, never about other mail or passwords. Where it is away everybody is let in, but
 * who has a quota of sending has to wait.
 *
 * Events are synced five times a second, lists at once. Files: events.c the account and its score; blocks.c the two
 * lists; judge.c who is to be on them; greylist.c who has to come again; sent*.c what users sent; reports.c what is to
 * be reported; collected.c whom users wrote to; contacts.c address books; known.c the file; requests.c what is asked;
 * idslog*.c the logs of events, which a child writes.
 */
#ifndef POSTROOM_POLICYD_POLICYD_H
#define POSTROOM_POLICYD_POLICYD_H

#include "common/daemon/daemon.h"
#include "common/db/db.h"
#include "common/ipc/loop.h"
#include "common/policy/event.h"
#include "common/policy/known.h"
#include "common/policy/send_quota.h"
#include "common/settings/settings.h"
#include "policyd/idslog.h"

#include <jansson.h>
#include <stdint.h>

enum {
	KEPT_DAYS = 30,              /* events, and blocks that are over */
	BLOCKS_MAX = 100000,         /* entries of each list */
	MINUTES_MAX = 999999999,     /* of a block; there is no "for ever" */
	EVENTS_STORED_MAX = 5000000, /* the oldest go before their time then */
};

#define DAY_MS ((int64_t)24 * 3600 * 1000)

/* An entry of a list. Times in milliseconds since 1970. */
struct block {
	int64_t id;
	struct cidr network;
	int64_t added, expires; /* expires: of blocks */
};

struct block_list {
	struct block *list;
	size_t count, capacity;
};

struct policyd {
	struct daemon daemon;
	struct event_base *base;
	struct settings settings;
	struct db db;
	struct block_list blocks; /* also those that ended within the period of the account */
	struct block_list nevers;
	struct known_file *known; /* mapped */
	struct idslog idslog;
	struct event *commit; /* of events that wait for their sync */
	bool uncommitted;
};

/* Milliseconds since 1970. */
int64_t policyd_time(void);

/* events.c */
int events_open(struct policyd *policyd, struct err *err);
/* Take one into account; may put its address on the block list at once (failed logins). -1: it is not kept. */
int events_add(struct policyd *policyd, const struct policy_record *record, struct err *err);
/* What is held against a key at that time, blocks that ended shortly before included. -1: error. */
int events_score(struct policyd *policyd, const struct cidr *key, int64_t now, int64_t *score_out, struct err *err);
/* How often each number counts for a key in (since, now]. */
int events_count(struct policyd *policyd, const struct cidr *key, int64_t since, int64_t now,
                 int64_t counts[POLICY_EVENTS], struct err *err);
/* Begin a transaction, where none is open, which is committed a fifth of a second later. */
int events_begin(struct policyd *policyd, struct err *err);
/* Run a DELETE with a number in its place; an error is logged. */
void events_remove(struct policyd *policyd, const char *sql, int64_t number);
/* Commit what waits; before anything that must be on disk at once. */
void events_commit(struct policyd *policyd);
/* They count no more: an administrator took a block of their addresses off. */
int events_ignore(struct policyd *policyd, const struct cidr *network, struct err *err);
/* Remove what is too old. */
void events_prune(struct policyd *policyd, int64_t now);
/* Call for each key with an event that weighs something, since that time. */
int events_each_key(struct policyd *policyd, int64_t since, void (*visit)(const struct cidr *key, void *context),
                    void *context, struct err *err);
/* How long an event counts, in milliseconds. */
int64_t events_period(const struct policyd *policyd);

/* blocks.c. Each change is synced when it returns. */
int blocks_load(struct policyd *policyd, struct err *err);
/* Is the key blocked at that time? Nothing on the never-block list is. */
bool blocks_hold(const struct policyd *policyd, const struct cidr *key, int64_t now);
bool blocks_never(const struct policyd *policyd, const struct cidr *key);
/* The latest block of the key that ended between since and now, or NULL. */
const struct block *blocks_ended(const struct policyd *policyd, const struct cidr *key, int64_t since, int64_t now);
/* reason: who added it, "auto" for policyd. An entry of the same network is replaced. -1: ERR_LIMIT, what db says. */
int blocks_add(struct policyd *policyd, const struct cidr *network, int64_t now, int64_t expires, struct str reason,
               struct err *err);
/* ERR_NOT_FOUND: there is none that lasts. */
int blocks_delete(struct policyd *policyd, const struct cidr *network, int64_t now, struct err *err);
/* ERR_EXISTS, ERR_LIMIT. Blocks of these addresses end. */
int blocks_never_add(struct policyd *policyd, const struct cidr *network, int64_t now, struct err *err);
int blocks_never_delete(struct policyd *policyd, const struct cidr *network, struct err *err);
void blocks_prune(struct policyd *policyd, int64_t now);

/* judge.c. May a client connect? Puts it on the block list where its score says so. -1: the database cannot say. */
int judge_connect(struct policyd *policyd, const struct cidr *key, int64_t now, bool *blocked, struct err *err);
/* After a failed login: so many of them, of whichever accounts, put their address on the block list. */
int judge_login(struct policyd *policyd, const struct cidr *key, int64_t now, struct err *err);

/* greylist.c: an attempt to send something to somebody (specification 05, greylisting). */
struct grey_attempt {
	struct str sender, recipient;
	int64_t wait_ms; /* how long after the first attempt the second may come */
	int64_t now;
};
/* May it pass? Otherwise it is remembered. The client as policy_key gives it. -1: the database cannot say. */
int greylist_ask(struct policyd *policyd, const struct cidr *client, const struct grey_attempt *attempt, bool *pass,
                 struct err *err);
void greylist_prune(struct policyd *policyd, int64_t now);

/*
 * reports.c: what is to be reported to domains: what messages told for DMARC (common/mailauth/dmarc/row.h), how TLS
 * went on the way to their servers (common/mailauth/tlsrpt/tlsrpt.h); by day and domain. day: of those since 1970, UTC.
 * A row that comes again is counted; past REPORTS_ROWS_MAX of a domain's day nothing new is kept.
 */
enum { REPORTS_ROWS_MAX = 10000, REPORTS_DOMAINS_MAX = 100000 /* of a day */ };
enum reports { REPORTS_DMARC, REPORTS_TLS, REPORTS };
int reports_add(struct policyd *policyd, enum reports kind, int64_t day, struct str domain, struct str row,
                struct err *err);
/* visit each domain of a day: how many messages, different rows, and whether it was reported. */
int reports_each_domain(struct policyd *policyd, enum reports kind, int64_t day,
                        void (*visit)(struct str domain, int64_t messages, int64_t rows, bool sent, void *context),
                        void *context, struct err *err);
int reports_each_row(struct policyd *policyd, enum reports kind, int64_t day, struct str domain,
                     void (*visit)(struct str row, int64_t count, void *context), void *context, struct err *err);
/* It was reported; synced when it returns. */
int reports_set_sent(struct policyd *policyd, enum reports kind, int64_t day, struct str domain, struct err *err);
void reports_prune(struct policyd *policyd, int64_t now);

/* sent.c: what users sent (common/policy/send_quota.h). */
struct sent_message {
	int64_t uid, octets, recipients, remote;
};
/*
 * May it be sent? Where `take` it is counted then. *exceeded_out: by which measure it may not, else SEND_NOTHING. -1:
 * ERR_NOT_FOUND (settings are just being replaced), what db says.
 */
int sent_ask(struct policyd *policyd, const struct sent_message *message, bool take, int64_t now,
             enum send_measure *exceeded_out, struct err *err);
/* The quota of a user, and what of it is used. */
int sent_usage(struct policyd *policyd, int64_t uid, int64_t now, struct send_quota *quota_out,
               struct send_amounts *used_out, struct err *err);
void sent_prune(struct policyd *policyd, int64_t now);

/* collected.c: whom users wrote to (05, SMTP advanced). now: milliseconds; one that comes again is counted. */
int collected_add(struct policyd *policyd, int64_t uid, struct str address, int64_t now, struct err *err);
void collected_prune(struct policyd *policyd, int64_t now);

/*
 * owners.c: remove the contacts, and whom they wrote to, of those who are not among the users of `objects`, a
 * snapshot's database that is as new as any other process's. -1: as the databases fail.
 */
int owners_prune(struct policyd *policyd, struct db *objects, struct err *err);
/* The same with the settings that are loaded. */
void owners_look(struct policyd *policyd);

/* known.c: the file of known addresses. */
int known_create(struct policyd *policyd, struct err *err);
/* Something is held against this key from now on. */
void known_mark(struct policyd *policyd, const struct cidr *key);
void known_mark_block(struct policyd *policyd, const struct block *block);
/* Make it anew from what is in the database. */
void known_rebuild(struct policyd *policyd);

/* requests.c: a request and the answer in the making; and an object of a listing, which is released. */
struct request {
	struct policyd *policyd;
	const struct ipc_message *message;
	struct ipc_message *reply;
	int64_t now;
};
void requests_add_object(const struct request *request, const char *key, json_t *object);
/* sent_requests.c: what is asked about what users send. */
int sent_request_ask(const struct request *request, struct err *err);
int sent_request_take(const struct request *request, struct err *err);
int sent_request_usage(const struct request *request, struct err *err);
/* collected.c */
int collected_request_add(const struct request *request, struct err *err);
int collected_request_list(const struct request *request, struct err *err);
int collected_request_delete(const struct request *request, struct err *err);
int collected_request_purge(const struct request *request, struct err *err);
/* The number of the user that is named. -1: ERR_NOT_FOUND. */
int collected_find_user(const struct request *request, int64_t *uid, struct err *err);
/* contacts.c: address books, by user, and one that is everybody's. */
int contacts_request_list(const struct request *request, struct err *err);
int contacts_request_put(const struct request *request, struct err *err);
int contacts_request_delete(const struct request *request, struct err *err);
int contacts_request_domain_put(const struct request *request, struct err *err);
int contacts_request_domain_delete(const struct request *request, struct err *err);
/* ipc_handler. */
void requests_take(struct ipc_incoming *incoming, void *context);

#endif
