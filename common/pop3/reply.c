#include "common/pop3/reply.h"

enum pop3_status pop3_reply_status(struct str line, struct str *text)
{
	static const struct {
		struct str indicator;
		enum pop3_status status;
	} indicators[] = {
	    {{"+OK", 3}, POP3_STATUS_OK},
	    {{"-ERR", 4}, POP3_STATUS_ERROR},
	    {{"+", 1}, POP3_STATUS_CONTINUE},
	};

	*text = str_trim(line);
	for (size_t i = 0; i < sizeof indicators / sizeof indicators[0]; i++) {
		struct str rest = str_skip(line, indicators[i].indicator.len);

		if (!str_starts_nocase(line, indicators[i].indicator))
			continue;
		if (rest.len != 0 && rest.data[0] != ' ' && rest.data[0] != '\t')
			continue;
		*text = str_trim(rest);
		return indicators[i].status;
	}
	return POP3_STATUS_NONE;
}

static bool take_number(struct str *rest, uint64_t max, uint64_t *value)
{
	return str_to_u64(str_cut_word(rest), max, value);
}

bool pop3_reply_stat(struct str text, uint32_t *count, uint64_t *octets)
{
	uint64_t number;

	if (!take_number(&text, POP3_MESSAGES_MAX, &number) || !take_number(&text, INT64_MAX, octets))
		return false;
	*count = (uint32_t)number;
	return true;
}

bool pop3_reply_size(struct str line, uint32_t *number, uint64_t *octets)
{
	uint64_t value;

	if (!take_number(&line, POP3_MESSAGES_MAX, &value) || value == 0 || !take_number(&line, INT64_MAX, octets))
		return false;
	*number = (uint32_t)value;
	return true;
}

bool pop3_reply_uidl(struct str line, uint32_t *number, struct str *uidl)
{
	uint64_t value;

	if (!take_number(&line, POP3_MESSAGES_MAX, &value) || value == 0)
		return false;
	*number = (uint32_t)value;
	*uidl = str_trim(line);
	return uidl->len != 0 && uidl->len <= POP3_UIDL_MAX && str_find_char(*uidl, '\0') < 0;
}

/* RFC 1939: a msg-id of RFC 822, so there is an "@" in it, and no blank. */
struct str pop3_reply_timestamp(struct str greeting)
{
	ptrdiff_t from, len;
	struct str stamp;

	while ((from = str_find_char(greeting, '<')) >= 0) {
		greeting = str_skip(greeting, (size_t)from);
		len = str_find_char(greeting, '>');
		if (len < 0)
			break;
		stamp = str_sub(greeting, 0, (size_t)len + 1);
		if (str_find_char(stamp, '@') > 0 && str_find_char(stamp, ' ') < 0)
			return stamp;
		greeting = str_skip(greeting, 1);
	}
	return STR("");
}

unsigned pop3_reply_capability(struct str line, struct str *words)
{
	struct str word = str_cut_word(&line);

	*words = str_trim(line);
	if (str_equal_nocase(word, STR("STLS")))
		return POP3_OFFER_STLS;
	if (str_equal_nocase(word, STR("PIPELINING")))
		return POP3_OFFER_PIPELINING;
	return str_equal_nocase(word, STR("SASL")) ? POP3_OFFER_SASL : 0;
}
