#include "common/imap/text.h"

#include "common/imap/scan.h"

#include <time.h>

enum {
	QUOTED_MAX = 1024, /* longer strings go as literals */
	MUTF7_MAX = 16384,
};

/* May the string stand in quotes? */
static bool is_quotable(struct str string, bool utf8)
{
	bool ascii = true;

	if (string.len > QUOTED_MAX)
		return false;
	for (size_t i = 0; i < string.len; i++) {
		unsigned char c = (unsigned char)string.data[i];

		if (c == '\0' || c == '\r' || c == '\n')
			return false;
		ascii = ascii && c < 0x80;
	}
	return ascii || (utf8 && str_is_utf8(string));
}

static void write_quoted(struct conn *conn, struct str string)
{
	size_t from = 0;

	conn_write(conn, STR("\""));
	for (size_t i = 0; i < string.len; i++)
		if (string.data[i] == '"' || string.data[i] == '\\') {
			conn_write(conn, str_sub(string, from, i - from));
			conn_write(conn, STR("\\"));
			from = i;
		}
	conn_write(conn, str_skip(string, from));
	conn_write(conn, STR("\""));
}

void imap_write_string(struct conn *conn, struct str string, bool utf8)
{
	if (is_quotable(string, utf8)) {
		write_quoted(conn, string);
		return;
	}
	conn_printf(conn, "{%zu}\r\n", string.len);
	conn_write(conn, string);
}

void imap_write_nstring(struct conn *conn, struct str string, bool utf8)
{
	if (string.data == NULL)
		conn_write(conn, STR("NIL"));
	else
		imap_write_string(conn, string, utf8);
}

void imap_write_astring(struct conn *conn, struct str string, bool utf8)
{
	bool is_atom = string.len > 0 && !str_equal_nocase(string, STR("NIL"));

	for (size_t i = 0; i < string.len && is_atom; i++)
		is_atom = imap_is_astring_char(string.data[i]);
	if (is_atom)
		conn_write(conn, string);
	else
		imap_write_string(conn, string, utf8);
}

void imap_write_mailbox(struct conn *conn, struct str name, bool utf8)
{
	struct buf encoded;

	if (utf8) {
		imap_write_astring(conn, name, true);
		return;
	}
	buf_init(&encoded, MUTF7_MAX);
	/* Names in the store are UTF-8; what could not be encoded is shown as it is rather than left out. */
	if (mutf7_encode(name, &encoded, NULL) == 0)
		imap_write_astring(conn, buf_str(&encoded), false);
	else
		imap_write_string(conn, name, false);
	buf_free(&encoded);
}

void imap_write_date_time(struct conn *conn, int64_t seconds)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {.tm_mday = 1, .tm_year = 70};
	time_t time = (time_t)seconds;

	gmtime_r(&time, &tm);
	if (tm.tm_year < -1900 || tm.tm_year > 8099) /* the grammar has four digits for the year */
		tm = (struct tm){.tm_mday = 1, .tm_year = 70};
	conn_printf(conn, "\"%2d-%.3s-%04d %02d:%02d:%02d +0000\"", tm.tm_mday, months + (ptrdiff_t)tm.tm_mon * 3,
	            tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
