/* imap/parser: dates (RFC 9051 "date-time", "date"). */
#include "common/imap/parser.h"

#include <time.h>

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* A number of `least` to `most` digits. */
static bool take_digits(struct str *text, size_t least, size_t most, int *number)
{
	size_t len = 0;
	uint64_t value;

	while (len < most && len < text->len && text->data[len] >= '0' && text->data[len] <= '9')
		len++;
	if (len < least || !str_to_u64(str_sub(*text, 0, len), 9999, &value))
		return false;
	*number = (int)value;
	*text = str_skip(*text, len);
	return true;
}

static bool take_char(struct str *text, char c)
{
	if (text->len == 0 || text->data[0] != c)
		return false;
	*text = str_skip(*text, 1);
	return true;
}

static bool take_month(struct str *text, int *month)
{
	for (*month = 0; *month < 12; (*month)++)
		if (str_starts_nocase(*text, str_from(months + *month * (ptrdiff_t)3, 3))) {
			*text = str_skip(*text, 3);
			return true;
		}
	return false;
}

/* "17-Jul-1996"; the date has to exist. */
static bool take_date(struct str *text, struct tm *date)
{
	struct tm normal;
	int year;

	if (!take_digits(text, 1, 2, &date->tm_mday) || !take_char(text, '-') || !take_month(text, &date->tm_mon) ||
	    !take_char(text, '-') || !take_digits(text, 4, 4, &year))
		return false;
	date->tm_year = year - 1900;
	normal = (struct tm){.tm_mday = date->tm_mday, .tm_mon = date->tm_mon, .tm_year = date->tm_year};
	timegm(&normal);
	return normal.tm_mday == date->tm_mday && normal.tm_mon == date->tm_mon;
}

/* " 02:44:25 -0700"; *offset in seconds east of UTC. A leap second is taken for the next one. */
static bool take_time(struct str *text, struct tm *time, int *offset)
{
	bool west;
	int zone;

	if (!take_char(text, ' ') || !take_digits(text, 2, 2, &time->tm_hour) || !take_char(text, ':') ||
	    !take_digits(text, 2, 2, &time->tm_min) || !take_char(text, ':') || !take_digits(text, 2, 2, &time->tm_sec) ||
	    !take_char(text, ' ') || time->tm_hour > 23 || time->tm_min > 59 || time->tm_sec > 60)
		return false;
	west = take_char(text, '-');
	if ((!west && !take_char(text, '+')) || !take_digits(text, 4, 4, &zone) || zone % 100 > 59)
		return false;
	*offset = (zone / 100 * 60 + zone % 100) * (west ? -60 : 60);
	return true;
}

bool imap_parse_date_time(struct imap_parser *parser, int64_t *seconds)
{
	struct tm time = {0};
	struct str text;
	int offset;

	if (!imap_peek_char(parser, '"'))
		return imap_fail(parser, IMAP_BAD, "A date with time is expected");
	if (!imap_parse_string(parser, &text))
		return false;
	take_char(&text, ' '); /* date-day-fixed: a day below ten may have a space before it */
	if (!take_date(&text, &time) || !take_time(&text, &time, &offset) || text.len != 0)
		return imap_fail(parser, IMAP_BAD, "The date with time is not one");
	*seconds = (int64_t)timegm(&time) - offset;
	return true;
}

bool imap_parse_date(struct imap_parser *parser, int64_t *days)
{
	struct tm date = {0};
	struct str text;
	bool read = imap_peek_char(parser, '"') ? imap_parse_string(parser, &text) : imap_parse_atom(parser, &text);
	int64_t seconds;

	if (!read)
		return false;
	if (!take_date(&text, &date) || text.len != 0)
		return imap_fail(parser, IMAP_BAD, "The date is not one");
	seconds = (int64_t)timegm(&date);
	*days = (seconds - (seconds < 0 ? 86399 : 0)) / 86400;
	return true;
}
