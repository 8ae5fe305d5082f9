#include "common/base/io.h"
#include "common/base/log.h"
#include "common/mailauth/dmarc/dmarc.h"
#include "common/mailauth/iprev/iprev.h"
#include "common/mime/header.h"
#include "common/smtp/evidence.h"
#include "smtpd/dmarc_note.h"
#include "smtpd/sender_auth.h"

#include <time.h>

enum {
	DOMAINS_MAX = 4,       /* in From:, that DMARC is asked for; one is usual */
	OTHER_RESULTS_MAX = 5, /* beside those of signatures and DMARC */
};

_Static_assert(OTHER_RESULTS_MAX + DKIM_SIGNATURES_MAX + DOMAINS_MAX <= RESULTS_ENTRIES_MAX, "there is room for all");

static const struct smtp_refusal unreadable = {451, "4.3.0", "Cannot check the message now, try again later"};

/* One message's results while they are found. */
struct finding {
	struct session *session;
	struct message *message;
	struct arena *arena;
	struct mailauth_dns dns;
	struct evidence evidence;
	struct results_list list;
	struct str domains[DOMAINS_MAX]; /* of a stranger's From */
	size_t domain_count;
	struct iprev_outcome iprev;
	bool has_address;              /* iprev says something */
	struct dmarc_outcome dmarc;    /* of the only author's domain */
	bool has_one_author;           /* with a domain */
	enum dmarc_policy disposition; /* what DMARC makes of the message */
	struct str disposed_for;       /* the domain whose policy that is */
};

static struct str own_id(const struct session *session)
{
	const char *id = settings_text(&session->smtpd->settings, SETTING_MAILAUTH_ID);

	return str_of(id[0] != '\0' ? id : session_host(session));
}

static void add_spf(struct finding *finding)
{
	const struct transaction *transaction = &finding->session->transaction;
	const struct spf_outcome *spf = &transaction->spf;
	struct results_entry *entry;

	if (!transaction->spf_is_known)
		return;
	entry = results_add(&finding->list, "spf", spf_result_word(spf->result));
	entry->reason = spf->problem;
	entry->properties[0] = (struct results_property){"smtp.mailfrom", transaction->mail.from.domain};
	entry->properties[1] = (struct results_property){"smtp.helo", str_of(spf->is_helo ? finding->session->helo : "")};
}

static enum dmarc_evidence evidence_of(enum dkim_state state, bool is_testing)
{
	if (state == DKIM_PASS && !is_testing)
		return DMARC_PASSED;
	return state == DKIM_TEMPERROR ? DMARC_UNKNOWN : DMARC_FAILED;
}

static bool hides_addresses(const struct finding *finding)
{
	return settings_flag(&finding->session->smtpd->settings, SETTING_HIDE_ADDRESSES);
}

/* The client's address, as far as readers of the message may know it. */
static struct str shown_address(const struct finding *finding)
{
	return hides_addresses(finding) ? STR("") : str_of(finding->session->peer);
}

/* The different domains in all From fields, at most DOMAINS_MAX. */
static size_t author_domains(const struct finding *finding, struct str domains[DOMAINS_MAX])
{
	struct str rest = message_header(finding->message);
	struct mime_field field;
	size_t count = 0;

	while (mime_field_next(&rest, &field)) {
		struct mime_addresses addresses;

		if (!str_equal_nocase(field.name, STR("From")))
			continue;
		mime_parse_addresses(field.value, finding->arena, &addresses);
		for (size_t i = 0; i < addresses.count && count < DOMAINS_MAX; i++) {
			const struct mime_address *address = &addresses.list[i];
			bool known = address->kind != MIME_ADDRESS || address->host.len == 0;

			for (size_t n = 0; n < count; n++)
				known = known || str_equal_nocase(domains[n], address->host);
			if (!known)
				domains[count++] = address->host;
		}
	}
	return count;
}

static struct dmarc_identity spf_identity(const struct transaction *transaction)
{
	const struct spf_outcome *spf = &transaction->spf;

	if (!transaction->spf_is_known)
		return (struct dmarc_identity){STR(""), DMARC_FAILED};
	return (struct dmarc_identity){spf->domain, spf->result == SPF_PASS        ? DMARC_PASSED
	                                            : spf->result == SPF_TEMPERROR ? DMARC_UNKNOWN
	                                                                           : DMARC_FAILED};
}

/* What the owner wants, as far as the settings let him. */
static void dispose(struct finding *finding, const struct dmarc_outcome *outcome)
{
	const struct settings *settings = &finding->session->smtpd->settings;
	const char *quarantine = settings_text(settings, SETTING_MAILAUTH_DMARC_QUARANTINE);
	enum dmarc_policy disposition = outcome->wanted;

	if (!settings_flag(settings, SETTING_MAILAUTH_DMARC_POLICY))
		disposition = DMARC_NONE;
	else if (disposition == DMARC_QUARANTINE && strcmp(quarantine, "junk") != 0)
		disposition = strcmp(quarantine, "reject") == 0 ? DMARC_REJECT : DMARC_NONE;
	if (disposition <= finding->disposition)
		return;
	finding->disposition = disposition;
	finding->disposed_for = outcome->from;
}

/*
 * Have the DNS asked for all that a stranger's message needs, before any of it is waited for. What iprev waits for,
 * whose second question is known by the answer to its first alone, is time in which the others' answers come.
 */
static void foresee(struct finding *finding)
{
	struct cidr client;

	dkim_foresee(&finding->evidence.message, &finding->dns, time(NULL));
	finding->domain_count = author_domains(finding, finding->domains);
	for (size_t i = 0; i < finding->domain_count; i++)
		dmarc_foresee(&finding->dns, finding->domains[i], finding->arena);
	finding->has_address = cidr_parse(str_of(finding->session->peer), &client, NULL, NULL) == 0;
	if (finding->has_address)
		iprev_check(&finding->dns, &client, finding->arena, &finding->iprev);
}

/* RFC 7489 6.6.1: with several domains each is asked for, and the strictest policy counts. */
static void add_dmarc(struct finding *finding)
{
	const struct dkim_results *signatures = &finding->evidence.signatures;
	struct dmarc_identity signers[DKIM_SIGNATURES_MAX];
	struct dmarc_check check = {
	    .dns = &finding->dns,
	    .spf = spf_identity(&finding->session->transaction),
	    .dkim = signers,
	    .dkim_count = signatures->count,
	};

	for (size_t i = 0; i < signatures->count; i++)
		signers[i] = (struct dmarc_identity){signatures->list[i].domain,
		                                     evidence_of(signatures->list[i].state, signatures->list[i].is_testing)};
	io_random(&check.lot, sizeof check.lot);
	check.lot %= 100;
	for (size_t i = 0; i < finding->domain_count; i++) {
		struct dmarc_outcome outcome;
		struct results_entry *entry;

		check.from = finding->domains[i];
		dmarc_check(&check, finding->arena, &outcome);
		entry = results_add(&finding->list, "dmarc", dmarc_result_word(outcome.result));
		entry->reason = outcome.problem;
		if (outcome.policy_domain.len > 0)
			entry->comment = arena_printf(finding->arena, "p=%s", dmarc_policy_word(outcome.policy));
		entry->properties[0] = (struct results_property){"header.from", outcome.from};
		dispose(finding, &outcome);
		finding->has_one_author = finding->domain_count == 1;
		finding->dmarc = outcome;
	}
}

static void add_iprev(struct finding *finding)
{
	struct results_entry *entry;

	if (!finding->has_address)
		return;
	entry = results_add(&finding->list, "iprev", iprev_result_word(finding->iprev.result));
	entry->comment = hides_addresses(finding) ? STR("") : finding->iprev.name;
	entry->properties[0] = (struct results_property){"policy.iprev", shown_address(finding)};
}

static void add_login(struct finding *finding)
{
	const struct session *session = finding->session;
	struct results_entry *entry = results_add(&finding->list, "auth", session->user[0] != '\0' ? "pass" : "none");

	entry->properties[0] = (struct results_property){"smtp.auth", str_of(session->user)};
}

/*
 * Who may send through this server is not asked whether he may; signatures are looked at in any case. -1: the message
 * could not be read.
 */
static int find_all(struct finding *finding, struct err *err)
{
	const struct session *session = finding->session;
	bool is_stranger = sender_auth_is_stranger(session);

	if (evidence_read(&finding->evidence, finding->message, finding->arena, &finding->list, err) != 0)
		return -1;
	if (is_stranger)
		foresee(finding);
	finding->dns = sender_auth_dns(finding->session);
	evidence_add_dkim(&finding->evidence, &finding->dns, is_stranger, &finding->list);
	add_spf(finding);
	/* With a time of its own: what signers and sealers let us wait must not keep DMARC from its answer. */
	finding->dns = sender_auth_dns(finding->session);
	if (is_stranger) {
		add_dmarc(finding);
		add_iprev(finding);
	}
	evidence_add_arc(&finding->evidence, &finding->dns, shown_address(finding), &finding->list);
	if (is_stranger || session->user[0] != '\0')
		add_login(finding);
	return 0;
}

static void write_field(struct finding *finding)
{
	struct buf field;

	buf_init(&field, RESULTS_FIELD_MAX);
	if (results_write(own_id(finding->session), finding->list.entries, finding->list.count, &field) == 0)
		message_add_on_top(finding->message, buf_str(&field));
	buf_free(&field);
}

/* For who seals the message where it is passed on. The texts live as long as the transaction. */
static void keep_for_seals(const struct finding *finding)
{
	struct transaction *transaction = &finding->session->transaction;
	struct buf payload;

	buf_init(&payload, RESULTS_FIELD_MAX);
	if (results_write_payload(own_id(finding->session), finding->list.entries, finding->list.count, &payload) == 0) {
		transaction->arc = str_of(arc_word(finding->evidence.arc));
		transaction->results = results_unfold(buf_str(&payload), &finding->session->transaction_arena);
	}
	buf_free(&payload);
}

/* The text lives as long as the transaction. */
static const struct smtp_refusal *refuse(struct finding *finding)
{
	struct arena *arena = &finding->session->transaction_arena;
	struct smtp_refusal *refusal = arena_get(arena, sizeof *refusal);

	refusal->code = 550;
	refusal->enhanced = "5.7.1";
	refusal->text =
	    arena_printf(arena, "Refused by the DMARC policy of %.*s", STR_ARG(str_sub(finding->disposed_for, 0, 255)))
	        .data;
	return refusal;
}

const struct smtp_refusal *auth_results_apply(struct session *session, struct message *message)
{
	const struct settings *settings = &session->smtpd->settings;
	bool adds_field = settings_flag(settings, SETTING_MAILAUTH_RESULTS);
	struct finding *finding;
	struct err err;
	int result;

	if (sender_auth_is_gateway(session))
		return NULL;
	evidence_remove_forged(message, own_id(session));
	if (!sender_auth_wants_results(session))
		return NULL;
	finding = arena_get(&session->command_arena, sizeof *finding);
	*finding = (struct finding){.session = session,
	                            .message = message,
	                            .arena = &session->command_arena,
	                            .dns = sender_auth_dns(session),
	                            .disposed_for = STR("")};
	result = find_all(finding, &err);
	evidence_close(&finding->evidence);
	if (result != 0) {
		log_error("a message cannot be checked: %s", err.text);
		return &unreadable;
	}
	if (finding->has_one_author)
		dmarc_note(session, &finding->dmarc, &finding->evidence.signatures, finding->disposition);
	if (finding->disposition == DMARC_REJECT)
		return refuse(finding);
	if (finding->disposition == DMARC_QUARANTINE)
		rules_add_keyword(session, STR("$Junk"));
	if (settings_flag(settings, SETTING_ARC_SEAL))
		keep_for_seals(finding);
	if (adds_field && finding->list.count > 0)
		write_field(finding);
	return NULL;
}
