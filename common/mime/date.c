#include "common/mime/header.h"

enum { DATE_MAX = 200 }; /* bytes that are looked at */

/* What the words of a date have said so far; -1: nothing. */
struct words {
	int day, month, year, hour, minute, second, zone;
	bool has_zone;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int month_of(struct str word)
{
	static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (int i = 0; i < 12 && word.len >= 3; i++)
		if (str_equal_nocase(str_sub(word, 0, 3), str_from(months + 3 * i, 3)))
			return i + 1;
	return -1;
}

/* Named zones (RFC 5322 4.3); unknown ones count as -0000. Minutes east. */
static int zone_of(struct str word)
{
	static const struct {
		const char *name;
		int hours;
	} zones[] = {{"EDT", -4}, {"EST", -5}, {"CDT", -5}, {"CST", -6}, {"MDT", -6}, {"MST", -7},
	             {"PDT", -7}, {"PST", -8}, {"CET", 1},  {"CEST", 2}, {"MET", 1},  {"MEST", 2},
	             {"BST", 1},  {"EET", 2},  {"EEST", 3}, {"MSK", 3},  {"JST", 9},  {"WEST", 1}};

	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
		if (str_equal_nocase(word, str_of(zones[i].name)))
			return 60 * zones[i].hours;
	return 0;
}

/* Up to four digits at the front of word, and how many there are. */
static int number_of(struct str word, size_t *digits)
{
	int value = 0;

	for (*digits = 0; *digits < word.len && *digits < 4 && is_digit(word.data[*digits]); ++*digits)
		value = 10 * value + (word.data[*digits] - '0');
	return value;
}

/* "hh:mm" or "hh:mm:ss", perhaps with a fraction. */
static void take_time(struct words *w, struct str word)
{
	struct str hour = str_cut(&word, ':'), minute = word.data != NULL ? str_cut(&word, ':') : STR("");
	size_t digits;

	w->hour = number_of(hour, &digits);
	w->minute = number_of(minute, &digits);
	w->second = word.data != NULL ? number_of(word, &digits) : 0;
}

static void take_number(struct words *w, struct str word)
{
	size_t digits;
	int value = number_of(word, &digits);

	if (w->day < 0 && digits <= 2) {
		w->day = value;
	} else if (w->year < 0) {
		/* RFC 5322 4.3: of two digits 00 to 49 are of this century; three count from 1900. */
		w->year = digits > 3 ? value : digits == 3 || value >= 50 ? 1900 + value : 2000 + value;
	}
}

static void take_word(struct words *w, struct str word)
{
	char first = word.data[0];
	size_t digits;
	int value;

	if ((first == '+' || first == '-') && w->hour >= 0) {
		value = number_of(str_skip(word, 1), &digits);
		if (digits == 4 && !w->has_zone && value / 100 < 24 && value % 100 < 60) {
			w->zone = (first == '-' ? -1 : 1) * (60 * (value / 100) + value % 100);
			w->has_zone = true;
		}
	} else if (str_find_char(word, ':') > 0 && is_digit(first)) {
		if (w->hour < 0)
			take_time(w, word);
	} else if (is_digit(first)) {
		take_number(w, word);
	} else if (w->month < 0 && month_of(word) > 0) {
		w->month = month_of(word);
	} else if (w->hour >= 0 && !w->has_zone && is_letter(first)) {
		w->zone = zone_of(word);
		w->has_zone = true;
	}
}

/* Days since 1970 of a date in the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, m = month <= 2 ? month + 9 : month - 3;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* The text without comments (RFC 5322 3.2.2) and without blanks around colons (4.3 obs-hour). */
static struct str simplify(struct str value, char out[DATE_MAX])
{
	size_t used = 0;
	unsigned depth = 0;

	value = str_sub(value, 0, DATE_MAX);
	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if (c == '(')
			depth++;
		else if (c == ')' && depth > 0)
			depth--;
		if (depth > 0 || c == ')' || (c == ' ' && used != 0 && out[used - 1] == ':'))
			continue;
		while (c == ':' && used != 0 && out[used - 1] == ' ')
			used--;
		out[used++] = c == '\t' || c == '\r' || c == '\n' ? ' ' : c;
	}
	return str_from(out, used);
}

/* Cut the next word off; commas part words, and so does a "-" within one ("21-Nov-1997"). */
static struct str next_word(struct str *rest)
{
	struct str word;
	size_t len = 0;

	while (rest->len > 0 && !is_digit(rest->data[0]) && !is_letter(rest->data[0]) && rest->data[0] != '+' &&
	       rest->data[0] != '-')
		*rest = str_skip(*rest, 1);
	if (rest->len > 0)
		len = 1;
	while (len < rest->len && (is_digit(rest->data[len]) || is_letter(rest->data[len]) || rest->data[len] == ':' ||
	                           rest->data[len] == '.'))
		len++;
	word = str_sub(*rest, 0, len);
	*rest = str_skip(*rest, len);
	if (word.len != 0 && word.data[0] != '-' && word.data[0] != '+' && str_find_char(word, ':') < 0 &&
	    str_starts(*rest, STR("-")))
		*rest = str_skip(*rest, 1);
	return word;
}

bool mime_parse_date(struct str value, struct mime_date *date_out)
{
	static const int days_in[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	struct words w = {-1, -1, -1, -1, 0, 0, 0, false};
	char text[DATE_MAX];
	struct str rest = simplify(value, text), word;

	while ((word = next_word(&rest)).len != 0)
		take_word(&w, word);
	if (w.day < 1 || w.month < 1 || w.year < 1 || w.day > days_in[w.month - 1])
		return false;
	if (w.hour < 0 || w.hour > 23 || w.minute > 59 || w.second > 60) /* RFC 5256 2.2 */
		w.hour = w.minute = w.second = 0;
	*date_out = (struct mime_date){.zone = w.zone, .year = w.year, .month = w.month, .day = w.day};
	date_out->time = days_of(w.year, w.month, w.day) * 86400 + w.hour * 3600 + w.minute * 60 + w.second - w.zone * 60;
	return true;
}

int64_t mime_sent_date(struct str date_field, int64_t internal_date)
{
	struct mime_date date;

	return mime_parse_date(date_field, &date) ? date.time : internal_date;
}
