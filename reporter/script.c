/*
 * dmarcreporter.lua (specification 09, 5.7): who gets a report of DMARC, and as whom it is sent. It runs here, where
 * nobody waits for more than the reports.
 */
#include "reporter/reporter.h"

#include "common/addr/addr.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/moment.h"

#include <time.h>

enum {
	CHANNEL_MS = 60 * 1000, /* statusd takes so many errors of a script by one channel; then it needs another */
	NAME_MAX_OCTETS = 200,
	AHEAD_S = 30 * REPORT_DAY_S, /* that a report may be held, or live, at most */
};

void report_script_open(struct reporter *reporter)
{
	reporter->status.channel.fd = -1;
	script_open(&reporter->script, reporter->instance, "dmarcreporter", NULL, &reporter->status);
}

static bool is_there(struct reporter *reporter, const struct report *report)
{
	struct err err;

	if (report->kind != &report_kinds[REPORT_DMARC] || !script_exists(&reporter->script))
		return false;
	if (reporter->status.channel.fd < 0 || io_now_ms() >= reporter->channel_until_ms) {
		ipc_close(&reporter->status.channel);
		if (ipc_connect_now(&reporter->status.channel, reporter->instance, "statusd", "reporter", &err) != 0)
			log_debug("%s", err.text);
		reporter->channel_until_ms = io_now_ms() + CHANNEL_MS;
	}
	return true;
}

static bool is_address(struct str text, struct arena *arena)
{
	struct addr addr;
	struct err err;

	return addr_parse_mailbox(text, arena, &addr, &err) == 0 && addr.domain.len > 0;
}

static struct script_value addresses_of(const struct report_target *targets, size_t count, struct arena *arena)
{
	struct str *items = arena_get(arena, (count + 1) * sizeof *items);

	for (size_t i = 0; i < count; i++)
		items[i] = targets[i].text;
	return script_list(items, count);
}

/* How large a message an address takes, where its domain said so. */
static uint64_t size_of(struct str address, const struct report_target *targets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_equal_nocase(address, targets[i].text))
			return targets[i].size_max;
	return 0;
}

void report_script_recipients(struct reporter *reporter, const struct report *report, struct arena *arena,
                              struct report_target targets[REPORT_TARGETS_MAX], size_t *count)
{
	struct report_target chosen[REPORT_TARGETS_MAX];
	struct script_value result = {.type = SCRIPT_LIST}, list;
	int64_t begin = report->day * REPORT_DAY_S;
	struct str rua = STR("");
	size_t taken = 0;

	if (!is_there(reporter, report))
		return;
	for (size_t i = 0; i < *count; i++)
		rua = arena_printf(arena, "%.*s%smailto:%.*s", STR_ARG(rua), i > 0 ? "," : "", STR_ARG(targets[i].text));
	list = addresses_of(targets, *count, arena);
	if (script_call(&reporter->script, "CheckRecipients",
	                (const struct script_value[]){script_text(report->domain), script_text(rua), script_number(begin),
	                                              script_number(begin + REPORT_DAY_S - 1), script_text(report->id),
	                                              list},
	                6, &result, 1, arena) != 1 ||
	    result.type != SCRIPT_LIST)
		return;
	for (size_t i = 0; i < result.count && taken < REPORT_TARGETS_MAX; i++)
		if (is_address(result.items[i], arena))
			chosen[taken++] =
			    (struct report_target){.text = result.items[i], .size_max = size_of(result.items[i], targets, *count)};
		else
			script_report(&reporter->script, "CheckRecipients", STR("a recipient is no address"));
	for (size_t i = 0; i < taken; i++)
		targets[i] = chosen[i];
	*count = taken;
}

/* What stands for a moment: seconds from now on, or a date; "" leaves it. */
static void take_moment(struct reporter *reporter, const struct script_value *value, struct arena *arena,
                        int64_t *moment)
{
	int64_t now = time(NULL), at;
	uint64_t seconds;

	if (value->type != SCRIPT_TEXT || value->text.len == 0)
		return;
	if (str_to_u64(value->text, AHEAD_S, &seconds))
		*moment = now + (int64_t)seconds;
	else if (moment_parse(value->text, arena, &at) && at > 0 && at <= now + AHEAD_S)
		*moment = at;
	else
		script_report(&reporter->script, "GetMessageDetails",
		              STR("a time is neither seconds nor a date within 30 days"));
}

static bool is_printable(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
			return false;
	return text.len <= NAME_MAX_OCTETS && str_is_utf8(text);
}

void report_script_details(struct reporter *reporter, struct report *report, const struct report_target *targets,
                           size_t count, struct arena *arena)
{
	struct script_value results[5] = {{.type = SCRIPT_TEXT},
	                                  {.type = SCRIPT_TEXT},
	                                  {.type = SCRIPT_TEXT},
	                                  {.type = SCRIPT_TEXT},
	                                  {.type = SCRIPT_TEXT}};

	if (!is_there(reporter, report) ||
	    script_call(&reporter->script, "GetMessageDetails",
	                (const struct script_value[]){script_text(report->domain), addresses_of(targets, count, arena),
	                                              script_text(report->contact), script_text(report->contact_name),
	                                              script_text(report->host)},
	                5, results, 5, arena) != 1)
		return;
	if (results[0].type == SCRIPT_TEXT && results[0].text.len > 0 && is_address(results[0].text, arena))
		report->contact = results[0].text;
	else if (results[0].type == SCRIPT_TEXT && results[0].text.len > 0)
		script_report(&reporter->script, "GetMessageDetails", STR("the sender is no address"));
	if (results[1].type == SCRIPT_TEXT && is_printable(results[1].text))
		report->contact_name = results[1].text;
	if (results[2].type == SCRIPT_TEXT && results[2].text.len > 0 && addr_is_domain(results[2].text))
		report->host = results[2].text;
	take_moment(reporter, &results[3], arena, &report->expires);
	take_moment(reporter, &results[4], arena, &report->hold_until);
}
