#include "queue-manager/queue.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/dsn/dsn.h"
#include "common/notice/targets.h"
#include "common/settings/texts.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	REPORTS_PER_TURN = 10, /* each is written and synced here */
	HEADERS_MAX = 65536,   /* of the original, in a report */
	TRY_AGAIN_MS = 10000,
};

static const struct {
	const char *step;
	enum dsn_action action;
	enum setting text;
} kinds[] = {
    [REPORT_FAILED] = {"failed", DSN_FAILED, SETTING_TEXT_BOUNCE},
    [REPORT_DELAYED] = {"delayed", DSN_DELAYED, SETTING_TEXT_DELAY},
    [REPORT_DELIVERED] = {"delivered", DSN_DELIVERED, SETTING_TEXT_DELIVERED},
    [REPORT_RELAYED] = {"relayed", DSN_RELAYED, SETTING_TEXT_RELAYED},
    [REPORT_UNREACHABLE] = {"unreachable", DSN_FAILED, SETTING_TEXT_BOUNCE},
};

void report_want(struct message *message)
{
	struct queue *queue = message->queue;

	message->reporting = true;
	message->next_report = NULL;
	*queue->reporting_last = message;
	queue->reporting_last = &message->next_report;
	queue->turn_again = true;
}

/* The original's header section, whole lines of at most HEADERS_MAX octets. */
static struct str read_headers(struct message *message, struct arena *arena)
{
	char *text = arena_get(arena, HEADERS_MAX);
	ssize_t count = pread(message->fd, text, HEADERS_MAX, (off_t)message->offset);
	struct str headers = str_from(text, count > 0 ? (size_t)count : 0);
	ptrdiff_t end = str_find(headers, STR("\r\n\r\n"));

	if (end >= 0)
		return str_sub(headers, 0, (size_t)end + 2);
	end = str_find_last_char(headers, '\n');
	return str_sub(headers, 0, end >= 0 ? (size_t)end + 1 : 0);
}

static void describe(const struct message *message, const struct delivery *delivery, struct dsn_recipient *recipient)
{
	const struct spool_recipient *given = message_recipient(message, delivery);
	struct str rest = delivery->answer;

	*recipient = (struct dsn_recipient){
	    .address = delivery->kind == DELIVERY_REMOTE ? delivery->target : given->address,
	    .given = given->address,
	    .orcpt = given->orcpt,
	};
	recipient->status = str_cut(&rest, '\t');
	recipient->remote_host = rest.data != NULL ? str_cut(&rest, '\t') : STR("");
	recipient->words = rest.data != NULL ? rest : STR("");
	recipient->unrecognised = delivery->kind == DELIVERY_UNRESOLVED && str_equal(recipient->status, STR("5.1.1"));
}

/* RFC 3464 2.3.4: a failure has a status of class 5, also where the last answer was a temporary one. */
static void fit_status(struct dsn_recipient *recipient, enum report_kind kind, struct arena *arena)
{
	if (kind == REPORT_FAILED && str_starts(recipient->status, STR("4.")))
		recipient->status = arena_printf(arena, "5.%.*s", STR_ARG(str_skip(recipient->status, 2)));
}

static struct dsn_recipient *collect(struct message *message, enum report_kind kind, struct arena *arena,
                                     size_t *count_out)
{
	struct dsn_recipient *recipients;
	size_t count = 0;

	for (size_t i = 0; i < message->delivery_count; i++)
		count += message->deliveries[i].report == kind;
	recipients = arena_get(arena, (count + 1) * sizeof *recipients);
	*count_out = 0;
	for (size_t i = 0; i < message->delivery_count; i++) {
		if (message->deliveries[i].report != kind)
			continue;
		describe(message, &message->deliveries[i], &recipients[*count_out]);
		fit_status(&recipients[(*count_out)++], kind, arena);
	}
	return recipients;
}

/* RFC 3461 4.3: the whole original goes back only where the sender asked for it, and only with a failure. */
static bool is_full(const struct message *message, enum report_kind kind)
{
	return kind == REPORT_FAILED && str_equal_nocase(message->envelope.ret, STR("FULL")) &&
	       !message->envelope.requiretls;
}

/* Look through the original, and write it into file where that is not NULL. */
static int copy_original(const struct message *message, struct spool_file *file, bool *is_8bit, struct err *err)
{
	char part[65536];
	off_t at = (off_t)message->offset;

	for (;;) {
		ssize_t count = pread(message->fd, part, sizeof part, at);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_system(err, "cannot read the original");
		if (count == 0)
			return 0;
		*is_8bit |= dsn_is_8bit(str_from(part, (size_t)count));
		if (file != NULL && spool_write(file, str_from(part, (size_t)count), err) != 0)
			return -1;
		at += count;
	}
}

static int write_report(struct message *message, const struct dsn *dsn, struct spool_file *file, struct str parent,
                        struct err *err)
{
	struct queue *queue = message->queue;
	struct spool_recipient to = {.address = dsn->to, .notify = SPOOL_NOTIFY_NEVER, .orcpt = STR("")};
	struct spool_envelope envelope = {
	    .id = str_of(file->id),
	    .time_us = dsn->now_us,
	    .producer = str_of(queue->own_drop.producer),
	    .service = STR("report"),
	    .parent = parent,
	    .smtputf8 = dsn_is_8bit(dsn->to),
	    .requiretls = message->envelope.requiretls, /* RFC 8689 section 5 */
	    .recipients = &to,
	    .recipient_count = 1,
	};
	struct buf text;
	bool is_8bit = false;
	int result;

	buf_init(&text, SPOOL_ENVELOPE_MAX);
	dsn_begin(dsn, &text);
	is_8bit = dsn_is_8bit(buf_str(&text));
	result = dsn->full ? copy_original(message, NULL, &is_8bit, err) : 0;
	envelope.body = is_8bit ? STR("8BITMIME") : STR("7BIT");
	if (result == 0)
		result = spool_begin(file, &queue->own_drop, &envelope, err);
	if (result == 0) {
		result = spool_write(file, buf_str(&text), err);
		if (result == 0 && dsn->full)
			result = copy_original(message, file, &is_8bit, err);
		buf_reset(&text);
		dsn_end(dsn, &text);
		if (result == 0)
			result = spool_write(file, buf_str(&text), err);
		if (result == 0)
			result = spool_commit(file, err);
		else
			spool_abort(file);
	}
	buf_free(&text);
	return result;
}

static int64_t wall_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Who is told of the server's own troubles; the sender where nobody can be found now. */
static struct str administrator(struct message *message, struct arena *arena)
{
	struct settings *settings = &message->queue->settings;
	const char *domain = settings_default_domain(settings);
	struct str name;
	struct err err;

	if (domain[0] == '\0' || notice_account_user(settings, STR(""), arena, &name, &err) != 0 || name.len == 0)
		return message->envelope.from;
	return arena_printf(arena, "%.*s@%s", STR_ARG(name), domain);
}

/* How long what is reported is tried. */
static const struct patience *patience_of(const struct message *message, enum report_kind kind)
{
	for (size_t i = 0; i < message->delivery_count; i++)
		if (message->deliveries[i].report == kind)
			return patience_for(message->queue, &message->deliveries[i]);
	return &message->queue->patience;
}

/* What it says to people, in the administrator's words. */
static void choose_words(struct dsn *dsn, enum report_kind kind, const struct settings *settings, struct arena *arena)
{
	const struct text_value values[] = {{"host", dsn->host}, {"id", dsn->original_id}};
	bool none_exists = kinds[kind].action == DSN_FAILED && dsn->recipient_count > 0;
	struct text_filled words;

	for (size_t i = 0; i < dsn->recipient_count; i++)
		none_exists &= dsn->recipients[i].unrecognised;
	text_fill(settings_text(settings, none_exists ? SETTING_TEXT_BOUNCE_UNKNOWN : kinds[kind].text), values, 2, arena,
	          &words);
	dsn->subject = words.subject;
	dsn->sentence = words.body;
}

static int make_report(struct message *message, enum report_kind kind, struct arena *arena, struct err *err)
{
	struct queue *queue = message->queue;
	struct str parent = arena_printf(arena, "%s/%s/%u", message->id, kinds[kind].step, message->reports);
	struct spool_file file;
	struct dsn dsn = {
	    .action = kinds[kind].action,
	    .host = str_of(settings_host_name(&queue->settings)),
	    .from = settings_server_address(&queue->settings, arena),
	    .to = kind == REPORT_UNREACHABLE ? administrator(message, arena) : message->envelope.from,
	    .original_id = str_of(message->id),
	    .envid = message->envelope.envid,
	    .arrived_us = message->envelope.time_us,
	    .now_us = wall_clock_us(),
	    .full = is_full(message, kind),
	};

	dsn.retry_until_us = dsn.now_us + (message->born + patience_of(message, kind)->fail_ms - queue_now()) * 1000;
	dsn.headers = read_headers(message, arena);
	dsn.recipients = collect(message, kind, arena, &dsn.recipient_count);
	choose_words(&dsn, kind, &queue->settings, arena);
	spool_make_id(&file, queue->own_drop.producer, parent);
	dsn.id = str_of(file.id);
	if (write_report(message, &dsn, &file, parent, err) != 0)
		return -1;
	log_info("id=%s report of %zu %s recipients to=<%.*s> report=%s", message->id, dsn.recipient_count,
	         kinds[kind].step, STR_ARG(dsn.to), file.id);
	return 0;
}

static void settle(struct message *message, enum report_kind kind)
{
	for (size_t i = 0; i < message->delivery_count; i++) {
		if (message->deliveries[i].report != kind)
			continue;
		message->deliveries[i].report = REPORT_NONE;
		message->deliveries[i].dirty = true;
	}
	message->warned |= kind == REPORT_DELAYED;
}

static bool has(const struct message *message, enum report_kind kind)
{
	for (size_t i = 0; i < message->delivery_count; i++)
		if (message->deliveries[i].report == kind)
			return true;
	return false;
}

static void make_reports(struct message *message)
{
	struct arena arena;
	struct err err;

	arena_init(&arena);
	for (enum report_kind kind = REPORT_FAILED; kind < REPORT_KINDS; kind++) {
		if (!has(message, kind))
			continue;
		if (make_report(message, kind, &arena, &err) != 0) {
			log_error("id=%s the report cannot be written now: %s", message->id, err.text);
			message->again = queue_now() + TRY_AGAIN_MS;
			arena_free(&arena);
			return;
		}
		settle(message, kind);
	}
	message->reports++;
	message_touch(message);
	arena_free(&arena);
}

void report_turn(struct queue *queue)
{
	for (int i = 0; i < REPORTS_PER_TURN && queue->reporting != NULL; i++) {
		struct message *message = queue->reporting;

		queue->reporting = message->next_report;
		if (queue->reporting == NULL)
			queue->reporting_last = &queue->reporting;
		message->reporting = false;
		if (message->deleted)
			message_touch(message);
		else
			make_reports(message);
	}
	queue->turn_again |= queue->reporting != NULL;
}
