#include "lists/reader.h"

enum { FLAGS = 6 };

/* Octets of a text, cut at the end of a character. */
static struct str cut(struct str text, size_t max)
{
	while (max > 0 && max < text.len && ((unsigned char)text.data[max] & 0xc0) == 0x80)
		max--;
	return str_sub(text, 0, max);
}

/* A text for one line, UTF-8, of at most max octets; "" where it is none. */
static struct str clean(struct str text, size_t max, struct arena *arena)
{
	struct str copy = arena_copy(arena, cut(text, max));
	char *bytes = (char *)copy.data;

	for (size_t i = 0; i < copy.len; i++)
		if ((unsigned char)bytes[i] < 0x20 || bytes[i] == 0x7f)
			bytes[i] = ' ';
	return str_is_utf8(copy) ? copy : STR("");
}

static void write_command(const struct command *command, struct ipc_message *message)
{
	ipc_add_number(message, "kind", command->kind);
	ipc_add(message, "line", command->line);
	ipc_add(message, "first", command->first);
	ipc_add(message, "second", command->second);
	/* for an unknown command: what it should have been */
	ipc_add_number(message, "meant", command->usage != NULL);
}

static void write_control(const struct control *control, struct ipc_message *message)
{
	ipc_add_number(message, "control", control->kind);
	ipc_add_number(message, "change", control->change);
	ipc_add(message, "user", control->user);
	ipc_add(message, "password", control->password);
	ipc_add(message, "value", control->value);
}

void report_write(const struct report *report, struct ipc_message *message)
{
	ipc_reply_ok(message);
	ipc_add(message, "from", report->from);
	ipc_add(message, "name", cut(report->name, POST_SUBJECT_MAX));
	ipc_add(message, "subject", cut(report->subject, POST_SUBJECT_MAX));
	ipc_add_number(message, "marker", report->has_marker);
	ipc_add_number(message, "automatic", report->is_automatic);
	ipc_add_number(message, "banned", report->is_banned);
	ipc_add_number(message, "8bit", report->is_8bit);
	ipc_add_number(message, "failure", report->is_failure);
	ipc_add_number(message, "cut", report->commands.cut);
	if (report->has_score)
		ipc_add_number(message, "score", report->score);
	ipc_add_number(message, "size", report->size);
	ipc_add_number(message, "to-at", report->to_at);
	for (size_t i = 0; i < report->commands.count; i++)
		write_command(&report->commands.list[i], message);
	write_control(&report->control, message);
}

static int read_flags(const struct ipc_message *message, struct report *report)
{
	static const char *const keys[FLAGS] = {"marker", "automatic", "banned", "8bit", "failure", "cut"};
	bool *const places[FLAGS] = {&report->has_marker, &report->is_automatic, &report->is_banned,
	                             &report->is_8bit,    &report->is_failure,   &report->commands.cut};

	for (int i = 0; i < FLAGS; i++) {
		int64_t value;

		if (!ipc_get_number(message, keys[i], 0, 1, &value))
			return -1;
		*places[i] = value != 0;
	}
	return 0;
}

/* Each begins with its kind; what it should have been is found again, for a reader's word is no pointer. */
static void read_commands_of(const struct ipc_message *message, struct arena *arena, struct commands *commands)
{
	struct command *command = NULL;
	struct str key, value;
	size_t position = 0;
	uint64_t number;

	while (ipc_next(message, &position, &key, &value)) {
		if (str_equal(key, STR("kind"))) {
			if (commands->count == COMMANDS_MAX || !str_to_u64(value, COMMAND_STOP - 1, &number))
				return;
			command = &commands->list[commands->count++];
			*command = (struct command){.kind = (enum command_kind)number};
		} else if (command == NULL) {
			continue;
		} else if (str_equal(key, STR("line"))) {
			command->line = clean(value, COMMAND_LINE_MAX, arena);
		} else if (str_equal(key, STR("first"))) {
			command->first = clean(value, COMMAND_LINE_MAX, arena);
		} else if (str_equal(key, STR("second"))) {
			command->second = clean(value, COMMAND_LINE_MAX, arena);
		} else if (str_equal(key, STR("meant")) && str_equal(value, STR("1"))) {
			command->usage = command_usage(command->line);
		}
	}
}

/* A command that lacks what it needs is none. */
static void read_control(const struct ipc_message *message, struct arena *arena, struct control *control)
{
	int64_t kind, change;

	if (!ipc_get_number(message, "control", 0, CONTROL_KINDS - 1, &kind) ||
	    !ipc_get_number(message, "change", 0, CONTROL_CHANGES - 1, &change))
		kind = change = 0;
	*control = (struct control){
	    .kind = (enum control_kind)kind,
	    .change = (enum control_change)change,
	    .user = clean(ipc_get(message, "user"), CONTROL_VALUE_MAX, arena),
	    .password = clean(ipc_get(message, "password"), CONTROL_VALUE_MAX, arena),
	    .value = clean(ipc_get(message, "value"), CONTROL_VALUE_MAX, arena),
	};
}

int report_read(const struct ipc_message *message, struct arena *arena, struct report *report, struct err *err)
{
	struct str from = ipc_get(message, "from");

	memset(report, 0, sizeof *report);
	if (from.data == NULL || read_flags(message, report) != 0 ||
	    !ipc_get_number(message, "size", 0, INT64_MAX, &report->size) ||
	    !ipc_get_number(message, "to-at", -1, report->size, &report->to_at))
		return err_set(err, ERR_PROTOCOL, "the reader's report is broken");
	report->from = list_normal_address(from, arena);
	report->name = clean(ipc_get(message, "name"), POST_SUBJECT_MAX, arena);
	report->subject = clean(ipc_get(message, "subject"), POST_SUBJECT_MAX, arena);
	report->has_score =
	    ipc_get_number(message, "score", -INT64_C(1000000000000), INT64_C(1000000000000), &report->score);
	read_commands_of(message, arena, &report->commands);
	read_control(message, arena, &report->control);
	return 0;
}
