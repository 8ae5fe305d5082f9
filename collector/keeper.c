#include "collector/session.h"

#include "common/base/log.h"

static int call(struct session *session, struct ipc_message *request, struct ipc_message *reply, struct err *err)
{
	return ipc_call(&session->keeper, request, reply, DIALOGUE_TIMEOUT_MS, err);
}

static int64_t take_number(struct str *rest)
{
	uint64_t value;

	return str_to_u64(str_cut_word(rest), INT64_MAX, &value) ? (int64_t)value : 0;
}

static struct known read_known(struct str line)
{
	struct known known = {.first_seen = take_number(&line)};
	static const char marks[] = DIALOGUE_MARKS;

	known.downloaded = take_number(&line);
	known.asked = take_number(&line);
	known.headers_only = str_find_char(line, marks[0]) >= 0;
	known.told = str_find_char(line, marks[1]) >= 0;
	known.get = str_find_char(line, marks[2]) >= 0;
	known.remove = str_find_char(line, marks[3]) >= 0;
	return known;
}

int keeper_see(struct session *session, struct item *const *items, size_t count, struct err *err)
{
	struct ipc_message request, reply;
	struct str key, value;
	size_t position = 0, answered = 0;
	struct arena arena;
	int result;

	arena_init(&arena);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "seen");
	for (size_t i = 0; i < count; i++)
		ipc_add(&request, "message",
		        arena_printf(&arena, "%llu %.*s", (unsigned long long)items[i]->size, STR_ARG(items[i]->identity)));
	result = call(session, &request, &reply, err);
	while (result == 0 && answered < count && ipc_next(&reply, &position, &key, &value))
		if (str_equal(key, STR("known")))
			items[answered++]->known = read_known(value);
	if (result == 0 && answered != count)
		result = err_set(err, ERR_PROTOCOL, "the daemon does not say what it knows");
	ipc_message_free(&request);
	ipc_message_free(&reply);
	arena_free(&arena);
	return result;
}

static int call_plain(struct session *session, const char *op, struct err *err)
{
	struct ipc_message request, reply;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, op);
	result = call(session, &request, &reply, err);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

int keeper_listed(struct session *session, struct err *err)
{
	return call_plain(session, "listed", err);
}

int keeper_begin(struct session *session, struct err *err)
{
	session->is_told = false;
	return call_plain(session, "begin", err);
}

int keeper_deleted(struct session *session, struct err *err)
{
	struct ipc_message request, reply;
	int result = 0;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	for (uint32_t i = 0; i < session->item_count && result == 0;) {
		ipc_message_reset(&request);
		ipc_request(&request, "deleted");
		for (size_t count = 0; i < session->item_count && count < DIALOGUE_SEEN_MAX; i++) {
			const struct item *item = &session->items[i];

			if (item->state != ITEM_DELETED || item->identity.len == 0)
				continue;
			ipc_add(&request, "message", item->identity);
			count++;
		}
		result = call(session, &request, &reply, err);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

int keeper_leave(struct session *session, struct err *err)
{
	return call_plain(session, "leave", err);
}

void keeper_notice(struct session *session, const char *target, const char *subject, struct str text)
{
	struct ipc_message request, reply;
	struct err err;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "notice");
	ipc_add_text(&request, "target", target);
	ipc_add_text(&request, "kind", notice_kind_word(NOTICE_OTHER));
	ipc_add_text(&request, "subject", subject);
	ipc_add(&request, "text", text);
	if (call(session, &request, &reply, &err) != 0)
		log_warning("%s: %.*s: %s", subject, STR_ARG(text), err.text);
	ipc_message_free(&request);
	ipc_message_free(&reply);
}

void keeper_result(struct session *session)
{
	struct ipc_message request, reply;
	struct err err;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "result");
	ipc_add_number(&request, "connected", session->result.connected);
	ipc_add_number(&request, "ok", session->result.ok);
	ipc_add_number(&request, "messages", session->result.messages);
	ipc_add_number(&request, "octets", session->result.octets);
	ipc_add_text(&request, "text", session->result.text);
	ipc_add_number(&request, "stays", session->nudge >= 0);
	session->is_told = true;
	if (call(session, &request, &reply, &err) != 0)
		log_error("the result cannot be told: %s: %s", session->result.text, err.text);
	ipc_message_free(&request);
	ipc_message_free(&reply);
}
