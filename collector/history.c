#include "collector/table.h"

#include <jansson.h>

int history_add(struct collectord *collectord, const struct run_record *record, struct err *err)
{
	if (db_query_run(&collectord->db, err,
	                 "INSERT INTO run(collector, connection, began, ended, connected, ok, messages, result)"
	                 " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
	                 "nnnnnnnt", record->collector, record->connection, record->began, record->ended,
	                 (int64_t)record->result.connected, (int64_t)record->result.ok, record->result.messages,
	                 str_of(record->result.text)) != 0)
		return -1;
	return db_query_run(&collectord->db, err,
	                    "DELETE FROM run WHERE collector = ?1 AND id <= (SELECT id FROM run WHERE collector = ?1"
	                    " ORDER BY id DESC LIMIT 1 OFFSET ?2)",
	                    "nn", record->collector, (int64_t)COLLECT_RUNS_KEPT);
}

int history_list(struct collectord *collectord, int64_t collector, int64_t limit, struct ipc_message *reply,
                 struct err *err)
{
	struct db_statement row;
	int result;

	if (db_query(&collectord->db, &row, err,
	             "SELECT collector, connection, began, ended, connected, ok, messages, result FROM run"
	             " WHERE iif(?1 = 0, id IN (SELECT max(id) FROM run GROUP BY collector), collector = ?1)"
	             " ORDER BY id DESC LIMIT ?2",
	             "nn", collector, limit) != 0)
		return -1;
	while ((result = db_step(&row, err)) == 1)
		table_add_object(reply, "run",
		                 json_pack("{s:I, s:I, s:I, s:I, s:b, s:b, s:I, s:s%}", "collector",
		                           (json_int_t)db_number(&row, 0), "connection", (json_int_t)db_number(&row, 1),
		                           "began", (json_int_t)db_number(&row, 2), "ended", (json_int_t)db_number(&row, 3),
		                           "connected", (int)db_number(&row, 4), "ok", (int)db_number(&row, 5), "messages",
		                           (json_int_t)db_number(&row, 6), "result", db_text(&row, 7).data,
		                           db_text(&row, 7).len));
	db_finalize(&row);
	return result;
}
