#include "webadmin/mail/search.h"

#include <inttypes.h>
#include <time.h>

static const struct {
	const char *name, *key;
} fields[] = {{"from", "FROM"}, {"to", "TO"},     {"cc", "CC"},          {"bcc", "BCC"},
              {"body", "BODY"}, {"text", "TEXT"}, {"subject", "SUBJECT"}};

static const struct {
	const char *term, *keys;
} flags[] = {
    {"is:unread", "UNSEEN"},     {"is:read", "SEEN"},
    {"is:flagged", "FLAGGED"},   {"is:starred", "FLAGGED"},
    {"is:answered", "ANSWERED"}, {"is:forwarded", "KEYWORD $Forwarded"},
    {"is:draft", "DRAFT"},       {"has:attachment", "HEADER Content-Type multipart/mixed"},
};

static const struct {
	const char *name, *key;
} dates[] = {{"since", "SINCE"}, {"after", "SINCE"}, {"before", "BEFORE"}, {"on", "ON"}};

static const struct {
	const char *name, *key;
} sizes[] = {{"larger", "LARGER"}, {"smaller", "SMALLER"}};

/* Up to a blank; what stands in quotes belongs together, and loses them. */
static struct str cut_term(struct str *rest, struct arena *arena)
{
	char *out;
	size_t len = 0, at = 0;
	bool quoted = false;

	*rest = str_trim(*rest);
	out = arena_get(arena, rest->len + 1);
	for (; at < rest->len && (quoted || rest->data[at] != ' '); at++) {
		if (rest->data[at] == '"')
			quoted = !quoted;
		else if (rest->data[at] != '\0')
			out[len++] = rest->data[at];
	}
	*rest = str_skip(*rest, at);
	return str_from(out, len);
}

/* "since:2026-01-31", local days as they are written. */
static bool write_date(struct imap_talk *talk, const char *key, struct str value)
{
	static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
	                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	uint64_t year, month, day;

	if (value.len != 10 || value.data[4] != '-' || value.data[7] != '-' ||
	    !str_to_u64(str_sub(value, 0, 4), 9999, &year) || !str_to_u64(str_sub(value, 5, 2), 12, &month) ||
	    !str_to_u64(str_sub(value, 8, 2), 31, &day) || month == 0 || day == 0)
		return false;
	conn_printf(imap_talk_conn(talk), " %s %" PRIu64 "-%s-%04" PRIu64, key, day, months[month - 1], year);
	return true;
}

/* "larger:2M" */
static bool write_size(struct imap_talk *talk, const char *key, struct str value)
{
	static const char units[] = "kmg";
	char last = value.len > 0 ? (char)(value.data[value.len - 1] | 0x20) : '\0';
	const char *unit = last >= 'a' ? strchr(units, last) : NULL;
	uint64_t number;

	if (unit != NULL)
		value.len--;
	if (!str_to_u64(value, 4000000, &number))
		return false;
	for (const char *step = units; unit != NULL && step <= unit; step++)
		number *= 1024;
	conn_printf(imap_talk_conn(talk), " %s %" PRIu64, key, number < UINT32_MAX ? number : UINT32_MAX);
	return true;
}

static bool write_named(struct imap_talk *talk, struct str name, struct str value)
{
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
		if (str_equal_nocase(name, str_of(fields[i].name))) {
			conn_printf(imap_talk_conn(talk), " %s ", fields[i].key);
			imap_talk_string(talk, value);
			return true;
		}
	for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++)
		if (str_equal_nocase(name, str_of(dates[i].name)))
			return write_date(talk, dates[i].key, value);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		if (str_equal_nocase(name, str_of(sizes[i].name)))
			return write_size(talk, sizes[i].key, value);
	return false;
}

static void write_term(struct imap_talk *talk, struct str term)
{
	ptrdiff_t colon = str_find_char(term, ':');
	struct conn *conn = imap_talk_conn(talk);

	if (term.len > 1 && term.data[0] == '-') {
		conn_write(conn, STR(" NOT"));
		write_term(talk, str_skip(term, 1));
		return;
	}
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (str_equal_nocase(term, str_of(flags[i].term))) {
			conn_printf(conn, " %s", flags[i].keys);
			return;
		}
	if (colon > 0 && write_named(talk, str_sub(term, 0, (size_t)colon), str_skip(term, (size_t)colon + 1)))
		return;
	conn_write(conn, STR(" TEXT "));
	imap_talk_string(talk, term);
}

void search_write(struct imap_talk *talk, struct str text)
{
	struct arena arena;
	unsigned count = 0;

	arena_init(&arena);
	while (count < SEARCH_TERMS_MAX && str_trim(text).len > 0) {
		struct str term = cut_term(&text, &arena);

		if (term.len == 0)
			continue;
		write_term(talk, term);
		count++;
	}
	if (count == 0)
		conn_write(imap_talk_conn(talk), STR(" ALL"));
	arena_free(&arena);
}
