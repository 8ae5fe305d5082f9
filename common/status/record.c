#include "common/status/record.h"

#include <inttypes.h>

void status_record_format(const struct status_record *record, struct buf *line)
{
	buf_printf(line,
	           "%" PRId64 "\t%.*s\t%" PRId64 "\t%.*s\t%.*s\t%.*s\t%" PRId64 "\t%d\t%" PRId64 "\t%" PRId64 "\t%" PRId64,
	           record->id, STR_ARG(record->program), record->pid, STR_ARG(record->service), STR_ARG(record->peer),
	           STR_ARG(record->user), record->uid, record->tls, record->begin, record->end, record->messages);
}

static bool cut_number(struct str *rest, int64_t max, int64_t *value_out)
{
	uint64_t value;

	if (rest->data == NULL || !str_to_u64(str_cut(rest, '\t'), (uint64_t)max, &value))
		return false;
	*value_out = (int64_t)value;
	return true;
}

static bool cut_text(struct str *rest, struct str *text_out)
{
	if (rest->data == NULL)
		return false;
	*text_out = str_cut(rest, '\t');
	return true;
}

bool status_record_parse(struct str line, struct status_record *record)
{
	int64_t tls;

	if (line.len > STATUS_RECORD_MAX || !cut_number(&line, INT64_MAX, &record->id) ||
	    !cut_text(&line, &record->program) || !cut_number(&line, INT32_MAX, &record->pid) ||
	    !cut_text(&line, &record->service) || !cut_text(&line, &record->peer) || !cut_text(&line, &record->user) ||
	    !cut_number(&line, INT64_MAX, &record->uid) || !cut_number(&line, 1, &tls) ||
	    !cut_number(&line, INT64_MAX, &record->begin) || !cut_number(&line, INT64_MAX, &record->end) ||
	    !cut_number(&line, INT64_MAX, &record->messages))
		return false;
	record->tls = tls != 0;
	return line.data == NULL;
}

bool status_text_is_clean(struct str text, size_t max)
{
	if (text.data == NULL || text.len > max || !str_is_utf8(text))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	return true;
}
