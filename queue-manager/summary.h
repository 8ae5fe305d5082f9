/*
 * summary: what is received and sent, by users, for summary.log and mail.log (specification 09, 11).
 *
 * historyd is told by way of trace.h: nobody waits, and what it cannot take is lost. Octets are those of the message as
 * it lies here, in the form that is stored or sent. Mail that this server makes itself counts for who gets it alone.
 */
#ifndef POSTROOM_QUEUE_MANAGER_SUMMARY_H
#define POSTROOM_QUEUE_MANAGER_SUMMARY_H

#include "queue-manager/queue.h"

/* It is known where a recipient leads: who sent it is counted, once for each kind of target. */
void summary_target(struct message *message, const struct delivery *delivery);
/* deliver has it. */
void summary_stored(struct message *message, const struct delivery *delivery);
/* Another server took it for these deliveries, in one transaction. */
void summary_sent(struct message *message, const unsigned *deliveries, size_t count);
void summary_urgent(struct message *message);

#endif
