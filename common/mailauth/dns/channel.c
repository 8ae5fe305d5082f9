#include "common/ipc/ipc.h"
#include "common/mailauth/dns/dns.h"

enum { SLACK_MS = 2000, NXDOMAIN = 3 }; /* dnsd answers in time where it can; the channel is kept until a bit later */

/* The records of an answer, out of the message into the arena. */
static void take_records(const struct ipc_message *reply, struct arena *arena, struct mailauth_answer *answer)
{
	struct str key, value;
	size_t position = 0, capacity = 0;

	while (ipc_next(reply, &position, &key, &value))
		capacity += str_equal(key, STR("rr"));
	answer->records = arena_get(arena, (capacity + 1) * sizeof *answer->records);
	position = 0;
	while (ipc_next(reply, &position, &key, &value))
		if (str_equal(key, STR("rr")))
			answer->records[answer->count++] = arena_copy(arena, value);
}

static int query(void *context, const char *name, enum mailauth_type type, int timeout_ms, struct arena *arena,
                 struct mailauth_answer *answer_out, struct err *err)
{
	struct ipc_message request, reply;
	int64_t rcode = 0, secure = 0;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "query");
	ipc_add_text(&request, "name", name);
	ipc_add_number(&request, "type", type);
	ipc_add_number(&request, "limit", timeout_ms);
	result = ipc_call(context, &request, &reply, timeout_ms + SLACK_MS, err);
	*answer_out = (struct mailauth_answer){.status = MAILAUTH_TEMPORARY};
	if (result == 0) {
		take_records(&reply, arena, answer_out);
		ipc_get_number(&reply, "rcode", 0, INT32_MAX, &rcode);
		ipc_get_number(&reply, "secure", 0, 1, &secure);
		answer_out->secure = secure != 0;
		answer_out->status = rcode == NXDOMAIN        ? MAILAUTH_NXDOMAIN
		                     : answer_out->count == 0 ? MAILAUTH_NODATA
		                                              : MAILAUTH_FOUND;
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

struct mailauth_dns mailauth_dns_ipc(struct ipc_channel *channel)
{
	return (struct mailauth_dns){.query = query, .context = channel};
}
