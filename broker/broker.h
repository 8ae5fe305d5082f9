/*
 * brokerd: asks other daemons what somebody in a browser wants done, where he may (rights.h).
 *
 * webadmin parses what strangers send and has no rights of its own. It brings a session's text, a callee, a request and
 * its fields; brokerd asks authd whose session that is, looks whether he may, asks the callee on its own channel, where
 * it counts as "postroom", and hands the answer back as it is. One event loop (asks.c); it holds nothing beyond a
 * request, opens no file, and parses nothing but ipc.
 *
 * Security stance: whoever took a process of webadmin over can do what the sessions may that this process sees, once at
 * a time for each channel, and nothing else.
 */
#ifndef POSTROOM_BROKER_BROKER_H
#define POSTROOM_BROKER_BROKER_H

#include "broker/rights.h"
#include "common/ipc/loop.h"

enum {
	BROKER_CALLEES = 24,
	BROKER_OCTETS_MAX = 128 * 1024 * 1024, /* of requests at a time, altogether */
	BROKER_PATIENCE_MS = 120000,           /* of a callee: importing thousands of users takes a while */
};

struct broker_callee {
	const char *name;
	struct ipc_client *client;
	unsigned open; /* requests that it has not answered */
	bool forks;    /* a process of its own answers each channel, so none is kept */
};

struct broker {
	struct daemon daemon;
	struct event_base *base;
	struct ipc_client *authd; /* for who somebody is */
	struct broker_callee callees[BROKER_CALLEES];
	size_t callee_count;
	size_t octets; /* of the requests that are being worked on */
};

/* Connect, when something is asked, to all callees of the table. -1: ERR_LIMIT. */
int asks_init(struct broker *broker, struct err *err);
void asks_free(struct broker *broker);
/* The handler of ipc_serve; context is the struct broker. */
void asks_take(struct ipc_incoming *incoming, void *context);

#endif
