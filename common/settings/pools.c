#include "common/settings/pools.h"

#define SHOWN(text) STR_ARG(str_sub(text, 0, 60))

int pools_root(const struct pools *pools, int pool)
{
	for (int i = 0; i < POOLS_MAX && pools->bandwidth[pool] < 0; i++)
		pool = (int)-pools->bandwidth[pool];
	return pool;
}

static bool read_bandwidth(struct str text, int64_t *bandwidth_out)
{
	bool is_nested = str_starts(text, STR("-"));
	uint64_t number;

	if (!str_to_u64(is_nested ? str_skip(text, 1) : text, is_nested ? POOLS_MAX : BANDWIDTH_MAX, &number) ||
	    (is_nested && number == 0))
		return false;
	*bandwidth_out = is_nested ? -(int64_t)number : (int64_t)number;
	return true;
}

static int parse_item(struct str item, struct pools *pools, bool seen[POOLS_MAX + 1], struct err *err)
{
	ptrdiff_t sign = str_find_last_char(item, '=');
	struct str rest = str_sub(item, 0, sign > 0 ? (size_t)sign : 0), number = str_cut_word(&rest);
	struct str name = str_trim(rest);
	int64_t bandwidth;
	uint64_t pool;

	if (!str_to_u64(number, POOLS_MAX, &pool) || pool == 0 || name.len > POOLS_NAME_MAX || !str_is_utf8(name) ||
	    !read_bandwidth(str_trim(str_skip(item, (size_t)sign + 1)), &bandwidth))
		return err_set(err, ERR_SYNTAX,
		               "a pool is NUMBER=BANDWIDTH or NUMBER NAME=BANDWIDTH, with a number from 1 to %d and a bandwidth"
		               " of 0 to %d, or -N for part of pool N; not \"%.*s\"",
		               POOLS_MAX, BANDWIDTH_MAX, SHOWN(item));
	if (seen[pool])
		return err_set(err, ERR_SYNTAX, "pool %d is there twice", (int)pool);
	seen[pool] = true;
	pools->bandwidth[pool] = bandwidth;
	return 0;
}

int pools_parse(struct str text, struct pools *pools, struct err *err)
{
	bool seen[POOLS_MAX + 1] = {false};

	*pools = (struct pools){0};
	while (text.data != NULL && text.len > 0) {
		struct str item = str_trim(str_cut(&text, ','));

		if (item.len != 0 && parse_item(item, pools, seen, err) != 0)
			return -1;
	}
	for (int pool = 1; pool <= POOLS_MAX; pool++)
		if (pools->bandwidth[pools_root(pools, pool)] < 0)
			return err_set(err, ERR_LIMIT, "pool %d is part of itself by way of pool %d", pool,
			               (int)-pools->bandwidth[pool]);
	return 0;
}

int bandwidth_parse(struct str text, int64_t *limit, struct err *err)
{
	struct str rest = text, word = str_cut_word(&rest);
	uint64_t number;

	if (str_equal_nocase(word, STR("pool")) && str_to_u64(str_trim(rest), POOLS_MAX, &number) && number > 0) {
		*limit = -(int64_t)number;
		return 0;
	}
	if (str_to_u64(str_trim(text), BANDWIDTH_MAX, &number)) {
		*limit = (int64_t)number;
		return 0;
	}
	return err_set(err, ERR_SYNTAX,
	               "wants 0, octets in a second, or \"pool N\" with a number from 1 to %d, not \"%.*s\"", POOLS_MAX,
	               SHOWN(text));
}
