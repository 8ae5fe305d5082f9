/* Access lists, address ranges, rows of a GeoIP file: what is taken is written and read back as the same. */
#include "common/policy/geo_import.h"
#include "common/policy/rule.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(struct str input, struct arena *arena)
{
	struct access_rules rules, again;
	bool use_global, use_global_again;
	struct buf first, second;

	if (access_text_parse(input, arena, &rules, &use_global, NULL) != 0)
		return;
	access_rules_sort(&rules);
	buf_init(&first, SIZE_MAX / 2);
	buf_init(&second, SIZE_MAX / 2);
	access_text_format(&rules, use_global, &first);
	if (access_text_parse(buf_str(&first), arena, &again, &use_global_again, NULL) != 0)
		abort();
	access_text_format(&again, use_global_again, &second);
	if (!str_equal(buf_str(&first), buf_str(&second)))
		abort();
	buf_free(&first);
	buf_free(&second);
}

static void check_cidr(struct str input)
{
	struct cidr cidr, again;
	struct buf text;
	bool host_bits;

	if (cidr_parse(input, &cidr, &host_bits, NULL) != 0)
		return;
	buf_init(&text, CIDR_TEXT_MAX);
	cidr_format(&cidr, &text);
	if (text.overflow || cidr_parse(buf_str(&text), &again, &host_bits, NULL) != 0 || host_bits ||
	    !cidr_equal(&cidr, &again))
		abort();
	buf_free(&text);
}

static void check_row(struct str input, struct arena *arena)
{
	static const struct geo_columns columns = {1, 2, 3};
	struct geo_row row;

	for (int is_ipv6 = 0; is_ipv6 <= 1; is_ipv6++)
		if (geo_row_parse(input, &columns, is_ipv6 != 0, arena, &row, NULL) == 0 &&
		    (row.result.len > GEO_RESULT_MAX || memcmp(row.from, row.to, 16) > 0))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_from((const char *)data, size);
	struct arena arena;

	arena_init(&arena);
	check_list(input, &arena);
	check_cidr(input);
	check_row(input, &arena);
	arena_free(&arena);
	return 0;
}
