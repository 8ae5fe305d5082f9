/*
 * table: queue.db. Rows of messages whose fate must outlive this process, written together at the end of a turn.
 *
 * A message in memory is the truth of its row; write_transaction can be repeated until it succeeds. Rows of messages
 * that are not in memory are changed by schedule, recover and control alone, each in a transaction of its own.
 */
#ifndef POSTROOM_QUEUE_MANAGER_TABLE_H
#define POSTROOM_QUEUE_MANAGER_TABLE_H

#include "queue-manager/queue.h"

enum table_statement {
	TABLE_INSERT,
	TABLE_UPDATE,
	TABLE_DELIVERY,
	TABLE_FORGET,
	TABLE_FORGET_DELIVERIES,
	TABLE_PAST,
	TABLE_PAST_RECIPIENTS,
	TABLE_CLOCK,
	TABLE_READ,
	TABLE_READ_DELIVERIES,
	/* of schedule.c */
	TABLE_DUE,
	TABLE_SUSPECTS,
	TABLE_PARKED_FOR,
	TABLE_MARK,
	TABLE_STATEMENTS,
};

struct table {
	struct queue *queue;
	struct db db;
	struct db_statement statements[TABLE_STATEMENTS];
	char boot[64];
	struct message *dirty, **dirty_last;
	struct buf forgotten; /* keys, int64_t each */
	struct event *timer;
	bool urgent;     /* commit at the end of this turn */
	bool forget_due; /* and forget rows */
	bool inserts;    /* a message that is dirty has no row yet */
	bool failing;    /* the last commit failed */
	bool clock_due;
};

/* table_schema.c: bring the file to this version's form, and prepare the statements. */
int table_prepare(struct table *table, struct err *err);

/* table_reserve.c: a file in the spool that holds some blocks. */
void table_reserve_make(const struct queue *queue); /* where it is not there */
void table_reserve_free(const struct queue *queue); /* on a full disk: give back what was kept for this moment */

#endif
