/*
 * A message to a list, from queue-manager's request to the answer: read, judged, and put down in the table.
 */
#include "lists/decide.h"
#include "lists/reader.h"
#include "lists/source.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <sys/stat.h>
#include <unistd.h>

struct job {
	struct listd *listd;
	struct ipc_incoming *incoming;
	struct arena arena;
	struct str id, from, user, arc, results; /* of the envelope */
	struct list list;
	int fd, out;
	int64_t offset, size;
	bool is_utf8;
	struct report report;
	struct list_sender sender;
};

static void free_job(struct job *job)
{
	if (job->fd >= 0)
		close(job->fd);
	if (job->out >= 0)
		close(job->out);
	arena_free(&job->arena);
	memory_free(job);
}

void posts_answer(struct ipc_incoming *incoming, const char *word, const char *text)
{
	struct ipc_message reply;
	struct arena arena;

	arena_init(&arena);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add(&reply, "result", str_trim(arena_printf(&arena, "%s %s", word, text)));
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
	arena_free(&arena);
}

static void end(struct job *job, const char *word, const char *text)
{
	log_info("id=%.*s list=%.*s %s%s%s", STR_ARG(job->id), STR_ARG(job->list.name), word, *text != '\0' ? ": " : "",
	         text);
	posts_answer(job->incoming, word, text);
	free_job(job);
}

static void put_off(struct job *job, const struct err *err)
{
	log_warning("id=%.*s list=%.*s put off: %s", STR_ARG(job->id), STR_ARG(job->list.name), err->text);
	posts_answer(job->incoming, "deferred", "the list cannot take it now");
	free_job(job);
}

static struct post make_post(const struct job *job, enum post_state state)
{
	return (struct post){
	    .id = job->id,
	    .list = job->list.id,
	    .state = state,
	    .time = listd_time_ms(),
	    .origin = job->report.from,
	    .subject = job->report.subject,
	    .size = job->report.size,
	    .to_at = job->report.to_at,
	    .is_8bit = job->report.is_8bit,
	    .is_utf8 = job->is_utf8,
	    .is_archived = list_settings_flag(&job->list.settings, LIST_SETTING_ARCHIVE),
	    .next = listd_time_ms(),
	    .token = STR(""),
	    .arc = job->arc,
	    .results = job->results,
	};
}

/* Send it as it came to where the list's spam goes. */
static int redirect(struct job *job, struct err *err)
{
	struct str rest = str_of(list_settings_text(&job->list.settings, LIST_SETTING_SPAM_REDIRECT)), item;
	struct spool_recipient recipients[LIST_MODERATORS_MAX] = {0};
	struct spool_envelope envelope = {
	    .service = STR("list"),
	    .from = job->from,
	    .recipients = recipients,
	    .body = STR("8BITMIME"),
	    .arc = job->arc,
	    .results = job->results,
	};
	struct spool_file file;

	while (envelope.recipient_count < LIST_MODERATORS_MAX && (item = str_cut_item(&rest)).len != 0)
		recipients[envelope.recipient_count++].address = list_member_address(job->listd, item, &job->arena);
	if (envelope.recipient_count == 0)
		return 0;
	envelope.parent = arena_printf(&job->arena, "%.*s/list/%lld", STR_ARG(job->id), (long long)job->list.id);
	envelope.smtputf8 = job->is_utf8;
	if (outbox_begin(job->listd, &file, &envelope, err) != 0)
		return -1;
	if (outbox_copy(&file, job->fd, job->offset, job->size, err) != 0) {
		spool_abort(&file);
		return -1;
	}
	return outbox_add(job->listd, &file, err);
}

static int keep(struct job *job, enum verdict verdict, struct err *err)
{
	struct post post = make_post(job, verdict == VERDICT_SPAM ? POST_DONE : POST_GATHER);

	if (verdict == VERDICT_HOLD)
		return held_add(job->listd, &job->list, &post, job->out, err);
	if (verdict == VERDICT_SPAM) {
		post.is_archived = false;
		return redirect(job, err) != 0 ? -1 : table_add_post(job->listd, &post, err);
	}
	return table_add_post(job->listd, &post, err) != 0 ? -1 : archive_keep(job->listd, job->out, post.key, err);
}

/* It is answered when what is to be done with it is on disk. */
static void store(struct job *job, enum verdict verdict, const char *why)
{
	struct listd *listd = job->listd;
	struct err err;

	if (table_begin(listd, &err) != 0) {
		put_off(job, &err);
	} else if (keep(job, verdict, &err) != 0) {
		table_rollback(listd);
		if (err.code == ERR_LIMIT)
			end(job, "failed", err.text);
		else
			put_off(job, &err);
	} else if (table_commit(listd, &err) != 0) {
		put_off(job, &err);
	} else {
		log_info("id=%.*s list=%.*s from=<%.*s> %s", STR_ARG(job->id), STR_ARG(job->list.name),
		         STR_ARG(job->report.from), *why != '\0' ? why : "is posted");
		posts_answer(job->incoming, "delivered", "");
		free_job(job);
		expand_wake(listd);
	}
}

static void decide(struct job *job)
{
	const struct report *report = &job->report;
	const struct post_facts facts = {
	    .null_sender = job->from.len == 0,
	    .has_marker = report->has_marker,
	    .is_automatic = report->is_automatic,
	    .from_listd = str_find(job->id, STR("-listd-")) >= 0,
	    .is_banned = report->is_banned,
	    .size = job->size,
	    .is_member = job->sender.is_member,
	    .is_moderator = job->sender.is_moderator,
	    .has_score = report->has_score,
	    .score = report->score,
	};
	const char *why;

	switch (decide_post(&job->list.settings, &facts, &why)) {
	case VERDICT_REFUSE:
		end(job, "failed", why);
		break;
	case VERDICT_DISCARD:
		log_info("id=%.*s list=%.*s discarded: %s", STR_ARG(job->id), STR_ARG(job->list.name), why);
		end(job, "delivered", "");
		break;
	case VERDICT_SPAM:
		store(job, VERDICT_SPAM, why);
		break;
	case VERDICT_HOLD:
		store(job, VERDICT_HOLD, why);
		break;
	case VERDICT_DISTRIBUTE:
		store(job, VERDICT_DISTRIBUTE, why);
		break;
	}
}

static void on_members(const struct source_result *result, void *context)
{
	struct job *job = context;

	if (result->err.code != ERR_NONE) {
		put_off(job, &result->err);
		return;
	}
	job->sender.is_member = source_holds(result, job->sender.from);
	decide(job);
}

/* Who the members of a database list are is asked only where it matters. */
static bool members_matter(const struct list_settings *settings)
{
	return list_settings_is(settings, LIST_SETTING_WHO_MAY_POST, "members") ||
	       list_settings_is(settings, LIST_SETTING_MODERATION, "non-members");
}

static void on_report(const struct report *report, const struct err *err, void *context)
{
	struct job *job = context;
	struct stat info;
	struct err reason = *err;

	if (report == NULL) {
		if (err->code == ERR_LIMIT)
			end(job, "failed", "5.3.4 the header of the message is too long");
		else
			put_off(job, err);
		return;
	}
	job->report = *report;
	job->report.from = arena_copy(&job->arena, report->from);
	job->report.subject = arena_copy(&job->arena, report->subject);
	job->sender = (struct list_sender){.from = job->report.from, .user = job->user};
	if (fstat(job->out, &info) != 0 || info.st_size != report->size) {
		err_set(&reason, ERR_CORRUPT, "what was written for the members is not what was reported");
		put_off(job, &reason);
	} else if (list_judge_sender(job->listd, &job->list, &job->sender, &reason) != 0) {
		put_off(job, &reason);
	} else if (job->list.is_database && members_matter(&job->list.settings) && !job->sender.is_moderator) {
		source_fetch(job->listd, &job->list, on_members, job);
	} else {
		decide(job);
	}
}

static int take_fields(struct job *job, int64_t *number, struct err *err)
{
	const struct ipc_message *request = &job->incoming->message;
	struct str id = ipc_get(request, "id"), user = ipc_get(request, "user"), from = ipc_get(request, "from");
	int64_t is_utf8 = 0;
	struct stat info;

	if (!spool_id_is_valid(id) || from.data == NULL || !ipc_get_number(request, "list", 1, INT64_MAX, number))
		return err_set(err, ERR_PROTOCOL, "a post has an id, a reverse-path and a list");
	job->id = arena_copy(&job->arena, id);
	job->from = arena_copy(&job->arena, from);
	job->user = arena_copy(&job->arena, user.data != NULL ? user : STR(""));
	job->arc = arena_copy(&job->arena, ipc_get(request, "arc"));
	job->results = arena_copy(&job->arena, ipc_get(request, "results"));
	ipc_get_number(request, "smtputf8", 0, 1, &is_utf8);
	job->is_utf8 = is_utf8 != 0;
	job->fd = ipc_take_fd(&job->incoming->message, 0);
	if (job->fd < 0 || fstat(job->fd, &info) != 0 || !S_ISREG(info.st_mode) ||
	    !ipc_get_number(request, "offset", 0, info.st_size, &job->offset))
		return err_set(err, ERR_PROTOCOL, "a post is a file with a message in it");
	job->size = info.st_size - job->offset;
	return 0;
}

static void read_it(struct job *job)
{
	struct listd *listd = job->listd;
	struct reading reading = {.fd = job->fd, .offset = job->offset, .size = job->size};
	struct err err;

	job->out = archive_create(listd, &err);
	if (job->out < 0) {
		put_off(job, &err);
		return;
	}
	reading.out = job->out;
	reading.recipe = (struct recipe){
	    .settings = &job->list.settings,
	    .name = job->list.name,
	    .address = job->list.address,
	    .domain = job->list.domain,
	    .moderator = list_moderator_address(listd, &job->list, &job->arena),
	    .server = list_server_address(listd, &job->list, &job->arena),
	    .owner = list_return_address(listd, &job->list, &job->arena),
	};
	reader_start(listd, &reading, on_report, job);
}

void posts_take(struct listd *listd, struct ipc_incoming *incoming)
{
	struct job *job = memory_get(sizeof *job);
	int64_t number = 0;
	struct err err;
	int known;

	job->listd = listd;
	job->incoming = incoming;
	job->fd = job->out = -1;
	arena_init(&job->arena);
	if (take_fields(job, &number, &err) != 0) {
		log_error("was sent what is no post: %s", err.text);
		ipc_answer_error(incoming, &err);
		free_job(job);
		return;
	}
	known =
	    db_query_number(&listd->db, NULL, &err, "SELECT 1 FROM post WHERE id = ? AND list = ?", "tn", job->id, number);
	if (known == 1) {
		end(job, "delivered", "");
		return;
	}
	if (known == 0)
		known = list_load(listd, number, &job->arena, &job->list, &err);
	if (known < 0)
		put_off(job, &err);
	else if (known == 0)
		end(job, "failed", "5.1.1 there is no such list any more");
	else
		read_it(job);
}
