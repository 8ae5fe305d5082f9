#include "smtpd/dmarc_note.h"

#include "common/base/log.h"
#include "common/mailauth/dmarc/row.h"

enum { PATIENCE_MS = 2000 };

bool dmarc_note_is_on(const struct session *session)
{
	return !session->is_local && settings_flag(&session->smtpd->settings, SETTING_MAILAUTH_DMARC_REPORTS);
}

/* Why less was done than the policy says (RFC 7489 6.7, appendix C). */
static struct str reason_of(const struct dmarc_outcome *outcome, enum dmarc_policy disposition)
{
	if (outcome->result == DMARC_RESULT_PASS || disposition >= outcome->policy)
		return STR("");
	return disposition >= outcome->wanted ? STR("sampled_out") : STR("local_policy");
}

/* There is always one of SPF, also where it was not looked at. */
static void add_spf(const struct session *session, struct dmarc_row *row)
{
	const struct transaction *transaction = &session->transaction;
	const struct spf_outcome *spf = &transaction->spf;
	bool known = transaction->spf_is_known, is_helo = known && spf->is_helo;
	struct str domain = known ? spf->domain : transaction->mail.from.domain;

	row->results[row->result_count++] = (struct dmarc_row_result){
	    .method = "spf",
	    .domain = domain.len != 0 ? domain : str_of(session->helo),
	    .detail = is_helo || transaction->mail.from.is_null ? STR("helo") : STR("mfrom"),
	    .result = str_of(spf_result_word(known ? spf->result : SPF_NONE)),
	};
}

static void add_signatures(const struct dkim_results *signatures, struct dmarc_row *row)
{
	for (size_t i = 0; i < signatures->count && row->result_count < DMARC_ROW_RESULTS; i++) {
		const struct dkim_result *signature = &signatures->list[i];

		if (signature->domain.len != 0)
			row->results[row->result_count++] = (struct dmarc_row_result){
			    "dkim", signature->domain, signature->selector, str_of(dkim_word(signature->state))};
	}
}

static void tell_policyd(struct session *session, struct str domain, struct str row)
{
	struct ipc_message request, answer;
	struct err err;

	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, "dmarc");
	ipc_add(&request, "domain", domain);
	ipc_add(&request, "row", row);
	if (ipc_call(&session->policyd, &request, &answer, PATIENCE_MS, &err) != 0)
		log_warning("a message is missing in DMARC reports: %s", err.text);
	ipc_message_free(&request);
	ipc_message_free(&answer);
}

void dmarc_note(struct session *session, const struct dmarc_outcome *outcome, const struct dkim_results *signatures,
                enum dmarc_policy disposition)
{
	const struct dmarc_record *record = &outcome->record;
	struct dmarc_row row = {
	    .policy = str_of(dmarc_policy_word(record->policy)),
	    .subdomain_policy = str_of(dmarc_policy_word(record->subdomain_policy)),
	    .dkim_is_strict = record->dkim_is_strict,
	    .spf_is_strict = record->spf_is_strict,
	    .percent = record->percent,
	    .source = str_of(session->peer),
	    .header_from = outcome->from,
	    .envelope_from = session->transaction.mail.from.domain,
	    .disposition = str_of(dmarc_policy_word(disposition)),
	    .reason = reason_of(outcome, disposition),
	    .dkim_passed = outcome->dkim_is_aligned,
	    .spf_passed = outcome->spf_is_aligned,
	};
	struct buf text;
	struct err err;

	if (!dmarc_note_is_on(session) || session->policyd.fd < 0 || outcome->policy_domain.len == 0 ||
	    record->aggregate.data == NULL ||
	    (outcome->result != DMARC_RESULT_PASS && outcome->result != DMARC_RESULT_FAIL))
		return;
	add_spf(session, &row);
	add_signatures(signatures, &row);
	buf_init(&text, 2 * DMARC_ROW_MAX);
	if (dmarc_row_format(&row, &text, &err) == 0)
		tell_policyd(session, outcome->policy_domain, buf_str(&text));
	else
		log_warning("a message is missing in DMARC reports: %s", err.text);
	buf_free(&text);
}
