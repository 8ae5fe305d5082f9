/*
 * The numbers of now: asked of the daemons that know them, one after another. One that does not answer leaves its
 * number out, and a warning says so: the page is wanted most when something is wrong.
 */
#include "webadmin/api/special.h"

#include "common/base/memory.h"
#include "common/status/record.h"

#include <stdlib.h>
#include <time.h>

enum {
	LIVE_MS = 2000,
	LIVE_USER_MAX = 10,   /* pages of one user that follow */
	LIVE_TOTAL_MAX = 200, /* of all */
	LIVE_BEGIN_MS = 100,  /* how long a page waits for its place */
};

struct board {
	struct api_work *work;
	json_t *numbers, *warnings;
	bool barred; /* the session has ended, or may not */
	struct err err;
};

/* true: the answer is in board->work->answer. */
static bool ask(struct board *board, const char *callee, const char *op)
{
	if (board->barred)
		return false;
	api_begin(board->work, callee, op);
	if (api_send(board->work, 0, &board->err) == 0)
		return true;
	board->barred = api_is_barred(board->work);
	json_array_append_new(board->warnings, json_sprintf("%s: %s", callee, board->err.text));
	return false;
}

static int64_t count_fields(const struct api_work *work, const char *name)
{
	struct str key, value;
	int64_t count = 0;

	for (size_t position = 0; ipc_next(&work->answer, &position, &key, &value);)
		count += str_equal(key, str_of(name));
	return count;
}

static void add_warnings(struct board *board)
{
	struct str key, value;

	for (size_t position = 0; ipc_next(&board->work->answer, &position, &key, &value);)
		if (str_equal(key, STR("warning")))
			json_array_append_new(board->warnings, json_stringn(value.data, value.len));
}

/* Of the file system that mail is on. */
static void add_disk(struct board *board)
{
	int64_t free_octets, total;

	if (ipc_get_number(&board->work->answer, "free", 0, INT64_MAX, &free_octets) &&
	    ipc_get_number(&board->work->answer, "total", 0, INT64_MAX, &total))
		json_object_set_new(board->numbers, "disk",
		                    json_pack("{s:I, s:I}", "free", (json_int_t)free_octets, "total", (json_int_t)total));
}

static void add_queue(struct board *board)
{
	static const char *const names[] = {"incoming", "active", "deferred", "held"};
	json_t *counts;

	if (!ask(board, "queue-manager", "counts"))
		return;
	counts = json_object();
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int64_t count = 0;

		ipc_get_number(&board->work->answer, names[i], 0, INT64_MAX, &count);
		json_object_set_new(counts, names[i], json_integer(count));
	}
	json_object_set_new(board->numbers, "queue", counts);
	add_disk(board);
	add_warnings(board);
}

static void add_sessions(struct board *board)
{
	struct status_record record;
	struct str key, value;
	json_t *services;

	if (!ask(board, "statusd", "list"))
		return;
	services = json_object();
	for (size_t position = 0; ipc_next(&board->work->answer, &position, &key, &value);) {
		char name[64];

		if (!str_equal(key, STR("session")) || !status_record_parse(value, &record) ||
		    !str_copy(record.service, name, sizeof name))
			continue;
		json_object_set_new(services, name, json_integer(json_integer_value(json_object_get(services, name)) + 1));
	}
	json_object_set_new(board->numbers, "sessions", services);
}

static void add_connections(struct board *board)
{
	struct str key, value;
	json_t *list;

	if (!ask(board, "scheduler", "status"))
		return;
	list = json_array();
	for (size_t position = 0; ipc_next(&board->work->answer, &position, &key, &value);)
		if (str_equal(key, STR("connection")))
			json_array_append_new(list, json_loadb(value.data, value.len, 0, NULL));
	json_object_set_new(board->numbers, "connections", list);
	add_warnings(board);
}

static void add_count(struct board *board, const char *name, const char *callee, const char *op, const char *field)
{
	if (ask(board, callee, op))
		json_object_set_new(board->numbers, name, json_integer(count_fields(board->work, field)));
}

/* All numbers, a new object; NULL: the session may not, and work->answer says why. */
static json_t *collect(struct api_work *work, struct err *err)
{
	struct board board = {.work = work, .numbers = json_object(), .warnings = json_array()};

	json_object_set_new(board.numbers, "time", json_integer((json_int_t)time(NULL)));
	json_object_set_new(board.numbers, "version", json_string(POSTROOM_VERSION));
	json_object_set_new(board.numbers, "host", json_string(settings_host_name(work->web->settings)));
	add_queue(&board);
	add_sessions(&board);
	add_count(&board, "blocked", "policyd", "block-list", "block");
	add_count(&board, "locked", "authd", "locks", "lock");
	add_count(&board, "held-posts", "listd", "held", "post");
	add_connections(&board);
	json_object_set_new(board.numbers, "warnings", board.warnings);
	if (!board.barred)
		return board.numbers;
	*err = board.err;
	json_decref(board.numbers);
	return NULL;
}

void api_run_status(struct api_work *work)
{
	struct err err;
	json_t *numbers = collect(work, &err);

	if (numbers == NULL)
		api_refuse(work, &err);
	else
		web_reply_json(work->reply, 200, numbers);
}

/* A page that follows: its own work, for the request's ends before the stream does. */
struct live {
	struct api_work work;
	struct web_request request; /* of the first one the visitor alone is needed */
	struct arena arena;
	json_t *told; /* what the page knows; NULL: nothing */
	struct buf out;
	bool begun, ended;
};

/* Those that are not as they were told. */
static json_t *changes(const json_t *told, json_t *numbers)
{
	json_t *changed = json_object(), *value;
	const char *name;

	json_object_foreach (numbers, name, value) {
		if (!json_equal(json_object_get(told, name), value))
			json_object_set(changed, name, value);
	}
	return changed;
}

static void look(struct live *live)
{
	json_t *numbers, *changed;
	struct err err;
	char *text;

	numbers = collect(&live->work, &err);
	if (numbers == NULL) {
		buf_add_str(&live->out, STR("event: ended\ndata: {}\n\n"));
		live->ended = true;
		return;
	}
	changed = changes(live->told, numbers);
	text = json_dumps(changed, JSON_COMPACT);
	buf_printf(&live->out, "data: %s\n\n", text != NULL ? text : "{}");
	free(text);
	json_decref(changed);
	json_decref(live->told);
	live->told = numbers;
}

static ssize_t read_live(void *context, char *out, size_t size)
{
	struct live *live = context;
	size_t count;

	if (live->out.len == 0 && live->ended)
		return 0;
	if (live->out.len == 0) {
		if (live->begun && web_wait(live->work.web, -1, LIVE_MS) < 0)
			return -1;
		live->begun = true;
		look(live);
	}
	count = live->out.len < size ? live->out.len : size;
	memcpy(out, live->out.data, count);
	buf_consume(&live->out, count);
	return (ssize_t)count;
}

static void end_live(void *context)
{
	struct live *live = context;

	status_release(&live->work.web->status, "web-live");
	json_decref(live->told);
	buf_free(&live->out);
	ipc_message_free(&live->work.ask);
	ipc_message_free(&live->work.answer);
	arena_free(&live->arena);
	memory_free(live);
}

void api_run_live(struct api_work *work)
{
	const struct status_slot slot = {"web-live", work->request->visitor.user, LIVE_USER_MAX, LIVE_TOTAL_MAX,
	                                 LIVE_BEGIN_MS};
	struct live *live;
	struct err err;

	if (status_acquire(&work->web->status, &slot, &err) != 0) {
		web_reply_error(work->reply, 429, "limit", "too many pages follow the numbers at a time");
		return;
	}
	live = memory_get(sizeof *live);
	arena_init(&live->arena);
	live->request.visitor = work->request->visitor;
	live->request.arena = &live->arena;
	live->work = (struct api_work){.web = work->web, .request = &live->request, .call = work->call};
	ipc_message_init(&live->work.ask);
	ipc_message_init(&live->work.answer);
	buf_init(&live->out, IPC_MESSAGE_MAX);
	web_reply_stream(work->reply, 200, "text/event-stream", &(struct web_stream){read_live, end_live, live});
}
