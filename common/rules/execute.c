/* rules: a run. */
#include "common/base/log.h"
#include "common/rules/script_rules.h"

#include <stdio.h>

/* An If, while the list is gone through. */
struct branch {
	bool outside; /* is what stands around it run? */
	bool asked;   /* were its conditions asked at this stage? */
	bool taken;   /* do they hold? */
};

struct walk {
	const struct rules_run *run;
	struct rules_result *result;
	struct branch branches[RULES_DEPTH_MAX];
	size_t depth;
	bool inside; /* is what comes next run, as far as the Ifs around it go? */
};

static bool conditions_hold(const struct rule *rule, struct facts *facts)
{
	for (size_t i = 0; i < rule->condition_count; i++)
		if (condition_holds(&rule->conditions[i], facts) == rule->match_any)
			return rule->match_any;
	return !rule->match_any;
}

static void tell(const struct walk *walk, int64_t number, const struct rule *rule, enum rules_fate fate)
{
	const struct rules_event event = {
	    .stage = walk->run->facts->stage,
	    .number = number,
	    .name = rule->name,
	    .action = rule_action_word(rule->action),
	    .detail = rule->parameter,
	    .fate = fate,
	};

	if (walk->run->tell != NULL)
		walk->run->tell(walk->run->context, &event);
}

/* An If of a later stage is passed over with both its branches: what stands in it runs no earlier. */
static void enter_if(struct walk *walk, int64_t number, const struct rule *rule)
{
	struct branch *branch = &walk->branches[walk->depth++];
	enum rules_fate fate = RULES_SKIPPED;

	*branch = (struct branch){.outside = walk->inside};
	branch->asked = walk->inside && rule->stage <= walk->run->facts->stage;
	branch->taken = branch->asked && conditions_hold(rule, walk->run->facts);
	if (branch->asked)
		fate = branch->taken ? RULES_TAKEN : RULES_NOT_MATCHED;
	else if (walk->inside)
		fate = RULES_OTHER_STAGE;
	walk->inside = branch->taken;
	tell(walk, number, rule, fate);
}

/* The list was checked: there is an If to every Else and End-If. */
static void enter_else(struct walk *walk)
{
	const struct branch *branch = &walk->branches[walk->depth - 1];

	walk->inside = branch->asked && !branch->taken;
}

static void leave_if(struct walk *walk)
{
	walk->inside = walk->branches[--walk->depth].outside;
}

static void add_line(const struct walk *walk, struct str line)
{
	struct rules_lines *lines = walk->run->lines;

	if (lines->list == NULL)
		lines->list = arena_get(walk->run->facts->arena, RULES_LINES_MAX * sizeof *lines->list);
	if (lines->count == RULES_LINES_MAX)
		log_warning("rules set more than %d header lines of one message; the rest is left out", RULES_LINES_MAX);
	else
		lines->list[lines->count++] = line;
}

/* Carry out a rule whose conditions hold. True: the run ends with it. */
static bool apply(struct walk *walk, const struct rule *rule)
{
	struct rules_result *result = walk->result;

	switch (rule->action) {
	case RULE_SET_HEADER:
		add_line(walk, rule->parameter);
		return false;
	case RULE_SET_HEADER_ACCEPT:
	case RULE_SET_HEADER_STOP:
		add_line(walk, rule->parameter);
		result->verdict = RULES_ACCEPT;
		return true;
	case RULE_HOLD:
		result->hold = true;
		result->verdict = RULES_ACCEPT;
		return true;
	case RULE_REDIRECT:
	case RULE_COPY:
		result->targets = rule->targets;
		result->verdict = rule->action == RULE_COPY ? RULES_COPY : RULES_REDIRECT;
		return true;
	case RULE_IGNORE:
		result->verdict = RULES_IGNORE;
		return true;
	case RULE_BLOCK:
		result->block_minutes = rule->minutes;
		result->disconnect = true;
		result->verdict = RULES_REJECT;
		return true;
	case RULE_REJECT_DISCONNECT:
	case RULE_REJECT:
		result->disconnect = rule->action == RULE_REJECT_DISCONNECT || result->disconnect;
		result->is_temporary = rule->is_temporary;
		result->verdict = RULES_REJECT;
		return true;
	default:
		result->targets = rule->targets;
		result->verdict = RULES_ACCEPT;
		return true;
	}
}

/* True: the run ends. */
static bool run_rule(struct walk *walk, int64_t number, const struct rule *rule)
{
	if (!walk->inside) {
		tell(walk, number, rule, RULES_SKIPPED);
		return false;
	}
	if (rule->stage != walk->run->facts->stage) {
		tell(walk, number, rule, RULES_OTHER_STAGE);
		return false;
	}
	if (!conditions_hold(rule, walk->run->facts)) {
		tell(walk, number, rule, RULES_NOT_MATCHED);
		return false;
	}
	tell(walk, number, rule, RULES_TRIGGERED);
	walk->result->number = number;
	walk->result->name = rule->name;
	walk->result->action = rule->action;
	if (rule->action == RULE_CALL)
		return script_rules_call(walk->run, rule, walk->result);
	return apply(walk, rule);
}

static bool run_list(struct walk *walk)
{
	const struct rules *rules = walk->run->rules;

	for (size_t i = 0; i < rules->count; i++) {
		const struct rule *rule = &rules->list[i];

		if (rule->action == RULE_IF)
			enter_if(walk, (int64_t)i + 1, rule);
		else if (rule->action == RULE_ELSE)
			enter_else(walk);
		else if (rule->action == RULE_END_IF)
			leave_if(walk);
		else if (run_rule(walk, (int64_t)i + 1, rule))
			return true;
	}
	return false;
}

void rules_execute(const struct rules_run *run, struct rules_result *result)
{
	struct rules_run with_script = *run;
	struct walk walk = {.run = &with_script, .result = result, .inside = true};

	if (run->script != NULL && !script_exists(run->script))
		with_script.script = NULL;
	*result = (struct rules_result){.name = STR("")};
	if (script_rules_first(&with_script, result) || run_list(&walk) || script_rules_last(&with_script, result))
		return;
	result->number = 0;
	result->name = STR("");
}

void rules_reply(enum rules_stage stage, const struct rules_result *result, struct rules_reply *reply_out)
{
	static const struct {
		int permanent, temporary;
		const char *what;
	} replies[RULES_STAGES] = {
	    [RULES_MAIL] = {550, 450, "Sender"},
	    [RULES_RCPT] = {550, 450, "Recipient"},
	    [RULES_DATA] = {554, 454, "Message"},
	};

	reply_out->code = result->is_temporary ? replies[stage].temporary : replies[stage].permanent;
	reply_out->enhanced = result->is_temporary ? "4.7.1" : "5.7.1";
	snprintf(reply_out->text, sizeof reply_out->text, "%s Prohibited (%lld)", replies[stage].what,
	         (long long)result->number);
}
