#include "common/base/moment.h"
#include "reporter/reporter.h"

#include <stdlib.h>

static void set(json_t *object, const char *key, struct str text)
{
	json_object_set_new(object, key, json_stringn(text.data, text.len));
}

static json_t *range(int64_t day, struct arena *arena)
{
	json_t *object = json_object();

	set(object, "start-datetime", moment_format(day * REPORT_DAY_S, arena));
	set(object, "end-datetime", moment_format((day + 1) * REPORT_DAY_S - 1, arena));
	return object;
}

int report_json(const struct report *report, struct buf *out, struct err *err)
{
	json_t *object = json_object(), *policies = json_array();
	struct arena arena;
	size_t rows = 0;
	char *text;

	arena_init(&arena);
	for (size_t i = 0; i < report->row_count; i++)
		rows += tlsrpt_add(policies, report->rows[i].text, report->rows[i].count);
	set(object, "organization-name", report->organisation);
	json_object_set_new(object, "date-range", range(report->day, &arena));
	set(object, "contact-info", report->contact);
	set(object, "report-id", report->id);
	json_object_set_new(object, "policies", policies);
	text = json_dumps(object, JSON_INDENT(1));
	if (text != NULL)
		buf_add_str(out, str_of(text));
	free(text);
	json_decref(object);
	arena_free(&arena);
	if (rows == 0)
		return err_set(err, ERR_NOT_FOUND, "there is nothing to report of %.*s", STR_ARG(report->domain));
	return out->overflow ? err_set(err, ERR_LIMIT, "the report of %.*s is too long", STR_ARG(report->domain)) : 0;
}
