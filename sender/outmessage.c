#include "sender/outmessage.h"

#include "sender/story.h"

#include <time.h>
#include <unistd.h>

enum {
	PRIORITY_MAX = 9,
	DATE_DIGITS = 14,
	SECONDS_MAX = 1000000000, /* some thirty years */
};

/* Year, month, day, hour, minute, second of a local time that there is. */
static bool take_local(const int numbers[6], int64_t *moment_out)
{
	struct tm local = {
	    .tm_year = numbers[0] - 1900,
	    .tm_mon = numbers[1] - 1,
	    .tm_mday = numbers[2],
	    .tm_hour = numbers[3],
	    .tm_min = numbers[4],
	    .tm_sec = numbers[5],
	    .tm_isdst = -1,
	};
	time_t seconds;

	if (numbers[3] > 23 || numbers[4] > 59 || numbers[5] > 59 || (seconds = mktime(&local)) == -1)
		return false;
	*moment_out = (int64_t)seconds;
	return local.tm_mday == numbers[2] && local.tm_mon == numbers[1] - 1;
}

/* Numbers of fixed widths with the signs between them; those after the `least` first may be missing. */
static bool read_date(struct str text, const char *const signs[6], int least, int numbers[6])
{
	static const size_t widths[6] = {4, 2, 2, 2, 2, 2};
	int count = 0;

	for (; count < 6 && text.len > 0; count++) {
		uint64_t number;

		if (count > 0 && signs[count][0] != '\0') {
			if (str_find_char(str_of(signs[count]), text.data[0]) < 0)
				return false;
			text = str_skip(text, 1);
		}
		if (text.len < widths[count] || !str_to_u64(str_sub(text, 0, widths[count]), 9999, &number))
			return false;
		numbers[count] = (int)number;
		text = str_skip(text, widths[count]);
	}
	return text.len == 0 && count >= least;
}

bool outmessage_moment(struct str text, int64_t now, int64_t *moment_out)
{
	static const char *const none[6] = {"", "", "", "", "", ""};
	static const char *const iso[6] = {"", "-", "-", "T ", ":", ":"};
	int numbers[6] = {0};
	uint64_t seconds;

	if (str_ends_nocase(text, STR(".0"))) /* Lua's division makes such numbers */
		text.len -= 2;
	if (text.len != DATE_DIGITS && str_to_u64(text, SECONDS_MAX, &seconds)) {
		*moment_out = now + (int64_t)seconds;
		return true;
	}
	return (read_date(text, none, 6, numbers) || read_date(text, iso, 5, numbers)) && take_local(numbers, moment_out);
}

static struct str read_message(int file, int64_t offset, int64_t size, struct arena *arena)
{
	size_t most = size < OUTMESSAGE_TEXT_MAX ? (size_t)size : OUTMESSAGE_TEXT_MAX, length = 0;
	char *text = arena_get(arena, most + 1);
	ssize_t count = 1;

	while (length < most && count > 0) {
		count = pread(file, text + length, most - length, (off_t)(offset + (int64_t)length));
		length += count > 0 ? (size_t)count : 0;
	}
	return str_from(text, length);
}

enum change { CHANGE_PRIORITY, CHANGE_HOLD, CHANGE_HOLD_UNTIL, CHANGE_DELETE_AFTER, CHANGES };

/* A moment that the script named. none: the word that stands for "never"; NULL: there is none. */
static void add_moment(const struct script *script, const struct script_field *change, const char *none, int64_t now,
                       struct ipc_message *reply, const char *key)
{
	int64_t moment = 0;

	if (change->value.type != SCRIPT_TEXT)
		return;
	if ((none != NULL && str_equal_nocase(change->value.text, str_of(none))) ||
	    outmessage_moment(change->value.text, now, &moment)) {
		/* never: no seconds, as in what the function was given; and a time that is over, rather than to lose mail */
		ipc_add_number(reply, key, moment > now || none == NULL ? moment : 0);
		return;
	}
	script_report(script, "NewMessage",
	              str_equal(str_of(key), STR("expires")) ? STR("DeleteAfter is no time") : STR("HoldUntil is no time"));
}

static void add_changes(const struct script *script, const struct script_field *changes, int64_t now,
                        struct ipc_message *reply)
{
	const struct script_value *priority = &changes[CHANGE_PRIORITY].value, *hold = &changes[CHANGE_HOLD].value;

	if (priority->type == SCRIPT_NUMBER && (priority->number < 1 || priority->number > PRIORITY_MAX))
		script_report(script, "NewMessage", STR("Priority is not from 1 to 9"));
	else if (priority->type == SCRIPT_NUMBER)
		ipc_add_number(reply, "priority", priority->number);
	if (hold->type == SCRIPT_TEXT)
		ipc_add_number(reply, "held", str_equal_nocase(hold->text, STR("hold")));
	else if (hold->type == SCRIPT_FLAG)
		ipc_add_number(reply, "held", hold->flag);
	add_moment(script, &changes[CHANGE_HOLD_UNTIL], NULL, now, reply, "hold-until");
	add_moment(script, &changes[CHANGE_DELETE_AFTER], "none", now, reply, "expires");
}

static int64_t number_of(const struct ipc_message *request, const char *key)
{
	int64_t number = 0;

	ipc_get_number(request, key, 0, INT64_MAX / 2, &number);
	return number;
}

void outmessage_answer(struct script *script, struct ipc_message *request, struct ipc_message *reply,
                       struct arena *arena, int64_t now)
{
	struct script_field changes[CHANGES] = {
	    [CHANGE_PRIORITY] = {"Priority", {.type = SCRIPT_NUMBER}},
	    [CHANGE_HOLD] = {"Hold", {.type = SCRIPT_TEXT_OR_FLAG}},
	    [CHANGE_HOLD_UNTIL] = {"HoldUntil", {.type = SCRIPT_TEXT}},
	    [CHANGE_DELETE_AFTER] = {"DeleteAfter", {.type = SCRIPT_TEXT}},
	};
	struct script_value result = script_table(changes, CHANGES);
	int64_t offset = number_of(request, "offset"), size = number_of(request, "size");
	int file = ipc_take_fd(request, 0);
	struct story story;

	if (file < 0)
		return;
	story_read(file, (off_t)offset, (off_t)size, arena, &story);
	const struct script_value arguments[] = {
	    script_text(ipc_get(request, "user")),
	    script_text(ipc_get(request, "mail-from")),
	    script_text(story_time(number_of(request, "time"), arena)),
	    script_text(story.subject),
	    script_text(ipc_get(request, "peer")),
	    script_number(size),
	    script_number(number_of(request, "priority")),
	    story.lines,
	    script_text(read_message(file, offset, size, arena)),
	    script_number(number_of(request, "hold")),
	    script_number(number_of(request, "delete")),
	};
	close(file);
	if (script_call(script, "NewMessage", arguments, sizeof arguments / sizeof arguments[0], &result, 1, arena) == 1 &&
	    result.type == SCRIPT_TABLE)
		add_changes(script, changes, now, reply);
}
