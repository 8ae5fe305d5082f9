/* judge: what pop3clt.lua has to say (specification 04, "POP3 client script"). */
#include "collector/judge_parts.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/script/message.h"

static void set_globals(struct judge *judge)
{
	const struct script_field globals[] = {
	    {"CollectorId", script_number(judge->setup.collector)},
	    {"CollectorName", script_text(judge->setup.name)},
	    {"ServerName", script_text(judge->setup.server)},
	};

	script_set_globals(&judge->script, globals, sizeof globals / sizeof globals[0]);
}

static void call_plain(struct judge *judge, const char *function)
{
	if (!script_has_function(&judge->script, function))
		return;
	set_globals(judge);
	script_call(&judge->script, function, NULL, 0, NULL, 0, &judge->line_arena);
	arena_reset(&judge->line_arena);
}

void judge_start(struct judge *judge)
{
	call_plain(judge, "Start");
}

void judge_end(struct judge *judge)
{
	call_plain(judge, "End");
}

void judge_begin_lines(struct judge *judge)
{
	call_plain(judge, "StartMessage");
}

void judge_end_lines(struct judge *judge)
{
	call_plain(judge, "EndMessage");
}

bool judge_wants_lines(struct judge *judge)
{
	static const char *const functions[] = {"StartMessage", "MessageLineRaw", "MessageLine", "EndMessage"};

	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
		if (script_has_function(&judge->script, functions[i]))
			return true;
	return false;
}

bool judge_line_raw(struct judge *judge, struct str *line)
{
	arena_reset(&judge->line_arena);
	return script_pass_line(&judge->script, "MessageLineRaw", line, true, &judge->line_arena);
}

bool judge_line(struct judge *judge, struct str *line)
{
	return script_pass_line(&judge->script, "MessageLine", line, true, &judge->line_arena);
}

/* The header's lines, as they stand. */
static struct script_value header_lines(struct str header, struct arena *arena)
{
	struct str *lines = arena_get(arena, (str_count_char(header, '\n') + 1) * sizeof *lines);
	size_t count = 0;

	while (header.len > 0) {
		struct str line = str_cut(&header, '\n');

		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0)
			break;
		lines[count++] = line;
	}
	return script_list(lines, count);
}

static struct script_value recipient_list(const struct spool_recipient *recipients, size_t count, struct arena *arena)
{
	struct str *list = arena_get(arena, (count + 1) * sizeof *list);

	for (size_t i = 0; i < count; i++)
		list[i] = recipients[i].address;
	return script_list(list, count);
}

/* What it answered, held to what a rule may say. */
static bool take_answer(struct judge *judge, const struct script_value *results, struct arena *arena,
                        struct verdict *verdict)
{
	enum rule_action word = rule_action_find(results[0].text, CONDITION_DOWNLOAD);
	struct err err = {.code = ERR_NONE};

	if (word == RULE_ACTIONS || word == RULE_IF || word == RULE_ELSE || word == RULE_END_IF ||
	    word == RULE_SET_HEADER || word == RULE_SET_HEADER_STOP)
		err_set(&err, ERR_SYNTAX, "returned \"%.*s\", which is no action that ends the rules",
		        STR_ARG(str_sub(results[0].text, 0, 80)));
	else if (rule_action_has_targets(word))
		targets_parse(results[1].type == SCRIPT_NIL ? STR("") : results[1].text, arena, &verdict->ruling.targets, &err);
	if (err.code != ERR_NONE) {
		script_report(&judge->script, "DownloadRules", str_of(err.text));
		return false;
	}
	verdict->ruling.word = word;
	verdict->ruling.by = arena_printf(arena, "pop3clt.lua: %s", rule_action_word(word));
	verdict->marks[verdict->mark_count++] = verdict->ruling.by;
	return true;
}

bool judge_ask_script(struct judge *judge, const struct judge_offer *offer, const struct routing *routing,
                      struct str header, struct arena *arena, struct verdict *verdict)
{
	const struct script_value arguments[] = {
	    header_lines(header, arena),
	    script_number((int64_t)offer->size),
	    recipient_list(routing->recipients, routing->recipient_count, arena),
	    script_number(judge->setup.collector),
	    script_text(judge->setup.name),
	    script_text(offer->uidl),
	};
	struct script_value results[] = {{.type = SCRIPT_TEXT}, {.type = SCRIPT_TEXT}};

	if (!script_has_function(&judge->script, "DownloadRules"))
		return false;
	set_globals(judge);
	if (script_call(&judge->script, "DownloadRules", arguments, sizeof arguments / sizeof arguments[0], results, 2,
	                arena) != 1 ||
	    results[0].type == SCRIPT_NIL)
		return false;
	return take_answer(judge, results, arena, verdict);
}

/* More recipients, or others; what is no address is told, and left out. */
static void take_recipients(struct judge *judge, const struct script_actions *actions, struct arena *arena,
                            struct judgement *judgement)
{
	size_t kept = actions->keeps_recipients ? judgement->recipient_count : 0, room = kept + TARGETS_MAX;
	struct spool_recipient *list = arena_get(arena, room * sizeof *list);

	for (size_t i = 0; i < kept; i++)
		list[i] = judgement->recipients[i];
	for (size_t i = 0; i < actions->recipient_count && i < TARGETS_MAX; i++) {
		struct rule_targets targets;
		struct err err = {.code = ERR_NONE};

		if (targets_parse(actions->recipients[i], arena, &targets, &err) == 0 && kept + targets.count > room)
			err_set(&err, ERR_LIMIT, "more than %d recipients", TARGETS_MAX);
		if (err.code == ERR_NONE)
			judge_add_named(judge, &targets, arena, list, &kept);
		else
			script_report(&judge->script, "ProcessMessage", str_of(err.text));
	}
	judgement->recipients = list;
	judgement->recipient_count = kept;
}

void judge_ask_process(struct judge *judge, const struct judge_arrival *arrival, struct arena *arena,
                       struct judgement *judgement)
{
	struct script_value recipients = recipient_list(judgement->recipients, judgement->recipient_count, arena);
	const struct script_message message = {arrival->message, judgement->sender, recipients.items, recipients.count};
	struct script_actions actions;

	if (!script_has_function(&judge->script, "ProcessMessage"))
		return;
	set_globals(judge);
	script_process_message(&judge->script, &message, arena, &actions);
	for (size_t i = 0; i < actions.line_count && judgement->line_count < JUDGE_LINES_MAX; i++)
		judgement->lines[judgement->line_count++] = actions.lines[i];
	if (actions.reason.len > 0)
		judgement->reason = arena_printf(arena, "pop3clt.lua: %.*s", STR_ARG(str_sub(actions.reason, 0, 200)));
	if (actions.remove)
		judgement->remove = COLLECT_REMOVE_NOW;
	if (actions.recipient_count > 0 || !actions.keeps_recipients)
		take_recipients(judge, &actions, arena, judgement);
	if (actions.ignore)
		judgement->recipient_count = 0;
	judgement->ignored = judgement->recipient_count == 0 && (actions.ignore || !actions.keeps_recipients);
}
