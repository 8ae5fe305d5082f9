#include "sender/tls_results.h"

#include "common/base/log.h"
#include "common/mailauth/tlsrpt/tlsrpt.h"
#include "common/sending/attempt.h"
#include "common/sending/security.h"

#include <openssl/x509_vfy.h>

enum { PATIENCE_MS = 2000, LINES_MAX = STS_MX_MAX + 2 /* more than there are TLSA records */ };

/* RFC 8460 4.3. */
static const char *failure_word(const struct attempt *attempt, const struct tls_story *story)
{
	if (story->failure->code == SMTP_CLIENT_LACKS)
		return "starttls-not-supported";
	if (story->failure->code == ERR_TEMPORARY)
		return "dnssec-invalid";
	switch (attempt->client.refused_certificate) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "certificate-expired";
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return "certificate-host-mismatch";
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
		return "certificate-not-trusted";
	default:
		return "validation-failure";
	}
}

/* RFC 6698 2.2: three numbers, and the data as hexadecimal digits. */
static struct str record_text(const struct tlsa *record, struct arena *arena)
{
	struct str text = arena_printf(arena, "%u %u %u ", record->usage, record->selector, record->matching);
	struct buf out;

	buf_init(&out, 4096);
	buf_add_str(&out, text);
	for (size_t i = 0; i < record->data.len; i++)
		buf_printf(&out, "%02x", (unsigned char)record->data.data[i]);
	text = arena_copy(arena, buf_str(&out));
	buf_free(&out);
	return text;
}

/* The policy that held, as the domain published it. */
static void describe_policy(const struct tls_story *story, struct arena *arena, struct str *lines,
                            struct tlsrpt_session *session)
{
	const struct sts_policy *sts = story->route->sts;
	const struct tlsa_set *tlsa = story->security->tlsa;

	session->policy = lines;
	session->policy_type = "no-policy-found";
	if (strcmp(story->security->by, "DANE") == 0) {
		session->policy_type = "tlsa";
		for (size_t i = 0; tlsa != NULL && i < tlsa->count && i < LINES_MAX; i++)
			lines[session->policy_count++] = record_text(&tlsa->records[i], arena);
	} else if (sts != NULL) {
		session->policy_type = "sts";
		lines[session->policy_count++] = STR("version: STSv1");
		lines[session->policy_count++] = arena_printf(arena, "mode: %s", sts_mode_word(sts->mode));
		for (size_t i = 0; i < sts->mx_count; i++)
			lines[session->policy_count++] = arena_printf(arena, "mx: %.*s", STR_ARG(sts->mx[i]));
		session->mx = sts->mx;
		session->mx_count = sts->mx_count;
	}
}

static void describe_failure(const struct attempt *attempt, const struct tls_story *story,
                             struct tlsrpt_session *session)
{
	session->receiving_mx = story->host->name;
	if (story->address[0] != '\0') {
		session->receiving_ip = str_of(story->address);
		session->sending_ip = str_of(attempt->client.conn.local);
	}
	if (story->failure == NULL) {
		session->failure = "starttls-not-supported";
		return;
	}
	session->failure = failure_word(attempt, story);
	session->reason = str_of(story->failure->text);
}

static void tell_policyd(struct ipc_channel *policyd, struct str domain, struct str row)
{
	struct ipc_message request, answer;
	struct err err;

	ipc_message_init(&request);
	ipc_message_init(&answer);
	ipc_request(&request, "tls-result");
	ipc_add(&request, "domain", domain);
	ipc_add(&request, "row", row);
	if (ipc_call(policyd, &request, &answer, PATIENCE_MS, &err) != 0)
		log_warning("a session is missing in TLS reports: %s", err.text);
	ipc_message_free(&request);
	ipc_message_free(&answer);
}

void tls_results_tell(struct attempt *attempt, const struct tls_story *story, struct arena *arena)
{
	struct tlsrpt_session session = {.domain = story->route->domain};
	struct str lines[LINES_MAX];
	struct buf row;
	struct err err;

	if (attempt->sources.policyd.fd < 0 || story->route->domain.len == 0 || story->route->waived ||
	    story->route->demand != TLS_DEMAND_AUTO || story->host->is_override)
		return;
	describe_policy(story, arena, lines, &session);
	if (story->failure != NULL || !attempt->client.conn.tls_active)
		describe_failure(attempt, story, &session);
	buf_init(&row, 4 * TLSRPT_ROW_MAX);
	if (tlsrpt_format(&session, &row, &err) == 0)
		tell_policyd(&attempt->sources.policyd, session.domain, buf_str(&row));
	else
		log_warning("a session is missing in TLS reports: %s", err.text);
	buf_free(&row);
}
