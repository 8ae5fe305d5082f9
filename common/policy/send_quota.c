#include "common/policy/send_quota.h"

#include <time.h>

static const int64_t hour_ms = 3600 * (int64_t)1000;

static const enum attribute limits[SEND_MEASURES] = {
    [SEND_MESSAGES] = ATTRIBUTE_SEND_QUOTA_MESSAGES,
    [SEND_RECIPIENTS] = ATTRIBUTE_SEND_QUOTA_RECIPIENTS,
    [SEND_OCTETS] = ATTRIBUTE_SEND_QUOTA_OCTETS,
    [SEND_OCTETS_RECIPIENTS] = ATTRIBUTE_SEND_QUOTA_OCTETS_RECIPIENTS,
    [SEND_REMOTE_MESSAGES] = ATTRIBUTE_SEND_QUOTA_REMOTE_MESSAGES,
    [SEND_REMOTE_RECIPIENTS] = ATTRIBUTE_SEND_QUOTA_REMOTE_RECIPIENTS,
    [SEND_REMOTE_OCTETS] = ATTRIBUTE_SEND_QUOTA_REMOTE_OCTETS,
    [SEND_REMOTE_OCTETS_RECIPIENTS] = ATTRIBUTE_SEND_QUOTA_REMOTE_OCTETS_RECIPIENTS,
};

const char *send_measure_word(enum send_measure measure)
{
	return strchr(attribute_definitions[limits[measure]].key, '.') + 1;
}

enum send_measure send_measure_find(struct str word)
{
	int measure = 0;

	while (measure < SEND_MEASURES && !str_equal(word, str_of(send_measure_word((enum send_measure)measure))))
		measure++;
	return (enum send_measure)measure;
}

struct send_amounts send_amounts_of(int64_t octets, int64_t recipients, int64_t remote)
{
	return (struct send_amounts){{
	    [SEND_MESSAGES] = 1,
	    [SEND_RECIPIENTS] = recipients,
	    [SEND_OCTETS] = octets,
	    [SEND_OCTETS_RECIPIENTS] = octets * recipients,
	    [SEND_REMOTE_MESSAGES] = remote > 0,
	    [SEND_REMOTE_RECIPIENTS] = remote,
	    [SEND_REMOTE_OCTETS] = remote > 0 ? octets : 0,
	    [SEND_REMOTE_OCTETS_RECIPIENTS] = octets * remote,
	}};
}

/* Midnight before the present day, Monday or first of the month. */
static int64_t calendar_begin(const char *period, int64_t now)
{
	time_t seconds = (time_t)(now / 1000);
	struct tm begin;

	if (localtime_r(&seconds, &begin) == NULL)
		return now;
	if (strcmp(period, "week") == 0)
		begin.tm_mday -= (begin.tm_wday + 6) % 7;
	else if (strcmp(period, "month") == 0)
		begin.tm_mday = 1;
	begin.tm_hour = begin.tm_min = begin.tm_sec = 0;
	begin.tm_isdst = -1;
	return (int64_t)mktime(&begin) * 1000;
}

void send_quota_read(const struct attributes *attributes, int64_t extra, int64_t now, struct send_quota *quota_out)
{
	const char *period = attributes_text(attributes, ATTRIBUTE_SEND_QUOTA_PERIOD);

	*quota_out = (struct send_quota){.is_limited = false};
	for (int i = 0; i < SEND_MEASURES; i++) {
		int64_t limit = attributes_number(attributes, limits[i]);

		quota_out->limit.of[i] = limit + limit / 100 * extra + limit % 100 * extra / 100;
		quota_out->is_limited = quota_out->is_limited || limit > 0;
	}
	if (strcmp(period, "hours") == 0)
		quota_out->since = now - attributes_number(attributes, ATTRIBUTE_SEND_QUOTA_HOURS) * hour_ms;
	else
		quota_out->since = calendar_begin(period, now);
}

enum send_measure send_quota_exceeded(const struct send_quota *quota, const struct send_amounts *used,
                                      const struct send_amounts *more)
{
	int measure = 0;

	/* what a message has none of it does not add to, however much of it there was */
	while (measure < SEND_MEASURES && (quota->limit.of[measure] == 0 || more->of[measure] == 0 ||
	                                   used->of[measure] + more->of[measure] <= quota->limit.of[measure]))
		measure++;
	return (enum send_measure)measure;
}
