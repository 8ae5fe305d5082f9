#include "authd/audit.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <time.h>

enum { ANSWER_OCTETS = 48 * 1024 }; /* must stay below IPC_PACKET_MAX */

void audit_init(struct audit *audit)
{
	*audit = (struct audit){0};
	STAILQ_INIT(&audit->lines);
}

static void drop_first(struct audit *audit)
{
	struct audit_line *line = STAILQ_FIRST(&audit->lines);

	STAILQ_REMOVE_HEAD(&audit->lines, next);
	memory_free(line);
	audit->count--;
}

void audit_free(struct audit *audit)
{
	while (audit->count > 0)
		drop_first(audit);
	if (audit->waiting != NULL)
		ipc_no_answer(audit->waiting);
	audit->waiting = NULL;
}

/* Answer with what there is, as much as an answer holds. */
static void answer(struct audit *audit)
{
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	while (audit->count > 0 && reply.fields.len + STAILQ_FIRST(&audit->lines)->len < ANSWER_OCTETS) {
		const struct audit_line *line = STAILQ_FIRST(&audit->lines);

		ipc_add(&reply, "login", str_from(line->text, line->len));
		drop_first(audit);
	}
	ipc_answer(audit->waiting, &reply);
	audit->waiting = NULL;
	ipc_message_free(&reply);
}

static void answer_where_asked(struct audit *audit)
{
	if (audit->waiting == NULL || audit->count == 0)
		return;
	if (!ipc_caller_gone(audit->waiting)) {
		answer(audit);
		return;
	}
	ipc_no_answer(audit->waiting);
	audit->waiting = NULL;
}

void audit_add(struct audit *audit, struct security_record *record)
{
	struct audit_line *line;
	struct timespec now;
	struct buf text;

	if (audit->count == AUDIT_MAX) {
		if (audit->lost++ == 0)
			log_warning("logins are missing in security.log, because statusd does not ask for them");
		return;
	}
	audit->lost = 0;
	clock_gettime(CLOCK_REALTIME, &now);
	record->time = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	buf_init(&text, SECURITY_LINE_MAX);
	security_format(record, &text);
	line = memory_get(sizeof *line + text.len);
	line->len = text.len;
	memcpy(line->text, text.data, text.len);
	STAILQ_INSERT_TAIL(&audit->lines, line, next);
	audit->count++;
	buf_free(&text);
	answer_where_asked(audit);
}

void audit_ask(struct audit *audit, struct ipc_incoming *incoming)
{
	if (audit->waiting != NULL)
		ipc_answer_ok(audit->waiting);
	audit->waiting = incoming;
	answer_where_asked(audit);
}
