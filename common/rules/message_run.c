/* message_rule: a run. */
#include "common/base/log.h"
#include "common/rules/message_rule.h"

void message_outcome_begin(struct message_outcome *outcome)
{
	*outcome = (struct message_outcome){.keep_inbox = true};
}

static bool conditions_hold(const struct message_rule *rule, struct facts *facts)
{
	for (size_t i = 0; i < rule->condition_count; i++)
		if (condition_holds(&rule->conditions[i], facts) == rule->match_any)
			return rule->match_any;
	return rule->condition_count == 0 || !rule->match_any;
}

/* Add a text to a list that has room for max; the log tells what does not fit. */
static void add(struct str *list, size_t *count, size_t max, struct str text, const char *what)
{
	if (*count < max)
		list[(*count)++] = text;
	else
		log_warning("a user's rules give a message more than %zu %s; the rest is left out", max, what);
}

void message_add_keyword(struct facts *facts, struct str keyword)
{
	struct facts_delivery *delivery = facts->delivery;

	for (size_t i = 0; i < delivery->keyword_count; i++)
		if (str_equal_nocase(delivery->keywords[i], keyword))
			return;
	if (delivery->keywords == NULL)
		delivery->keywords = arena_get(facts->arena, MESSAGE_KEYWORDS_MAX * sizeof keyword);
	add(delivery->keywords, &delivery->keyword_count, MESSAGE_KEYWORDS_MAX, keyword, "keywords");
}

static void add_folder(struct message_outcome *outcome, struct str name)
{
	if (str_equal_nocase(name, STR("INBOX"))) {
		outcome->keep_inbox = true;
		return;
	}
	for (size_t i = 0; i < outcome->folder_count; i++)
		if (str_equal(outcome->folders[i], name))
			return;
	add(outcome->folders, &outcome->folder_count, MESSAGE_FOLDERS_MAX, name, "folders");
}

/* Who sends the forwards of a rule: the last action that says so, wherever it stands. */
static struct str forward_from(const struct message_rule *rule)
{
	struct str from = STR("");

	for (size_t i = 0; i < rule->action_count; i++)
		if (rule->actions[i].kind == MESSAGE_FORWARD_FROM)
			from = rule->actions[i].data;
	return from;
}

static void add_forward(struct message_outcome *outcome, struct str address, struct str from)
{
	if (outcome->forward_count < MESSAGE_FORWARDS_MAX)
		outcome->forwards[outcome->forward_count++] = (struct message_forward){address, from};
	else
		log_warning("a user's rules forward a message to more than %d addresses; the rest is left out",
		            MESSAGE_FORWARDS_MAX);
}

/* INBOX is left by a move before what it moves to is looked at: a move to INBOX is one that stays. */
static void leave_inbox(const struct message_rule *rule, struct message_outcome *outcome)
{
	for (size_t i = 0; i < rule->action_count; i++)
		if (rule->actions[i].kind == MESSAGE_MOVE)
			outcome->keep_inbox = false;
}

/* True: no rule after this one. */
static bool apply(const struct message_rule *rule, struct facts *facts, struct message_outcome *outcome)
{
	struct facts_delivery *delivery = facts->delivery;
	struct str from = forward_from(rule);
	bool stop = false;

	leave_inbox(rule, outcome);
	for (size_t i = 0; i < rule->action_count; i++) {
		const struct message_action *action = &rule->actions[i];

		switch (action->kind) {
		case MESSAGE_STOP:
			stop = true;
			break;
		case MESSAGE_FLAG:
			delivery->flagged = action->on;
			break;
		case MESSAGE_MARK_READ:
			delivery->seen = action->on;
			break;
		case MESSAGE_QUARANTINE:
			delivery->quarantined = action->on;
			break;
		case MESSAGE_DELETE:
			outcome->deleted = action->on;
			break;
		case MESSAGE_KEYWORD:
			message_add_keyword(facts, action->data);
			break;
		case MESSAGE_COPY:
		case MESSAGE_MOVE:
			add_folder(outcome, action->data);
			break;
		case MESSAGE_FORWARD:
			add_forward(outcome, action->data, from);
			break;
		case MESSAGE_HEADER:
			add(outcome->lines, &outcome->line_count, MESSAGE_LINES_MAX, action->data, "header lines");
			break;
		case MESSAGE_FORWARD_FROM:
		case MESSAGE_ACTIONS:
			break;
		}
	}
	return stop;
}

void message_rules_run(const struct message_rule *rules, size_t count, struct facts *facts,
                       struct message_outcome *outcome)
{
	struct facts_delivery *delivery = facts->delivery;

	if (delivery->matched == NULL)
		delivery->matched = arena_get(facts->arena, (count + 1) * sizeof *delivery->matched);
	for (size_t i = 0; i < count; i++) {
		const struct message_rule *rule = &rules[i];

		if ((rule->types & delivery->type) == 0 || !conditions_hold(rule, facts))
			continue;
		delivery->matched[delivery->matched_count++] = rule->name;
		if (apply(rule, facts, outcome))
			return;
	}
}
