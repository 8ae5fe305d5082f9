#include "webadmin/api/look.h"

#include "webadmin/api/input.h"

enum { TRIES = 20 /* of a change that is kept from its settings by changes of others */ };

/* Where a long listing goes on; data NULL: at its begin. */
static int send_once(struct api_work *work, const json_t *each, struct str position, struct err *err)
{
	const struct api_call *call = work->call;

	err->code = ERR_NONE;
	api_begin(work, call->callee, call->op);
	if (input_add(work, each) != 0)
		return -1;
	if (position.data != NULL)
		ipc_add(&work->ask, call->more, position);
	if (work->generation >= 0)
		ipc_add_number(&work->ask, "generation", work->generation);
	return api_send(work, call->timeout_ms, err);
}

int look_ask(struct api_work *work, const json_t *each, struct err *err)
{
	for (int tries = 1; send_once(work, each, (struct str){NULL, 0}, err) != 0; tries++) {
		bool again = err->code == ERR_CONFLICT && work->generation >= 0 && tries < TRIES;

		if (again && look_is_unchanged(work) != 0) {
			err->code = ERR_NONE;
			return -1;
		}
		if (again)
			continue;
		if (each == NULL && err->code != ERR_NONE)
			api_refuse(work, err);
		return -1;
	}
	return 0;
}

int look_rows(struct api_work *work, int64_t enough, json_t *rows, bool *more_out)
{
	struct str position = {NULL, 0};
	struct err err;

	do {
		if (send_once(work, NULL, position, &err) != 0) {
			if (err.code != ERR_NONE)
				api_refuse(work, &err);
			return -1;
		}
		answer_add_rows(work, rows);
		if (work->call->more != NULL) {
			position = ipc_get(&work->answer, work->call->more);
			position = position.len > 0 ? arena_copy(work->request->arena, position) : (struct str){NULL, 0};
		}
	} while (position.data != NULL && (int64_t)json_array_size(rows) < enough);
	*more_out = position.data != NULL;
	return 0;
}

int look_one(struct api_work *work, char tag_out[ANSWER_TAG_SIZE], json_t **json_out)
{
	json_t *rows = json_array();
	struct err err;
	bool more;

	*json_out = NULL;
	if (work->call->shape == API_OBJECT) {
		if (look_ask(work, NULL, &err) == 0)
			*json_out = answer_object(work);
	} else if (look_rows(work, LOOK_ROWS_MAX, rows, &more) == 0) {
		*json_out = work->call->shape == API_ROW ? json_incref(answer_find_row(work, rows)) : json_incref(rows);
		if (*json_out == NULL)
			web_reply_error(work->reply, 404, "not-found", "there is nothing of that name");
	}
	json_decref(rows);
	if (*json_out == NULL)
		return -1;
	answer_tag(*json_out, tag_out);
	return 0;
}

/* One of the tags is that of what is there now. */
static bool names_tag(struct str wanted, const char *tag)
{
	while (wanted.data != NULL) {
		struct str one = str_trim(str_cut(&wanted, ','));

		if (str_equal(one, STR("*")) || (one.len == ANSWER_TAG_SIZE + 1 && one.data[0] == '"' &&
		                                 str_equal(str_sub(one, 1, ANSWER_TAG_SIZE - 1), str_of(tag))))
			return true;
	}
	return false;
}

int look_is_unchanged(struct api_work *work)
{
	struct str wanted = web_header(work->request, "If-Match");
	const struct api_call *change = work->call, *look = api_find_call("GET", change->path);
	char tag[ANSWER_TAG_SIZE];
	json_t *body = work->body, *now;
	int result;

	if (wanted.data == NULL || look == NULL || look->op == NULL || str_equal(work->request->method, STR("GET")))
		return 0;
	work->call = look;
	work->body = NULL;
	work->generation = -1;
	result = look_one(work, tag, &now);
	work->call = change;
	work->body = body;
	json_decref(now);
	if (result == 0 && strcmp(change->callee, "configd") == 0)
		ipc_get_number(&work->answer, "generation", 0, INT64_MAX, &work->generation);
	if (result != 0 || names_tag(wanted, tag))
		return result;
	web_reply_error(work->reply, 412, "changed", "somebody else has changed it meanwhile");
	web_reply_header(work->reply, "ETag", "\"%s\"", tag);
	return -1;
}
