#include "common/rules/rule.h"

#include "common/base/buf.h"

static const char *const stage_words[RULES_STAGES] = {"auto", "mail", "rcpt", "data"};

enum parameter_kind { PARAMETER_NONE, PARAMETER_TARGETS, PARAMETER_HEADER, PARAMETER_MINUTES, PARAMETER_FUNCTION };

#define OF_SMTP     (1U << CONDITION_SMTP)
#define OF_DOWNLOAD (1U << CONDITION_DOWNLOAD)
#define OF_BOTH     (OF_SMTP | OF_DOWNLOAD)

static const struct {
	const char *word;
	enum parameter_kind parameter;
	unsigned of;       /* dialects that have it, a bit each */
	const char *title; /* another name of it, of collectors' rules: that of the specification */
} actions[RULE_ACTIONS] = {
    [RULE_ACCEPT] = {"accept", PARAMETER_NONE, OF_SMTP, NULL},
    [RULE_REJECT] = {"reject", PARAMETER_NONE, OF_BOTH, "Reject"},
    [RULE_REDIRECT] = {"redirect", PARAMETER_TARGETS, OF_BOTH, "Redirect"},
    [RULE_IGNORE] = {"ignore", PARAMETER_NONE, OF_BOTH, "Ignore"},
    [RULE_COPY] = {"copy", PARAMETER_TARGETS, OF_BOTH, "Copy"},
    [RULE_HOLD] = {"hold", PARAMETER_NONE, OF_SMTP, NULL},
    [RULE_REJECT_DISCONNECT] = {"reject-disconnect", PARAMETER_NONE, OF_SMTP, NULL},
    [RULE_SET_HEADER] = {"set-header", PARAMETER_HEADER, OF_BOTH, "Set Header and Continue"},
    [RULE_SET_HEADER_ACCEPT] = {"set-header-accept", PARAMETER_HEADER, OF_SMTP, NULL},
    [RULE_IF] = {"if", PARAMETER_NONE, OF_BOTH, "If"},
    [RULE_ELSE] = {"else", PARAMETER_NONE, OF_BOTH, "Else"},
    [RULE_END_IF] = {"end-if", PARAMETER_NONE, OF_BOTH, "EndIf"},
    [RULE_BLOCK] = {"block", PARAMETER_MINUTES, OF_SMTP, NULL},
    [RULE_CALL] = {"call", PARAMETER_FUNCTION, OF_SMTP, NULL},
    [RULE_DOWNLOAD] = {"download", PARAMETER_NONE, OF_DOWNLOAD, "Download"},
    [RULE_DOWNLOAD_DELETE] = {"download-delete", PARAMETER_NONE, OF_DOWNLOAD, "Download and Delete"},
    [RULE_REDIRECT_DELETE] = {"redirect-delete", PARAMETER_TARGETS, OF_DOWNLOAD, "Redirect, Download and Delete"},
    [RULE_COPY_DELETE] = {"copy-delete", PARAMETER_TARGETS, OF_DOWNLOAD, "Copy, Download and Delete"},
    [RULE_QUERY] = {"query", PARAMETER_NONE, OF_DOWNLOAD, "Query"},
    [RULE_REDIRECT_QUERY] = {"redirect-query", PARAMETER_TARGETS, OF_DOWNLOAD, "Redirect Query"},
    [RULE_COPY_QUERY] = {"copy-query", PARAMETER_TARGETS, OF_DOWNLOAD, "Copy Query"},
    [RULE_DELETE_WARN] = {"delete-warn", PARAMETER_NONE, OF_DOWNLOAD, "Delete and Warn"},
    [RULE_DELETE_WARN_OTHER] = {"delete-warn-other", PARAMETER_TARGETS, OF_DOWNLOAD, "Delete and Warn other user"},
    [RULE_DELETE_COPY_WARNING] = {"delete-copy-warning", PARAMETER_TARGETS, OF_DOWNLOAD, "Delete and copy Warning"},
    [RULE_DELETE] = {"delete", PARAMETER_NONE, OF_DOWNLOAD, "Delete Silently"},
    [RULE_HEADERS] = {"headers", PARAMETER_NONE, OF_DOWNLOAD, "Headers only"},
    [RULE_REDIRECT_HEADERS] = {"redirect-headers", PARAMETER_TARGETS, OF_DOWNLOAD, "Redirect Headers only"},
    [RULE_COPY_HEADERS] = {"copy-headers", PARAMETER_TARGETS, OF_DOWNLOAD, "Copy Headers only"},
    [RULE_SET_HEADER_STOP] = {"set-header-stop", PARAMETER_HEADER, OF_DOWNLOAD, "Set Header and Stop"},
    [RULE_STOP] = {"stop", PARAMETER_NONE, OF_DOWNLOAD, "Stop"},
};

const char *rule_stage_word(enum rules_stage stage)
{
	return stage_words[stage];
}

const char *rule_action_word(enum rule_action action)
{
	return actions[action].word;
}

enum rule_action rule_action_find(struct str word, enum condition_dialect dialect)
{
	bool has_titles = dialect == CONDITION_DOWNLOAD;

	for (int i = 0; i < RULE_ACTIONS; i++)
		if ((actions[i].of & 1U << dialect) != 0 && (str_equal_nocase(word, str_of(actions[i].word)) ||
		                                             (has_titles && str_equal_nocase(word, str_of(actions[i].title)))))
			return (enum rule_action)i;
	return RULE_ACTIONS;
}

bool rule_action_has_targets(enum rule_action action)
{
	return actions[action].parameter == PARAMETER_TARGETS;
}

static bool is_one_line(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (((unsigned char)text.data[i] < 0x20 && text.data[i] != '\t') || text.data[i] == 0x7f)
			return false;
	return true;
}

int rule_check_header(struct str line, struct err *err)
{
	ptrdiff_t colon = str_find_char(line, ':');

	if (line.len > RULE_HEADER_MAX)
		return err_set(err, ERR_LIMIT, "a header line has at most %d octets", RULE_HEADER_MAX);
	if (!is_one_line(line))
		return err_set(err, ERR_SYNTAX, "a header line is one line without control characters");
	for (ptrdiff_t i = 0; i < colon; i++)
		if (line.data[i] <= ' ' || line.data[i] > '~') /* RFC 5322 2.2 */
			colon = -1;
	return colon > 0 ? 0
	                 : err_set(err, ERR_SYNTAX, "\"%.*s\" is not a header line such as X-Seen: 1",
	                           STR_ARG(str_sub(line, 0, 80)));
}

static int read_name(struct str text, struct arena *arena, struct rule *rule, struct err *err)
{
	rule->name = arena_copy(arena, str_trim(text));
	if (rule->name.len > RULE_NAME_MAX)
		return err_set(err, ERR_LIMIT, "name: at most %d octets", RULE_NAME_MAX);
	if (!str_is_utf8(rule->name) || !is_one_line(rule->name))
		return err_set(err, ERR_SYNTAX, "name: must be one line of UTF-8 without control characters");
	return 0;
}

static int read_stage(struct str text, struct rule *rule, struct err *err)
{
	for (int i = 0; i < RULES_STAGES; i++) {
		if (text.data != NULL && !str_equal_nocase(text, str_of(stage_words[i])))
			continue;
		rule->wanted = (enum rules_stage)i;
		return 0;
	}
	return err_set(err, ERR_SYNTAX, "stage: must be auto, mail, rcpt or data, not \"%.*s\"",
	               STR_ARG(str_sub(text, 0, 40)));
}

static int read_action(struct str text, enum condition_dialect dialect, struct rule *rule, struct err *err)
{
	struct buf known;

	rule->action = rule_action_find(text, dialect);
	if (rule->action != RULE_ACTIONS)
		return 0;
	buf_init(&known, ERR_TEXT_MAX);
	for (int i = 0; i < RULE_ACTIONS; i++)
		if ((actions[i].of & 1U << dialect) != 0)
			buf_printf(&known, "%s%s", known.len > 0 ? ", " : "", actions[i].word);
	err_set(err, ERR_SYNTAX, "action: \"%.*s\" is none of %s", STR_ARG(str_sub(text, 0, 40)), buf_text(&known));
	buf_free(&known);
	return -1;
}

static int read_match(struct str text, struct rule *rule, struct err *err)
{
	rule->match_any = str_equal_nocase(text, STR("any"));
	if (text.data != NULL && !rule->match_any && !str_equal_nocase(text, STR("all")))
		return err_set(err, ERR_SYNTAX, "match: must be all or any, not \"%.*s\"", STR_ARG(str_sub(text, 0, 40)));
	return 0;
}

static int read_minutes(struct rule *rule, struct err *err)
{
	uint64_t minutes;

	if (!str_to_u64(rule->parameter, RULE_MINUTES_MAX, &minutes) || minutes == 0)
		return err_set(err, ERR_SYNTAX, "minutes from 1 to %d are needed, not \"%.*s\"", RULE_MINUTES_MAX,
		               STR_ARG(str_sub(rule->parameter, 0, 40)));
	rule->minutes = (unsigned)minutes;
	return 0;
}

static int check_function(struct str name, struct err *err)
{
	bool is_good = name.len > 0 && name.len <= RULE_FUNCTION_MAX && !(name.data[0] >= '0' && name.data[0] <= '9');

	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		is_good &= (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
	}
	return is_good ? 0
	               : err_set(err, ERR_SYNTAX, "\"%.*s\" is not the name of a Lua function",
	                         STR_ARG(str_sub(name, 0, RULE_FUNCTION_MAX)));
}

static int read_parameter(struct str text, struct arena *arena, struct rule *rule, struct err *err)
{
	int result = 0;

	rule->parameter = arena_copy(arena, str_trim(text));
	switch (actions[rule->action].parameter) {
	case PARAMETER_NONE:
		if (rule->parameter.len > 0)
			result = err_set(err, ERR_SYNTAX, "the action %s takes none", actions[rule->action].word);
		break;
	case PARAMETER_TARGETS:
		result = targets_parse(rule->parameter, arena, &rule->targets, err);
		if (result == 0)
			rule->parameter = targets_format(&rule->targets, arena);
		break;
	case PARAMETER_HEADER:
		result = rule_check_header(rule->parameter, err);
		break;
	case PARAMETER_MINUTES:
		result = read_minutes(rule, err);
		break;
	case PARAMETER_FUNCTION:
		result = check_function(rule->parameter, err);
		break;
	}
	return result == 0 ? 0 : err_prefix(err, "parameter");
}

static bool takes_conditions(const struct rule *rule)
{
	return rule->action != RULE_ELSE && rule->action != RULE_END_IF;
}

static int read_conditions(struct str text, enum condition_dialect dialect, struct arena *arena, struct rule *rule,
                           struct err *err)
{
	size_t lines = text.len > 0 ? str_count_char(text, '\n') + 1 : 0;

	if (lines > RULE_CONDITIONS_MAX)
		return err_set(err, ERR_LIMIT, "condition: a rule has at most %d", RULE_CONDITIONS_MAX);
	rule->conditions = arena_get(arena, (lines + 1) * sizeof *rule->conditions);
	while (text.data != NULL) {
		struct str line = str_trim(str_cut(&text, '\n'));

		if (line.len == 0)
			continue;
		if (condition_parse(line, dialect, arena, &rule->conditions[rule->condition_count], err) != 0)
			return err_prefix(err, "condition %zu", rule->condition_count + 1);
		rule->is_temporary |= condition_asks_time(&rule->conditions[rule->condition_count++]);
	}
	if (!takes_conditions(rule) && rule->condition_count > 0)
		return err_set(err, ERR_SYNTAX, "condition: the action %s takes none", actions[rule->action].word);
	if (takes_conditions(rule) && rule->condition_count == 0 && dialect == CONDITION_SMTP)
		return err_set(err, ERR_SYNTAX, "condition: a rule needs one; \"Always 1\" holds for every message");
	return 0;
}

/* A stage that was asked for must know what the conditions ask. */
static int check_stage(const struct rule *rule, struct err *err)
{
	for (size_t i = 0; i < rule->condition_count && rule->wanted != RULES_AUTO; i++) {
		enum rules_stage first = condition_first_stage(&rule->conditions[i]);

		if (first > rule->wanted)
			return err_set(err, ERR_SYNTAX, "stage: condition %zu can be told from the stage %s on, not at %s", i + 1,
			               stage_words[first], stage_words[rule->wanted]);
	}
	return 0;
}

int rule_parse(const struct rule_text *text, struct arena *arena, struct rule *rule, struct err *err)
{
	/* a collector sees nothing but a header */
	struct str stage = text->dialect == CONDITION_DOWNLOAD ? STR("data") : text->stage;

	*rule = (struct rule){0};
	if (read_name(text->name, arena, rule, err) == 0 && read_stage(stage, rule, err) == 0 &&
	    read_action(text->action, text->dialect, rule, err) == 0 && read_match(text->match, rule, err) == 0 &&
	    read_parameter(text->parameter, arena, rule, err) == 0 &&
	    read_conditions(text->conditions, text->dialect, arena, rule, err) == 0 && check_stage(rule, err) == 0)
		return 0;
	rule_free(rule);
	return -1;
}

void rule_free(struct rule *rule)
{
	for (size_t i = 0; i < rule->condition_count; i++)
		condition_free(&rule->conditions[i]);
	rule->condition_count = 0;
}

void rule_format(const struct rule *rule, struct arena *arena, struct rule_text *text_out)
{
	*text_out = (struct rule_text){
	    .name = rule->name,
	    .stage = str_of(stage_words[rule->wanted]),
	    .action = str_of(actions[rule->action].word),
	    .parameter = rule->parameter,
	    .match = rule->match_any ? STR("any") : STR("all"),
	    .conditions = STR(""),
	};
	for (size_t i = 0; i < rule->condition_count; i++)
		text_out->conditions = arena_printf(arena, "%.*s%s%.*s", STR_ARG(text_out->conditions), i > 0 ? "\n" : "",
		                                    STR_ARG(condition_format(&rule->conditions[i], arena)));
}
