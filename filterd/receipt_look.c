/* receipts: who wants to hear that a message was sent, as it stands in the message; in a worker. */
#include "filterd/look.h"

#include "common/mime/header.h"
#include "common/mime/spans.h"

enum { ADDRESSES_MAX = 5, TEXT_MAX = 500 };

static size_t add_addresses(struct look *look, const struct mime_fields *header, struct str name, size_t count,
                            struct ipc_message *reply)
{
	ptrdiff_t at = mime_fields_find(header, name, 0);
	struct mime_spans spans;

	if (at < 0)
		return count;
	mime_find_spans(header->list[at].value, &look->arena, &spans);
	for (size_t i = 0; i < spans.count && count < ADDRESSES_MAX; i++, count++)
		ipc_add(reply, "address", mime_unfold(spans.list[i].whole, &look->arena));
	return count;
}

int receipt_run(struct ipc_message *reply, void *context, struct err *err)
{
	struct str names, name;
	struct mime_edit edit;
	struct look look;
	size_t count = 0;

	if (look_begin(&look, context, err) != 0 || look_edit(&look, &edit, err) != 0)
		return -1;
	/* no receipt for a report or a receipt */
	if (look.job->reader.len != 0 &&
	    str_equal(str_trim(mime_fields_value(&edit.header, STR("Return-Path"))), STR("<>")))
		return 0;
	names = str_of(settings_text(look.settings, look.job->reader.len != 0 ? SETTING_RECEIPT_READ_FIELDS
	                                                                      : SETTING_RECEIPT_SENT_FIELDS));
	while ((name = str_cut_item(&names)).len != 0)
		count = add_addresses(&look, &edit.header, name, count, reply);
	ipc_add(reply, "subject",
	        str_sub(mime_decode_words(mime_fields_value(&edit.header, STR("Subject")), &look.arena), 0, TEXT_MAX));
	ipc_add(reply, "message-id", str_sub(mime_fields_value(&edit.header, STR("Message-ID")), 0, TEXT_MAX));
	return 0;
}
