/* rules: a list, put together. */
#include "common/rules/rules.h"

#include "common/base/memory.h"

void rules_init(struct rules *rules)
{
	*rules = (struct rules){0};
	arena_init(&rules->arena);
}

void rules_free(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		rule_free(&rules->list[i]);
	memory_free(rules->list);
	arena_free(&rules->arena);
	rules_init(rules);
}

int rules_add(struct rules *rules, const struct rule_text *text, struct err *err)
{
	if (rules->count == RULES_MAX)
		return err_set(err, ERR_LIMIT, "there are at most %d rules", RULES_MAX);
	if (rules->count == rules->room) {
		rules->room = rules->room != 0 ? 2 * rules->room : 8;
		rules->list = memory_resize(rules->list, rules->room * sizeof *rules->list);
	}
	if (rule_parse(text, &rules->arena, &rules->list[rules->count], err) != 0)
		return -1;
	rules->count++;
	return 0;
}

/* The If around a rule, while the list is gone through. */
struct frame {
	const struct rule *rule;
	bool has_else;
};

struct nesting {
	struct frame frames[RULES_DEPTH_MAX];
	size_t depth;
};

static int step_into(struct nesting *nesting, const struct rule *rule, struct err *err)
{
	struct frame *frame = nesting->depth > 0 ? &nesting->frames[nesting->depth - 1] : NULL;

	switch (rule->action) {
	case RULE_IF:
		if (nesting->depth == RULES_DEPTH_MAX)
			return err_set(err, ERR_LIMIT, "more than %d ifs inside one another", RULES_DEPTH_MAX);
		nesting->frames[nesting->depth++] = (struct frame){rule, false};
		return 0;
	case RULE_ELSE:
		if (frame == NULL)
			return err_set(err, ERR_SYNTAX, "action: an else without an if before it");
		if (frame->has_else)
			return err_set(err, ERR_SYNTAX, "action: a second else of one if");
		frame->has_else = true;
		return 0;
	case RULE_END_IF:
		if (frame == NULL)
			return err_set(err, ERR_SYNTAX, "action: an end-if without an if before it");
		nesting->depth--;
		return 0;
	default:
		return 0;
	}
}

static bool asks_recipient(const struct rule *rule)
{
	for (size_t i = 0; i < rule->condition_count; i++)
		if (condition_asks_recipient(&rule->conditions[i]))
			return true;
	return false;
}

static enum rules_stage own_stage(const struct rule *rule)
{
	enum rules_stage latest = rule->wanted;

	for (size_t i = 0; i < rule->condition_count && rule->wanted == RULES_AUTO; i++) {
		enum rules_stage stage = condition_stage(&rule->conditions[i]);

		latest = stage > latest ? stage : latest;
	}
	return latest;
}

/*
 * The stage of a rule: no earlier than that of the Ifs around it. Whatever is asked at that stage, by the rule or by an
 * If, must make sense there.
 */
static int settle_stage(const struct nesting *nesting, struct rule *rule, struct err *err)
{
	rule->stage = own_stage(rule);
	for (size_t i = 0; i < nesting->depth; i++) {
		const struct rule *around = nesting->frames[i].rule;

		rule->stage = around->stage > rule->stage ? around->stage : rule->stage;
		rule->is_temporary |= around->is_temporary;
	}
	if (rule->stage == RULES_RCPT)
		return 0;
	for (size_t i = 0; i < nesting->depth; i++)
		if (asks_recipient(nesting->frames[i].rule))
			return err_set(err, ERR_SYNTAX,
			               "condition: an if around it asks for ThisRcptTo, which is known at the stage rcpt alone, but"
			               " the rule runs at the stage %s; RcptTo means all recipients",
			               rule_stage_word(rule->stage));
	if (asks_recipient(rule))
		return err_set(err, ERR_SYNTAX,
		               "condition: ThisRcptTo is known at the stage rcpt alone, but the rule runs at the stage %s;"
		               " RcptTo means all recipients",
		               rule_stage_word(rule->stage));
	return 0;
}

static bool is_branch(const struct rule *rule)
{
	return rule->action == RULE_IF || rule->action == RULE_ELSE || rule->action == RULE_END_IF;
}

int rules_finish(struct rules *rules, struct err *err)
{
	struct nesting nesting = {.depth = 0};

	for (size_t i = 0; i < rules->count; i++) {
		struct rule *rule = &rules->list[i];
		bool closes = rule->action == RULE_ELSE || rule->action == RULE_END_IF;

		if ((closes && step_into(&nesting, rule, err) != 0) ||
		    (!closes && (settle_stage(&nesting, rule, err) != 0 || step_into(&nesting, rule, err) != 0)))
			return err_prefix(err, "rule %zu", i + 1);
		if (!is_branch(rule))
			rules->has_stage[rule->stage] = true;
	}
	return 0;
}

int rules_load(struct rules *rules, struct db *db, int64_t service, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(db, &statement,
	               "SELECT name, stage, action, parameter, match, conditions FROM smtp_rule WHERE service = ?"
	               " ORDER BY position",
	               err) != 0)
		return -1;
	db_bind_number(&statement, 1, service);
	while ((row = db_step(&statement, err)) == 1) {
		struct rule_text text = {db_text(&statement, 0), db_text(&statement, 1), db_text(&statement, 2),
		                         db_text(&statement, 3), db_text(&statement, 4), db_text(&statement, 5),
		                         CONDITION_SMTP};

		if (rules_add(rules, &text, err) != 0) {
			row = err_prefix(err, "rule %zu", rules->count + 1);
			break;
		}
	}
	db_finalize(&statement);
	return row == 0 ? rules_finish(rules, err) : -1;
}
