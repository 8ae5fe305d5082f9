#include "common/pop3/command.h"

static const char *const names[POP3_VERB_COUNT] = {
    [POP3_APOP] = "APOP", [POP3_AUTH] = "AUTH", [POP3_CAPA] = "CAPA", [POP3_DELE] = "DELE", [POP3_LIST] = "LIST",
    [POP3_NOOP] = "NOOP", [POP3_PASS] = "PASS", [POP3_QUIT] = "QUIT", [POP3_RETR] = "RETR", [POP3_RSET] = "RSET",
    [POP3_STAT] = "STAT", [POP3_STLS] = "STLS", [POP3_TOP] = "TOP",   [POP3_UIDL] = "UIDL", [POP3_USER] = "USER",
};

struct pop3_command pop3_command_parse(struct str line)
{
	struct pop3_command command = {.verb = POP3_UNKNOWN, .argument = STR("")};
	ptrdiff_t space = str_find_char(line, ' ');
	struct str keyword = space < 0 ? line : str_sub(line, 0, (size_t)space);

	if (str_find_char(line, '\0') >= 0)
		return command;
	for (int verb = POP3_UNKNOWN + 1; verb < POP3_VERB_COUNT; verb++)
		if (str_equal_nocase(keyword, str_of(names[verb])))
			command.verb = (enum pop3_verb)verb;
	if (space >= 0)
		command.argument = str_skip(line, (size_t)space + 1);
	return command;
}

bool pop3_command_is_bare(const struct pop3_command *command)
{
	return str_trim(command->argument).len == 0;
}

static bool read_number(struct str word, uint32_t *number)
{
	uint64_t value;

	for (size_t i = 0; i < word.len; i++)
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
	*number = str_to_u64(word, 999999999, &value) ? (uint32_t)value : UINT32_MAX;
	return word.len != 0;
}

bool pop3_command_numbers(const struct pop3_command *command, uint32_t *numbers, int count)
{
	struct str rest = command->argument;

	for (int i = 0; i < count; i++)
		if (!read_number(str_cut_word(&rest), &numbers[i]))
			return false;
	return str_trim(rest).len == 0;
}
