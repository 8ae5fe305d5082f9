#include "statusd/historyd/read_log.h"

#include "common/base/memory.h"
#include "common/base/wildcard.h"

#include <unistd.h>

/* The end of the file; the first line of it may be the end of one. */
static int read_end(const struct log_file *log, struct buf *text, bool *cut_out, struct err *err)
{
	off_t size = lseek(log->file, 0, SEEK_END), from = size > READ_LOG_OCTETS ? size - READ_LOG_OCTETS : 0;

	if (size < 0)
		return err_system(err, "cannot look at %s", log->name);
	*cut_out = from > 0;
	while (from + (off_t)text->len < size) {
		char *at = buf_reserve(text, (size_t)(size - from) - text->len);
		ssize_t count =
		    at != NULL ? pread(log->file, at, (size_t)(size - from) - text->len, from + (off_t)text->len) : 0;

		if (count < 0)
			return err_system(err, "cannot read %s", log->name);
		if (count == 0)
			break;
		text->len += (size_t)count;
	}
	return 0;
}

static struct str cut_last_line(struct str *text)
{
	ptrdiff_t end = str_find_last_char(*text, '\n');
	struct str line = str_skip(*text, (size_t)(end + 1));

	*text = str_sub(*text, 0, end < 0 ? 0 : (size_t)end);
	return line;
}

/* Those that match, the last first; returns how many. */
static size_t choose(struct str text, bool cut, struct str pattern, struct str *lines, size_t max, bool *more)
{
	size_t count = 0;

	while (text.len > 0 && count < max) {
		struct str line = cut_last_line(&text);

		if (cut && text.len == 0)
			break;
		if (line.len > 0 && (pattern.len == 0 || wildcard_match(line, pattern, NULL)))
			lines[count++] = line;
	}
	*more = cut || text.len > 0;
	return count;
}

int read_log(const struct log_file *log, struct str match, int64_t lines, struct ipc_message *reply, struct err *err)
{
	struct str *chosen;
	struct arena arena;
	struct buf text;
	bool cut = false, more;
	int result;

	if (log->file < 0)
		return err_set(err, ERR_NOT_FOUND, "%s.log is not kept here: it goes to syslog or the journal", log->name);
	arena_init(&arena);
	buf_init(&text, READ_LOG_OCTETS);
	chosen = arena_get(&arena, (size_t)lines * sizeof *chosen);
	result = read_end(log, &text, &cut, err);
	if (result == 0) {
		struct str pattern = match.len > 0 ? arena_join(&arena, (struct str[]){STR("*"), match, STR("*")}, 3) : STR("");

		for (size_t count = choose(buf_str(&text), cut, pattern, chosen, (size_t)lines, &more); count > 0; count--)
			ipc_add(reply, "line", chosen[count - 1]);
		ipc_add_number(reply, "more", more);
	}
	buf_free(&text);
	arena_free(&arena);
	return result;
}
