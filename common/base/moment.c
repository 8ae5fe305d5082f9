#include "common/base/moment.h"

#include <string.h>
#include <time.h>

/* RFC 3339 5.6 time-offset: seconds east of UTC. */
static bool parse_offset(struct str text, int64_t *seconds)
{
	uint64_t hours, minutes;

	*seconds = 0;
	if (str_equal_nocase(text, STR("Z")))
		return true;
	if (text.len != 6 || (text.data[0] != '+' && text.data[0] != '-') || text.data[3] != ':' ||
	    !str_to_u64(str_sub(text, 1, 2), 23, &hours) || !str_to_u64(str_sub(text, 4, 2), 59, &minutes))
		return false;
	*seconds = (text.data[0] == '+' ? 1 : -1) * (int64_t)(hours * 3600 + minutes * 60);
	return true;
}

bool moment_parse(struct str text, struct arena *arena, int64_t *seconds_out)
{
	struct tm tm = {0};
	int64_t offset;
	const char *end = strptime(arena_text(arena, text), "%Y-%m-%dT%H:%M:%S", &tm);

	if (end == NULL)
		return false;
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (!parse_offset(str_of(end), &offset))
		return false;
	*seconds_out = (int64_t)timegm(&tm) - offset;
	return true;
}

struct str moment_format(int64_t seconds, struct arena *arena)
{
	time_t time = (time_t)seconds;
	struct tm parts;
	char text[64];

	gmtime_r(&time, &parts);
	return arena_copy(arena, str_from(text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)));
}
