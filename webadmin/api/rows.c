#include "webadmin/api/rows.h"

#include "common/base/csv.h"
#include "common/base/memory.h"
#include "common/base/wildcard.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

void rows_wish_init(struct rows_wish *wish, const struct api_column *columns)
{
	*wish = (struct rows_wish){.columns = columns, .limit = ROWS_PAGE};
}

static const struct api_column *find_column(const struct rows_wish *wish, struct str name)
{
	for (const struct api_column *column = wish->columns; column->name != NULL; column++)
		if (str_equal(name, str_of(column->name)))
			return column;
	return NULL;
}

/* "10", "10k"; 1 = one was cut off, 0 = there is none. */
static int cut_number(struct str text, int64_t *first_out, int64_t *last_out)
{
	static const char units[] = "kMG";
	const char *unit = text.len > 1 ? strchr(units, text.data[text.len - 1]) : NULL;
	uint64_t number, factor = 1;

	for (const char *at = units; unit != NULL && at <= unit; at++)
		factor *= 1024;
	if (!str_to_u64(unit != NULL ? str_sub(text, 0, text.len - 1) : text, INT64_MAX / factor, &number))
		return 0;
	*first_out = *last_out = (int64_t)(number * factor);
	return 1;
}

/* "2026-11-21", or with a time of day: the first and the last second that it means. */
static int cut_time(struct str text, int64_t *first_out, int64_t *last_out)
{
	static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"};
	char line[32];

	if (cut_number(text, first_out, last_out) == 1)
		return 1;
	for (size_t i = 0; i < sizeof forms / sizeof *forms && str_copy(text, line, sizeof line); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(line, forms[i], &tm);
		time_t at;

		if (end == NULL || *end != '\0')
			continue;
		at = mktime(&tm);
		*first_out = at;
		tm.tm_isdst = -1;
		tm.tm_mday += i == 0;
		tm.tm_min += i != 0;
		*last_out = mktime(&tm) - 1;
		return at != (time_t)-1;
	}
	return 0;
}

static int take_range(struct rows_filter *filter, struct str text, struct err *err)
{
	int (*cut)(struct str, int64_t *, int64_t *) = filter->column->type == API_TIME ? cut_time : cut_number;
	int64_t first, last, ignored;
	ptrdiff_t dots = str_find(text, STR(".."));
	char sign = text.len > 0 ? text.data[0] : '\0';
	bool or_equal = text.len > 1 && text.data[1] == '=';
	int good;

	filter->min = INT64_MIN;
	filter->max = INT64_MAX;
	if (dots > 0) {
		good = cut(str_trim(str_sub(text, 0, (size_t)dots)), &filter->min, &ignored) &&
		       cut(str_trim(str_skip(text, (size_t)dots + 2)), &ignored, &filter->max);
	} else if (sign == '<' || sign == '>') {
		good = cut(str_trim(str_skip(text, or_equal ? 2 : 1)), &first, &last);
		if (good && sign == '>')
			filter->min = or_equal ? first : last == INT64_MAX ? last : last + 1;
		else if (good)
			filter->max = or_equal ? last : first - 1;
	} else {
		good = cut(text, &filter->min, &filter->max);
	}
	return good ? 0
	            : err_set(err, ERR_SYNTAX, "a filter of numbers is N, >N, <N, >=N, <=N or N..M, not \"%.*s\"",
	                      STR_ARG(str_sub(text, 0, 40)));
}

static int take_flag(struct rows_filter *filter, struct str text, struct err *err)
{
	bool yes = str_equal_nocase(text, STR("true")) || str_equal_nocase(text, STR("on")) || str_equal(text, STR("1"));
	bool no = str_equal_nocase(text, STR("false")) || str_equal_nocase(text, STR("off")) || str_equal(text, STR("0"));

	filter->min = filter->max = yes;
	return yes || no ? 0 : err_set(err, ERR_SYNTAX, "a filter of this column is true or false");
}

static struct str anywhere(struct str text, struct arena *arena)
{
	return arena_join(arena, (const struct str[]){STR("*"), text, STR("*")}, 3);
}

static int take_filter(struct rows_wish *wish, struct str name, struct str value, struct arena *arena, struct err *err)
{
	struct rows_filter *filter = &wish->filters[wish->filter_count];
	struct str text = str_trim(value);

	if (text.len == 0)
		return 1;
	if (wish->filter_count == ROWS_FILTERS_MAX)
		return err_set(err, ERR_LIMIT, "there may be %d filters", ROWS_FILTERS_MAX);
	filter->column = find_column(wish, name);
	if (filter->column == NULL)
		return err_set(err, ERR_SYNTAX, "there is no column \"%.*s\"", STR_ARG(str_sub(name, 0, 40)));
	wish->filter_count++;
	switch (filter->column->type) {
	case API_NUMBER:
	case API_TIME:
		return take_range(filter, text, err) == 0 ? 1 : -1;
	case API_FLAG:
		return take_flag(filter, text, err) == 0 ? 1 : -1;
	default:
		filter->text = anywhere(text, arena);
		return 1;
	}
}

static int take_count(struct str value, int64_t max, int64_t *count_out, struct err *err)
{
	uint64_t count;

	if (!str_to_u64(value, INT64_MAX, &count))
		return err_set(err, ERR_SYNTAX, "it must be a number");
	*count_out = count > (uint64_t)max ? max : (int64_t)count;
	return 1;
}

static int take_only(struct rows_wish *wish, struct str names, struct arena *arena, struct err *err)
{
	struct str rest = names;

	while (rest.data != NULL) {
		struct str name = str_cut(&rest, ',');

		if (find_column(wish, name) == NULL)
			return err_set(err, ERR_SYNTAX, "there is no column \"%.*s\"", STR_ARG(str_sub(name, 0, 40)));
	}
	wish->only = arena_copy(arena, names);
	return 1;
}

int rows_wish_take(struct rows_wish *wish, struct str name, struct str value, struct arena *arena, struct err *err)
{
	if (str_equal(name, STR("limit")))
		return take_count(value, ROWS_PAGE_MAX, &wish->limit, err);
	if (str_equal(name, STR("offset")))
		return take_count(value, INT64_MAX, &wish->offset, err);
	if (str_equal(name, STR("search"))) {
		if (str_trim(value).len > 0)
			wish->search = anywhere(str_trim(value), arena);
		return 1;
	}
	if (str_equal(name, STR("sort"))) {
		wish->descending = str_starts(value, STR("-"));
		wish->sort = find_column(wish, str_skip(value, wish->descending));
		return wish->sort != NULL
		           ? 1
		           : err_set(err, ERR_SYNTAX, "there is no column \"%.*s\"", STR_ARG(str_sub(value, 0, 40)));
	}
	if (str_equal(name, STR("columns")))
		return take_only(wish, value, arena, err);
	if (!str_starts(name, STR("filter[")) || name.data[name.len - 1] != ']')
		return 0;
	return take_filter(wish, str_sub(name, sizeof "filter[" - 1, name.len - sizeof "filter["), value, arena, err);
}

bool rows_wish_needs(const struct rows_wish *wish, const char *names)
{
	struct str rest = str_of(names);

	while (rest.data != NULL) {
		struct str name = str_cut(&rest, '|');

		if (wish->sort != NULL && str_equal(name, str_of(wish->sort->name)))
			return true;
		for (size_t i = 0; i < wish->filter_count; i++)
			if (str_equal(name, str_of(wish->filters[i].column->name)))
				return true;
	}
	return false;
}

static bool is_told(const struct rows_wish *wish, struct str name)
{
	struct str rest = wish->only;

	if (rest.data == NULL)
		return true;
	while (rest.data != NULL)
		if (str_equal(str_cut(&rest, ','), name))
			return true;
	return false;
}

bool rows_wish_tells(const struct rows_wish *wish, const char *names)
{
	struct str rest = str_of(names);

	while (rest.data != NULL)
		if (is_told(wish, str_cut(&rest, '|')))
			return true;
	return false;
}

json_t *rows_narrow(const struct rows_wish *wish, json_t *page)
{
	json_t *narrow;

	if (wish->only.data == NULL)
		return page;
	narrow = json_array();
	for (size_t i = 0; i < json_array_size(page); i++) {
		json_t *row = json_object(), *value;
		const char *name;

		json_object_foreach (json_array_get(page, i), name, value) {
			if (is_told(wish, str_of(name)))
				json_object_set(row, name, value);
		}
		json_array_append_new(narrow, row);
	}
	json_decref(page);
	return narrow;
}

static bool text_matches(const json_t *value, struct str pattern)
{
	char *dumped = NULL;
	bool found;

	if (!json_is_string(value))
		dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	found = wildcard_match(json_is_string(value) ? str_from(json_string_value(value), json_string_length(value))
	                                             : str_of(dumped),
	                       pattern, NULL);
	free(dumped);
	return found;
}

static int64_t number_of(const json_t *value)
{
	return json_is_true(value) ? 1 : json_is_real(value) ? (int64_t)json_real_value(value) : json_integer_value(value);
}

static bool filter_matches(const struct rows_filter *filter, const json_t *row)
{
	const json_t *value = json_object_get(row, filter->column->name);
	int64_t number;

	if (value == NULL || json_is_null(value))
		return false;
	if (filter->text.data != NULL)
		return text_matches(value, filter->text);
	number = number_of(value);
	return number >= filter->min && number <= filter->max;
}

static bool search_matches(const struct rows_wish *wish, const json_t *row)
{
	for (const struct api_column *column = wish->columns; column->name != NULL; column++) {
		const json_t *value = json_object_get(row, column->name);

		if (value != NULL && (column->type == API_TEXT || column->type == API_TEXTS || column->type == API_ANY) &&
		    text_matches(value, wish->search))
			return true;
	}
	return false;
}

static bool is_wanted(const struct rows_wish *wish, const json_t *row)
{
	for (size_t i = 0; i < wish->filter_count; i++)
		if (!filter_matches(&wish->filters[i], row))
			return false;
	return wish->search.data == NULL || search_matches(wish, row);
}

/* A row and what it is sorted by. */
struct sorted {
	json_t *row;
	const json_t *value;
	size_t place; /* equal ones stay in the order in which they came */
	bool descending;
};

static int compare(const void *one, const void *other)
{
	const struct sorted *a = one, *b = other;
	int order;

	if (json_is_string(a->value) && json_is_string(b->value)) {
		order = strcasecmp(json_string_value(a->value), json_string_value(b->value));
	} else if (a->value == NULL || b->value == NULL) {
		order = (a->value != NULL) - (b->value != NULL);
	} else {
		int64_t first = number_of(a->value), second = number_of(b->value);

		order = (first > second) - (first < second);
	}
	if (order == 0)
		return a->place < b->place ? -1 : 1;
	return a->descending ? -order : order;
}

json_t *rows_select(const struct rows_wish *wish, const json_t *rows, size_t *total_out)
{
	struct sorted *list = memory_get((json_array_size(rows) + 1) * sizeof *list);
	json_t *page = json_array();
	size_t count = 0, at;

	for (at = 0; at < json_array_size(rows); at++) {
		json_t *row = json_array_get(rows, at);

		if (!is_wanted(wish, row))
			continue;
		list[count] = (struct sorted){.row = row, .place = count, .descending = wish->descending};
		if (wish->sort != NULL)
			list[count].value = json_object_get(row, wish->sort->name);
		count++;
	}
	if (wish->sort != NULL)
		qsort(list, count, sizeof *list, compare);
	for (at = wish->offset < (int64_t)count ? (size_t)wish->offset : count;
	     at < count && (int64_t)json_array_size(page) < wish->limit; at++)
		json_array_append(page, list[at].row);
	*total_out = count;
	memory_free(list);
	return page;
}

static void add_cell(struct buf *out, const json_t *value, bool is_first)
{
	char *text;

	if (json_is_string(value)) {
		csv_add_field(out, str_from(json_string_value(value), json_string_length(value)), is_first);
		return;
	}
	text = value == NULL || json_is_null(value) ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	csv_add_field(out, str_of(text), is_first);
	free(text);
}

void rows_to_csv(const struct rows_wish *wish, const json_t *rows, struct buf *out)
{
	bool is_first = true;

	for (const struct api_column *column = wish->columns; column->name != NULL; column++) {
		if (!is_told(wish, str_of(column->name)))
			continue;
		csv_add_field(out, str_of(column->name), is_first);
		is_first = false;
	}
	csv_end_row(out);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		is_first = true;
		for (const struct api_column *column = wish->columns; column->name != NULL; column++) {
			if (!is_told(wish, str_of(column->name)))
				continue;
			add_cell(out, json_object_get(json_array_get(rows, i), column->name), is_first);
			is_first = false;
		}
		csv_end_row(out);
	}
}
