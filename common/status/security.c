#include "common/status/security.h"

#include <inttypes.h>

enum { WORD_MAX = 64 };

void security_format(const struct security_record *record, struct buf *line)
{
	buf_printf(line, "%" PRId64 "\t", record->time);
	buf_add_visible(line, str_sub(record->service, 0, WORD_MAX));
	buf_add_char(line, '\t');
	buf_add_visible(line, str_sub(record->peer, 0, WORD_MAX));
	buf_add_char(line, '\t');
	buf_add_visible(line, str_sub(record->user, 0, SECURITY_USER_MAX));
	buf_add_char(line, '\t');
	buf_add_visible(line, str_sub(record->mechanism, 0, WORD_MAX));
	buf_printf(line, "\t%d\t", record->tls);
	buf_add_visible(line, str_sub(record->reason, 0, SECURITY_REASON_MAX));
}

static bool cut_text(struct str *rest, struct str *text_out)
{
	if (rest->data == NULL)
		return false;
	*text_out = str_cut(rest, '\t');
	return true;
}

bool security_parse(struct str line, struct security_record *record)
{
	struct str time = {0}, tls = {0};
	uint64_t number, flag;

	if (line.len > SECURITY_LINE_MAX || !str_is_utf8(line) || !cut_text(&line, &time) ||
	    !cut_text(&line, &record->service) || !cut_text(&line, &record->peer) || !cut_text(&line, &record->user) ||
	    !cut_text(&line, &record->mechanism) || !cut_text(&line, &tls) || !cut_text(&line, &record->reason) ||
	    line.data != NULL || !str_to_u64(time, INT64_MAX, &number) || !str_to_u64(tls, 1, &flag))
		return false;
	record->time = (int64_t)number;
	record->tls = flag != 0;
	return true;
}
