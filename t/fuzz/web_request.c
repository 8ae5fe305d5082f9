/*
 * What webadmin itself takes apart of a request: a path, whose parts are decoded, and three fields. The first line of
 * the input is the path, the second the field.
 */
// parts: webadmin/decode.c
#include "webadmin/exchange.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(struct str path, const char *pattern, bool rest, struct arena *arena)
{
	struct str names[WEB_NAMES_MAX];
	int count = web_path_fits(pattern, path, rest, names, arena);

	for (int i = 0; i < count; i++)
		if (!str_is_utf8(names[i]) || str_find_char(names[i], '\0') >= 0)
			abort();
	/* nobody comes to a guarded folder by another way */
	if (count == 1 && pattern[1] == '{' && str_starts(names[0], STR("admin/")) &&
	    web_path_fits("/admin/{file}", path, true, names, arena) != 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str field = str_from((const char *)data, size), path = str_cut(&field, '\n');
	struct arena arena;
	int64_t offset, part;

	arena_init(&arena);
	check_path(path, "/api/v1/users/{name}/items/{kind}", false, &arena);
	check_path(path, "/{file}", true, &arena);
	if (web_range(field, 1000, &offset, &part) >= 0 && (offset < 0 || part < 1 || offset + part > 1000))
		abort();
	web_tags_hold(field, STR("a-1"));
	web_takes_gzip(field);
	arena_free(&arena);
	return 0;
}
