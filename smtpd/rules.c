#include "smtpd/rules.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/smtp/message.h"
#include "smtpd/smtpd.h"

#include <inttypes.h>
#include <stdio.h>

static void forget(struct smtpd_rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		rules_free(&rules->list[i].rules);
	memory_free(rules->list);
	rules->list = NULL;
	rules->count = 0;
}

static int load_all(struct smtpd_rules *rules, struct db *db, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(db, &statement, "SELECT DISTINCT service FROM smtp_rule", err) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		struct service_rules *entry;

		rules->list = memory_resize(rules->list, (rules->count + 1) * sizeof *rules->list);
		entry = &rules->list[rules->count++];
		entry->service = db_number(&statement, 0);
		rules_init(&entry->rules);
		if (rules_load(&entry->rules, db, entry->service, err) != 0) {
			row = err_prefix(err, "SMTP service %lld", (long long)entry->service);
			break;
		}
	}
	db_finalize(&statement);
	return row;
}

/* Rules that cannot be read leave the old ones in force: what they refuse stays refused. */
void smtpd_rules_refresh(struct smtpd_rules *rules, const struct settings *settings)
{
	struct smtpd_rules loaded = {.generation = settings->generation};
	struct err err;
	struct db db;

	if (rules->generation == settings->generation)
		return;
	rules->generation = settings->generation;
	if (settings_open_snapshot(settings, &db, &err) != 0) {
		log_error("the SMTP rules stay as they are: %s", err.text);
		return;
	}
	if (load_all(&loaded, &db, &err) == 0) {
		forget(rules);
		*rules = loaded;
	} else {
		log_error("the SMTP rules stay as they are: %s", err.text);
		forget(&loaded);
	}
	db_close(&db);
}

/* Find the rules of the session's service for a new message. */
static void begin(struct session *session)
{
	static const struct rules none;
	struct rules_state *state = &session->transaction.rules;
	struct smtpd_rules *all = &session->smtpd->rules;
	char name[SCRIPT_NAME_MAX];

	if (session->service_id == 0)
		return;
	smtpd_rules_refresh(all, &session->smtpd->settings);
	state->rules = &none;
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].service == session->service_id)
			state->rules = &all->list[i].rules;
	if (session->rules_script.name[0] == '\0') {
		snprintf(name, sizeof name, "smtprules_%" PRId64, session->service_id);
		script_open(&session->rules_script, &session->smtpd->daemon->instance, name, NULL, &session->status);
		script_settle(&session->rules_script);
	}
	state->active = state->rules->count > 0 || script_exists(&session->rules_script);
}

static void tell(void *context, const struct rules_event *event)
{
	struct session *session = context;
	const struct rules_state *state = &session->transaction.rules;
	struct str recipient = state->given_count > 0 ? state->given[state->given_count - 1] : STR("");
	struct buf line;

	if (event->fate != RULES_TRIGGERED)
		return;
	buf_init(&line, STATUS_RULE_MAX);
	buf_printf(&line, "%s %" PRId64 " \"%.*s\" %s from=<%.*s> to=<%.*s>%s", rule_stage_word(event->stage),
	           event->number, STR_ARG(event->name), event->action, STR_ARG(session->transaction.mail.from.text),
	           STR_ARG(recipient), event->stage == RULES_DATA && state->given_count > 1 ? ",..." : "");
	if (event->detail.len > 0)
		buf_printf(&line, " %.*s", STR_ARG(event->detail));
	status_rule(&session->status, buf_str(&line));
	buf_free(&line);
}

static void add_decision(struct session *session, const struct rules_result *result, enum rules_stage stage)
{
	struct rules_state *state = &session->transaction.rules;
	struct rules_decision *decision;

	if (result->verdict != RULES_REDIRECT && result->verdict != RULES_COPY && result->verdict != RULES_IGNORE)
		return;
	decision = arena_get(&session->transaction_arena, sizeof *decision);
	*decision = (struct rules_decision){
	    .is_for_all = stage != RULES_RCPT,
	    .recipient = session->transaction.count, /* the one that comes next */
	    .verdict = result->verdict,
	    .targets = result->targets,
	    .next = state->decisions,
	};
	state->decisions = decision;
}

void rules_add_keyword(struct session *session, struct str keyword)
{
	struct rules_state *state = &session->transaction.rules;

	state->keywords = arena_printf(&session->transaction_arena, "%.*s%s%.*s", STR_ARG(state->keywords),
	                               state->keywords.len > 0 ? " " : "", STR_ARG(keyword));
}

/* What holds for the message whoever gets it. */
static void take_marks(struct session *session, const struct rules_result *result)
{
	struct rules_state *state = &session->transaction.rules;

	state->hold |= result->hold;
	state->disconnect |= result->disconnect;
	for (size_t i = 0; i < result->keyword_count; i++)
		rules_add_keyword(session, result->keywords[i]);
	if (result->block_minutes > 0)
		status_block(&session->status, result->block_minutes);
	if (result->verdict == RULES_REJECT)
		status_event(
		    &session->status, POLICY_RULE,
		    arena_printf(&session->transaction_arena, "%" PRId64 " %.*s", result->number, STR_ARG(result->name)));
}

static struct rules_result run_stage(struct session *session, enum rules_stage stage, struct str header, uint64_t size)
{
	struct transaction *transaction = &session->transaction;
	struct rules_state *state = &transaction->rules;
	struct facts facts = {
	    .stage = stage,
	    .mail_from = transaction->mail.from.text,
	    .client = str_of(session->peer),
	    .user = str_of(session->user),
	    .recipients = state->given,
	    .recipient_count = state->given_count,
	    .size = size,
	    .header = header,
	    .now = time(NULL),
	    .arena = &session->transaction_arena,
	};
	struct rules_run run = {state->rules, &facts, &session->rules_script, &state->lines, tell, session};
	struct rules_result result;

	rules_execute(&run, &result);
	take_marks(session, &result);
	add_decision(session, &result, stage);
	return result;
}

/* How a rejection is told. */
static void make_refusal(struct session *session, enum rules_stage stage, const struct rules_result *result,
                         struct smtp_refusal *refusal)
{
	struct rules_reply reply;

	rules_reply(stage, result, &reply);
	*refusal =
	    (struct smtp_refusal){reply.code, reply.enhanced, arena_text(&session->transaction_arena, str_of(reply.text))};
	log_info("refused by a rule: %d %s from=<%.*s> client=%s service=%s", refusal->code, refusal->text,
	         STR_ARG(session->transaction.mail.from.text), session->peer, session->service);
}

bool rules_at_mail(struct session *session)
{
	struct rules_state *state = &session->transaction.rules;
	struct smtp_refusal refusal;
	struct rules_result result;

	begin(session);
	if (!state->active)
		return true;
	result = run_stage(session, RULES_MAIL, STR(""), session->transaction.mail.size);
	state->ended = result.verdict != RULES_NONE;
	if (result.verdict != RULES_REJECT)
		return true;
	make_refusal(session, RULES_MAIL, &result, &refusal);
	reply_refusal(session, &refusal);
	session->closing |= state->disconnect;
	return false;
}

static void add_given(struct session *session, struct str address)
{
	struct rules_state *state = &session->transaction.rules;
	struct str *old = state->given;

	if (state->given_count == state->given_room) {
		state->given_room = state->given_room != 0 ? 2 * state->given_room : 4;
		state->given = arena_get(&session->transaction_arena, state->given_room * sizeof *old);
		if (state->given_count != 0)
			memcpy(state->given, old, state->given_count * sizeof *old);
	}
	state->given[state->given_count++] = arena_copy(&session->transaction_arena, address);
}

void rules_drop_recipient(struct session *session, struct str address)
{
	struct rules_state *state = &session->transaction.rules;
	size_t kept = 0;

	for (size_t i = 0; i < state->given_count; i++)
		if (!str_equal(state->given[i], address))
			state->given[kept++] = state->given[i];
	state->given_count = kept;
}

bool rules_at_rcpt(struct session *session, struct str address)
{
	struct rules_state *state = &session->transaction.rules;
	struct smtp_refusal refusal;
	struct rules_result result;

	if (!state->active)
		return true;
	add_given(session, address);
	if (state->ended)
		return true;
	result = run_stage(session, RULES_RCPT, STR(""), session->transaction.mail.size);
	if (result.verdict != RULES_REJECT)
		return true;
	state->given_count--;
	make_refusal(session, RULES_RCPT, &result, &refusal);
	reply_refusal(session, &refusal);
	session->closing |= result.disconnect;
	return false;
}

const struct smtp_refusal *rules_at_data(struct session *session, struct message *message)
{
	struct rules_state *state = &session->transaction.rules;
	struct smtp_refusal *refusal = NULL;
	struct rules_result result;

	if (state->active && !state->ended) {
		result = run_stage(session, RULES_DATA, message_header(message), message->size);
		if (result.verdict == RULES_REJECT) {
			refusal = arena_get(&session->transaction_arena, sizeof *refusal);
			make_refusal(session, RULES_DATA, &result, refusal);
		}
	}
	for (size_t i = state->lines.count; i > 0; i--) /* the last one put on top stands first */
		message_add_on_top(message,
		                   arena_printf(&session->transaction_arena, "%.*s\r\n", STR_ARG(state->lines.list[i - 1])));
	session->closing |= state->disconnect;
	return refusal;
}

/* The recipients of the envelope that is being put together: first those that rules named. */
struct addressing {
	struct session *session;
	struct spool_recipient *list;
	size_t count, named;
};

static bool is_named(const struct addressing *addressing, const struct spool_recipient *recipient)
{
	for (size_t i = 0; i < addressing->named; i++)
		if (str_equal_nocase(addressing->list[i].address, recipient->address) &&
		    str_equal(addressing->list[i].folder, recipient->folder))
			return true;
	return false;
}

/* A name alone is one of the default domain. */
static void add_targets(struct addressing *addressing, const struct rule_targets *targets)
{
	struct arena *arena = &addressing->session->transaction_arena;
	struct str domain = str_of(settings_default_domain(&addressing->session->smtpd->settings));

	for (size_t i = 0; i < targets->count; i++) {
		const struct rule_target *target = &targets->list[i];
		struct spool_recipient recipient = {.address = target->address,
		                                    .folder = addr_xtext_encode(target->folder, arena)};

		if (str_find_char(recipient.address, '@') < 0)
			recipient.address = addr_format(target->address, domain, arena);
		if (!is_named(addressing, &recipient))
			addressing->list[addressing->named++] = recipient;
	}
}

static size_t count_targets(const struct rules_decision *decision)
{
	size_t count = 0;

	for (; decision != NULL; decision = decision->next)
		count += decision->targets.count;
	return count;
}

/*
 * The newest decision comes first. One for all that is no copy takes the place of what was decided before, of single
 * recipients.
 */
void rules_address(struct session *session, struct spool_envelope *envelope)
{
	const struct rules_state *state = &session->transaction.rules;
	struct arena *arena = &session->transaction_arena;
	struct addressing addressing = {.session = session};
	bool *is_gone, all_gone = false;

	envelope->hold = state->hold;
	envelope->keywords = state->keywords;
	if (state->decisions == NULL)
		return;
	is_gone = arena_get(arena, envelope->recipient_count * sizeof *is_gone);
	addressing.list =
	    arena_get(arena, (envelope->recipient_count + count_targets(state->decisions) + 1) * sizeof *addressing.list);
	for (const struct rules_decision *decision = state->decisions; decision != NULL && !all_gone;
	     decision = decision->next) {
		add_targets(&addressing, &decision->targets);
		if (decision->is_for_all)
			all_gone = decision->verdict != RULES_COPY;
		else
			is_gone[decision->recipient] |= decision->verdict != RULES_COPY;
	}
	addressing.count = addressing.named;
	for (size_t i = 0; i < envelope->recipient_count && !all_gone; i++)
		if (!is_gone[i] && !is_named(&addressing, &envelope->recipients[i]))
			addressing.list[addressing.count++] = envelope->recipients[i];
	envelope->recipients = addressing.list;
	envelope->recipient_count = addressing.count;
}
