#include "lists/control.h"

static const char *const subjects[CONTROL_KINDS] = {
    [CONTROL_SET_FORWARDING] = "Set Forwarding",
    [CONTROL_QUERY_FORWARDING] = "Query Forwarding",
    [CONTROL_SET_ASSISTANT] = "Set Assistant",
    [CONTROL_QUERY_ASSISTANT] = "Query Assistant",
    [CONTROL_PASSWORD] = "Password",
};

const char control_help[] = "Subject            Lines of the text\n"
                            "Set Forwarding     FORWARD TO ADDRESS; ADDRESS ... or FORWARD OFF or FORWARD ON\n"
                            "Query Forwarding\n"
                            "Set Assistant      ASSISTANT TO ADDRESS; ADDRESS ... or ASSISTANT OFF\n"
                            "Query Assistant\n"
                            "Password           NEWPASSWORD PASSWORD\n";

/* What stands in "[id TOKEN]" of a subject; empty: there is no such thing. */
static struct str find_token(struct str subject)
{
	struct str mark = STR("[id ");
	ptrdiff_t at = str_find(subject, mark);
	struct str token = at >= 0 ? str_sub(subject, (size_t)at + mark.len, CONTROL_TOKEN_LEN) : STR("");

	if (token.len < CONTROL_TOKEN_LEN || !str_starts(str_skip(subject, (size_t)at + mark.len + token.len), STR("]")))
		return STR("");
	for (size_t i = 0; i < token.len; i++)
		if (strchr("0123456789abcdef", token.data[i]) == NULL || token.data[i] == '\0')
			return STR("");
	return token;
}

static enum control_kind find_kind(struct str subject)
{
	for (int kind = CONTROL_UNKNOWN + 1; kind < CONTROL_KINDS; kind++)
		if (subjects[kind] != NULL && str_equal_nocase(str_trim(subject), str_of(subjects[kind])))
			return (enum control_kind)kind;
	return CONTROL_UNKNOWN;
}

/* "TO a@b", "ON", "OFF" behind FORWARD or ASSISTANT; an assistant is not switched on. */
static void read_change(struct control *control, struct str rest, bool has_switch)
{
	struct str word = str_cut_word(&rest);

	rest = str_trim(rest);
	if (control->change != CONTROL_NOTHING)
		return;
	if (str_equal_nocase(word, STR("TO")) && rest.len > 0) {
		control->change = CONTROL_TO;
		control->value = rest;
	} else if (rest.len == 0 && str_equal_nocase(word, STR("OFF"))) {
		control->change = CONTROL_OFF;
	} else if (rest.len == 0 && has_switch && str_equal_nocase(word, STR("ON"))) {
		control->change = CONTROL_ON;
	}
}

static void read_line(struct control *control, struct str line)
{
	struct str rest = line, word = str_cut_word(&rest), value = str_trim(rest);

	if (value.len == 0)
		return;
	if (str_equal_nocase(word, STR("USERNAME")) && control->user.len == 0)
		control->user = value;
	else if (str_equal_nocase(word, STR("PASSWORD")) && control->password.len == 0)
		control->password = value;
	else if (str_equal_nocase(word, STR("FORWARD")) && control->kind == CONTROL_SET_FORWARDING)
		read_change(control, rest, true);
	else if (str_equal_nocase(word, STR("ASSISTANT")) && control->kind == CONTROL_SET_ASSISTANT)
		read_change(control, rest, false);
	else if (str_equal_nocase(word, STR("NEWPASSWORD")) && control->kind == CONTROL_PASSWORD &&
	         control->change == CONTROL_NOTHING) {
		control->change = CONTROL_TO;
		control->value = value;
	}
}

void control_parse(struct str subject, struct str body, struct control *control_out)
{
	struct str token = find_token(subject);
	bool is_query;

	*control_out = (struct control){.kind = find_kind(subject), .user = STR(""), .password = STR(""), .value = token};
	if (token.len > 0) {
		control_out->kind = CONTROL_FETCH;
		return;
	}
	while (body.len > 0) {
		struct str line = str_trim(str_cut(&body, '\n'));

		if (str_equal(line, STR("--")))
			break;
		if (line.len <= CONTROL_VALUE_MAX)
			read_line(control_out, line);
	}
	is_query = control_out->kind == CONTROL_QUERY_FORWARDING || control_out->kind == CONTROL_QUERY_ASSISTANT;
	if (!is_query && control_out->change == CONTROL_NOTHING)
		control_out->kind = CONTROL_UNKNOWN;
}
