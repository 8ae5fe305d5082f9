/*
 * warden: a process beside the writer that watches how large mailboxes get (common/policy/mailbox_quota.h), and tells
 * administrators of autoresponders that fail.
 *
 * The writer tells it after each batch which mailboxes grew, from what to what, where anybody has a quota at all. It
 * decides by the settings who is to be told, and hands that to noticed. When it starts and daily it asks the writer for
 * the sizes of all mailboxes that have a quota, one after another, and warns of those that are too large still.
 *
 * It reads settings and connects to noticed, which the writer may not, since the sockets of its user lead to authd and
 * statusd as well; it reaches no mailbox. What it says to the writer is numbers of users, what it hears is numbers of
 * octets; nothing of a message comes near it.
 */
#ifndef POSTROOM_DELIVER_WARDEN_H
#define POSTROOM_DELIVER_WARDEN_H

#include "deliver/deliver.h"

#include "common/daemon/daemon.h"
#include "common/settings/settings.h"

/*
 * Between the two: the size of a mailbox, octets. before -1: the answer to a question, which has uid alone; before
 * WARDEN_FAILING: after is the number of an autoresponder of the user whose script failed.
 */
enum { WARDEN_FAILING = -2 };
struct warden_packet {
	int64_t uid, before, after; /* after -1: it cannot be said now */
};

struct warden;

/* Start the process, before the sandbox. -1: ERR_SYSTEM, or as settings_open. */
int warden_start(struct warden **warden_out, const struct daemon *daemon, struct err *err);
/* From here on answer its questions, from the mailboxes of the cache. The loop ends where it has ended. */
void warden_serve(struct warden *warden, struct event_base *base, struct cache *cache);

/* A message of so many octets was added to a mailbox; then, once a batch: tell what grew. Never waits. */
void warden_note(struct warden *warden, int64_t uid, int64_t octets);
void warden_tell(struct warden *warden);
/* A script of an autoresponder failed: administrators are told. Never waits. */
void warden_failing(struct warden *warden, int64_t uid, int64_t responder);

/* The size of a mailbox now, of what counts for quotas. -1: STORE_BUSY, or it cannot be read. */
int warden_measure(struct cache *cache, int64_t uid, int64_t *octets_out, struct err *err);

/* watch.c: all that the process does in its life; parent: the writer's socket. */
void watch_run(const struct instance *instance, struct settings *settings, int parent) __attribute__((noreturn));

#endif
