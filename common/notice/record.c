#include "common/notice/record.h"

#include <string.h>

void notice_write(const struct notice *notice, struct ipc_message *message)
{
	ipc_add_text(message, "target", notice->target);
	if (notice->uid != 0)
		ipc_add_number(message, "uid", notice->uid);
	if (notice->address.len != 0)
		ipc_add(message, "address", notice->address);
	ipc_add_text(message, "component", notice_component_word(notice->component));
	ipc_add_text(message, "kind", notice_kind_word(notice->kind));
	ipc_add_text(message, "severity", notice_severity_word(notice->severity));
	ipc_add(message, "item", str_sub(notice->item, 0, NOTICE_WORD_MAX - 1));
	ipc_add(message, "subject", str_sub(notice->subject, 0, NOTICE_SUBJECT_MAX));
	ipc_add(message, "text", str_sub(notice->text, 0, NOTICE_TEXT_MAX));
	ipc_add_number(message, "html", notice->html);
}

static int read_word(const struct ipc_message *message, const char *key, int (*find)(struct str word), int fallback)
{
	int value = find(ipc_get(message, key));

	return value >= 0 ? value : fallback;
}

void notice_read(struct ipc_message *message, char target[NOTICE_WORD_MAX], struct notice *notice_out)
{
	int64_t uid = 0, html = 0;

	if (!ipc_get_text(message, "target", target, NOTICE_WORD_MAX))
		target[0] = '\0';
	ipc_get_number(message, "uid", 1, INT64_MAX, &uid);
	ipc_get_number(message, "html", 0, 1, &html);
	*notice_out = (struct notice){
	    .target = target,
	    .uid = uid,
	    .component = (enum notice_component)read_word(message, "component", notice_component_of, NOTICE_MISC),
	    .kind = (enum notice_kind)read_word(message, "kind", notice_kind_of, NOTICE_OTHER),
	    .severity = (enum notice_severity)read_word(message, "severity", notice_severity_of, NOTICE_ERROR),
	    .address = ipc_get(message, "address"),
	    .item = str_sub(ipc_get(message, "item"), 0, NOTICE_WORD_MAX - 1),
	    .subject = str_sub(ipc_get(message, "subject"), 0, NOTICE_SUBJECT_MAX),
	    .text = str_sub(ipc_get(message, "text"), 0, NOTICE_TEXT_MAX),
	    .html = html == 1,
	};
}
