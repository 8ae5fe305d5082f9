#include "common/net/smtp_reply.h"

#include "common/login/sasl_client.h"

void smtp_reply_init(struct smtp_reply *reply)
{
	*reply = (struct smtp_reply){0};
	buf_init(&reply->lines, SMTP_REPLY_MAX);
}

void smtp_reply_reset(struct smtp_reply *reply)
{
	reply->code = 0;
	reply->enhanced[0] = '\0';
	reply->line_count = 0;
	buf_reset(&reply->lines);
}

void smtp_reply_free(struct smtp_reply *reply)
{
	buf_free(&reply->lines);
	smtp_reply_reset(reply);
}

int smtp_reply_class(const struct smtp_reply *reply)
{
	return reply->code / 100;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* RFC 2034 section 4, RFC 3463 section 2: class.subject.detail, followed by a blank or nothing. Its length, 0 = none.
 */
static size_t enhanced_length(struct str text, int class)
{
	size_t at = 1;

	if (text.len < 5 || text.data[0] != '0' + class || text.data[at] != '.')
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t digits = 0;

		if (at >= text.len || text.data[at] != '.')
			return 0;
		for (at++; at < text.len && is_digit(text.data[at]) && digits < 4; at++)
			digits++;
		if (digits == 0 || digits > 3)
			return 0;
	}
	return at == text.len || text.data[at] == ' ' ? at : 0;
}

int smtp_reply_add_line(struct smtp_reply *reply, struct str line, struct err *err)
{
	struct str text;
	int code;

	if (line.len < 3 || line.data[0] < '2' || line.data[0] > '5' || !is_digit(line.data[1]) ||
	    !is_digit(line.data[2]) || (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-'))
		return err_set(err, ERR_PROTOCOL, "what the server sent is no SMTP reply");
	code = (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 + (line.data[2] - '0');
	/* A reply whose lines disagree (RFC 5321 4.2.1) could be taken for a success or a failure: it is neither. */
	if (reply->line_count > 0 && code != reply->code)
		return err_set(err, ERR_PROTOCOL, "the lines of a reply bear different codes, %d and %d", reply->code, code);
	if (reply->line_count == SMTP_REPLY_LINES_MAX)
		return err_set(err, ERR_LIMIT, "a reply of more than %d lines", SMTP_REPLY_LINES_MAX);
	reply->code = code;
	reply->line_count++;
	text = str_skip(line, 4);
	buf_add_str(&reply->lines, text);
	buf_add_char(&reply->lines, '\n');
	if (reply->lines.overflow)
		return err_set(err, ERR_LIMIT, "a reply of more than %d octets", SMTP_REPLY_MAX);
	if (line.len > 3 && line.data[3] == '-')
		return 1;
	str_copy(str_sub(text, 0, enhanced_length(text, smtp_reply_class(reply))), reply->enhanced, sizeof reply->enhanced);
	return 0;
}

/* The next line of the reply's texts; false behind the last. */
static bool next_line(struct str *rest, struct str *line)
{
	if (rest->len == 0)
		return false;
	*line = str_cut(rest, '\n');
	return true;
}

/* Add text as printable UTF-8. */
static void add_clean(struct buf *words, struct str text)
{
	while (text.len > 0) {
		unsigned char c = (unsigned char)text.data[0];
		size_t count = str_utf8_sequence(text);

		if (count == 0 || c < 0x20 || c == 0x7f)
			buf_add_char(words, count == 0 ? '?' : ' ');
		else
			buf_add(words, text.data, count);
		text = str_skip(text, count != 0 ? count : 1);
	}
}

/* Take octets off the end until it is whole UTF-8 again. */
static struct str cut_words(struct str words, size_t limit)
{
	words = str_sub(words, 0, limit);
	while (words.len > 0 && !str_is_utf8(words))
		words.len--;
	return words;
}

struct str smtp_reply_words(const struct smtp_reply *reply, struct arena *arena)
{
	struct str rest = buf_str(&reply->lines), line, result;
	bool first = true;
	struct buf words;

	if (reply->code == 0)
		return STR("");
	buf_init(&words, SMTP_REPLY_MAX + 16);
	buf_printf(&words, "%d", reply->code);
	while (next_line(&rest, &line)) {
		line = str_trim(line);
		if (!first && reply->enhanced[0] != '\0' && str_starts(line, str_of(reply->enhanced)))
			line = str_trim(str_skip(line, strlen(reply->enhanced)));
		if (line.len == 0)
			continue;
		buf_add_char(&words, ' ');
		add_clean(&words, line);
		first = false;
	}
	if (words.len > SMTP_REPLY_WORDS_MAX)
		result = arena_printf(arena, "%.*s...", STR_ARG(cut_words(buf_str(&words), SMTP_REPLY_WORDS_MAX - 3)));
	else
		result = arena_copy(arena, buf_str(&words));
	buf_free(&words);
	return result;
}

static void add_extension(struct str line, struct smtp_extensions *extensions)
{
	static const struct {
		const char *keyword;
		enum smtp_extension extension;
	} known[] = {{"PIPELINING", SMTP_PIPELINING},
	             {"8BITMIME", SMTP_8BITMIME},
	             {"SIZE", SMTP_SIZE},
	             {"STARTTLS", SMTP_STARTTLS},
	             {"AUTH", SMTP_AUTH},
	             {"DSN", SMTP_DSN},
	             {"SMTPUTF8", SMTP_SMTPUTF8},
	             {"ETRN", SMTP_ETRN},
	             {"ATRN", SMTP_ATRN},
	             {"REQUIRETLS", SMTP_REQUIRETLS},
	             {"FUTURERELEASE", SMTP_FUTURERELEASE}};
	static const struct str old_auth = {"AUTH=", 5};
	struct str keyword;

	/* "AUTH=LOGIN PLAIN" is how servers older than RFC 2554 said it; some still say nothing else. */
	if (str_starts_nocase(line, old_auth)) {
		extensions->offered |= SMTP_AUTH;
		extensions->mechanisms |= sasl_client_mechanisms(str_skip(line, old_auth.len));
		return;
	}
	keyword = str_cut_word(&line);
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (!str_equal_nocase(keyword, str_of(known[i].keyword)))
			continue;
		extensions->offered |= known[i].extension;
		if (known[i].extension == SMTP_AUTH)
			extensions->mechanisms |= sasl_client_mechanisms(line);
		if (known[i].extension == SMTP_SIZE)
			str_to_u64(str_trim(line), UINT64_MAX, &extensions->size_limit);
	}
}

void smtp_reply_extensions(const struct smtp_reply *reply, struct smtp_extensions *extensions_out)
{
	struct str rest = buf_str(&reply->lines), line;
	bool first = true;

	*extensions_out = (struct smtp_extensions){0};
	for (; next_line(&rest, &line); first = false)
		if (!first)
			add_extension(str_trim(line), extensions_out);
}
