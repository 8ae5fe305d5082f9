#include "common/policy/mailbox_quota.h"

enum { MB = 1048576 };

int64_t mailbox_quota_of(const struct settings *settings, const struct attributes *attributes)
{
	int64_t own = attributes_number(attributes, ATTRIBUTE_MAILBOX_QUOTA);

	return (own >= 0 ? own : settings_number(settings, SETTING_MAILBOX_QUOTA)) * MB;
}

int mailbox_quota_in_use(struct settings *settings, struct err *err)
{
	if (settings_number(settings, SETTING_MAILBOX_QUOTA) > 0)
		return 1;
	return attributes_in_use(settings, attribute_definitions[ATTRIBUTE_MAILBOX_QUOTA].key, err);
}

int64_t mailbox_quota_percent(int64_t quota, int64_t size)
{
	return size / quota * 100 + size % quota * 100 / quota;
}

bool mailbox_quota_reaches(int64_t percentage, int64_t quota, int64_t size)
{
	return percentage > 0 && mailbox_quota_percent(quota, size) >= percentage;
}

bool mailbox_quota_passes(const char *steps, int64_t quota, int64_t before, int64_t after)
{
	struct str rest = str_of(steps), item;
	uint64_t step;

	while ((item = str_cut_item(&rest)).len != 0)
		if (str_to_u64(item, INT32_MAX, &step) && !mailbox_quota_reaches((int64_t)step, quota, before) &&
		    mailbox_quota_reaches((int64_t)step, quota, after))
			return true;
	return false;
}
