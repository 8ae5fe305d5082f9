#include "lists/lists.h"

#include "common/base/io.h"
#include "lists/bounces.h"
#include "lists/source.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LISTED_MAX = 10000, SHOWN_MAX = 16 << 20, TEST_ROWS = 20 };

/* A request of the command line and the answer in the making. */
struct request {
	struct listd *listd;
	struct ipc_incoming *incoming;
	struct ipc_message *reply;
	struct arena *arena;
};

static struct str field(const struct request *request, const char *key)
{
	struct str value = ipc_get(&request->incoming->message, key);

	return value.data != NULL ? value : STR("");
}

static int need_list(const struct request *request, struct list *list, struct err *err)
{
	struct str name = field(request, "list");
	int found = list_find(request->listd, name, request->arena, list, err);

	if (found == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no mailing list or database list \"%.*s\"",
		               STR_ARG(str_sub(name, 0, LIST_NAME_MAX)));
	return found < 0 ? -1 : 0;
}

static void add_post(const struct request *request, const struct post *post, struct str list)
{
	json_t *object = json_pack("{s:I, s:s%, s:I, s:s%, s:s%, s:I, s:s%}", "number", (json_int_t)post->key, "list",
	                           list.data, list.len, "time", (json_int_t)(post->time / 1000), "from", post->origin.data,
	                           post->origin.len, "subject", post->subject.data, post->subject.len, "size",
	                           (json_int_t)post->size, "id", post->id.data, post->id.len);
	char *text = json_dumps(object, JSON_COMPACT);

	ipc_add_text(request->reply, "post", text != NULL ? text : "{}");
	free(text);
	json_decref(object);
}

static int add_posts(const struct request *request, struct db_statement *query, struct err *err)
{
	struct post post = {0};
	struct list list = {0};
	int row;

	while ((row = table_next_post(query, request->arena, &post, err)) == 1) {
		if (list_load(request->listd, post.list, request->arena, &list, err) != 1)
			list.name = STR("");
		add_post(request, &post, list.name);
	}
	db_finalize(query);
	return row;
}

/* Posts that wait for a moderator, of one list or all. */
static int say_held(const struct request *request, struct err *err)
{
	struct db_statement query;
	struct list list = {0};

	if (field(request, "list").len > 0 && need_list(request, &list, err) != 0)
		return -1;
	if (table_posts(request->listd, &query, err, "state = ? AND (list = ? OR ? = 0) ORDER BY key LIMIT ?", "nnnn",
	                (int64_t)POST_HELD, list.id, list.id, (int64_t)LISTED_MAX) != 0)
		return -1;
	return add_posts(request, &query, err);
}

/* What is kept of a list, the newest last. */
static int say_archive(const struct request *request, struct err *err)
{
	struct db_statement query;
	struct list list = {0};

	if (need_list(request, &list, err) != 0 ||
	    table_posts(request->listd, &query, err, "list = ? AND is_archived AND state <> ? ORDER BY time, key LIMIT ?",
	                "nnn", list.id, (int64_t)POST_HELD, (int64_t)LISTED_MAX) != 0)
		return -1;
	return add_posts(request, &query, err);
}

static int need_post(const struct request *request, struct post *post, struct err *err)
{
	int64_t key;
	int found;

	if (!ipc_get_number(&request->incoming->message, "number", 1, INT64_MAX, &key))
		return err_set(err, ERR_SYNTAX, "a message is named by its number");
	found = table_get_post(request->listd, request->arena, post, err,
	                       "? = '' AND key = ? AND (state <> 4 OR is_archived)", STR(""), key);
	if (found == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no message with the number %lld", (long long)key);
	return found < 0 ? -1 : 0;
}

static int show(const struct request *request, struct err *err)
{
	struct post post = {0};
	struct buf text;
	char path[32];
	int fd, result;

	if (need_post(request, &post, err) != 0)
		return -1;
	fd = archive_open(request->listd, post.key, err);
	if (fd < 0)
		return -1;
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	buf_init(&text, SHOWN_MAX);
	result = io_read_file(path, &text, err);
	ipc_add(request->reply, "text", buf_str(&text));
	buf_free(&text);
	close(fd);
	return result;
}

static int decide(const struct request *request, bool approve, struct err *err)
{
	struct listd *listd = request->listd;
	struct post post = {0};

	if (need_post(request, &post, err) != 0)
		return -1;
	if (post.state != POST_HELD)
		return err_set(err, ERR_NOT_FOUND, "the message %lld does not wait for a moderator", (long long)post.key);
	if (table_begin(listd, err) != 0)
		return -1;
	if (held_decide(listd, &post, approve, err) != 0) {
		table_rollback(listd);
		return -1;
	}
	if (table_commit(listd, err) != 0)
		return -1;
	expand_wake(listd);
	return 0;
}

static int approve(const struct request *request, struct err *err)
{
	return decide(request, true, err);
}

static int reject(const struct request *request, struct err *err)
{
	return decide(request, false, err);
}

static int make_digest(const struct request *request, struct err *err)
{
	struct list list = {0};
	int64_t count;

	if (need_list(request, &list, err) != 0 || digest_make(request->listd, &list, &count, err) != 0)
		return -1;
	ipc_add_number(request->reply, "messages", count);
	return 0;
}

static int say_bounces(const struct request *request, struct err *err)
{
	struct list list = {0};

	return need_list(request, &list, err) != 0 ? -1 : bounces_list(request->listd, &list, request->reply, err);
}

static int forget_bounces(const struct request *request, struct err *err)
{
	struct list list = {0};

	return need_list(request, &list, err) != 0 ? -1
	                                           : bounces_forget(request->listd, &list, field(request, "address"), err);
}

static const struct {
	const char *name;
	int (*run)(const struct request *request, struct err *err);
} operations[] = {
    {"held", say_held},       {"approve", approve},    {"reject", reject},       {"show", show},
    {"archive", say_archive}, {"digest", make_digest}, {"bounces", say_bounces}, {"bounces-forget", forget_bounces},
};

static int run(const struct request *request, struct err *err)
{
	struct str op = ipc_get(&request->incoming->message, "op");

	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
		if (str_equal(op, str_of(operations[i].name)))
			return operations[i].run(request, err);
	return err_set(err, ERR_PROTOCOL, "%s cannot ask for %.*s", request->incoming->caller, STR_ARG(op));
}

static void on_tested(const struct source_result *result, void *context)
{
	struct ipc_incoming *incoming = context;
	struct str lines = result->lines;
	struct ipc_message reply;

	if (result->err.code != ERR_NONE) {
		ipc_answer_error(incoming, &result->err);
		return;
	}
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "count", result->count);
	ipc_add_number(&reply, "skipped", result->skipped);
	for (int i = 0; i < TEST_ROWS && lines.len > 0; i++)
		ipc_add(&reply, "address", str_cut(&lines, '\n'));
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

/* What a database list's source gives now; the answer comes later. */
static void test_source(const struct request *request)
{
	struct list list = {0};
	struct err err;

	if (need_list(request, &list, &err) == 0 && !list.is_database)
		err_set(&err, ERR_DENIED, "the members of %.*s come from no database", STR_ARG(list.name));
	else if (list.is_database) {
		source_fetch(request->listd, &list, on_tested, request->incoming);
		return;
	}
	ipc_answer_error(request->incoming, &err);
}

static void take_from_postroom(struct listd *listd, struct ipc_incoming *incoming)
{
	struct ipc_message reply;
	struct arena arena;
	struct request request = {listd, incoming, &reply, &arena};
	struct err err;

	arena_init(&arena);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (ipc_is(&incoming->message, "test"))
		test_source(&request);
	else if (run(&request, &err) == 0)
		ipc_answer(incoming, &reply);
	else
		ipc_answer_error(incoming, &err);
	ipc_message_free(&reply);
	arena_free(&arena);
}

static bool is_about_member(const struct ipc_message *message)
{
	struct str name = ipc_get(message, "name");

	return str_equal(ipc_get(message, "list"), STR("0")) && list_is_bounce_name(str_cut(&name, '@'));
}

void requests_take(struct ipc_incoming *incoming, void *context)
{
	struct listd *listd = context;
	struct err err;

	settings_refresh(&listd->settings);
	if (strcmp(incoming->caller, "postroom") == 0) {
		take_from_postroom(listd, incoming);
	} else if (!ipc_is(&incoming->message, "post")) {
		err_set(&err, ERR_PROTOCOL, "%s asks for what listd does not do", incoming->caller);
		ipc_answer_error(incoming, &err);
	} else if (is_about_member(&incoming->message)) {
		bounces_take(listd, incoming);
	} else if (!str_equal(ipc_get(&incoming->message, "list"), STR("0"))) {
		posts_take(listd, incoming);
	} else if (mailer_daemon_is(listd, ipc_get(&incoming->message, "name"))) {
		mailer_daemon_take(listd, incoming);
	} else {
		listserver_take(listd, incoming);
	}
}
