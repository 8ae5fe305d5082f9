#include "common/policy/event.h"

#include <inttypes.h>
#include <sys/resource.h>

enum {
	PEER_MAX = 64,
	SERVICE_MAX = 64,
	SUSPECT_NICE = 10, /* so it takes a tenth of what others have where there is not enough for all */
};

const char *policy_event_text(int64_t number)
{
	static const char *const texts[POLICY_EVENTS] = {
	    [POLICY_BAD_LOGIN] = "Authentication failure",
	    [POLICY_RELAY_DENIED] = "Relay denied",
	    [POLICY_RELAY_ALLOWED] = "Relay allowed",
	    [POLICY_BAD_RECIPIENT] = "Bad local recipient",
	    [POLICY_GOOD_RECIPIENT] = "Good local recipient",
	    [POLICY_SPAM] = "Spam",
	    [POLICY_VIRUS] = "Virus",
	    [POLICY_RULE] = "SMTP rule blocked the message",
	    [POLICY_DNSBL] = "DNSBL match",
	    [POLICY_SYNTAX] = "Syntax error",
	    [POLICY_TOO_BIG] = "Message too big",
	    [POLICY_ATTACHMENT] = "Filtered attachment",
	    [POLICY_PARTIAL] = "Partial attachment",
	    [POLICY_SPF] = "SPF rejection",
	};

	if (number == POLICY_BLOCKED)
		return "IP address blocked";
	return number >= 0 && number < POLICY_EVENTS ? texts[number] : NULL;
}

void policy_suspect(void)
{
	setpriority(PRIO_PROCESS, 0, SUSPECT_NICE);
}

void policy_record_format(const struct policy_record *record, struct buf *line)
{
	buf_printf(line, "%" PRId64 "\t%.*s\t%.*s\t%" PRId64 "\t", record->time, STR_ARG(record->peer),
	           STR_ARG(record->service), record->number);
	buf_add_visible(line, str_sub(record->data, 0, POLICY_DATA_MAX));
}

bool policy_record_parse(struct str line, struct policy_record *record)
{
	uint64_t time, number;

	if (line.len > POLICY_LINE_MAX || !str_to_u64(str_cut(&line, '\t'), INT64_MAX, &time) || line.data == NULL)
		return false;
	record->peer = str_cut(&line, '\t');
	record->service = str_cut(&line, '\t');
	if (line.data == NULL || !str_to_u64(str_cut(&line, '\t'), INT32_MAX, &number) || line.data == NULL)
		return false;
	record->time = (int64_t)time;
	record->number = (int64_t)number;
	record->data = line;
	return policy_event_text(record->number) != NULL && record->peer.len <= PEER_MAX &&
	       record->service.len <= SERVICE_MAX && memchr(line.data, '\t', line.len) == NULL;
}
