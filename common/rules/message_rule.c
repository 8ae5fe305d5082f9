/* message_rule: from its texts and back. */
#include "common/rules/message_rule.h"

#include "common/addr/addr.h"
#include "common/rules/rule.h"

enum data_kind { DATA_NONE, DATA_SWITCH, DATA_KEYWORD, DATA_FOLDER, DATA_ADDRESS, DATA_HEADER };

static const struct {
	const char *word;
	enum data_kind data;
} actions[MESSAGE_ACTIONS] = {
    [MESSAGE_STOP] = {"stop", DATA_NONE},
    [MESSAGE_FLAG] = {"flag", DATA_SWITCH},
    [MESSAGE_DELETE] = {"delete", DATA_SWITCH},
    [MESSAGE_QUARANTINE] = {"quarantine", DATA_SWITCH},
    [MESSAGE_MARK_READ] = {"mark-read", DATA_SWITCH},
    [MESSAGE_KEYWORD] = {"keyword", DATA_KEYWORD},
    [MESSAGE_COPY] = {"copy", DATA_FOLDER},
    [MESSAGE_MOVE] = {"move", DATA_FOLDER},
    [MESSAGE_FORWARD] = {"forward", DATA_ADDRESS},
    [MESSAGE_FORWARD_FROM] = {"forward-from", DATA_ADDRESS},
    [MESSAGE_HEADER] = {"header", DATA_HEADER},
};

static const struct {
	const char *word;
	enum facts_type type;
} types[] = {{"incoming", FACTS_INCOMING}, {"local", FACTS_LOCAL}, {"system", FACTS_SYSTEM}};

enum { TYPES = sizeof types / sizeof types[0], ALL_TYPES = FACTS_INCOMING | FACTS_LOCAL | FACTS_SYSTEM };

static bool is_one_line(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	return true;
}

static int read_name(struct str text, struct arena *arena, struct message_rule *rule, struct err *err)
{
	rule->name = arena_copy(arena, str_trim(text));
	if (rule->name.len > MESSAGE_NAME_MAX)
		return err_set(err, ERR_LIMIT, "name: at most %d octets", MESSAGE_NAME_MAX);
	if (!str_is_utf8(rule->name) || !is_one_line(rule->name))
		return err_set(err, ERR_SYNTAX, "name: must be one line of UTF-8 without control characters");
	return 0;
}

static int read_types(struct str text, struct message_rule *rule, struct err *err)
{
	while (text.data != NULL) {
		struct str word = str_cut_item(&text);
		int i = 0;

		if (word.len == 0)
			break;
		while (i < TYPES && !str_equal_nocase(word, str_of(types[i].word)))
			i++;
		if (i == TYPES)
			return err_set(err, ERR_SYNTAX, "types: \"%.*s\" is none of incoming, local, system",
			               STR_ARG(str_sub(word, 0, 40)));
		rule->types |= types[i].type;
	}
	if (rule->types == 0)
		rule->types = ALL_TYPES;
	return 0;
}

static int read_match(struct str text, struct message_rule *rule, struct err *err)
{
	rule->match_any = str_equal_nocase(text, STR("any"));
	if (text.len > 0 && !rule->match_any && !str_equal_nocase(text, STR("all")))
		return err_set(err, ERR_SYNTAX, "match: must be all or any, not \"%.*s\"", STR_ARG(str_sub(text, 0, 40)));
	return 0;
}

static int read_conditions(struct str text, struct arena *arena, struct message_rule *rule, struct err *err)
{
	size_t lines = text.len > 0 ? str_count_char(text, '\n') + 1 : 0;

	if (lines > MESSAGE_RULE_CONDITIONS_MAX)
		return err_set(err, ERR_LIMIT, "condition: a rule has at most %d", MESSAGE_RULE_CONDITIONS_MAX);
	rule->conditions = arena_get(arena, (lines + 1) * sizeof *rule->conditions);
	while (text.data != NULL) {
		struct str line = str_trim(str_cut(&text, '\n'));

		if (line.len == 0)
			continue;
		if (condition_parse(line, CONDITION_USER, arena, &rule->conditions[rule->condition_count], err) != 0)
			return err_prefix(err, "condition %zu", rule->condition_count + 1);
		rule->condition_count++;
	}
	return 0;
}

int message_keyword_check(struct str word, struct err *err)
{
	bool is_atom = word.len > 0 && word.len <= 128;

	for (size_t i = 0; i < word.len; i++)
		is_atom &= word.data[i] > ' ' && word.data[i] <= '~' && strchr("(){%*\"\\]", word.data[i]) == NULL;
	return is_atom ? 0
	               : err_set(err, ERR_SYNTAX, "\"%.*s\" is not a word that can be a keyword",
	                         STR_ARG(str_sub(word, 0, 80)));
}

int message_folder_check(struct str name, struct err *err)
{
	if (name.len > MESSAGE_FOLDER_MAX)
		return err_set(err, ERR_LIMIT, "the name of a folder has at most %d octets", MESSAGE_FOLDER_MAX);
	if (name.len == 0 || !str_is_utf8(name) || !is_one_line(name))
		return err_set(err, ERR_SYNTAX, "a folder needs a name of UTF-8 without control characters");
	return 0;
}

/* A bare name is a user or list of this server. */
static int check_address(struct str text, struct arena *arena, struct str *normal, struct err *err)
{
	struct addr addr;

	if (addr_parse_mailbox(
	        str_find_char(text, '@') < 0 && text.len > 0 ? arena_printf(arena, "%.*s@localhost", STR_ARG(text)) : text,
	        arena, &addr, err) != 0)
		return -1;
	*normal = str_find_char(text, '@') < 0 ? text : addr.text;
	return 0;
}

int message_header_check(struct str line, struct err *err)
{
	return rule_check_header(line, err);
}

static int read_switch(struct message_action *action, struct err *err)
{
	action->on = !str_equal(action->data, STR("0"));
	if (action->data.len > 0 && action->on && !str_equal(action->data, STR("1")))
		return err_set(err, ERR_SYNTAX, "takes 1 or 0, not \"%.*s\"", STR_ARG(str_sub(action->data, 0, 40)));
	action->data = action->on ? STR("1") : STR("0");
	return 0;
}

static int read_data(struct message_action *action, struct arena *arena, struct err *err)
{
	switch (actions[action->kind].data) {
	case DATA_NONE:
		return action->data.len == 0 ? 0 : err_set(err, ERR_SYNTAX, "takes nothing behind it");
	case DATA_SWITCH:
		return read_switch(action, err);
	case DATA_KEYWORD:
		return message_keyword_check(action->data, err);
	case DATA_FOLDER:
		return message_folder_check(action->data, err);
	case DATA_ADDRESS:
		return check_address(action->data, arena, &action->data, err);
	case DATA_HEADER:
		return message_header_check(action->data, err);
	}
	return -1;
}

static int read_action(struct str line, struct arena *arena, struct message_action *action, struct err *err)
{
	struct str rest = line, word = str_cut_word(&rest);
	int kind = 0;

	while (kind < MESSAGE_ACTIONS && !str_equal_nocase(word, str_of(actions[kind].word)))
		kind++;
	if (kind == MESSAGE_ACTIONS)
		return err_set(err, ERR_SYNTAX,
		               "\"%.*s\" is none of stop, flag, delete, quarantine, mark-read, keyword, copy, move, forward,"
		               " forward-from, header",
		               STR_ARG(str_sub(word, 0, 40)));
	*action =
	    (struct message_action){.kind = (enum message_action_kind)kind, .data = arena_copy(arena, str_trim(rest))};
	return read_data(action, arena, err) == 0 ? 0 : err_prefix(err, "%s", actions[kind].word);
}

static int read_actions(struct str text, struct arena *arena, struct message_rule *rule, struct err *err)
{
	size_t lines = text.len > 0 ? str_count_char(text, '\n') + 1 : 0;

	if (lines > MESSAGE_RULE_ACTIONS_MAX)
		return err_set(err, ERR_LIMIT, "action: a rule has at most %d", MESSAGE_RULE_ACTIONS_MAX);
	rule->actions = arena_get(arena, (lines + 1) * sizeof *rule->actions);
	while (text.data != NULL) {
		struct str line = str_trim(str_cut(&text, '\n'));

		if (line.len == 0)
			continue;
		if (read_action(line, arena, &rule->actions[rule->action_count], err) != 0)
			return err_prefix(err, "action %zu", rule->action_count + 1);
		rule->action_count++;
	}
	return rule->action_count > 0 ? 0 : err_set(err, ERR_SYNTAX, "action: a rule needs one");
}

int message_rule_parse(const struct message_rule_text *text, struct arena *arena, struct message_rule *rule,
                       struct err *err)
{
	*rule = (struct message_rule){0};
	if (read_name(text->name, arena, rule, err) == 0 && read_types(text->types, rule, err) == 0 &&
	    read_match(text->match, rule, err) == 0 && read_conditions(text->conditions, arena, rule, err) == 0 &&
	    read_actions(text->actions, arena, rule, err) == 0)
		return 0;
	message_rule_free(rule);
	return -1;
}

void message_rule_free(struct message_rule *rule)
{
	for (size_t i = 0; i < rule->condition_count; i++)
		condition_free(&rule->conditions[i]);
	rule->condition_count = 0;
}

static struct str types_text(unsigned mask, struct arena *arena)
{
	struct str text = STR("");

	for (int i = 0; i < TYPES; i++)
		if ((mask & types[i].type) != 0)
			text = arena_printf(arena, "%.*s%s%s", STR_ARG(text), text.len > 0 ? "," : "", types[i].word);
	return text;
}

void message_rule_format(const struct message_rule *rule, struct arena *arena, struct message_rule_text *text_out)
{
	*text_out = (struct message_rule_text){
	    .name = rule->name,
	    .types = types_text(rule->types, arena),
	    .match = rule->match_any ? STR("any") : STR("all"),
	    .conditions = STR(""),
	    .actions = STR(""),
	};
	for (size_t i = 0; i < rule->condition_count; i++)
		text_out->conditions = arena_printf(arena, "%.*s%s%.*s", STR_ARG(text_out->conditions), i > 0 ? "\n" : "",
		                                    STR_ARG(condition_format(&rule->conditions[i], arena)));
	for (size_t i = 0; i < rule->action_count; i++) {
		const struct message_action *action = &rule->actions[i];

		text_out->actions =
		    arena_printf(arena, "%.*s%s%s%s%.*s", STR_ARG(text_out->actions), i > 0 ? "\n" : "",
		                 actions[action->kind].word, action->data.len > 0 ? " " : "", STR_ARG(action->data));
	}
}
