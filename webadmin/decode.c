/* What of a request's line and fields libmicrohttpd leaves to us. */
#include "webadmin/exchange.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

struct str web_decode(struct str text, struct arena *arena)
{
	const struct str malformed = {NULL, 0};
	char *out = arena_get(arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		int value = (unsigned char)text.data[i];

		if (value == '%') {
			int high = i + 2 < text.len ? hex_digit(text.data[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;

			if (low < 0)
				return malformed;
			value = high << 4 | low;
			i += 2;
		}
		if (value == '\0')
			return malformed;
		out[len++] = (char)value;
	}
	return str_is_utf8(str_from(out, len)) ? str_from(out, len) : malformed;
}

/* The next part of a path, which begins with a slash; false at its end. */
static bool next_part(struct str *path, struct str *part_out)
{
	struct str rest = *path;

	if (rest.len == 0 || rest.data[0] != '/')
		return false;
	rest = str_skip(rest, 1);
	*part_out =
	    str_sub(rest, 0, (size_t)(str_find_char(rest, '/') >= 0 ? str_find_char(rest, '/') : (ptrdiff_t)rest.len));
	*path = str_skip(rest, part_out->len);
	return true;
}

int web_path_fits(const char *pattern, struct str path, bool rest, struct str names[WEB_NAMES_MAX], struct arena *arena)
{
	struct str wanted = str_of(pattern), want, part;
	int count = 0;

	while (next_part(&wanted, &want)) {
		bool is_name = want.len > 2 && want.data[0] == '{';
		struct str here = path;

		if (!next_part(&path, &part))
			return -1;
		if (is_name && rest && wanted.len == 0) {
			part = str_skip(here, 1);
			path = STR("");
		}
		if (!is_name && !str_equal(want, web_decode(part, arena)))
			return -1; /* "%61dmin" is "admin" */
		if (!is_name)
			continue;
		if (count == WEB_NAMES_MAX || (part.len == 0 && !rest))
			return -1;
		names[count] = web_decode(part, arena);
		/* of several parts it has to be clear which they are */
		if (names[count].data == NULL || (rest && str_count_char(names[count], '/') != str_count_char(part, '/')))
			return -1;
		count++;
	}
	return path.len == 0 ? count : -1;
}

int web_range(struct str field, int64_t total, int64_t *offset_out, int64_t *size_out)
{
	struct str first, last = str_trim(field);
	uint64_t from, until = (uint64_t)total - 1;

	*offset_out = 0;
	*size_out = total;
	if (!str_starts_nocase(last, STR("bytes=")) || str_find_char(last, ',') >= 0)
		return 0;
	last = str_skip(last, strlen("bytes="));
	first = str_cut(&last, '-');
	if (last.data == NULL || (first.len == 0 && last.len == 0))
		return 0;
	if (last.len != 0 && !str_to_u64(last, INT64_MAX, &until))
		return 0;
	if (first.len == 0) { /* so many at the end */
		if (until == 0 || total == 0)
			return -1;
		from = until < (uint64_t)total ? (uint64_t)total - until : 0;
		until = (uint64_t)total - 1;
	} else if (!str_to_u64(first, INT64_MAX, &from) || (last.len != 0 && from > until)) {
		return 0;
	}
	if (from >= (uint64_t)total)
		return -1;
	if (until >= (uint64_t)total)
		until = (uint64_t)total - 1;
	*offset_out = (int64_t)from;
	*size_out = (int64_t)(until - from + 1);
	return 1;
}

bool web_tags_hold(struct str list, struct str tag)
{
	while (list.data != NULL && list.len > 0) {
		struct str item = str_trim(str_cut(&list, ','));

		if (str_equal(item, STR("*")))
			return true;
		if (str_starts(item, STR("W/")))
			item = str_skip(item, 2);
		if (item.len == tag.len + 2 && item.data[0] == '"' && item.data[item.len - 1] == '"' &&
		    str_equal(str_sub(item, 1, tag.len), tag))
			return true;
	}
	return false;
}

bool web_takes_gzip(struct str list)
{
	while (list.data != NULL && list.len > 0) {
		struct str quality = str_cut(&list, ','), coding = str_trim(str_cut(&quality, ';'));

		if (!str_equal_nocase(coding, STR("gzip")))
			continue;
		quality = str_trim(quality);
		if (!str_starts_nocase(quality, STR("q=")))
			return true;
		/* "0", "0.0", "0.000": not at all */
		for (quality = str_skip(quality, 2); quality.len > 0; quality = str_skip(quality, 1))
			if (quality.data[0] != '0' && quality.data[0] != '.')
				return true;
		return false;
	}
	return false;
}
