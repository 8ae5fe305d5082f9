#include "common/notice/record.h"

#include <string.h>

void notice_write(const struct notice *notice, struct ipc_message *message)
{
	ipc_add_text(message, "target", notice->target);
	if (notice->uid != 0)
		ipc_add_number(message, "uid", notice->uid);
	ipc_add_number(message, "component", notice->component);
	ipc_add_number(message, "kind", notice->kind);
	ipc_add_number(message, "severity", notice->severity);
	ipc_add(message, "item", str_sub(notice->item, 0, NOTICE_WORD_MAX - 1));
	ipc_add(message, "subject", str_sub(notice->subject, 0, NOTICE_SUBJECT_MAX));
	ipc_add(message, "text", str_sub(notice->text, 0, NOTICE_TEXT_MAX));
}

static int64_t read_number(const struct ipc_message *message, const char *key, int64_t end, int64_t fallback)
{
	int64_t value;

	return ipc_get_number(message, key, 0, end - 1, &value) ? value : fallback;
}

void notice_read(struct ipc_message *message, char target[NOTICE_WORD_MAX], struct notice *notice_out)
{
	if (!ipc_get_text(message, "target", target, NOTICE_WORD_MAX))
		target[0] = '\0';
	*notice_out = (struct notice){
	    .target = target,
	    .uid = read_number(message, "uid", INT64_MAX, 0),
	    .component = (enum notice_component)read_number(message, "component", NOTICE_COMPONENTS, NOTICE_MISC),
	    .kind = (enum notice_kind)read_number(message, "kind", NOTICE_KINDS, NOTICE_OTHER),
	    .severity = (enum notice_severity)read_number(message, "severity", NOTICE_SEVERITIES, NOTICE_ERROR),
	    .item = str_sub(ipc_get(message, "item"), 0, NOTICE_WORD_MAX - 1),
	    .subject = str_sub(ipc_get(message, "subject"), 0, NOTICE_SUBJECT_MAX),
	    .text = str_sub(ipc_get(message, "text"), 0, NOTICE_TEXT_MAX),
	};
}
