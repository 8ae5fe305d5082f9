#include "common/imap/reply.h"

enum { NESTED_MAX = 20 }; /* parentheses in a value */

static const struct {
	struct str word;
	enum imap_reply_status status;
} statuses[] = {
    {{"OK", 2}, IMAP_REPLY_OK},           {{"NO", 2}, IMAP_REPLY_NO},   {{"BAD", 3}, IMAP_REPLY_BAD},
    {{"PREAUTH", 7}, IMAP_REPLY_PREAUTH}, {{"BYE", 3}, IMAP_REPLY_BYE},
};

static enum imap_reply_status cut_status(struct str *text)
{
	struct str rest = *text, word = str_cut_word(&rest);

	for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++)
		if (str_equal_nocase(word, statuses[i].word)) {
			*text = str_trim(rest);
			return statuses[i].status;
		}
	return IMAP_REPLY_OTHER;
}

struct imap_reply imap_reply_parse(struct str line)
{
	struct imap_reply reply = {.kind = IMAP_REPLY_NONE, .text = line};

	if (str_equal(line, STR("+")) || str_starts(line, STR("+ "))) {
		reply.kind = IMAP_REPLY_CONTINUE;
		reply.text = str_trim(str_skip(line, 1));
		return reply;
	}
	if (str_starts(line, STR("* "))) {
		reply.kind = IMAP_REPLY_UNTAGGED;
		reply.text = str_skip(line, 2);
		reply.status = cut_status(&reply.text);
		return reply;
	}
	reply.tag = str_cut_word(&reply.text);
	reply.text = str_trim(reply.text);
	reply.status = cut_status(&reply.text);
	if (reply.tag.len != 0 &&
	    (reply.status == IMAP_REPLY_OK || reply.status == IMAP_REPLY_NO || reply.status == IMAP_REPLY_BAD))
		reply.kind = IMAP_REPLY_TAGGED;
	return reply;
}

bool imap_reply_ends_in_literal(struct str line, uint64_t *size, size_t *head)
{
	size_t at = line.len;
	struct str digits;

	if (at == 0 || line.data[at - 1] != '}')
		return false;
	while (at > 0 && line.data[at - 1] != '{')
		at--;
	if (at == 0)
		return false;
	digits = str_sub(line, at, line.len - at - 1);
	if (digits.len > 0 && digits.data[digits.len - 1] == '+')
		digits.len--;
	*head = line.len - at + 1;
	return str_to_u64(digits, INT64_MAX, size);
}

bool imap_reply_code(struct str text, const char *code, uint64_t *number)
{
	struct str word;
	ptrdiff_t end;

	if (text.len == 0 || text.data[0] != '[' || (end = str_find_char(text, ']')) < 0)
		return false;
	text = str_sub(text, 1, (size_t)end - 1);
	word = str_cut_word(&text);
	return str_equal_nocase(word, str_of(code)) && str_to_u64(str_trim(text), INT64_MAX, number);
}

bool imap_reply_exists(struct str text, uint32_t *count)
{
	uint64_t number;

	if (!str_to_u64(str_cut_word(&text), UINT32_MAX, &number) || !str_equal_nocase(str_trim(text), STR("EXISTS")))
		return false;
	*count = (uint32_t)number;
	return true;
}

unsigned imap_reply_offer(struct str word)
{
	static const struct {
		struct str word;
		unsigned offer;
	} offers[] = {
	    {{"STARTTLS", 8}, IMAP_OFFER_STARTTLS},
	    {{"LOGINDISABLED", 13}, IMAP_OFFER_LOGINDISABLED},
	    {{"SASL-IR", 7}, IMAP_OFFER_SASL_IR},
	    {{"UIDPLUS", 7}, IMAP_OFFER_UIDPLUS},
	    {{"MOVE", 4}, IMAP_OFFER_MOVE},
	    {{"IDLE", 4}, IMAP_OFFER_IDLE},
	    {{"SPECIAL-USE", 11}, IMAP_OFFER_SPECIAL_USE},
	    {{"LIST-EXTENDED", 13}, IMAP_OFFER_LIST_EXTENDED},
	    {{"XLIST", 5}, IMAP_OFFER_XLIST},
	    {{"NAMESPACE", 9}, IMAP_OFFER_NAMESPACE},
	};

	for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++)
		if (str_equal_nocase(word, offers[i].word))
			return offers[i].offer;
	return 0;
}

struct str imap_reply_mechanism(struct str word)
{
	return str_starts_nocase(word, STR("AUTH=")) ? str_skip(word, 5) : STR("");
}

static void skip_blanks(struct str *rest)
{
	while (rest->len > 0 && rest->data[0] == ' ')
		*rest = str_skip(*rest, 1);
}

/* A quoted string, from its first quote on; its inside. False: it has no end. */
static bool cut_quoted(struct str *rest, struct str *inside)
{
	for (size_t i = 1; i < rest->len; i++) {
		if (rest->data[i] == '\\')
			i++;
		else if (rest->data[i] == '"') {
			*inside = str_sub(*rest, 1, i - 1);
			*rest = str_skip(*rest, i + 1);
			return true;
		}
	}
	return false;
}

/* Anything that is a value: a list, a string, the head of a literal that was left out, an atom. */
static bool cut_value(struct str *rest, struct str *quoted)
{
	unsigned depth = 0;
	struct str inside;

	*quoted = STR("");
	skip_blanks(rest);
	if (rest->len > 0 && rest->data[0] == '"')
		return cut_quoted(rest, quoted);
	for (;;) {
		char c = rest->len > 0 ? rest->data[0] : '\0';

		if (rest->len == 0)
			return depth == 0;
		if (depth == 0 && (c == ' ' || c == ')'))
			return true;
		if (c == '"') {
			if (!cut_quoted(rest, &inside))
				return false;
			continue;
		}
		if (c == '(' && ++depth > NESTED_MAX)
			return false;
		if (c == ')')
			depth--;
		*rest = str_skip(*rest, 1);
	}
}

/* The name of an item: up to a blank, with the section in brackets, which may hold blanks. */
static struct str cut_name(struct str *rest)
{
	size_t len = 0;
	bool within = false;
	struct str name;

	skip_blanks(rest);
	while (len < rest->len && (within || (rest->data[len] != ' ' && rest->data[len] != ')'))) {
		within = rest->data[len] == '[' || (within && rest->data[len] != ']');
		len++;
	}
	name = str_sub(*rest, 0, len);
	*rest = str_skip(*rest, len);
	return name;
}

bool imap_reply_fetch(struct str text, struct imap_reply_fetch *fetch)
{
	struct str name, value, quoted;
	uint64_t number;

	*fetch = (struct imap_reply_fetch){.quoted = STR("")};
	if (!str_to_u64(str_cut_word(&text), UINT32_MAX, &number) || !str_equal_nocase(str_cut_word(&text), STR("FETCH")))
		return false;
	skip_blanks(&text);
	if (text.len == 0 || text.data[0] != '(')
		return false;
	text = str_skip(text, 1);
	while ((name = cut_name(&text)).len > 0) {
		value = text;
		if (!cut_value(&text, &quoted))
			return false;
		value = str_trim(str_sub(value, 0, value.len - text.len));
		if (str_equal_nocase(name, STR("UID")) && str_to_u64(value, UINT32_MAX, &number))
			fetch->uid = (uint32_t)number;
		else if (str_equal_nocase(name, STR("RFC822.SIZE")))
			fetch->has_size = str_to_u64(value, INT64_MAX, &fetch->size);
		else if (str_starts_nocase(name, STR("BODY["))) {
			fetch->has_body = true;
			fetch->is_header = str_starts_nocase(name, STR("BODY[HEADER"));
			fetch->quoted = quoted;
		}
	}
	skip_blanks(&text);
	return str_equal(str_trim(text), STR(")"));
}
