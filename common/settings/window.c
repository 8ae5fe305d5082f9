#include "common/settings/window.h"

/* A number of exactly so many digits. */
static bool read_digits(struct str text, size_t from, size_t len, int *number)
{
	uint64_t value;

	if (!str_to_u64(str_sub(text, from, len), 99999999, &value))
		return false;
	*number = (int)value;
	return true;
}

static bool is_day(int year, int month, int day)
{
	struct tm given = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = 12, .tm_isdst = -1};
	struct tm real = given;

	/* the 30th of February becomes another day */
	return year >= 1970 && mktime(&real) != -1 && real.tm_mon == given.tm_mon && real.tm_mday == given.tm_mday;
}

static bool read_day(struct str text, struct window_end *end)
{
	int year, month, day;

	if (text.len != 8 || !read_digits(text, 0, 4, &year) || !read_digits(text, 4, 2, &month) ||
	    !read_digits(text, 6, 2, &day) || !is_day(year, month, day))
		return false;
	end->day = year * 10000 + month * 100 + day;
	return true;
}

static bool read_minute(struct str text, struct window_end *end)
{
	int hour, minute;

	if (text.len != 5 || text.data[2] != ':' || !read_digits(text, 0, 2, &hour) || !read_digits(text, 3, 2, &minute) ||
	    hour > 23 || minute > 59)
		return false;
	end->minute = hour * 60 + minute;
	return true;
}

int window_end_parse(struct str text, struct window_end *end, struct err *err)
{
	struct str rest = text, first = str_cut_word(&rest), second = str_trim(rest);

	*end = (struct window_end){0, -1};
	if (first.len == 0 || (second.len == 0 && (read_day(first, end) || read_minute(first, end))) ||
	    (read_day(first, end) && read_minute(second, end)))
		return 0;
	return err_set(err, ERR_SYNTAX, "\"%.*s\" is not YYYYMMDD, HH:MM or YYYYMMDD HH:MM", STR_ARG(str_sub(text, 0, 40)));
}

bool window_is_inside(const struct window_end *from, const struct window_end *to, int day, int minute)
{
	bool after = from->minute < 0 || minute >= from->minute, before = to->minute < 0 || minute <= to->minute;

	if ((from->day != 0 && day < from->day) || (to->day != 0 && day > to->day))
		return false;
	if (from->minute >= 0 && to->minute >= 0 && from->minute > to->minute)
		return after || before;
	return after && before;
}

bool window_holds(struct str from_text, struct str to_text, time_t now)
{
	struct window_end from, to;
	struct tm local;

	if (window_end_parse(from_text, &from, NULL) != 0)
		from = (struct window_end){0, -1};
	if (window_end_parse(to_text, &to, NULL) != 0)
		to = (struct window_end){0, -1};
	if (localtime_r(&now, &local) == NULL)
		return false;
	return window_is_inside(&from, &to, (local.tm_year + 1900) * 10000 + (local.tm_mon + 1) * 100 + local.tm_mday,
	                        local.tm_hour * 60 + local.tm_min);
}
