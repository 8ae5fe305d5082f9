#include "queue-manager/table.h"

#include "common/base/log.h"

#include <stdio.h>
#include <unistd.h>

void table_reserve_make(const struct queue *queue)
{
	static const char block[65536];
	char path[INSTANCE_PATH_MAX + 128];
	FILE *file;

	instance_path(path, sizeof path, queue->instance->spool, "reserve");
	if (access(path, F_OK) == 0)
		return;
	file = fopen(path, "we");
	for (int i = 0; file != NULL && i < 16; i++)
		if (fwrite(block, sizeof block, 1, file) != 1)
			break;
	if (file != NULL && fclose(file) == 0)
		return;
	unlink(path); /* as long as the disk is full there is nothing to reserve */
}

void table_reserve_free(const struct queue *queue)
{
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(path, sizeof path, queue->instance->spool, "reserve");
	if (unlink(path) == 0)
		log_error("the disk is full: the reserve is used so that the queue can work");
}
