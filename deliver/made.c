/* carrier: writing mail that is made out of a message. */
#include "common/addr/smtp_target.h"
#include "common/base/log.h"
#include "deliver/carrier.h"
#include "deliver/media.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

/* The words for a message's service, by which the next delivery knows it. */
static const char *const services[MADE_KINDS] = {
    [MADE_FORWARD] = "forward", [MADE_ASSISTANT] = "assistant", [MADE_RULE] = "forward",
    [MADE_COPY] = "forward",    [MADE_ANSWER] = "answer",       [MADE_STORED] = "stored",
};

static int64_t wall_clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int copy_original(struct spool_file *file, const struct order *order, const struct made *made, struct err *err)
{
	char part[65536];
	int64_t at = order->offset + made->original_at, left = made->original_len;

	while (left > 0) {
		ssize_t count = pread(order->fd, part, left < (int64_t)sizeof part ? (size_t)left : sizeof part, at);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return err_system(err, "cannot read the original");
		if (count == 0)
			return err_set(err, ERR_CORRUPT, "the original is shorter than it was");
		if (spool_write(file, str_from(part, (size_t)count), err) != 0)
			return -1;
		at += count;
		left -= count;
	}
	return 0;
}

/* What is passed on is as the original was; what we write ourselves is as it says. */
static void fill_envelope(struct spool_envelope *envelope, const struct order *order, const struct made *made,
                          int64_t uid, struct arena *arena)
{
	const struct spool_envelope *original = &order->envelope;
	bool is_ours = made->kind == MADE_ANSWER;

	*envelope = (struct spool_envelope){
	    .time_us = wall_clock_us(),
	    .producer = STR("deliver"),
	    .service = str_of(services[made->kind]),
	    .from = made->from,
	    .body = made->is_8bit ? STR("8BITMIME")
	            : is_ours     ? STR("7BIT")
	                          : original->body,
	    .smtputf8 = !is_ours && original->smtputf8,
	    .requiretls = !is_ours && original->requiretls,
	    .parent = arena_printf(arena, "%.*s/%.*s/%lld", STR_ARG(order->id), STR_ARG(made->step), (long long)uid),
	    .recipient_count = made->to_count,
	};
	if (is_ours)
		return;
	envelope->protocol = original->protocol;
	envelope->peer = original->peer;
	envelope->helo = original->helo;
	envelope->user = original->user;
	envelope->arc = original->arc;
	envelope->results = original->results;
	envelope->visited = original->visited.len > 0
	                        ? arena_printf(arena, "%.*s %lld", STR_ARG(original->visited), (long long)uid)
	                        : arena_printf(arena, "%lld", (long long)uid);
}

static int write_file(struct desk *desk, const struct order *order, const struct made *made, int64_t uid,
                      struct spool_envelope *envelope, struct str *id_out, struct arena *arena, struct err *err)
{
	struct spool_file file;

	spool_make_id(&file, "deliver", envelope->parent);
	envelope->id = arena_copy(arena, str_of(file.id));
	*id_out = envelope->id;
	if (spool_begin(&file, &desk->drop, envelope, err) != 0)
		return -1;
	if (spool_write(&file, made->head, err) != 0 || copy_original(&file, order, made, err) != 0 ||
	    media_write(desk->instance, made, uid, &file, err) != 0 || spool_write(&file, made->tail, err) != 0) {
		spool_abort(&file);
		return -1;
	}
	return spool_commit(&file, err);
}

static void log_made(const struct order *order, int64_t uid, const struct made *made, struct str id,
                     struct arena *arena)
{
	for (size_t i = 0; i < made->to_count; i++)
		log_info("id=%.*s %.*s of user uid=%lld to=<%.*s> as id=%.*s", STR_ARG(order->id), STR_ARG(made->step),
		         (long long)uid, STR_ARG(smtp_target_show(made->to[i], arena)), STR_ARG(id));
}

int made_write(struct desk *desk, const struct order *order, int64_t uid, const struct made *made, struct err *err)
{
	struct spool_recipient *recipients;
	struct spool_envelope envelope;
	struct arena arena;
	struct str id;
	int result;

	if (made->original_at + made->original_len > order->size)
		return err_set(err, ERR_PROTOCOL, "more of the original is wanted than there is");
	arena_init(&arena);
	fill_envelope(&envelope, order, made, uid, &arena);
	recipients = arena_get(&arena, (made->to_count + 1) * sizeof *recipients);
	for (size_t i = 0; i < made->to_count; i++)
		recipients[i] = (struct spool_recipient){
		    .address = made->to[i], .orcpt = STR(""), .folder = STR(""), .named = made->kind == MADE_STORED};
	envelope.recipients = recipients;
	result = write_file(desk, order, made, uid, &envelope, &id, &arena, err);
	if (result == 0)
		log_made(order, uid, made, id, &arena);
	arena_free(&arena);
	return result;
}
