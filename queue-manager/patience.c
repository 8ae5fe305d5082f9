#include "queue-manager/senders.h"

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

void patience_read_sender(const struct queue *queue, const char *retry, int64_t warn, int64_t fail,
                          struct patience *patience_out)
{
	*patience_out = queue->patience;
	if (retry[0] != '\0')
		read_retry(patience_out, str_of(retry));
	if (warn >= 0)
		patience_out->warn_ms = warn * 1000;
	if (fail > 0)
		patience_out->fail_ms = fail * 1000;
}

const struct patience *patience_for(const struct queue *queue, const struct delivery *delivery)
{
	const struct sender *sender = delivery->sender != 0 ? senders_find(queue, delivery->sender) : NULL;

	if (delivery->kind == DELIVERY_LAN)
		return &queue->lan_patience;
	return sender != NULL ? &sender->patience : &queue->patience;
}

int64_t patience_delay(const struct patience *patience, unsigned attempts)
{
	size_t index = attempts > 0 ? attempts - 1 : 0;

	return patience->retry_ms[index < patience->retry_count ? index : patience->retry_count - 1];
}
