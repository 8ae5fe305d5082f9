/* The end of a session: statusd knows which process it is, and that process's listener may signal it. */
#include "webadmin/api/special.h"

#include "common/status/record.h"

void api_run_end_session(struct api_work *work)
{
	struct str wanted = web_name(work->request, "id"), key, value;
	struct status_record record = {0};
	uint64_t id;
	struct err err;
	char program[32];

	if (!str_to_u64(wanted, INT64_MAX, &id)) {
		web_reply_field_error(work->reply, 400, "syntax", "id", STR("it must be a number"));
		return;
	}
	api_begin(work, work->call->callee, work->call->op);
	ipc_add_number(&work->ask, "id", (int64_t)id);
	if (api_send(work, 0, &err) != 0) {
		api_refuse(work, &err);
		return;
	}
	for (size_t position = 0; ipc_next(&work->answer, &position, &key, &value);)
		if (str_equal(key, STR("session")) && status_record_parse(value, &record) && record.id == (int64_t)id)
			break;
	if (record.id != (int64_t)id || !str_copy(record.program, program, sizeof program)) {
		web_reply_error(work->reply, 404, "not-found", "there is no session %llu", (unsigned long long)id);
		return;
	}
	api_begin(work, program, "end");
	ipc_add_number(&work->ask, "pid", record.pid);
	if (api_send(work, 0, &err) != 0)
		api_refuse(work, &err);
}
