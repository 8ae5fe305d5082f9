#include "collector/judge_parts.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/items/download_rules.h"
#include "common/notice/targets.h"
#include "common/script/message.h"

#include <inttypes.h>
#include <time.h>

static int load(struct judge *judge, struct err *err)
{
	struct settings *settings = judge->setup.settings;
	int found = collector_load(&settings->objects, judge->setup.collector, &judge->arena, &judge->settings, err);

	if (found < 0)
		return -1;
	if (found == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no collector %" PRId64, judge->setup.collector);
	judge->uses_rules = judge->settings.numbers[COLLECTOR_SETTING_RULES] != 0;
	judge->domain = arena_copy(&judge->arena, str_of(settings_default_domain(settings)));
	if (judge->uses_rules && download_rules_load(&judge->rules, &settings->objects, err) != 0)
		return -1;
	return routing_read_options(&judge->settings, judge->domain, &judge->arena, &judge->options, err);
}

int judge_open(struct judge **judge_out, const struct judge_setup *setup, struct err *err)
{
	struct judge *judge = memory_get(sizeof *judge);

	*judge = (struct judge){.setup = *setup, .filterd = {.fd = -1}};
	arena_init(&judge->arena);
	arena_init(&judge->line_arena);
	rules_init(&judge->rules);
	if (load(judge, err) != 0 || judge_open_program(judge, err) != 0 ||
	    collect_asker_open(&judge->asker, setup->instance, "collector", setup->collector, err) != 0) {
		ipc_close(&judge->filterd);
		routing_options_free(&judge->options);
		rules_free(&judge->rules);
		arena_free(&judge->arena);
		memory_free(judge);
		return -1;
	}
	script_open(&judge->script, setup->instance, "pop3clt", NULL, setup->status);
	judge->script.offer = script_message_offer();
	*judge_out = judge;
	return 0;
}

void judge_close(struct judge *judge)
{
	if (judge == NULL)
		return;
	script_close(&judge->script);
	ipc_close(&judge->filterd);
	collect_asker_close(&judge->asker);
	routing_options_free(&judge->options);
	rules_free(&judge->rules);
	arena_free(&judge->line_arena);
	arena_free(&judge->arena);
	memory_free(judge);
}

int judge_allow(const struct instance *instance, struct sandbox *sandbox, struct err *err)
{
	return script_allow(sandbox, instance, err);
}

bool judge_wants_header(struct judge *judge)
{
	return (judge->uses_rules && judge->rules.count > 0) || script_has_function(&judge->script, "DownloadRules");
}

void judge_add_named(const struct judge *judge, const struct rule_targets *targets, struct arena *arena,
                     struct spool_recipient *list, size_t *count)
{
	for (size_t i = 0; i < targets->count; i++) {
		struct str address = targets->list[i].address;

		if (str_find_char(address, '@') < 0 && judge->domain.len > 0)
			address = addr_format(address, judge->domain, arena);
		list[(*count)++] = (struct spool_recipient){
		    .address = address, .folder = addr_xtext_encode(targets->list[i].folder, arena), .named = true};
	}
}

int judge_add_account(const struct judge *judge, const char *target, struct arena *arena, struct spool_recipient *list,
                      size_t *count, struct err *err)
{
	struct rule_target account = {.folder = STR("")};
	const struct rule_targets targets = {&account, 1};
	int result = target != NULL ? notice_target_user(judge->setup.settings, target, arena, &account.address, err)
	                            : notice_account_user(judge->setup.settings, STR(""), arena, &account.address, err);

	if (result == 0 && account.address.len > 0)
		judge_add_named(judge, &targets, arena, list, count);
	return result;
}

static int find_route(struct judge *judge, const struct judge_offer *offer, struct str header, struct arena *arena,
                      struct judgement *judgement, struct err *err)
{
	struct routing_asker face = collect_asker_face(&judge->asker);
	struct routing_options options = judge->options;

	if (offer->targets != NULL) {
		options.method = ROUTING_TO_USER;
		options.target = *offer->targets;
	}
	if (routing_find(&options, header, &face, false, arena, &judgement->routing, err) != 0)
		return -1;
	judgement->sender = judgement->routing.sender;
	return 0;
}

/* What runs of a run of rules, for the log and the header of the message. */
struct listener {
	struct judge *judge;
	const struct judge_offer *offer;
	const struct routing *routing;
	struct verdict *verdict;
	struct arena *arena;
};

static void tell(void *context, const struct rules_event *event)
{
	struct listener *listener = context;
	struct verdict *verdict = listener->verdict;
	struct buf line;

	if (event->fate != RULES_TRIGGERED)
		return;
	if (verdict->mark_count < JUDGE_MARKS_MAX)
		verdict->marks[verdict->mark_count++] =
		    arena_printf(listener->arena, "%.*s: %s", STR_ARG(event->name), event->action);
	buf_init(&line, STATUS_RULE_MAX);
	buf_printf(&line, "collector=%.*s uidl=%.*s rule=%" PRId64 " \"%.*s\" %s%s%.*s from=<%.*s> subject=\"%.*s\"",
	           STR_ARG(listener->judge->setup.name), STR_ARG(str_sub(listener->offer->uidl, 0, 80)), event->number,
	           STR_ARG(event->name), event->action, event->detail.len > 0 ? " " : "", STR_ARG(event->detail),
	           STR_ARG(listener->routing->sender), STR_ARG(str_sub(listener->routing->subject, 0, 200)));
	status_rule(listener->judge->setup.status, buf_str(&line));
	buf_free(&line);
}

static void run_rules(struct judge *judge, const struct judge_offer *offer, const struct routing *routing,
                      struct str header, struct arena *arena, struct verdict *verdict)
{
	const struct ruling_case matter = {judge->setup.name, judge->setup.collector, offer->size, header, routing,
	                                   time(NULL)};
	struct listener listener = {judge, offer, routing, verdict, arena};

	ruling_make(&judge->rules, &matter, tell, &listener, arena, &verdict->ruling);
}

/* The script first; what it has no opinion of is the rules' matter. */
static struct verdict *reach_verdict(struct judge *judge, const struct judge_offer *offer,
                                     const struct routing *routing, struct str header, struct arena *arena)
{
	struct verdict *verdict = arena_get(arena, sizeof *verdict);

	*verdict = (struct verdict){.ruling = {.word = RULE_DOWNLOAD, .by = STR("no rule")}};
	verdict->marks = arena_get(arena, JUDGE_MARKS_MAX * sizeof *verdict->marks);
	if (offer->requested)
		verdict->ruling.by = STR("requested");
	else if (offer->too_large && judge->uses_rules) {
		verdict->ruling.word = RULE_QUERY;
		verdict->ruling.by = STR("too large");
	} else if (!judge_ask_script(judge, offer, routing, header, arena, verdict) && judge->uses_rules)
		run_rules(judge, offer, routing, header, arena, verdict);
	verdict->action = collect_action_of(verdict->ruling.word);
	return verdict;
}

/* Whom the verdict means: R, T or both. */
static struct spool_recipient *whom(const struct judge *judge, const struct verdict *verdict,
                                    const struct routing *routing, struct arena *arena, size_t *count_out)
{
	struct spool_recipient *list = arena_get(arena, (routing->recipient_count + verdict->ruling.targets.count + 1) *
	                                                    sizeof *list); /* one more for an account */

	*count_out = 0;
	for (size_t i = 0; verdict->action->to_recipients && i < routing->recipient_count; i++)
		list[(*count_out)++] = routing->recipients[i];
	if (verdict->action->to_targets)
		judge_add_named(judge, &verdict->ruling.targets, arena, list, count_out);
	return list;
}

/* Tell those whom the verdict means that it stays where it is, or goes. */
static int make_news(const struct judge *judge, const struct judge_about *about, struct arena *arena,
                     struct judgement *judgement, struct err *err)
{
	const struct verdict *verdict = about->verdict;
	bool asks = verdict->action->news == COLLECT_QUESTION;
	struct spool_recipient *list;
	size_t count;

	if (verdict->action->news == COLLECT_BOUNCE)
		judge_add_reject(judge, about, arena, judgement);
	if (verdict->action->news != COLLECT_WARNING && (!asks || about->offer->asked))
		return 0;
	list = whom(judge, verdict, &judgement->routing, arena, &count);
	if (count == 0 &&
	    judge_add_account(judge, asks ? "DownloadRuleAskDefault" : "DownloadRuleDelete", arena, list, &count, err) != 0)
		return -1;
	if (count == 0)
		return 0;
	if (asks)
		judge_add_query(judge, about, arena, judgement, list, count);
	else
		judge_add_warning(judge, about, arena, judgement, list, count);
	return 0;
}

int judge_offer(struct judge *judge, const struct judge_offer *offer, struct arena *arena, struct judgement *judgement,
                struct err *err)
{
	struct judge_about about = {.offer = offer, .header = offer->header};
	struct verdict *verdict;

	*judgement = (struct judgement){.fetch = COLLECT_WHOLE, .sender = STR(""), .reason = STR("")};
	if (offer->header.len == 0) {
		judgement->no_opinion = true;
		if (offer->too_large && !offer->requested)
			judgement->fetch = COLLECT_LEAVE;
		return 0;
	}
	if (find_route(judge, offer, offer->header, arena, judgement, err) != 0)
		return -1;
	about.header = judgement->routing.header;
	about.verdict = verdict = reach_verdict(judge, offer, &judgement->routing, about.header, arena);
	judgement->state = verdict;
	judgement->fetch = verdict->action->fetch;
	judgement->remove = verdict->action->remove;
	judgement->reason = verdict->ruling.by;
	if (offer->too_large && !offer->requested && judgement->fetch == COLLECT_WHOLE)
		judgement->fetch = COLLECT_LEAVE;
	return judgement->fetch == COLLECT_LEAVE ? make_news(judge, &about, arena, judgement, err) : 0;
}

/* The fields of the rules on top: what they set, and which they were. */
static void put_lines(const struct verdict *verdict, struct arena *arena, struct judgement *judgement)
{
	for (size_t i = 0; i < verdict->mark_count && judgement->line_count < JUDGE_LINES_MAX; i++)
		judgement->lines[judgement->line_count++] =
		    arena_printf(arena, "X-Postroom-Rules: %.*s", STR_ARG(verdict->marks[i]));
	for (size_t i = 0; i < verdict->ruling.lines.count && judgement->line_count < JUDGE_LINES_MAX; i++)
		judgement->lines[judgement->line_count++] = verdict->ruling.lines.list[i];
}

/*
 * What was not known before it came: its header, since the server has no TOP, or other lines by the script. It is here
 * now, so what would have left it there does no more than let it in.
 */
static int judge_late(struct judge *judge, const struct judge_arrival *arrival, struct arena *arena,
                      struct judgement *judgement, struct err *err)
{
	struct judge_about about = {.offer = arrival->offer};
	struct verdict *verdict = judgement->state;

	if (find_route(judge, arrival->offer, arrival->header, arena, judgement, err) != 0)
		return -1;
	if (verdict != NULL)
		return 0;
	about.header = judgement->routing.header;
	about.verdict = verdict = reach_verdict(judge, arrival->offer, &judgement->routing, about.header, arena);
	if (verdict->action->remove == COLLECT_REMOVE_IGNORED || verdict->action->remove == COLLECT_REMOVE_QUERY)
		verdict->action = collect_action_of(RULE_DOWNLOAD);
	judgement->state = verdict;
	judgement->remove = verdict->action->remove;
	judgement->reason = verdict->ruling.by;
	return verdict->action->fetch == COLLECT_LEAVE ? make_news(judge, &about, arena, judgement, err) : 0;
}

static bool is_anybody_elsewhere(const struct routing *routing)
{
	for (size_t i = 0; i < routing->address_count; i++)
		if (routing->addresses[i].standing == ROUTING_ELSEWHERE)
			return true;
	return false;
}

int judge_arrived(struct judge *judge, const struct judge_arrival *arrival, struct arena *arena,
                  struct judgement *judgement, struct err *err)
{
	const struct verdict *verdict;

	if ((judgement->no_opinion || judge_wants_lines(judge)) && judge_late(judge, arrival, arena, judgement, err) != 0)
		return -1;
	verdict = judgement->state;
	put_lines(verdict, arena, judgement);
	if (verdict->action->fetch == COLLECT_LEAVE)
		return 0;
	judgement->recipients = whom(judge, verdict, &judgement->routing, arena, &judgement->recipient_count);
	for (size_t i = 0; i < judgement->recipient_count; i++)
		if (judgement->recipients[i].named && str_find_char(judgement->recipients[i].address, '@') < 0 &&
		    judge->domain.len > 0)
			judgement->recipients[i].address = addr_format(judgement->recipients[i].address, judge->domain, arena);
	judge_ask_process(judge, arrival, arena, judgement);
	if (judge_ask_program(judge, arrival, arena, judgement, err) != 0)
		return -1;
	if (judgement->recipient_count > 0 || judgement->ignored)
		return 0;
	/* nobody here is unknown, and somebody is elsewhere: that is as it should be */
	if (judgement->routing.unknown == 0 && is_anybody_elsewhere(&judgement->routing)) {
		judgement->reason = STR("for recipients elsewhere alone");
		return 0;
	}
	return judge_error(judge, arrival->spam_score, arena, judgement, err);
}
