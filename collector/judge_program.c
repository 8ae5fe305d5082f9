/* judge: what the administrator's program says of who gets a message (specification 06, "External Router"). */
#include "collector/judge_parts.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <unistd.h>

enum {
	SLICE = 64 * 1024,
	PATIENCE_MS = 90 * 1000, /* beyond the program's own time, for filterd's processes */
	IDENTITY_SHOWN = 30,     /* octets */
};

int judge_open_program(struct judge *judge, struct err *err)
{
	if (settings_text(judge->setup.settings, SETTING_ROUTER_COMMAND)[0] == '\0')
		return 0;
	return ipc_connect(&judge->filterd, judge->setup.instance, "filterd", "collector", err);
}

static int write_message(const struct mime_source *message, int fd, struct err *err)
{
	char slice[SLICE];

	for (int64_t at = 0; at < message->size;) {
		size_t len = message->size - at < SLICE ? (size_t)(message->size - at) : SLICE;

		if (mime_source_read(message, at, slice, len, err) != 0 || io_write_all(fd, slice, len, err) != 0)
			return -1;
		at += (int64_t)len;
	}
	return 0;
}

/* Who gets it instead: what filterd has checked is looked at again, since strangers wrote what the program read. */
static int take_recipients(const struct judge *judge, const struct ipc_message *reply, struct arena *arena,
                           struct judgement *judgement, struct err *err)
{
	struct rule_targets *targets;
	struct str key, value;
	size_t lines = 0, count = 0, total = 0;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		lines += str_equal(key, STR("recipient"));
	if (lines == 0)
		return 0;
	targets = arena_get(arena, lines * sizeof *targets);
	for (size_t position = 0; ipc_next(reply, &position, &key, &value);) {
		if (!str_equal(key, STR("recipient")))
			continue;
		if (targets_parse(value, arena, &targets[count], err) != 0)
			return -1;
		total += targets[count++].count;
	}
	judgement->recipients = arena_get(arena, total * sizeof *judgement->recipients);
	judgement->recipient_count = 0;
	for (size_t i = 0; i < count; i++)
		judge_add_named(judge, &targets[i], arena, judgement->recipients, &judgement->recipient_count);
	judgement->reason = STR("the program for collected mail");
	return 0;
}

static int ask(struct judge *judge, const struct judge_arrival *arrival, int file, struct judgement *judgement,
               struct arena *arena, struct err *err)
{
	int timeout = (int)settings_number(judge->setup.settings, SETTING_ROUTER_TIMEOUT) * 1000 + PATIENCE_MS, result;
	struct ipc_message request, reply;
	int64_t drop;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "route");
	ipc_add(&request, "id",
	        arena_printf(arena, "%.*s/%.*s", STR_ARG(str_sub(judge->setup.name, 0, IDENTITY_SHOWN)),
	                     STR_ARG(str_sub(arrival->offer->uidl, 0, IDENTITY_SHOWN))));
	ipc_add_number(&request, "offset", 0);
	ipc_add(&request, "from", judgement->sender);
	for (size_t i = 0; i < judgement->recipient_count; i++)
		ipc_add(&request, "recipient", judgement->recipients[i].address);
	ipc_add_fd(&request, file);
	result = write_message(&arrival->message, file, err);
	if (result == 0)
		result = ipc_call(&judge->filterd, &request, &reply, timeout, err);
	if (result == 0 && ipc_get_number(&reply, "drop", 1, 1, &drop)) {
		judgement->recipient_count = 0;
		judgement->ignored = true;
		judgement->reason = STR("the program for collected mail");
	} else if (result == 0) {
		result = take_recipients(judge, &reply, arena, judgement, err);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

int judge_ask_program(struct judge *judge, const struct judge_arrival *arrival, struct arena *arena,
                      struct judgement *judgement, struct err *err)
{
	int file, result;

	if (settings_text(judge->setup.settings, SETTING_ROUTER_COMMAND)[0] == '\0' || judgement->ignored)
		return 0;
	file = spool_scratch(judge->setup.drop, err);
	if (file < 0)
		return -1;
	result = ask(judge, arrival, file, judgement, arena, err);
	close(file);
	return result;
}
