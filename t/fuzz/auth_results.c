/*
 * Authentication-Results: whom a field claims to be of; and what is written with a stranger's values stays one field
 * of ours.
 */
#include "common/mailauth/results/results.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines end with CRLF, and go on with a tab. */
static void check_lines(struct str field)
{
	for (size_t i = 0; i < field.len; i++) {
		char c = field.data[i];
		bool is_last = i + 2 >= field.len;

		if (c == '\r' && (i + 1 >= field.len || field.data[i + 1] != '\n'))
			abort();
		if (c == '\n' && (i == 0 || field.data[i - 1] != '\r' || (!is_last && field.data[i + 1] != '\t')))
			abort();
		if (c == '\0')
			abort();
	}
}

static void write_and_read(struct str value)
{
	struct results_entry entry = {
	    .method = "x",
	    .result = "pass",
	    .comment = value,
	    .reason = value,
	    .properties = {{"smtp.mailfrom", value}, {"header.d", value}},
	};
	struct buf field;

	buf_init(&field, RESULTS_FIELD_MAX);
	if (results_write(STR("us.test"), &entry, 1, &field) != 0)
		abort();
	check_lines(buf_str(&field));
	if (!results_claims(str_skip(buf_str(&field), sizeof "Authentication-Results:" - 1), STR("us.test")))
		abort();
	buf_free(&field);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str value = str_from((const char *)data, size);
	struct arena arena;

	arena_init(&arena);
	results_authserv_id(value, &arena);
	results_claims(value, STR("us.test"));
	write_and_read(value);
	arena_free(&arena);
	return 0;
}
