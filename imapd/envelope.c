#include "imapd/envelope.h"

#include "common/mime/header.h"

enum { QUOTED_MAX = 1024 }; /* longer strings go as literals */

static bool is_quotable(struct str string)
{
	for (size_t i = 0; i < string.len; i++) {
		unsigned char c = (unsigned char)string.data[i];

		if (c == '\0' || c == '\r' || c == '\n' || c >= 0x80)
			return false;
	}
	return string.len <= QUOTED_MAX;
}

void envelope_format_string(struct str string, struct arena *arena, struct buf *out)
{
	if (string.data == NULL) {
		buf_add_str(out, STR("NIL"));
		return;
	}
	if (!is_quotable(string)) {
		string = mime_utf8(string, arena);
		buf_printf(out, "{%zu}\r\n", string.len);
		buf_add_str(out, string);
		return;
	}
	buf_add_char(out, '"');
	for (size_t i = 0; i < string.len; i++) {
		if (string.data[i] == '"' || string.data[i] == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, string.data[i]);
	}
	buf_add_char(out, '"');
}

/* A group is shown by its name as a mailbox without host, and its end by an address of nothing. */
static void format_address(const struct mime_address *address, struct arena *arena, struct buf *out)
{
	const struct str parts[] = {address->name, address->route, address->mailbox, address->host};

	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		buf_add_char(out, i == 0 ? '(' : ' ');
		envelope_format_string(parts[i], arena, out);
	}
	buf_add_char(out, ')');
}

static void format_addresses(struct str value, struct arena *arena, struct buf *out)
{
	struct mime_addresses addresses = {0};

	if (value.data != NULL)
		mime_parse_addresses(value, arena, &addresses);
	buf_add_char(out, ' ');
	if (addresses.count == 0) {
		buf_add_str(out, STR("NIL"));
		return;
	}
	buf_add_char(out, '(');
	for (size_t i = 0; i < addresses.count; i++)
		format_address(&addresses.list[i], arena, out);
	buf_add_char(out, ')');
}

static void format_text(struct str value, struct arena *arena, struct buf *out)
{
	buf_add_char(out, ' ');
	envelope_format_string(value, arena, out);
}

void envelope_format(const struct mime_envelope *envelope, struct arena *arena, struct buf *out)
{
	/* RFC 9051 7.5.2: a missing or empty Sender and Reply-To are From's. */
	struct str sender = envelope->sender.len != 0 ? envelope->sender : envelope->from;
	struct str reply_to = envelope->reply_to.len != 0 ? envelope->reply_to : envelope->from;

	buf_add_char(out, '(');
	envelope_format_string(envelope->date, arena, out);
	format_text(envelope->subject, arena, out);
	format_addresses(envelope->from, arena, out);
	format_addresses(sender, arena, out);
	format_addresses(reply_to, arena, out);
	format_addresses(envelope->to, arena, out);
	format_addresses(envelope->cc, arena, out);
	format_addresses(envelope->bcc, arena, out);
	format_text(envelope->in_reply_to, arena, out);
	format_text(envelope->message_id, arena, out);
	buf_add_char(out, ')');
}
