/* Encoded words (RFC 2047) and parameter values (RFC 2231 4) as UTF-8. */
#include "common/mime/header.h"
#include "common/mime/text.h"

enum {
	CHARSET_MAX = 64, /* with the language behind it (RFC 2231 5) */
	WORD_MAX = 4096,  /* of the encoded text; RFC 2047 2 allows 75 for the whole word */
};

/* An encoded word in a text. */
struct word {
	struct str charset;
	char encoding; /* 'q' or 'b' */
	struct str text;
	size_t len; /* of the whole */
};

/* Decoded bytes of neighbouring words of one charset are turned into UTF-8 together. */
struct decoding {
	struct arena *arena;
	struct buf out;
	struct str charset; /* of what is in bytes */
	struct buf bytes;
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Does text begin with an encoded word: "=?" charset ["*" language] "?" encoding "?" text "?="? */
static bool read_word(struct str text, struct word *word)
{
	struct str rest = str_skip(text, 2);
	ptrdiff_t mark = str_find_char(str_sub(rest, 0, CHARSET_MAX + 1), '?'), end;

	if (mark <= 0 || rest.len < (size_t)mark + 3 || rest.data[mark + 2] != '?')
		return false;
	word->charset = str_sub(rest, 0, (size_t)mark);
	word->charset = str_cut(&(struct str){word->charset.data, word->charset.len}, '*');
	word->encoding = lower(rest.data[mark + 1]);
	if (word->encoding != 'q' && word->encoding != 'b')
		return false;
	rest = str_skip(rest, (size_t)mark + 3);
	/* In Q what follows may begin with "=": "=?x?q?=41?=". */
	end = str_find(str_sub(rest, 0, WORD_MAX), STR("?="));
	if (end < 0)
		return false;
	word->text = str_sub(rest, 0, (size_t)end);
	word->len = (size_t)(word->text.data + end + 2 - text.data);
	return true;
}

static int hex(char c)
{
	c = lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undo escapes of two hexadecimal digits behind mark. */
static void add_unescaped(struct str text, char mark, bool is_q, struct buf *bytes)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == mark && i + 2 < text.len && hex(text.data[i + 1]) >= 0 && hex(text.data[i + 2]) >= 0) {
			c = (char)(hex(text.data[i + 1]) << 4 | hex(text.data[i + 2]));
			i += 2;
		} else if (is_q && c == '_') {
			c = ' '; /* RFC 2047 4.2 (2) */
		}
		buf_add_char(bytes, c);
	}
}

static void add_base64(struct str text, struct buf *bytes)
{
	struct mime_decoder decoder;
	struct mime_collect collect;
	struct err err;

	mime_collect_init(&collect, bytes);
	mime_decoder_init(&decoder, MIME_BASE64, &collect.sink);
	if (decoder.sink.write(&decoder.sink, text, &err) == MIME_MORE)
		mime_decoder_finish(&decoder, &err);
}

/* A text that is to stand in one line: no controls. */
static void add_clean(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if (c == '\t' || c == '\r' || c == '\n')
			c = ' ';
		if (c != '\0')
			buf_add_char(out, (char)c);
	}
}

static void flush(struct decoding *d)
{
	if (d->bytes.len != 0)
		add_clean(mime_charset_convert(d->charset, buf_str(&d->bytes), d->arena), &d->out);
	buf_reset(&d->bytes);
}

static void add_word(struct decoding *d, const struct word *word)
{
	if (!str_equal_nocase(d->charset, word->charset))
		flush(d);
	d->charset = word->charset;
	if (word->encoding == 'b')
		add_base64(word->text, &d->bytes);
	else
		add_unescaped(word->text, '=', true, &d->bytes);
}

static bool is_blank(struct str s)
{
	return str_trim(s).len == 0;
}

struct str mime_decode_words(struct str value, struct arena *arena)
{
	struct decoding d = {.arena = arena, .charset = STR("")};
	struct str rest = mime_unfold(value, arena), result;
	bool after_word = false;
	ptrdiff_t start;
	size_t from = 0;
	struct word word;

	if (str_find(rest, STR("=?")) < 0)
		return mime_utf8(rest, arena);
	buf_init(&d.out, 8 * rest.len + 16);
	buf_init(&d.bytes, rest.len);
	while ((start = str_find(str_skip(rest, from), STR("=?"))) >= 0) {
		struct str plain = str_sub(rest, 0, from + (size_t)start);

		if (!read_word(str_skip(rest, plain.len), &word)) {
			from = plain.len + 2;
			continue;
		}
		/* RFC 2047 6.2: blanks between two encoded words are not shown. */
		if (!after_word || !is_blank(plain)) {
			flush(&d);
			buf_add_str(&d.out, mime_utf8(plain, arena));
		}
		add_word(&d, &word);
		rest = str_skip(rest, plain.len + word.len);
		from = 0;
		after_word = true;
	}
	flush(&d);
	buf_add_str(&d.out, mime_utf8(rest, arena));
	result = arena_copy(arena, buf_str(&d.out));
	buf_free(&d.out);
	buf_free(&d.bytes);
	return result;
}

struct str mime_utf8(struct str text, struct arena *arena)
{
	struct str unfolded = mime_unfold(text, arena);

	return str_is_utf8(unfolded) ? unfolded : mime_charset_convert(STR(""), unfolded, arena);
}

struct str mime_param_text(const struct mime_param *param, struct arena *arena)
{
	struct str rest = param->value, charset, result;
	struct buf bytes;

	if (!param->is_extended)
		return mime_decode_words(param->value, arena);
	charset = str_cut(&rest, '\'');
	str_cut(&rest, '\''); /* the language */
	if (rest.data == NULL) {
		/* Not charset'language'value after all. */
		charset = STR("");
		rest = param->value;
	}
	buf_init(&bytes, rest.len);
	add_unescaped(rest, '%', false, &bytes);
	result = mime_unfold(mime_charset_convert(charset, buf_str(&bytes), arena), arena);
	result = arena_copy(arena, result);
	buf_free(&bytes);
	return result;
}

struct str mime_file_name(const struct mime_part *part, struct arena *arena)
{
	const struct mime_param *param = mime_param(&part->disposition.params, "filename");

	if (param == NULL)
		param = mime_param(&part->params, "name");
	return param != NULL ? mime_param_text(param, arena) : STR("");
}
