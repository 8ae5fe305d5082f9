#include "statusd/bandwidth.h"

#include "common/base/log.h"

enum {
	SLICES_IN_SECOND = 10,
	SLICE_MIN = 512,
	SLICE_MAX = 64 * 1024,
	FREE_SLICE = 1024 * 1024, /* of a pool without limit: how much may pass before a change of it is noticed */
};

void bandwidth_init(struct bandwidth *bandwidth, struct settings *settings)
{
	*bandwidth = (struct bandwidth){.settings = settings};
}

static void refresh(struct bandwidth *bandwidth)
{
	struct err err;

	settings_refresh(bandwidth->settings);
	if (bandwidth->generation == bandwidth->settings->generation)
		return;
	bandwidth->generation = bandwidth->settings->generation;
	if (pools_parse(str_of(settings_text(bandwidth->settings, SETTING_BANDWIDTH_POOLS)), &bandwidth->pools, &err) != 0)
		log_error("bandwidth.pools: %s", err.text);
}

static int64_t slice_of(int64_t rate)
{
	int64_t slice = rate / SLICES_IN_SECOND;

	if (slice < SLICE_MIN)
		return SLICE_MIN;
	return slice < SLICE_MAX ? slice : SLICE_MAX;
}

struct bandwidth_slice bandwidth_ask(struct bandwidth *bandwidth, int pool, int64_t now_ms, int64_t *until_ms)
{
	struct bandwidth_slice slice = {FREE_SLICE, 0};
	int64_t rate, *free_at;
	int root;

	refresh(bandwidth);
	root = pools_root(&bandwidth->pools, pool);
	rate = bandwidth->pools.bandwidth[root];
	if (rate <= 0)
		return slice;
	if (*until_ms > now_ms)
		return (struct bandwidth_slice){0, *until_ms - now_ms};
	free_at = &bandwidth->free_at_ms[root];
	if (*free_at < now_ms)
		*free_at = now_ms;
	slice.octets = slice_of(rate);
	slice.wait_ms = *free_at - now_ms;
	*until_ms = *free_at;
	*free_at += slice.octets * 1000 / rate;
	return slice;
}
