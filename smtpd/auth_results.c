#include "common/base/io.h"
#include "common/base/log.h"
#include "common/mailauth/arc/arc.h"
#include "common/mailauth/dkim/dkim.h"
#include "common/mailauth/dmarc/dmarc.h"
#include "common/mailauth/iprev/iprev.h"
#include "common/mailauth/results/results.h"
#include "common/mime/header.h"
#include "smtpd/dmarc_note.h"
#include "smtpd/sender_auth.h"

#include <time.h>

enum {
	DOMAINS_MAX = 4, /* in From:, that DMARC is asked for; one is usual */
	SEALERS_MAX = 5, /* of a chain, that are named */
	ENTRIES_MAX = 5 + DKIM_SIGNATURES_MAX + DOMAINS_MAX,
	SLICE = 64 * 1024,
	B_SHOWN = 8, /* octets of a signature (RFC 6008 4) */
};

static const struct smtp_refusal unreadable = {451, "4.3.0", "Cannot check the message now, try again later"};

/* One message's results while they are found. */
struct finding {
	struct session *session;
	struct message *message;
	struct arena *arena;
	struct mailauth_dns dns;
	struct dkim_message signed_message;
	struct arc_chain chain;
	struct results_entry entries[ENTRIES_MAX];
	size_t count;
	struct dmarc_identity signers[DKIM_SIGNATURES_MAX];
	size_t signer_count;
	struct dkim_results signatures;
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

/* RFC 8601 5: nobody else speaks in this server's name. */
static void remove_forged(struct session *session, struct message *message)
{
	struct str rest = message_header(message), id = own_id(session);
	struct mime_field field;

	while (mime_field_next(&rest, &field))
		if (str_equal_nocase(field.name, STR("Authentication-Results")) && results_claims(field.value, id))
			message_remove(message, &field);
}

static struct results_entry *add_entry(struct finding *finding, const char *method, const char *result)
{
	struct results_entry *entry = &finding->entries[finding->count++];

	*entry = (struct results_entry){.method = method, .result = result};
	return entry;
}

static void add_spf(struct finding *finding)
{
	const struct transaction *transaction = &finding->session->transaction;
	const struct spf_outcome *spf = &transaction->spf;
	struct results_entry *entry;

	if (!transaction->spf_is_known)
		return;
	entry = add_entry(finding, "spf", spf_result_word(spf->result));
	entry->reason = spf->problem;
	entry->properties[0] = (struct results_property){"smtp.mailfrom", transaction->mail.from.domain};
	entry->properties[1] = (struct results_property){"smtp.helo", str_of(spf->is_helo ? finding->session->helo : "")};
}

static int feed_body(const struct message *message, struct dkim_message *signed_message, struct err *err)
{
	struct mime_source source = message_source(message);
	uint64_t at = message->header_len + 2; /* behind the empty line */
	uint64_t left = message->size > at ? message->size - at : 0;
	char *slice = arena_get(signed_message->arena, left < SLICE ? (size_t)left : SLICE);

	while (at < message->size) {
		size_t want = message->size - at < SLICE ? (size_t)(message->size - at) : SLICE;

		if (mime_source_read(&source, (int64_t)at, slice, want, err) != 0)
			return -1;
		dkim_message_body(signed_message, str_from(slice, want));
		at += want;
	}
	return 0;
}

static enum dmarc_evidence evidence_of(enum dkim_state state, bool is_testing)
{
	if (state == DKIM_PASS && !is_testing)
		return DMARC_PASSED;
	return state == DKIM_TEMPERROR ? DMARC_UNKNOWN : DMARC_FAILED;
}

static void add_signature(struct finding *finding, const struct dkim_result *result)
{
	struct results_entry *entry = add_entry(finding, "dkim", dkim_word(result->state));

	entry->reason = result->reason;
	if (result->state == DKIM_PASS && (result->is_testing || result->is_partial))
		entry->comment = result->is_testing ? STR("testing") : STR("not all of the body is signed");
	entry->properties[0] = (struct results_property){"header.d", result->domain};
	entry->properties[1] = (struct results_property){"header.s", result->selector};
	entry->properties[2] = (struct results_property){"header.a", result->algorithm};
	entry->properties[3] = (struct results_property){"header.b", str_sub(result->b, 0, B_SHOWN)};
	finding->signers[finding->signer_count++] =
	    (struct dmarc_identity){result->domain, evidence_of(result->state, result->is_testing)};
}

/* Find the signatures and hash the body for them. A header that cannot be looked at has none. -1: not to be read. */
static int read_signatures(struct finding *finding, struct err *err)
{
	struct dkim_message *signed_message = &finding->signed_message;

	if (dkim_message_open(signed_message, message_header(finding->message), finding->arena, err) != 0) {
		add_entry(finding, "dkim", dkim_word(DKIM_NEUTRAL))->reason = arena_copy(finding->arena, str_of(err->text));
		return 0;
	}
	dkim_find(signed_message);
	arc_find(signed_message, &finding->chain);
	return dkim_message_wants_body(signed_message) ? feed_body(finding->message, signed_message, err) : 0;
}

static void add_dkim(struct finding *finding, bool say_none)
{
	struct dkim_results *results = &finding->signatures;

	dkim_verify(&finding->signed_message, &finding->dns, time(NULL), results);
	for (size_t i = 0; i < results->count; i++)
		add_signature(finding, &results->list[i]);
	if (finding->count == 0 && say_none)
		add_entry(finding, "dkim", dkim_word(DKIM_NONE));
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

/* RFC 8617 6; nothing where there is no chain. */
static void add_arc(struct finding *finding)
{
	struct arc_result arc;
	struct results_entry *entry;

	arc_verify(&finding->signed_message, &finding->chain, &finding->dns, time(NULL), &arc);
	if (arc.state == ARC_NONE)
		return;
	entry = add_entry(finding, "arc", arc_word(arc.state));
	entry->reason = arc.reason;
	entry->properties[0] = (struct results_property){"smtp.remote-ip", shown_address(finding)};
	if (arc.state != ARC_PASS)
		return;
	entry->comment = STR("sealed by");
	for (size_t i = 0; i < arc.count && i < SEALERS_MAX; i++)
		entry->comment = arena_printf(finding->arena, "%.*s %.*s", STR_ARG(entry->comment),
		                              STR_ARG(arc.sets[arc.count - 1 - i].domain));
	entry->properties[1] =
	    (struct results_property){"header.oldest-pass", arena_printf(finding->arena, "%u", arc.oldest_pass)};
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

	dkim_foresee(&finding->signed_message, &finding->dns, time(NULL));
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
	struct dmarc_check check = {
	    .dns = &finding->dns,
	    .spf = spf_identity(&finding->session->transaction),
	    .dkim = finding->signers,
	    .dkim_count = finding->signer_count,
	};

	io_random(&check.lot, sizeof check.lot);
	check.lot %= 100;
	for (size_t i = 0; i < finding->domain_count; i++) {
		struct dmarc_outcome outcome;
		struct results_entry *entry;

		check.from = finding->domains[i];
		dmarc_check(&check, finding->arena, &outcome);
		entry = add_entry(finding, "dmarc", dmarc_result_word(outcome.result));
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
	entry = add_entry(finding, "iprev", iprev_result_word(finding->iprev.result));
	entry->comment = hides_addresses(finding) ? STR("") : finding->iprev.name;
	entry->properties[0] = (struct results_property){"policy.iprev", shown_address(finding)};
}

static void add_login(struct finding *finding)
{
	const struct session *session = finding->session;
	struct results_entry *entry = add_entry(finding, "auth", session->user[0] != '\0' ? "pass" : "none");

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

	if (read_signatures(finding, err) != 0)
		return -1;
	if (is_stranger)
		foresee(finding);
	finding->dns = sender_auth_dns(finding->session);
	add_dkim(finding, is_stranger);
	add_spf(finding);
	/* With a time of its own: what signers and sealers let us wait must not keep DMARC from its answer. */
	finding->dns = sender_auth_dns(finding->session);
	if (is_stranger) {
		add_dmarc(finding);
		add_iprev(finding);
	}
	add_arc(finding);
	if (is_stranger || session->user[0] != '\0')
		add_login(finding);
	return 0;
}

static void write_field(struct finding *finding)
{
	struct buf field;

	buf_init(&field, RESULTS_FIELD_MAX);
	if (results_write(own_id(finding->session), finding->entries, finding->count, &field) == 0)
		message_add_on_top(finding->message, buf_str(&field));
	buf_free(&field);
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
	remove_forged(session, message);
	if (!sender_auth_wants_results(session))
		return NULL;
	finding = arena_get(&session->command_arena, sizeof *finding);
	*finding = (struct finding){.session = session,
	                            .message = message,
	                            .arena = &session->command_arena,
	                            .dns = sender_auth_dns(session),
	                            .disposed_for = STR("")};
	result = find_all(finding, &err);
	dkim_message_close(&finding->signed_message);
	if (result != 0) {
		log_error("a message cannot be checked: %s", err.text);
		return &unreadable;
	}
	if (finding->has_one_author)
		dmarc_note(session, &finding->dmarc, &finding->signatures, finding->disposition);
	if (finding->disposition == DMARC_REJECT)
		return refuse(finding);
	if (finding->disposition == DMARC_QUARANTINE)
		rules_add_keyword(session, STR("$Junk"));
	if (adds_field && finding->count > 0)
		write_field(finding);
	return NULL;
}
