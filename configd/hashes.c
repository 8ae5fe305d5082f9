#include "configd/user_table.h"

#include <stdlib.h>

static int compare_lines(const void *a, const void *b)
{
	int64_t left = ((const struct hash_line *)a)->uid, right = ((const struct hash_line *)b)->uid;

	return left < right ? -1 : left > right;
}

struct hash_lines hash_lines_read(struct change *change, const struct ipc_message *dump)
{
	struct hash_lines hashes = {NULL, 0};
	struct str key, value;
	uint64_t uid;

	for (size_t position = 0; ipc_next(dump, &position, &key, &value);)
		hashes.count += str_equal(key, STR("hash"));
	hashes.lines = arena_get(&change->arena, (hashes.count + 1) * sizeof *hashes.lines);
	hashes.count = 0;
	for (size_t position = 0; ipc_next(dump, &position, &key, &value);)
		if (str_equal(key, STR("hash")) && str_to_u64(str_cut(&value, ':'), INT64_MAX, &uid))
			hashes.lines[hashes.count++] = (struct hash_line){(int64_t)uid, value};
	qsort(hashes.lines, hashes.count, sizeof *hashes.lines, compare_lines);
	return hashes;
}

struct str hash_lines_find(const struct hash_lines *hashes, int64_t uid)
{
	const struct hash_line wanted = {uid, STR("")};
	const struct hash_line *found =
	    hashes->count == 0 ? NULL : bsearch(&wanted, hashes->lines, hashes->count, sizeof wanted, compare_lines);

	return found != NULL ? found->hash : str_from(NULL, 0);
}
