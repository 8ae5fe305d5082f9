#include "policyd/idslog.h"

#include <inttypes.h>
#include <time.h>

static void add_time(struct buf *line, int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm utc;
	char text[32];

	if (gmtime_r(&seconds, &utc) != NULL && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc) != 0)
		buf_add_str(line, str_of(text));
}

/* One character behind a percent sign; what is none of ours stays as it is. */
static void add_field(struct buf *line, char letter, const struct policy_record *record)
{
	switch (letter) {
	case 'T':
		add_time(line, record->time);
		break;
	case 'I':
		buf_add_str(line, record->peer);
		break;
	case 'e':
		buf_printf(line, "%" PRId64, record->number);
		break;
	case 'E':
		buf_add_str(line, str_of(policy_event_text(record->number)));
		break;
	case 'D':
		buf_add_str(line, record->data);
		break;
	case '%':
		buf_add_char(line, '%');
		break;
	default:
		buf_printf(line, "%%%c", letter);
	}
}

void idslog_format(struct buf *line, struct str format, const struct policy_record *record)
{
	for (size_t i = 0; i < format.len; i++) {
		unsigned char c = (unsigned char)format.data[i];

		if (c == '%' && i + 1 < format.len && (unsigned char)format.data[i + 1] >= 0x20)
			add_field(line, format.data[++i], record);
		else
			buf_add_char(line, c < 0x20 || c == 0x7f ? ' ' : (char)c);
	}
}
