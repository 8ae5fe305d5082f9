/*
 * Moderation: posts that wait, what moderators are told of them, what they decide.
 */
#include "lists/lists.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/settings/texts.h"

enum {
	NOTICES_PER_HOUR = 20, /* of one list; beyond that posts wait without a mail for each */
	HOUR_SECONDS = 3600,
};

static const char many_wait[] = "\nMany messages to this list wait. There will be no more mail about them within the\n"
                                "hour; \"postroom list held\" shows them all.\n";

static void describe(const struct listd *listd, const struct list *list, const struct post *post, bool is_last,
                     struct arena *arena, struct mail *mail)
{
	const struct text_value values[] = {
	    {"list", list->name},       {"from", post->origin},
	    {"subject", post->subject}, {"size", arena_printf(arena, "%lld", (long long)post->size)},
	    {"token", post->token},     {"days", arena_printf(arena, "%d", HELD_DAYS)},
	};
	struct text_filled words;

	text_fill(settings_text(&listd->settings, SETTING_TEXT_LIST_HELD), values, 6, arena, &words);
	mail->subject = words.subject;
	mail->text = arena_printf(arena, "%.*s%s", STR_ARG(words.body), is_last ? many_wait : "");
}

/* Each moderator gets the message with it. */
static int tell(struct listd *listd, const struct list *list, const struct post *post, int fd, bool is_last,
                struct err *err)
{
	struct str *moderators;
	struct arena arena;
	struct mail mail;
	size_t count;
	int result;

	arena_init(&arena);
	moderators = arena_get(&arena, LIST_MODERATORS_MAX * sizeof *moderators);
	result = list_moderators(listd, list, &arena, moderators, &count, err);
	mail = (struct mail){
	    .server = list_server_address(listd, list, &arena),
	    .parent = arena_printf(&arena, "%.*s/held/%lld", STR_ARG(post->id), (long long)list->id),
	    .attached = fd,
	    .attached_size = post->size,
	    .to_at = post->to_at,
	    .attached_to = list->address,
	};
	describe(listd, list, post, is_last, &arena, &mail);
	for (size_t i = 0; result == 0 && i < count; i++) {
		mail.to = moderators[i];
		result = mail_send(listd, &mail, err);
	}
	arena_free(&arena);
	return result;
}

int held_add(struct listd *listd, const struct list *list, struct post *post, int fd, struct err *err)
{
	char token[TOKEN_LEN + 1];
	int64_t waiting, recent;

	if (db_query_number(&listd->db, &waiting, err, "SELECT count(*) FROM post WHERE list = ? AND state = ?", "nn",
	                    list->id, (int64_t)POST_HELD) != 1 ||
	    db_query_number(&listd->db, &recent, err, "SELECT count(*) FROM post WHERE list = ? AND state = ? AND time > ?",
	                    "nnn", list->id, (int64_t)POST_HELD, post->time - HOUR_SECONDS * 1000) != 1)
		return -1;
	if (waiting >= HELD_MAX)
		return err_set(err, ERR_LIMIT, "5.3.2 too many messages wait for the moderators of this list");
	io_random_hex(token, TOKEN_LEN);
	post->token = str_of(token);
	post->state = POST_HELD;
	post->next = post->time + (int64_t)HELD_DAYS * DAY_SECONDS * 1000;
	if (table_add_post(listd, post, err) != 0 || archive_keep(listd, fd, post->key, err) != 0)
		return -1;
	return recent >= NOTICES_PER_HOUR ? 0 : tell(listd, list, post, fd, recent + 1 == NOTICES_PER_HOUR, err);
}

int held_decide(struct listd *listd, struct post *post, bool approve, struct err *err)
{
	post->state = approve ? POST_GATHER : POST_DONE;
	post->next = listd_time_ms();
	post->token = STR("");
	if (table_set_post(listd, post, err) != 0)
		return -1;
	/* it is of the time when it is distributed, for digests too */
	if (db_query_run(&listd->db, err, "UPDATE post SET is_archived = is_archived AND ?, time = ? WHERE key = ?", "nnn",
	                 (int64_t)approve, post->next, post->key) != 0)
		return -1;
	log_info("id=%.*s from=<%.*s> list number %lld: %s by a moderator", STR_ARG(post->id), STR_ARG(post->origin),
	         (long long)post->list, approve ? "approved" : "rejected");
	return 0;
}

void held_prune(struct listd *listd, int64_t now)
{
	struct err err;

	if (db_query_run(&listd->db, &err,
	                 "UPDATE post SET state = ?, is_archived = 0, token = '' WHERE state = ? AND next < ?", "nnn",
	                 (int64_t)POST_DONE, (int64_t)POST_HELD, now * 1000) != 0)
		log_error("posts that nobody decided about cannot be dropped: %s", err.text);
}
