/*
 * store/search_writer: what one message adds to search.db; for common/store/search*.c alone.
 */
#ifndef POSTROOM_STORE_SEARCH_WRITER_H
#define POSTROOM_STORE_SEARCH_WRITER_H

#include "common/db/db.h"
#include "common/store/search.h"

struct search_writer;

/* db: as search_db_create gave it. */
int search_writer_open(struct search_writer **writer_out, struct db *db, struct err *err);
void search_writer_close(struct search_writer *writer);
/* Add a message; within a transaction. A message that cannot be read is marked as unsure. -1: the database failed. */
int search_writer_add(struct search_writer *writer, int64_t folder, uint32_t uid, struct mime_source source,
                      struct err *err);

#endif
