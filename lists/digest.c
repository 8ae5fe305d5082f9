/*
 * Digests: what was posted to one list, as one message to another.
 *
 * RFC 2046 5.1.5: a multipart/mixed of a table of contents and a multipart/digest, in which each message stands whole.
 * The messages are copied, never parsed: the boundaries are random, so nobody's message can hold them.
 */
#include "lists/lists.h"
#include "lists/output.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/mime/encode.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	DIGEST_HOUR = 0,
	DIGEST_MINUTE = 5,
	DIGEST_MESSAGES_MAX = 10000, /* in one; the rest comes with the next */
	TEXT_MAX = 16 << 20,
	BOUNDARY_DIGITS = 32,
};

struct digest {
	struct listd *listd;
	const struct list *list, *source;
	struct arena *arena;
	struct post *posts;
	int64_t count;
	struct post post; /* the digest itself */
	char outer[BOUNDARY_DIGITS + 1], inner[BOUNDARY_DIGITS + 1];
	struct output output;
};

int64_t digest_next(int64_t last, int64_t days)
{
	time_t clock = (time_t)last;
	struct tm local;

	localtime_r(&clock, &local);
	local.tm_mday += (int)days;
	local.tm_hour = DIGEST_HOUR;
	local.tm_min = DIGEST_MINUTE;
	local.tm_sec = 0;
	local.tm_isdst = -1; /* as it is on that day */
	return mktime(&local);
}

/* What came after `last` and before `now`, in milliseconds: others may still come in this one. */
static int find_posts(struct digest *digest, int64_t last, int64_t now, struct err *err)
{
	struct db_statement query;
	int row;

	digest->posts = arena_get(digest->arena, DIGEST_MESSAGES_MAX * sizeof *digest->posts);
	if (table_posts(digest->listd, &query, err,
	                "list = ? AND state <> ? AND is_archived AND time > ? AND time < ? ORDER BY time, key LIMIT ?",
	                "nnnnn", digest->source->id, (int64_t)POST_HELD, last, now, (int64_t)DIGEST_MESSAGES_MAX) != 0)
		return -1;
	while ((row = table_next_post(&query, digest->arena, &digest->posts[digest->count], err)) == 1)
		digest->count++;
	db_finalize(&query);
	return row;
}

static void add_header(const struct digest *digest, int64_t now, struct buf *text)
{
	const struct list *list = digest->list;
	char day[32], id[33];
	struct tm local;
	time_t clock = (time_t)now;

	localtime_r(&clock, &local);
	strftime(day, sizeof day, "%Y-%m-%d", &local);
	io_random_hex(id, 32);
	buf_printf(text, "From: <%.*s>\r\nSubject: %.*s digest %s\r\nDate: ", STR_ARG(list->address), STR_ARG(list->name),
	           day);
	mime_format_date(now, text);
	buf_printf(text,
	           "\r\nMessage-ID: <%s@%s>\r\nList-Id: <%.*s.%.*s>\r\nPrecedence: bulk\r\n"
	           "Auto-Submitted: auto-generated\r\nX-Postroom-Loop: %.*s\r\nMIME-Version: 1.0\r\n"
	           "Content-Type: multipart/mixed; boundary=\"%s\"\r\nContent-Transfer-Encoding: 8bit\r\n",
	           id, settings_host_name(&digest->listd->settings), STR_ARG(list->name), STR_ARG(list->domain),
	           STR_ARG(list->address), digest->outer);
}

/* Where each member's own fields belong, or a To that names the list. */
static void add_to(struct digest *digest, struct buf *text)
{
	if (list_settings_flag(&digest->list->settings, LIST_SETTING_SLOW))
		digest->post.to_at = (int64_t)text->len;
	else
		buf_printf(text, "To: <%.*s>\r\n", STR_ARG(digest->list->address));
}

static void add_contents(const struct digest *digest, struct buf *text)
{
	struct buf lines;

	buf_init(&lines, TEXT_MAX / 4);
	buf_printf(&lines, "%" PRId64 " messages to %.*s:\n\n", digest->count, STR_ARG(digest->source->name));
	for (int64_t i = 0; i < digest->count; i++)
		buf_printf(&lines, "%4" PRId64 ". %.*s\n      %.*s\n", i + 1, STR_ARG(digest->posts[i].subject),
		           STR_ARG(digest->posts[i].origin));
	buf_printf(text,
	           "\r\n--%s\r\nContent-Type: text/plain; charset=utf-8\r\n"
	           "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
	           digest->outer);
	mime_encode_quoted(buf_str(&lines), text);
	buf_printf(text,
	           "\r\n--%s\r\nContent-Type: multipart/digest; boundary=\"%s\"\r\nContent-Transfer-Encoding: 8bit\r\n",
	           digest->outer, digest->inner);
	buf_free(&lines);
}

/* A message, as the members of the source list got it. */
static int add_message(struct digest *digest, const struct post *post, struct err *err)
{
	int fd = archive_open(digest->listd, post->key, err), result = -1;
	struct mime_source source = mime_source_file(fd, 0, post->size);

	if (fd < 0)
		return -1;
	if (output_add(&digest->output, arena_printf(digest->arena, "\r\n--%s\r\n\r\n", digest->inner), err) == 0)
		result = output_copy(&digest->output, &source, 0, post->size, err);
	close(fd);
	return result;
}

static int write_digest(struct digest *digest, int64_t now, struct err *err)
{
	struct buf text;
	int result;

	io_random_hex(digest->outer, BOUNDARY_DIGITS);
	io_random_hex(digest->inner, BOUNDARY_DIGITS);
	buf_init(&text, TEXT_MAX);
	digest->post.to_at = -1;
	add_header(digest, now / 1000, &text);
	add_to(digest, &text);
	add_contents(digest, &text);
	result = text.overflow ? err_set(err, ERR_LIMIT, "the table of contents is too long")
	                       : output_add(&digest->output, buf_str(&text), err);
	for (int64_t i = 0; result == 0 && i < digest->count; i++)
		result = add_message(digest, &digest->posts[i], err);
	if (result == 0)
		result =
		    output_add(&digest->output,
		               arena_printf(digest->arena, "\r\n--%s--\r\n\r\n--%s--\r\n", digest->inner, digest->outer), err);
	buf_free(&text);
	return result != 0 ? -1 : output_flush(&digest->output, err);
}

/* The next digest begins behind that time. */
static int remember(struct digest *digest, int64_t time, struct err *err)
{
	return db_query_run(&digest->listd->db, err, "INSERT OR REPLACE INTO digest VALUES(?, ?)", "nn", digest->list->id,
	                    time);
}

/* The post and what the next digest begins with: both or neither. */
static int store(struct digest *digest, int64_t last, int64_t now, struct err *err)
{
	struct listd *listd = digest->listd;

	digest->post.id = arena_printf(digest->arena, "digest/%" PRId64, last);
	digest->post.list = digest->list->id;
	digest->post.state = POST_GATHER;
	digest->post.time = now;
	digest->post.origin = digest->list->address;
	digest->post.subject = STR("digest");
	digest->post.size = digest->output.size;
	digest->post.is_8bit = digest->output.is_8bit;
	digest->post.next = listd_time_ms();
	digest->post.token = STR("");
	if (table_begin(listd, err) != 0)
		return -1;
	if (table_add_post(listd, &digest->post, err) != 0 ||
	    archive_keep(listd, digest->output.fd, digest->post.key, err) != 0 ||
	    remember(digest, digest->posts[digest->count - 1].time, err) != 0) {
		table_rollback(listd);
		return -1;
	}
	return table_commit(listd, err);
}

static int make(struct digest *digest, int64_t last, int64_t now, struct err *err)
{
	int fd, result = -1;

	if (find_posts(digest, last, now, err) != 0)
		return -1;
	if (digest->count == 0)
		return remember(digest, now - 1, err);
	fd = archive_create(digest->listd, err);
	if (fd < 0)
		return -1;
	output_init(&digest->output, fd);
	if (write_digest(digest, now, err) == 0)
		result = store(digest, last, now, err);
	output_free(&digest->output);
	close(fd);
	if (result == 0)
		expand_wake(digest->listd);
	return result;
}

int digest_make(struct listd *listd, const struct list *list, int64_t *count_out, struct err *err)
{
	struct str source_name = str_of(list_settings_text(&list->settings, LIST_SETTING_DIGEST_OF));
	struct digest digest = {.listd = listd, .list = list};
	struct list source;
	struct arena arena;
	int64_t last = 0;
	int result;

	arena_init(&arena);
	digest.arena = &arena;
	digest.source = &source;
	*count_out = 0;
	result = list_find(listd, source_name, &arena, &source, err);
	if (result == 0)
		err_set(err, ERR_NOT_FOUND, "%.*s is a digest of no list", STR_ARG(list->name));
	result = result == 1 ? 0 : -1;
	if (result == 0 &&
	    db_query_number(&listd->db, &last, err, "SELECT last FROM digest WHERE list = ?", "n", list->id) < 0)
		result = -1;
	if (result == 0)
		result = make(&digest, last, listd_time_ms(), err);
	*count_out = digest.count;
	arena_free(&arena);
	return result;
}

struct round {
	struct listd *listd;
	int64_t now;
};

/* A list that became a digest just now has its first one a period from now. */
static int run_list(const struct list *list, void *context, struct err *err)
{
	const struct round *round = context;
	int64_t last, count;
	int known;

	if (list_settings_text(&list->settings, LIST_SETTING_DIGEST_OF)[0] == '\0')
		return 0;
	known =
	    db_query_number(&round->listd->db, &last, err, "SELECT made FROM digest_made WHERE list = ?", "n", list->id);
	if (known < 0)
		return -1;
	if (known == 1 && digest_next(last, list_settings_number(&list->settings, LIST_SETTING_DIGEST_DAYS)) > round->now)
		return 0;
	if (known == 1 && digest_make(round->listd, list, &count, err) != 0) {
		log_error("list=%.*s has no digest now: %s", STR_ARG(list->name), err->text);
		return 0;
	}
	if (known == 1)
		log_info("list=%.*s digest of %" PRId64 " messages", STR_ARG(list->name), count);
	return db_query_run(&round->listd->db, err, "INSERT OR REPLACE INTO digest_made VALUES(?, ?)", "nn", list->id,
	                    round->now);
}

void digest_run(struct listd *listd, int64_t now)
{
	struct round round = {listd, now};
	struct arena arena;
	struct err err;

	arena_init(&arena);
	if (list_each(listd, &arena, run_list, &round, &err) != 0)
		log_error("digests cannot be made now: %s", err.text);
	arena_free(&arena);
}
