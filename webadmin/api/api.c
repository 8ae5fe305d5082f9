#include "webadmin/api/api.h"

#include "common/base/memory.h"
#include "webadmin/api/answer.h"
#include "webadmin/api/input.h"
#include "webadmin/api/look.h"

static bool is_collection(const struct api_call *call)
{
	return call->shape == API_ROWS || call->shape == API_RECORDS || call->shape == API_VALUES;
}

static int join(struct api_work *work, api_join *function, json_t *rows)
{
	struct err err;

	if (function == NULL || function(work, rows, &err) == 0)
		return 0;
	api_refuse(work, &err);
	return -1;
}

/*
 * The tag is of all rows, where there are no more of them, and nothing but them, so that a change of any is seen by who
 * has seen some; else it is of what is told.
 */
static void reply_page(struct api_work *work, const struct rows_wish *wish, const json_t *rows, json_t *page,
                       size_t total, bool more)
{
	const struct api_call *call = work->call;
	bool whole = call->join == NULL && call->measure == NULL && call->more == NULL;
	char tag[ANSWER_TAG_SIZE];
	json_t *all;

	if (str_equal(web_query(work->request, "format"), STR("csv"))) {
		struct buf table;

		buf_init(&table, IPC_MESSAGE_MAX);
		rows_to_csv(wish, page, &table);
		web_reply_text(work->reply, 200, "text/csv; charset=utf-8", arena_copy(work->request->arena, buf_str(&table)));
		web_reply_header(work->reply, "Content-Disposition", "attachment; filename=\"%s.csv\"", work->call->list);
		buf_free(&table);
		json_decref(page);
		return;
	}
	all = json_pack("{s:o, s:I, s:b}", "items", page, "total", (json_int_t)total, "more", (int)more);
	answer_tag(whole ? rows : all, tag);
	answer_reply(work, all, tag);
}

static void run_rows(struct api_work *work, const struct rows_wish *wish)
{
	const struct api_call *call = work->call;
	bool all = wish->sort != NULL || wish->filter_count > 0 || wish->search.data != NULL, more;
	bool early = call->measure != NULL && rows_wish_needs(wish, call->costly);
	int64_t enough = all || wish->offset > LOOK_ROWS_MAX - wish->limit ? LOOK_ROWS_MAX : wish->offset + wish->limit;
	json_t *rows = json_array(), *page;
	size_t total;

	if (look_rows(work, enough, rows, &more) == 0 && join(work, call->join, rows) == 0 &&
	    (!early || join(work, call->measure, rows) == 0)) {
		page = rows_select(wish, rows, &total);
		if (early || call->measure == NULL || !rows_wish_tells(wish, call->costly) ||
		    join(work, call->measure, page) == 0)
			reply_page(work, wish, rows, rows_narrow(wish, page), total, more);
		else
			json_decref(page);
	}
	json_decref(rows);
}

static void run_one(struct api_work *work)
{
	bool is_row = work->call->shape == API_ROW;
	char tag[ANSWER_TAG_SIZE];
	json_t *one, *rows;

	if (look_one(work, tag, &one) != 0)
		return;
	rows = json_pack("[O]", one);
	if (join(work, work->call->join, rows) == 0 && join(work, work->call->measure, rows) == 0) {
		if (is_row && work->call->join != NULL) {
			web_reply_header(work->reply, "ETag", "\"%s\"", tag);
			web_reply_json(work->reply, 200, json_incref(one));
		} else {
			answer_reply(work, json_incref(one), tag);
		}
	}
	json_decref(rows);
	json_decref(one);
}

static json_t *result_of(struct api_work *work, const json_t *each, int result, const struct err *err)
{
	json_t *entry = json_object();
	const char *code;

	json_object_set(entry, "name", (json_t *)each);
	json_object_set_new(entry, "ok", json_boolean(result == 0));
	if (result != 0) {
		api_status_of(work, err, &code);
		json_object_set_new(entry, "error", json_pack("{s:s, s:s}", "code", code, "text", err->text));
	}
	return entry;
}

static void run_each(struct api_work *work)
{
	const json_t *list = input_each(work);
	json_t *results;

	if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > INPUT_EACH_MAX) {
		web_reply_error(work->reply, 400, "syntax", "an array of 1 to %d things is needed", INPUT_EACH_MAX);
		return;
	}
	results = json_array();
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *each = json_array_get(list, i);
		struct err err;
		int result = look_ask(work, each, &err);

		if (result != 0 && (err.code == ERR_NONE || api_is_barred(work))) {
			if (err.code != ERR_NONE)
				api_refuse(work, &err);
			json_decref(results);
			return;
		}
		json_array_append_new(results, result_of(work, each, result, &err));
	}
	web_reply_json(work->reply, 200, json_pack("{s:o}", "results", results));
}

/* An answer that is a text, or nothing but that it was done. */
static void run_change(struct api_work *work)
{
	struct err err;
	struct str text;

	if (look_ask(work, NULL, &err) != 0)
		return;
	if (work->call->shape == API_OBJECT) {
		web_reply_json(work->reply, 200, answer_object(work));
	} else if (work->call->shape == API_TEXTFILE) {
		text = ipc_get(&work->answer, work->call->list);
		web_reply_text(work->reply, 200, work->call->media, arena_copy(work->request->arena, text));
	}
}

static void dispatch(struct api_work *work, const struct rows_wish *wish)
{
	const struct api_call *call = work->call;

	if (call->run != NULL)
		call->run(work);
	else if (is_collection(call))
		run_rows(work, wish);
	else if (call->shape == API_RESULTS)
		run_each(work);
	else if (call->shape == API_ROW || (call->shape == API_OBJECT && str_equal(str_of(call->method), STR("GET"))))
		run_one(work);
	else
		run_change(work);
}

static void handle(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct api_work work = {
	    .web = web, .request = request, .reply = reply, .call = request->route->data, .generation = -1};
	struct rows_wish wish;

	ipc_message_init(&work.ask);
	ipc_message_init(&work.answer);
	rows_wish_init(&wish, work.call->columns);
	if (input_check(&work, is_collection(work.call) ? &wish : NULL) == 0 && look_is_unchanged(&work) == 0)
		dispatch(&work, &wish);
	json_decref(work.body);
	ipc_message_free(&work.ask);
	ipc_message_free(&work.answer);
}

static bool has_file(const struct api_call *call)
{
	for (const struct api_field *field = call->fields; field != NULL && field->name != NULL; field++)
		if (field->type == API_FILE)
			return true;
	return false;
}

static const struct web_route *routes(size_t *count_out)
{
	static struct web_route *list;
	static size_t count;
	struct arena arena;

	*count_out = count;
	if (list != NULL)
		return list;
	for (const struct api_call *call = api_next_call(NULL); call != NULL; call = api_next_call(call))
		count++;
	list = memory_get(count * sizeof *list);
	arena_init(&arena);
	for (const struct api_call *call = api_next_call(NULL); call != NULL; call = api_next_call(call))
		list[(*count_out)++] = (struct web_route){.method = call->method,
		                                          .path = memory_text(arena_printf(&arena, API_BASE "%s", call->path)),
		                                          .flags = WEB_ADMIN | (has_file(call) ? WEB_UPLOAD : 0),
		                                          .handle = handle,
		                                          .summary = call->sentence,
		                                          .data = call};
	arena_free(&arena);
	return list;
}

const struct web_part api_part = {routes, NULL};
