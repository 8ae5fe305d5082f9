/*
 * control: the queue as an administrator sees it.
 */
#ifndef POSTROOM_QUEUE_MANAGER_CONTROL_H
#define POSTROOM_QUEUE_MANAGER_CONTROL_H

#include "queue-manager/queue.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>

/* An answer to `list` or `show` in the making. */
struct listing {
	struct queue *queue;
	struct ipc_message *reply;
	struct db_statement deliveries;
	struct str sender_filter, recipient_filter, state_filter; /* data NULL: none */
	size_t recipients_shown;
	int64_t added;
	/* of the message at hand */
	json_t *array;
	size_t recipients;
	unsigned attempts;
	bool recipient_matches;
};

/* What strangers wrote, as JSON can hold it. */
json_t *control_json(struct str text);

/* A recipient with what became of it. */
json_t *control_recipient(struct str address, const struct delivery *delivery);

/* lan_control.c. False: the request is not about LAN forwarding; else it is answered, and *result is 0 or -1. */
bool lan_control_handle(struct queue *queue, const struct ipc_message *request, struct ipc_message *reply, int *result,
                        struct err *err);

#endif
