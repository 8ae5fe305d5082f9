#include "collector/dialogue.h"

#include "collector/outbox.h"
#include "common/base/log.h"

#include <inttypes.h>
#include <time.h>

static int64_t hold_days(const struct dialogue *dialogue)
{
	return settings_number(&dialogue->collectord->settings, SETTING_COLLECT_HOLD_UIDLS);
}

static void add_known(struct ipc_message *reply, const struct known *known)
{
	const bool marks[] = {known->headers_only, known->told, known->get, known->remove};
	struct buf line;

	buf_init(&line, 128);
	buf_printf(&line, "%" PRId64 " %" PRId64 " %" PRId64 " ", known->first_seen, known->downloaded, known->asked);
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
		if (marks[i])
			buf_add_char(&line, DIALOGUE_MARKS[i]);
	buf_add_char(&line, '-');
	ipc_add(reply, "known", buf_str(&line));
	buf_free(&line);
}

static int take_seen(struct dialogue *dialogue, const struct ipc_message *request, struct ipc_message *reply,
                     struct err *err)
{
	int64_t now = time(NULL);
	size_t position = 0, count = 0;
	struct str key, identity;

	while (ipc_next(request, &position, &key, &identity)) {
		struct known known;
		uint64_t size;

		if (!str_equal(key, STR("message")))
			continue;
		if (!str_to_u64(str_cut(&identity, ' '), INT64_MAX, &size) || identity.len == 0 || ++count > DIALOGUE_SEEN_MAX)
			return err_set(err, ERR_PROTOCOL, "what was seen is not understood");
		if (table_see(dialogue->collectord, dialogue->collector, identity, (int64_t)size, now, &known, err) != 0)
			return -1;
		add_known(reply, &known);
	}
	return 0;
}

static int take_listed(struct dialogue *dialogue, const struct ipc_message *request, struct ipc_message *reply,
                       struct err *err)
{
	(void)request, (void)reply;
	return table_forget(dialogue->collectord, dialogue->collector, dialogue->began, hold_days(dialogue), err);
}

static void take_fate_field(struct fate *fate, struct str key, struct str value)
{
	struct str kept = str_sub(value, 0, COLLECT_TEXT_MAX);
	uint64_t number = 0;

	if (str_equal(key, STR("subject")))
		fate->subject = kept;
	else if (str_equal(key, STR("from")))
		fate->from = kept;
	else if (str_equal(key, STR("to")))
		fate->to = kept;
	else if (str_equal(key, STR("token")))
		fate->token = kept;
	else if (str_equal(key, STR("size")) && str_to_u64(value, INT64_MAX, &number))
		fate->size = (int64_t)number;
	else if (str_equal(key, STR("date")) && str_to_u64(value, INT64_MAX, &number))
		fate->date = (int64_t)number;
	else if (str_equal(key, STR("fate"))) {
		fate->downloaded = str_find_char(value, DIALOGUE_FATES[0]) >= 0;
		fate->headers_only = str_find_char(value, DIALOGUE_FATES[1]) >= 0;
		fate->asked = str_find_char(value, DIALOGUE_FATES[2]) >= 0;
		fate->told = str_find_char(value, DIALOGUE_FATES[3]) >= 0;
		fate->remove = str_find_char(value, DIALOGUE_FATES[4]) >= 0;
	}
}

static int note(struct dialogue *dialogue, const struct fate *fate, struct err *err)
{
	return fate->identity.len == 0
	           ? 0
	           : table_note(dialogue->collectord, dialogue->collector, fate, (int64_t)time(NULL), err);
}

static int take_stored(struct dialogue *dialogue, const struct ipc_message *request, struct ipc_message *reply,
                       struct err *err)
{
	struct collectord *collectord = dialogue->collectord;
	struct fate fate = {0};
	size_t position = 0;
	struct str key, value;
	int result = outbox_begin(collectord, err);

	(void)reply;
	while (result == 0 && ipc_next(request, &position, &key, &value)) {
		if (str_equal(key, STR("mail"))) {
			result = outbox_add(collectord, value, err);
		} else if (str_equal(key, STR("answerer")) && fate.identity.len != 0) {
			result = table_add_answerer(collectord, dialogue->collector, fate.identity, value, err);
		} else if (str_equal(key, STR("message"))) {
			result = note(dialogue, &fate, err);
			fate = (struct fate){.identity = value};
		} else {
			take_fate_field(&fate, key, value);
		}
	}
	return result == 0 ? note(dialogue, &fate, err) : -1;
}

static int take_deleted(struct dialogue *dialogue, const struct ipc_message *request, struct ipc_message *reply,
                        struct err *err)
{
	size_t position = 0;
	struct str key, identity;

	(void)reply;
	while (ipc_next(request, &position, &key, &identity))
		if (str_equal(key, STR("message")) &&
		    table_deleted(dialogue->collectord, dialogue->collector, identity, hold_days(dialogue), err) != 0)
			return -1;
	return 0;
}

static int take_notice(struct dialogue *dialogue, const struct ipc_message *request, struct ipc_message *reply,
                       struct err *err)
{
	char target[NOTICE_WORD_MAX] = "";
	int kind = notice_kind_of(ipc_get(request, "kind"));
	struct notice notice = {
	    .target = target,
	    .component = NOTICE_COLLECTOR,
	    .kind = kind >= 0 ? (enum notice_kind)kind : NOTICE_OTHER,
	    .severity = NOTICE_WARNING,
	    .item = str_of(dialogue->name),
	    .subject = ipc_get(request, "subject"),
	    .text = ipc_get(request, "text"),
	};

	(void)reply;
	if (++dialogue->notices > DIALOGUE_NOTICES_MAX || !ipc_get_text(request, "target", target, sizeof target))
		return err_set(err, ERR_LIMIT, "this session has told enough");
	notice_send(dialogue->collectord->notices, &notice);
	return 0;
}

static bool get_flag(const struct ipc_message *request, const char *key)
{
	int64_t value;

	return ipc_get_number(request, key, 0, 1, &value) && value == 1;
}

static int take_result(struct dialogue *dialogue, const struct ipc_message *request, struct ipc_message *reply,
                       struct err *err)
{
	struct run_result *result = &dialogue->result;

	(void)reply, (void)err;
	result->connected = get_flag(request, "connected");
	result->ok = get_flag(request, "ok");
	if (!ipc_get_number(request, "messages", 0, INT64_MAX, &result->messages))
		result->messages = 0;
	if (!ipc_get_number(request, "octets", 0, INT64_MAX, &result->octets))
		result->octets = 0;
	str_copy(ipc_get(request, "text"), result->text, sizeof result->text);
	dialogue->has_result = true;
	dialogue->stays = result->ok && get_flag(request, "stays");
	return 0;
}

static int take_begin(struct dialogue *dialogue, const struct ipc_message *request, struct ipc_message *reply,
                      struct err *err)
{
	(void)request, (void)reply, (void)err;
	dialogue->began = time(NULL);
	dialogue->has_begun = true;
	return 0;
}

static int take_leave(struct dialogue *dialogue, const struct ipc_message *request, struct ipc_message *reply,
                      struct err *err)
{
	(void)request, (void)reply, (void)err;
	dialogue->has_left = true;
	return 0;
}

static const struct operation {
	const char *op;
	int (*take)(struct dialogue *dialogue, const struct ipc_message *request, struct ipc_message *reply,
	            struct err *err);
	bool writes; /* in a transaction */
} operations[] = {
    {"seen", take_seen, true},       {"listed", take_listed, true},  {"stored", take_stored, true},
    {"deleted", take_deleted, true}, {"notice", take_notice, false}, {"result", take_result, false},
    {"begin", take_begin, false},    {"leave", take_leave, false},
};

static int run(struct dialogue *dialogue, const struct operation *operation, const struct ipc_message *request,
               struct ipc_message *reply, struct err *err)
{
	struct db *db = &dialogue->collectord->db;

	if (!operation->writes)
		return operation->take(dialogue, request, reply, err);
	if (db_begin(db, err) != 0)
		return -1;
	if (operation->take(dialogue, request, reply, err) != 0) {
		db_rollback(db);
		return -1;
	}
	return db_commit(db, err);
}

void dialogue_answer(struct dialogue *dialogue, const struct ipc_message *request, struct ipc_message *reply)
{
	const struct operation *operation = NULL;
	struct err err;
	int result;

	for (size_t i = 0; operation == NULL && i < sizeof operations / sizeof operations[0]; i++)
		if (ipc_is(request, operations[i].op))
			operation = &operations[i];
	ipc_reply_ok(reply);
	if (operation == NULL)
		result = err_set(&err, ERR_PROTOCOL, "no session asks that");
	else
		result = run(dialogue, operation, request, reply, &err);
	if (result != 0) {
		log_error("the session of %s: %s", dialogue->name, err.text);
		ipc_message_reset(reply);
		ipc_reply_error(reply, &err);
		return;
	}
	/* What cannot be moved now is committed all the same: the next transaction, or the next start, moves it. */
	if (operation->take == take_stored && outbox_release(dialogue->collectord, &err) != 0)
		log_error("mail waits in the drop for the next commit: %s", err.text);
}
