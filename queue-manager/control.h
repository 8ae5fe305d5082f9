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

#endif
