#include "policyd/policyd.h"

enum { MINUTE_MS = 60 * 1000 };

static int block(struct policyd *policyd, const struct cidr *key, int64_t now, enum setting minutes, struct err *err)
{
	int64_t until = now + settings_number(&policyd->settings, minutes) * MINUTE_MS;
	struct policy_record record = {.time = now, .number = POLICY_BLOCKED, .data = STR("auto")};
	struct buf text;

	if (blocks_add(policyd, key, now, until, STR("auto"), err) != 0)
		return -1;
	buf_init(&text, CIDR_TEXT_MAX);
	cidr_format(key, &text);
	record.peer = buf_str(&text);
	idslog_add(&policyd->idslog, &record);
	buf_free(&text);
	return 0;
}

/* Specification 05, SMTP IDS/IPS, prevention: steps 2 to 5. */
int judge_connect(struct policyd *policyd, const struct cidr *key, int64_t now, bool *blocked, struct err *err)
{
	int64_t score;

	*blocked = false;
	if (blocks_never(policyd, key))
		return 0;
	*blocked = blocks_hold(policyd, key, now);
	if (*blocked)
		return 0;
	if (events_score(policyd, key, now, &score, err) != 0)
		return -1;
	if (score < settings_number(&policyd->settings, SETTING_IDS_THRESHOLD))
		return 0;
	*blocked = true;
	return block(policyd, key, now, SETTING_IDS_BLOCK_TIME, err);
}

/* Specification 07, intrusion protection. */
int judge_login(struct policyd *policyd, const struct cidr *key, int64_t now, struct err *err)
{
	const struct settings *settings = &policyd->settings;
	int64_t since = now - settings_number(settings, SETTING_INTRUSION_PERIOD) * MINUTE_MS, counts[POLICY_EVENTS];
	const struct block *ended = blocks_ended(policyd, key, since, now);
	int64_t limit = settings_number(settings, SETTING_INTRUSION_FAILURES);

	if (limit == 0 || blocks_never(policyd, key) || blocks_hold(policyd, key, now))
		return 0;
	if (events_count(policyd, key, ended != NULL ? ended->expires : since, now, counts, err) != 0)
		return -1;
	return counts[POLICY_BAD_LOGIN] < limit ? 0 : block(policyd, key, now, SETTING_INTRUSION_TIME, err);
}
