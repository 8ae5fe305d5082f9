#include "smtpd/intake.h"

#include "common/base/log.h"
#include "smtpd/batv.h"
#include "smtpd/collect.h"
#include "smtpd/rbl.h"
#include "smtpd/send_quota.h"
#include "smtpd/sender_auth.h"

#include <errno.h>
#include <time.h>

static const struct smtp_refusal too_large = {552, "5.2.3", "Message too large - contact your administrator"};
static const struct smtp_refusal header_too_large = {552, "5.3.4", "The header of the message is too large"};
static const struct smtp_refusal has_bare = {500, "5.6.0", "Lines end with CRLF; bare CR or LF are not accepted"};
static const struct smtp_refusal long_line = {500, "5.5.6", "A line of the message is too long"};
static const struct smtp_refusal has_nul = {554, "5.6.0", "NUL octets are not accepted"};
static const struct smtp_refusal too_many_hops = {554, "5.4.6", "Too many hops"};
const struct smtp_refusal intake_storage_full = {452, "4.3.1", "Insufficient system storage"};
static const struct smtp_refusal storage_failed = {451, "4.3.0", "Cannot store the message now, try again later"};

void intake_refuse(struct intake *intake, const struct smtp_refusal *refusal)
{
	message_free(&intake->message);
	intake->refusal = refusal;
}

static void refuse_storage(struct intake *intake, const struct err *err)
{
	log_error("id=%s not stored: %s", intake->file.id, err->text);
	intake_refuse(intake, err->sys == ENOSPC || err->sys == EDQUOT ? &intake_storage_full : &storage_failed);
}

/* RFC 6409 8: for who submits, not for who passes on; a server that relays through us by its address is the latter. */
static struct str what_is_missing(const struct intake *intake)
{
	const struct fields *fields = &intake->message.fields;
	struct session *session = intake->session;
	bool submits = session->is_submission || session->is_local || session->user[0] != '\0';

	if (!submits || (fields->has_date && fields->has_message_id) ||
	    !settings_flag(&session->smtpd->settings, SETTING_SMTP_ADD_DATE))
		return STR("");
	return missing_fields(session, intake->file.id, !fields->has_date, !fields->has_message_id);
}

static void check_limits(struct intake *intake)
{
	const struct settings *settings = &intake->session->smtpd->settings;
	const struct message *message = &intake->message;

	if (message->size > session_max_size(intake->session))
		intake_refuse(intake, &too_large);
	else if (intake->data.mode == SMTP_DATA_STRICT && intake->data.has_bare)
		intake_refuse(intake, &has_bare);
	else if (intake->data.has_nul)
		intake_refuse(intake, &has_nul);
	else if (message->fields.received > settings_number(settings, SETTING_SMTP_MAX_HOPS))
		intake_refuse(intake, &too_many_hops);
	else if (message->header_is_too_long)
		intake_refuse(intake, &header_too_large);
}

/* Look for a line of more octets than the settings or a script allow, CRLF not counted. */
static void measure_lines(struct intake *intake)
{
	const struct session *session = intake->session;
	int64_t usual = settings_number(&session->smtpd->settings, SETTING_SMTP_MAX_LINE), script = session->hooks.max_line;
	int64_t limit = script >= 0 ? script : usual;
	struct str rest = buf_str(&intake->out);

	while (limit > 0 && rest.len > 0) {
		struct str part = str_cut(&rest, '\n');

		intake->line += part.len;
		if (intake->line > (uint64_t)limit + (rest.data != NULL)) { /* with the CR, where the line has ended */
			intake_refuse(intake, &long_line);
			return;
		}
		if (rest.data != NULL)
			intake->line = 0;
	}
}

/* Keep what intake->out holds. */
static void keep(struct intake *intake)
{
	struct err err;

	if (intake->refusal == NULL &&
	    message_add(&intake->message, &intake->session->smtpd->drop, buf_str(&intake->out), &err) != 0)
		refuse_storage(intake, &err);
	if (intake->refusal == NULL)
		measure_lines(intake);
	if (intake->refusal == NULL)
		check_limits(intake);
	buf_reset(&intake->out);
}

/* fields_look wants to see the first line at once. */
static bool header_can_begin(const struct intake *intake)
{
	return intake->data.ended || intake->out.len >= FIELDS_FIRST_MIN || str_find_char(buf_str(&intake->out), '\n') >= 0;
}

void intake_take(struct intake *intake, struct str bytes, size_t *taken_out)
{
	*taken_out = smtp_data_take(&intake->data, bytes, &intake->out);
	intake->header_begun = intake->header_begun || header_can_begin(intake);
	if (intake->header_begun)
		keep(intake);
}

void intake_take_end(struct intake *intake)
{
	smtp_data_finish(&intake->data, &intake->out);
	intake->header_begun = true;
	keep(intake);
}

/* Any line ends are for who may be trusted not to hide a second message behind them for another server. */
static enum smtp_data_mode data_mode(const struct session *session)
{
	if (session->is_local)
		return SMTP_DATA_LOOSE;
	if (session_may_relay(session) && settings_flag(&session->smtpd->settings, SETTING_SMTP_ANY_LINE_ENDS))
		return SMTP_DATA_ANY;
	return session->user[0] != '\0' ? SMTP_DATA_MEND : SMTP_DATA_STRICT;
}

void intake_begin(struct intake *intake, struct session *session, bool is_chunked)
{
	*intake = (struct intake){.session = session};
	spool_make_id(&intake->file, session->smtpd->drop.producer, STR(""));
	smtp_data_init(&intake->data, data_mode(session), is_chunked);
	message_init(&intake->message);
	buf_init(&intake->out, SMTP_DATA_GROWTH(INTAKE_SLICE) + FIELDS_FIRST_MIN);
	session->messages++;
}

void intake_end(struct intake *intake)
{
	message_free(&intake->message);
	buf_free(&intake->out);
}

static struct spool_envelope make_envelope(const struct intake *intake)
{
	static const char *const bodies[] = {
	    [SMTP_BODY_NOT_GIVEN] = "", [SMTP_BODY_7BIT] = "7BIT", [SMTP_BODY_8BITMIME] = "8BITMIME"};
	const struct session *session = intake->session;
	const struct transaction *transaction = &session->transaction;
	bool logged_in = session->user[0] != '\0';
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (struct spool_envelope){
	    .id = str_of(intake->file.id),
	    .time_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
	    .producer = str_of(session->smtpd->drop.producer),
	    .service = str_of(session->service),
	    .from = transaction->mail.from.text,
	    .protocol = str_of(session_protocol(session)),
	    .peer = str_of(session->peer),
	    .helo = str_of(session->helo),
	    .user = str_of(session->user),
	    .token = str_of(logged_in ? session->login_token : session->address_token),
	    .body = str_of(bodies[transaction->mail.body]),
	    .smtputf8 = transaction->mail.smtputf8,
	    .requiretls = transaction->mail.requiretls,
	    .ret = transaction->mail.ret,
	    .envid = transaction->mail.envid,
	    .parent = STR(""),
	    .release = transaction->mail.hold_for != 0 ? (int64_t)now.tv_sec + transaction->mail.hold_for
	                                               : transaction->mail.hold_until,
	    .arc = transaction->arc,
	    .results = transaction->results,
	    .recipients = transaction->recipients,
	    .recipient_count = transaction->count,
	};
}

/* Whom the envelope names, for local recipients alone to see: others would learn of blind copies elsewhere. */
static void add_originals(struct intake *intake)
{
	struct session *session = intake->session;
	const struct transaction *transaction = &session->transaction;

	if (transaction->remote_count > 0 || !settings_flag(&session->smtpd->settings, SETTING_SMTP_ADD_RECIPIENTS))
		return;
	for (size_t i = transaction->count; i-- > 0;)
		message_add_on_top(&intake->message, arena_printf(&session->transaction_arena, "X-Postroom-ORIGRCPT: %.*s\r\n",
		                                                  STR_ARG(transaction->recipients[i].address)));
}

/* On disk, under its name; nowhere where rules left nobody to get it. */
static int store(struct intake *intake, struct err *err)
{
	struct session *session = intake->session;
	struct spool_envelope envelope = make_envelope(intake);
	struct str trace = received_field(session, intake->file.id), missing = what_is_missing(intake);

	rules_address(session, &envelope);
	hooks_address(session, &intake->actions, &envelope);
	rbl_address(session, &envelope);
	if (envelope.recipient_count == 0) {
		log_info("id=%s discarded by a rule, script or blacklist", intake->file.id);
		return 0;
	}
	if (spool_begin(&intake->file, &session->smtpd->drop, &envelope, err) != 0)
		return -1;
	if (message_write(&intake->message, trace, missing, &intake->file, err) == 0) {
		if (spool_commit(&intake->file, err) != 0)
			return -1;
		hooks_stored(session, &envelope);
		collect_recipients(session, &envelope);
		return 0;
	}
	spool_abort(&intake->file);
	return -1;
}

void intake_answer_refusal(const struct intake *intake)
{
	struct session *session = intake->session;
	struct str from = session->transaction.mail.from.text;

	if (intake->refusal == &long_line)
		status_event(&session->status, POLICY_SYNTAX, STR("line too long"));
	if (intake->refusal == &too_large)
		status_event(&session->status, POLICY_TOO_BIG, from);
	log_info("id=%s refused: %d %s from=<%.*s> client=%s service=%s", intake->file.id, intake->refusal->code,
	         intake->refusal->text, STR_ARG(from), session->peer, session->service);
	reply_refusal(session, intake->refusal);
}

/* Said while the DNS is waited for: nothing else here waits long. */
static void say_that_it_lasts(void *context)
{
	struct session *session = context;

	reply_line(session, 250, "2.0.0 The message is being looked at");
	conn_flush(&session->conn, NULL);
}

/* Say that each smtp.keep-alive seconds, or no more. */
static void keep_alive(struct session *session, bool on)
{
	int64_t seconds = settings_number(&session->smtpd->settings, SETTING_SMTP_KEEP_ALIVE);

	session->dnsd.on_wait = on && seconds > 0 ? say_that_it_lasts : NULL;
	session->dnsd.wait_context = session;
	session->dnsd.wait_ms = (int)seconds * 1000;
}

/* All that may refuse the message, or add to it. */
static void ask_checks(struct intake *intake)
{
	struct session *session = intake->session;

	keep_alive(session, true);
	intake->refusal = batv_at_data(session, &intake->message);
	if (intake->refusal == NULL)
		intake->refusal = hooks_at_lines(session, &intake->message);
	if (intake->refusal == NULL)
		intake->refusal = hooks_check_recipients(session);
	if (intake->refusal == NULL)
		intake->refusal = permissions_at_data(session, &intake->message);
	if (intake->refusal == NULL)
		intake->refusal = rules_at_data(session, &intake->message);
	if (intake->refusal == NULL)
		rbl_mark(session, &intake->message);
	if (intake->refusal == NULL)
		hooks_at_message(session, &intake->message, &intake->actions);
	if (intake->refusal == NULL)
		intake->refusal = auth_results_apply(session, &intake->message);
	keep_alive(session, false);
}

void intake_finish(struct intake *intake)
{
	struct session *session = intake->session;
	const struct transaction *transaction = &session->transaction;
	struct err err;

	if (intake->refusal == NULL)
		ask_checks(intake);
	if (intake->refusal == NULL)
		add_originals(intake);
	if (intake->refusal == NULL)
		intake->refusal = send_quota_take(session, intake->message.size);
	if (intake->refusal == NULL && store(intake, &err) != 0)
		refuse_storage(intake, &err);
	if (intake->refusal != NULL) {
		intake_answer_refusal(intake);
		return;
	}
	log_info("id=%s queued from=<%.*s> to=<%.*s>%s recipients=%zu size=%llu client=%s helo=%s user=%s service=%s",
	         intake->file.id, STR_ARG(transaction->mail.from.text), STR_ARG(transaction->recipients[0].address),
	         transaction->count > 1 ? ",..." : "", transaction->count, (unsigned long long)intake->message.size,
	         session->peer, session->helo, session->user, session->service);
	session->queued++;
	reply(session, 250, "2.0.0", "OK - queued as %s", intake->file.id);
}
