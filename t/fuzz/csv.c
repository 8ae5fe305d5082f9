/* Tables as text: what is read comes back from what is written. */
#include "common/base/csv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_row(const struct csv_row *row, struct arena *arena)
{
	struct csv_row again;
	struct csv csv;
	struct buf out;

	buf_init(&out, 10000000);
	for (size_t i = 0; i < row->count; i++)
		csv_add_field(&out, row->fields[i], i == 0);
	csv_end_row(&out);
	csv_open(&csv, buf_str(&out));
	/* a row of one empty field is an empty line, and a first field may begin with a byte order mark */
	if (csv_next(&csv, arena, &again, NULL) == 1 && again.count != row->count)
		abort();
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct csv_row row;
	struct csv csv;
	size_t before;
	int result;

	arena_init(&arena);
	csv_open(&csv, str_from((const char *)data, size));
	do {
		before = csv.rest.len;
		result = csv_next(&csv, &arena, &row, NULL);
		if (result != 0 && csv.rest.len >= before)
			abort();
		if (result == 1)
			check_row(&row, &arena);
	} while (result != 0);
	arena_free(&arena);
	return 0;
}
