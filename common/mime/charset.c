#include "common/mime/text.h"

#include <errno.h>
#include <iconv.h>

enum charset_kind {
	KIND_UTF8,
	KIND_GUESS, /* UTF-8 where the bytes are that, else windows-1252 */
	KIND_WESTERN,
	KIND_ICONV,
};

enum { NAME_SIZE = 48 };

/* Names that mail uses for a charset, and the one that reads it best here. */
static const struct alias {
	const char *name;
	const char *same_as;
} aliases[] = {
    {"ansi_x3.4-1968", "us-ascii"},
    {"ascii", "us-ascii"},
    {"utf8", "utf-8"},
    {"x-unknown", "us-ascii"},
    {"unknown-8bit", "us-ascii"},
    {"default", "us-ascii"},
    {"iso8859-1", "iso-8859-1"},
    {"latin1", "iso-8859-1"},
    {"latin-1", "iso-8859-1"},
    {"cp1252", "iso-8859-1"},
    {"windows-1252", "iso-8859-1"},
    {"iso_8859-1", "iso-8859-1"},
    {"iso-8859-8-i", "iso-8859-8"},
    {"iso-8859-8-e", "iso-8859-8"},
    {"iso-8859-6-i", "iso-8859-6"},
    {"gb2312", "gb18030"},
    {"gbk", "gb18030"},
    {"x-gbk", "gb18030"},
    {"gb_2312-80", "gb18030"},
    {"hz-gb-2312", "gb18030"},
    {"shift_jis", "cp932"},
    {"shift-jis", "cp932"},
    {"x-sjis", "cp932"},
    {"sjis", "cp932"},
    {"euc-kr", "cp949"},
    {"ks_c_5601-1987", "cp949"},
    {"ks_c_5601", "cp949"},
    {"x-euc-jp", "euc-jp"},
    {"unicode-1-1-utf-7", "utf-7"},
    {"x-mac-roman", "macintosh"},
    {"x-windows-949", "cp949"},
    {"x-big5", "big5"},
    {"iso-8859-11", "tis-620"},
    {"windows-874", "cp874"},
    {"x-windows-1251", "cp1251"},
};

/* What the common ones are in mail; loaded before the sandbox. */
static const char *const preloaded[] = {
    "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-9", "iso-8859-15", "cp1250",      "cp1251",
    "cp1253",     "cp1254",     "cp1255",     "cp1256",     "cp1257",      "koi8-r",      "koi8-u",
    "gb18030",    "big5",       "cp932",      "euc-jp",     "iso-2022-jp", "cp949",       "utf-16",
    "utf-7",      "iso-8859-8", "tis-620",    "macintosh",  "cp1258",      "iso-8859-13",
};

/* windows-1252 from 0x80 to 0x9f; elsewhere it is ISO-8859-1, whose control characters there nobody means. */
static const uint16_t western[32] = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178,
};

/* The name in lower case, aliases resolved; false where it cannot be a charset's. */
static bool normalise(struct str name, char out[NAME_SIZE])
{
	name = str_trim(name);
	if (name.len == 0 || name.len >= NAME_SIZE)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (c >= 'A' && c <= 'Z')
			c = (char)(c + 32);
		/* Not "/": iconv takes what is behind it for options. */
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == ':'))
			return false;
		out[i] = c;
	}
	out[name.len] = '\0';
	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (str_equal(str_of(aliases[i].name), str_of(out)))
			str_copy(str_of(aliases[i].same_as), out, NAME_SIZE);
	return true;
}

static bool is_named(const char *name, const char *other)
{
	return str_equal(str_of(name), str_of(other));
}

/* Add a character of at most U+FFFF. */
static size_t encode(unsigned c, char out[3])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	out[0] = (char)(0xe0 | c >> 12);
	out[1] = (char)(0x80 | (c >> 6 & 63));
	out[2] = (char)(0x80 | (c & 63));
	return 3;
}

static size_t encode_western(unsigned char c, char out[3])
{
	return encode(c >= 0x80 && c < 0xa0 ? western[c - 0x80] : c, out);
}

/* Could s be the beginning of a sequence of UTF-8 whose end has not come yet? */
static bool may_become_utf8(struct str s)
{
	static const char rest[3] = "\x80\x80\x80", high[3] = "\xbf\xbf\xbf";
	char trial[8];

	if (s.len == 0 || s.len > 3)
		return false;
	memcpy(trial, s.data, s.len);
	for (size_t add = 1; add + s.len <= 4; add++) {
		memcpy(trial + s.len, rest, add);
		if (str_utf8_sequence(str_from(trial, s.len + add)) == s.len + add)
			return true;
		memcpy(trial + s.len, high, add);
		if (str_utf8_sequence(str_from(trial, s.len + add)) == s.len + add)
			return true;
	}
	return false;
}

/* Bytes that are to be UTF-8: runs that are go on as they stand. Returns how many bytes at the end wait for more. */
static int write_utf8(struct mime_charset *c, struct str in, bool is_end, size_t *left, struct err *err)
{
	int result = MIME_MORE;

	while (in.len > 0 && result == MIME_MORE) {
		size_t good = 0, next;
		char other[3];

		do {
			while (good < in.len && (unsigned char)in.data[good] < 0x80)
				good++;
			next = str_utf8_sequence(str_skip(in, good));
			good += next;
		} while (next != 0);
		if (good != 0)
			result = c->next->write(c->next, str_sub(in, 0, good), err);
		in = str_skip(in, good);
		if (in.len == 0 || (!is_end && may_become_utf8(in)) || result != MIME_MORE)
			break;
		next = c->kind == KIND_GUESS ? encode_western((unsigned char)in.data[0], other) : encode(0xfffd, other);
		result = c->next->write(c->next, str_from(other, next), err);
		in = str_skip(in, 1);
	}
	*left = in.len;
	return result;
}

static int write_western(struct mime_charset *c, struct str in, struct err *err)
{
	int result = MIME_MORE;

	while (in.len > 0 && result == MIME_MORE) {
		char out[768];
		size_t len = 0, count = 0;

		for (; count < in.len && len + 3 <= sizeof out; count++)
			len += encode_western((unsigned char)in.data[count], out + len);
		result = c->next->write(c->next, str_from(out, len), err);
		in = str_skip(in, count);
	}
	return result;
}

/* Returns how many bytes at the end wait for more. in.data is not changed: iconv's interface is older than const. */
static int write_iconv(struct mime_charset *c, struct str in, bool is_end, size_t *left, struct err *err)
{
	int result = MIME_MORE;
	char out[1024];

	while (in.len > 0 && result == MIME_MORE) {
		char *from = (char *)in.data, *to = out;
		size_t room = sizeof out - 3, len = in.len;
		bool is_broken = false;

		if (iconv(c->iconv, &from, &len, &to, &room) == (size_t)-1)
			is_broken = errno == EILSEQ || (errno == EINVAL && (is_end || len > 8));
		in = str_from(from, len);
		if (is_broken && len > 0) {
			to += encode(0xfffd, to);
			in = str_skip(in, 1);
		}
		if (to != out)
			result = c->next->write(c->next, str_from(out, (size_t)(to - out)), err);
		else if (!is_broken)
			break; /* the rest is the beginning of a character */
	}
	*left = in.len;
	return result;
}

static int convert(struct mime_charset *c, struct str in, bool is_end, size_t *left, struct err *err)
{
	*left = 0;
	if (c->kind == KIND_WESTERN)
		return write_western(c, in, err);
	if (c->kind == KIND_ICONV)
		return write_iconv(c, in, is_end, left, err);
	return write_utf8(c, in, is_end, left, err);
}

static int charset_write(struct mime_sink *sink, struct str bytes, struct err *err)
{
	struct mime_charset *c = (struct mime_charset *)sink;
	int result = MIME_MORE;
	size_t left;

	/* Complete the character that is held, a byte at a time: it is at most some bytes long. */
	while (c->held_count != 0 && bytes.len > 0 && result == MIME_MORE) {
		c->held[c->held_count++] = bytes.data[0];
		bytes = str_skip(bytes, 1);
		result = convert(c, str_from(c->held, c->held_count), c->held_count == sizeof c->held, &left, err);
		memmove(c->held, c->held + c->held_count - left, left);
		c->held_count = (unsigned)left;
	}
	if (bytes.len == 0 || result != MIME_MORE)
		return result;
	result = convert(c, bytes, false, &left, err);
	if (left < sizeof c->held) {
		memcpy(c->held, bytes.data + bytes.len - left, left);
		c->held_count = (unsigned)left;
	}
	return result;
}

void mime_charset_init(struct mime_charset *charset, struct str name, struct mime_sink *next)
{
	char normal[NAME_SIZE];

	*charset = (struct mime_charset){.sink = {.write = charset_write}, .next = next, .kind = KIND_GUESS};
	if (!normalise(name, normal) || is_named(normal, "us-ascii"))
		return;
	if (is_named(normal, "utf-8"))
		charset->kind = KIND_UTF8;
	else if (is_named(normal, "iso-8859-1"))
		charset->kind = KIND_WESTERN;
	else if ((charset->iconv = iconv_open("utf-8", normal)) != (iconv_t)-1)
		charset->kind = KIND_ICONV;
}

int mime_charset_finish(struct mime_charset *charset, struct err *err)
{
	size_t left, room = 64;
	int result = MIME_MORE;
	char out[64], *to = out;

	if (charset->held_count != 0)
		result = convert(charset, str_from(charset->held, charset->held_count), true, &left, err);
	charset->held_count = 0;
	if (charset->kind == KIND_ICONV) {
		/* Some converters keep a letter back until they know that no accent follows. */
		if (result == MIME_MORE && iconv(charset->iconv, NULL, NULL, &to, &room) != (size_t)-1 && to != out)
			result = charset->next->write(charset->next, str_from(out, (size_t)(to - out)), err);
		iconv_close(charset->iconv);
	}
	charset->kind = KIND_GUESS;
	return result;
}

void mime_charset_preload(void)
{
	static bool is_done;

	/* Never closed: an open converter keeps its module in memory. */
	for (size_t i = 0; !is_done && i < sizeof preloaded / sizeof *preloaded; i++)
		(void)!iconv_open("utf-8", preloaded[i]);
	is_done = true;
}

bool mime_charset_known(struct str name)
{
	struct mime_charset charset;
	char normal[NAME_SIZE];

	if (!normalise(name, normal))
		return false;
	mime_charset_init(&charset, name, NULL);
	if (charset.kind == KIND_ICONV)
		iconv_close(charset.iconv);
	return charset.kind != KIND_GUESS || is_named(normal, "us-ascii");
}

/* All of in, and what brings the converter back to its first state (ISO-2022-JP). */
static bool run_iconv(iconv_t converter, struct str in, struct buf *out)
{
	char *from = (char *)in.data, piece[1024];
	size_t left = in.len;
	bool is_end = false;

	while (!is_end) {
		char *to = piece;
		size_t room = sizeof piece, lost;

		is_end = left == 0;
		lost = iconv(converter, is_end ? NULL : &from, is_end ? NULL : &left, &to, &room);
		if ((lost == (size_t)-1 && errno != E2BIG) || (lost != (size_t)-1 && lost != 0))
			return false;
		if (buf_add(out, piece, (size_t)(to - piece)) != 0)
			return false;
	}
	return true;
}

bool mime_charset_encode(struct str name, struct str utf8, struct buf *out)
{
	char normal[NAME_SIZE];
	iconv_t converter;
	bool fits;

	if (!normalise(name, normal) || !str_is_utf8(utf8))
		return false;
	if (is_named(normal, "utf-8"))
		return buf_add_str(out, utf8) == 0;
	converter = iconv_open(normal, "utf-8");
	if (converter == (iconv_t)-1)
		return false;
	fits = run_iconv(converter, utf8, out);
	iconv_close(converter);
	return fits;
}

struct str mime_charset_convert(struct str name, struct str text, struct arena *arena)
{
	struct mime_collect collect;
	struct mime_charset charset;
	struct str result;
	struct buf out;
	struct err err;

	buf_init(&out, 8 * text.len + 16); /* more than any charset makes of it */
	mime_collect_init(&collect, &out);
	mime_charset_init(&charset, name, &collect.sink);
	charset.sink.write(&charset.sink, text, &err);
	mime_charset_finish(&charset, &err);
	result = arena_copy(arena, buf_str(&out));
	buf_free(&out);
	return result;
}
