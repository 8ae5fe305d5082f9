// parts: reporter/xml.c
/* Rows of DMARC reports, read and put into a report. */
#include "reporter/reporter.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct report_row row = {str_from((const char *)data, size), 1};
	const struct report report = {.domain = STR("a.test"),
	                              .day = 20000,
	                              .organisation = STR("o"),
	                              .host = STR("h"),
	                              .contact = STR("c@o"),
	                              .id = STR("i"),
	                              .rows = &row,
	                              .row_count = 1};
	struct dmarc_row parsed;
	struct arena arena;
	struct buf out;
	struct err err;

	arena_init(&arena);
	buf_init(&out, 1 << 20);
	if (dmarc_row_parse(row.text, &arena, &parsed, &err) == 0 && parsed.result_count > DMARC_ROW_RESULTS)
		abort();
	if (report_xml(&report, &out, &err) == 0 && !str_is_utf8(buf_str(&out)))
		abort();
	buf_free(&out);
	arena_free(&arena);
	return 0;
}
