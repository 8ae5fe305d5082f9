#include "queue-manager/queue.h"

/* How often, how long, and whether a sender hears of it in the end: for the LAN by settings of its own. */

static void read_retry(struct patience *patience, struct str list)
{
	struct str rest = list;

	patience->retry_count = 0;
	while (rest.data != NULL && patience->retry_count < QUEUE_RETRY_MAX) {
		uint64_t seconds;

		if (str_to_u64(str_trim(str_cut(&rest, ',')), 8640000, &seconds))
			patience->retry_ms[patience->retry_count++] = (int64_t)seconds * 1000;
	}
	if (patience->retry_count == 0)
		patience->retry_ms[patience->retry_count++] = 600000;
}

void patience_read(struct queue *queue)
{
	const struct settings *settings = &queue->settings;

	read_retry(&queue->patience, str_of(settings_text(settings, SETTING_SENDER_RETRY)));
	queue->patience.warn_ms = settings_number(settings, SETTING_SENDER_WARN) * 1000;
	queue->patience.fail_ms = settings_number(settings, SETTING_SENDER_FAIL) * 1000;
	queue->patience.reports = true;
	read_retry(&queue->lan_patience, str_of(settings_text(settings, SETTING_LAN_RETRY)));
	queue->lan_patience.warn_ms = 0;
	queue->lan_patience.fail_ms = settings_number(settings, SETTING_LAN_FAIL) * 1000;
	queue->lan_patience.reports = settings_flag(settings, SETTING_LAN_REPORTS);
}

const struct patience *patience_for(const struct queue *queue, enum delivery_kind kind)
{
	return kind == DELIVERY_LAN ? &queue->lan_patience : &queue->patience;
}

int64_t patience_delay(const struct patience *patience, unsigned attempts)
{
	size_t index = attempts > 0 ? attempts - 1 : 0;

	return patience->retry_ms[index < patience->retry_count ? index : patience->retry_count - 1];
}
