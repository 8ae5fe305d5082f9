/*
 * query: statements that are used once, with their values bound.
 *
 * types has a letter for each '?': 't' for a struct str, 'n' for an int64_t (cast what is not one). The bytes of texts
 * must stay until the statement is finalized (db_query), or until the call returns (the others).
 */
#ifndef POSTROOM_DB_QUERY_H
#define POSTROOM_DB_QUERY_H

#include "common/db/db.h"

#include <stdarg.h>

/* Prepare and bind; to be stepped and finalized. -1: as db_prepare. */
int db_query(struct db *db, struct db_statement *statement, struct err *err, const char *sql, const char *types, ...);
int db_query_va(struct db *db, struct db_statement *statement, struct err *err, const char *sql, const char *types,
                va_list args);
/* Run one that returns no rows. */
int db_query_run(struct db *db, struct err *err, const char *sql, const char *types, ...);
int db_query_run_va(struct db *db, struct err *err, const char *sql, const char *types, va_list args);
/* The number in the first column of the first row: 1 = found, 0 = no row, -1 = error. value_out may be NULL. */
int db_query_number(struct db *db, int64_t *value_out, struct err *err, const char *sql, const char *types, ...);
int db_query_number_va(struct db *db, int64_t *value_out, struct err *err, const char *sql, const char *types,
                       va_list args);

#endif
