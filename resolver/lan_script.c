#include "resolver/lan_script.h"

#include "common/addr/addr.h"
#include "common/base/hidden.h"

enum { ADDRESS, SERVER, USER, PASSWORD, OUT, COMMENT, EXTRA, NUMBER, FIELDS };

static const char *const names[FIELDS] = {"InAddress",  "ServerAddress", "ServerUsername", "ServerPassword",
                                          "OutAddress", "Comment",       "ExtraData",      "ID"};

/* A rule as a table of the script. */
static struct script_value show(const struct lan_rule *rule, struct arena *arena)
{
	const struct str texts[FIELDS] = {
	    rule->address, rule->server,  rule->username, rule->password.len != 0 ? STR(HIDDEN_PASSWORD) : STR(""),
	    rule->rewrite, rule->comment, rule->extra,    STR("")};
	struct script_field *fields = arena_get(arena, FIELDS * sizeof *fields);

	for (int i = 0; i < NUMBER; i++)
		fields[i] = (struct script_field){names[i], script_text(texts[i])};
	fields[NUMBER] = (struct script_field){names[NUMBER], script_number(rule->id)};
	return script_table(fields, FIELDS);
}

static struct script_value show_all(const struct lan_rules *rules, struct arena *arena)
{
	struct script_value *values = arena_get(arena, (rules->count + 1) * sizeof *values);

	for (size_t i = 0; i < rules->count; i++)
		values[i] = show(&rules->list[i], arena);
	return script_array(values, rules->count);
}

static const struct lan_rule *find(const struct lan_rules *rules, int64_t id)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->list[i].id == id && id != 0)
			return &rules->list[i];
	return NULL;
}

static struct str text_of(const struct script_value *table, int field)
{
	const struct script_value *value = &table->fields[field].value;

	return value->type == SCRIPT_TEXT ? value->text : STR("");
}

/* A table of the script as a rule; one of ours that leads where it led stays that one. */
static int read_rule(const struct script_value *table, const struct lan_rules *own, struct arena *arena,
                     struct lan_rule *rule, struct err *err)
{
	const struct script_value *number = &table->fields[NUMBER].value;
	const struct lan_rule *before = find(own, number->type == SCRIPT_NUMBER ? number->number : 0);

	*rule = (struct lan_rule){
	    .address = text_of(table, ADDRESS),
	    .server = text_of(table, SERVER),
	    .username = text_of(table, USER),
	    .password = text_of(table, PASSWORD),
	    .rewrite = text_of(table, OUT),
	    .condition = before != NULL ? before->condition : STR("all"),
	    .comment = text_of(table, COMMENT),
	    .extra = text_of(table, EXTRA),
	};
	if (before != NULL && str_equal(rule->server, before->server) && str_equal(rule->username, before->username) &&
	    str_equal(rule->password, before->password.len != 0 ? STR(HIDDEN_PASSWORD) : STR(""))) {
		rule->id = before->id;
		rule->password = before->password;
	} else if (str_equal(rule->password, STR(HIDDEN_PASSWORD))) {
		return err_set(err, ERR_SYNTAX, "ServerPassword: the password of a rule goes to its own server alone");
	}
	return lan_rule_check(rule, arena, err);
}

/* For each recipient anew: globals of the one before are none of his. */
static void begin(struct lan_script *script)
{
	const struct script_field globals[] = {{"MessageType", script_text(str_of(script->type))},
	                                       {"MessageType2", script_text(str_of(script->stage))}};

	script_close(&script->script);
	script_set_globals(&script->script, globals, 2);
}

static struct script_value template_of(struct arena *arena)
{
	struct script_field *fields = arena_get(arena, FIELDS * sizeof *fields);
	struct script_value *item = arena_get(arena, sizeof *item);

	for (int i = 0; i < FIELDS; i++)
		fields[i] = (struct script_field){names[i], {.type = i == NUMBER ? SCRIPT_NUMBER : SCRIPT_TEXT}};
	*item = script_table(fields, FIELDS);
	return script_array(item, 1);
}

const struct lan_rules *lan_script_rules(struct lan_script *script, const struct lan_question *question,
                                         struct str address, const struct lan_rules *own, struct arena *arena)
{
	const struct script_value arguments[] = {
	    script_text(script->from),
	    script_text(address),
	    script_flag(!script->is_queued),
	    script_number(question->collector != 0 ? question->collector : -1),
	    script_text(question->is_local ? question->local_part : STR("")),
	    script_text(question->domain),
	    show_all(own, arena),
	};
	struct script_value result = template_of(arena);
	struct err err;

	begin(script);
	if (script_call(&script->script, "PreprocessRules", arguments, 7, &result, 1, arena) != 1 ||
	    result.type != SCRIPT_ARRAY)
		return own;
	script->rules = (struct lan_rules){arena_get(arena, (result.count + 1) * sizeof *script->rules.list), 0};
	for (size_t i = 0; i < result.count; i++) {
		if (read_rule(&result.values[i], own, arena, &script->rules.list[script->rules.count], &err) == 0)
			script->rules.count++;
		else
			script_report(&script->script, "PreprocessRules", str_of(err.text));
	}
	return &script->rules;
}

struct lan_script_way lan_script_way(struct lan_script *script, const struct lan_rule *rule,
                                     const struct lan_question *question, struct str address, struct str target,
                                     struct arena *arena)
{
	const struct script_value arguments[] = {
	    script_text(script->from),  script_text(address),
	    script_text(target),        script_number(question->collector != 0 ? question->collector : -1),
	    script_text(rule->server),  script_number(rule->id),
	    script_text(rule->comment), script_text(rule->extra),
	};
	struct script_value result = {.type = SCRIPT_TEXT};
	struct lan_script_way way = {false, STR("")};
	struct addr addr;
	struct err err;

	if (!script->is_queued || script_call(&script->script, "GetReturnPath", arguments, 8, &result, 1, arena) != 1 ||
	    result.type != SCRIPT_TEXT || str_equal(result.text, script->from))
		return way;
	if (result.text.len != 0 && addr_parse_mailbox(result.text, arena, &addr, &err) != 0)
		script_report(&script->script, "GetReturnPath", STR("the return path is no address"));
	else
		way = (struct lan_script_way){true, result.text};
	return way;
}
