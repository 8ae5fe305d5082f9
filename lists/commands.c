#include "lists/commands.h"

#include "common/mime/header.h"

static const struct verb {
	const char *words[3]; /* the first is its name */
	unsigned least, most; /* arguments */
	const char *usage;
	bool in_subject;
} verbs[COMMAND_KINDS] = {
    [COMMAND_SUBSCRIBE] = {{"subscribe", "sub", NULL}, 1, 1, "subscribe LIST", true},
    [COMMAND_UNSUBSCRIBE] = {{"unsubscribe", "uns", "unsub"}, 1, 2, "unsubscribe LIST [ADDRESS]", true},
    [COMMAND_LISTS] = {{"lists", NULL, NULL}, 0, 0, "lists", false},
    [COMMAND_USERS] = {{"users", NULL, NULL}, 1, 1, "users LIST", false},
    [COMMAND_HELP] = {{"help", NULL, NULL}, 0, 0, "help", false},
    [COMMAND_CONFIRM] = {{"confirm", NULL, NULL}, 1, 1, "confirm TOKEN", true},
    [COMMAND_APPROVE] = {{"approve", NULL, NULL}, 1, 1, "approve TOKEN", true},
    [COMMAND_REJECT] = {{"reject", NULL, NULL}, 1, 1, "reject TOKEN", true},
    [COMMAND_ADD] = {{"add", NULL, NULL}, 2, 2, "add LIST ADDRESS", false},
    [COMMAND_REMOVE] = {{"remove", NULL, NULL}, 2, 2, "remove LIST ADDRESS", false},
    [COMMAND_STOP] = {{"stop", NULL, NULL}, 0, 0, "stop", false},
};

const char command_help[] = "subscribe LIST              become a member of the list\n"
                            "unsubscribe LIST [ADDRESS]  leave it; * as LIST leaves all\n"
                            "lists                       the lists that there are\n"
                            "users LIST                  the members of a list, where it tells\n"
                            "confirm TOKEN               confirm what a message with that token asked for\n"
                            "help                        this text\n"
                            "stop                        no commands follow\n"
                            "For moderators:\n"
                            "approve TOKEN               distribute the message that was sent with the token\n"
                            "reject TOKEN                do not\n"
                            "add LIST ADDRESS            make somebody a member\n"
                            "remove LIST ADDRESS         or no longer\n";

static enum command_kind find_kind(struct str word)
{
	for (int kind = COMMAND_UNKNOWN + 1; kind < COMMAND_KINDS; kind++)
		for (size_t i = 0; i < 3 && verbs[kind].words[i] != NULL; i++)
			if (str_equal_nocase(word, str_of(verbs[kind].words[i])))
				return (enum command_kind)kind;
	return COMMAND_UNKNOWN;
}

const char *command_usage(struct str line)
{
	return verbs[find_kind(str_cut_word(&line))].usage;
}

/* What is too long for a command is none; its beginning is shown in the answer. */
static struct command parse_line(struct str line)
{
	struct command command = {.line = str_sub(line, 0, COMMAND_LINE_MAX)};
	struct str rest = command.line;
	enum command_kind kind = find_kind(str_cut_word(&rest));
	const struct verb *verb = &verbs[kind];
	unsigned arguments;

	if (kind == COMMAND_UNKNOWN)
		return command;
	command.first = str_cut_word(&rest);
	command.second = str_cut_word(&rest);
	arguments = (command.first.len > 0) + (command.second.len > 0);
	if (line.len > COMMAND_LINE_MAX || str_trim(rest).len > 0 || arguments < verb->least || arguments > verb->most)
		command.usage = verb->usage;
	else
		command.kind = kind;
	return command;
}

/* Without "Re:" and the like, and with blanks for "+": a command that may stand there, or none. */
static bool parse_subject(struct str subject, struct arena *arena, struct command *command)
{
	struct str base = arena_copy(arena, mime_base_subject(subject, arena, NULL));
	char *bytes = (char *)base.data;

	for (size_t i = 0; i < base.len; i++)
		if (bytes[i] == '+')
			bytes[i] = ' ';
	*command = parse_line(str_trim(base));
	return command->kind != COMMAND_UNKNOWN && verbs[command->kind].in_subject;
}

void commands_parse(struct str subject, struct str body, struct arena *arena, struct commands *commands_out)
{
	commands_out->count = 0;
	commands_out->cut = false;
	if (parse_subject(subject, arena, &commands_out->list[0])) {
		commands_out->count = 1;
		return;
	}
	while (body.len > 0) {
		struct str line = str_trim(str_cut(&body, '\n'));
		struct command command;

		if (line.len == 0 || line.data[0] == '>')
			continue;
		command = parse_line(line);
		if (command.kind == COMMAND_STOP || str_equal(line, STR("--")))
			return;
		if (commands_out->count == COMMANDS_MAX) {
			commands_out->cut = true;
			return;
		}
		commands_out->list[commands_out->count++] = command;
	}
}
