#include "common/addr/addr.h"
#include "common/mailauth/dmarc/dmarc.h"

#include <libpsl.h>

const char *dmarc_result_word(enum dmarc_result result)
{
	static const char *const words[] = {
	    [DMARC_RESULT_NONE] = "none",           [DMARC_RESULT_PASS] = "pass",           [DMARC_RESULT_FAIL] = "fail",
	    [DMARC_RESULT_TEMPERROR] = "temperror", [DMARC_RESULT_PERMERROR] = "permerror",
	};

	return words[result];
}

struct str dmarc_organisational_domain(struct str domain, struct arena *arena)
{
	const char *text = arena_text(arena, domain);
	const char *registered = psl_registrable_domain(psl_builtin(), text);

	return str_of(registered != NULL ? registered : text); /* a public suffix stands for itself */
}

static bool normalise(struct str domain, struct arena *arena, struct str *domain_out)
{
	return addr_is_domain(domain) && addr_normalise_domain(domain, arena, domain_out, NULL) == 0;
}

/* 3.1: strict means the same domain, relaxed the same organisation. */
static bool is_aligned(struct str domain, struct str from, bool is_strict, struct arena *arena)
{
	struct str normal;

	if (!normalise(domain, arena, &normal))
		return false;
	if (!is_strict) {
		normal = dmarc_organisational_domain(normal, arena);
		from = dmarc_organisational_domain(from, arena);
	}
	return str_equal(normal, from);
}

enum dmarc_found dmarc_find_text(const struct mailauth_dns *dns, struct str name, struct arena *arena,
                                 struct str *text_out, struct err *err)
{
	struct mailauth_answer answer;
	enum dmarc_found found = DMARC_MISSING;

	if (mailauth_query(dns, name, MAILAUTH_TXT, arena, &answer, err) != 0)
		return DMARC_NOT_NOW;
	for (size_t i = 0; i < answer.count; i++) {
		struct str text;

		if (mailauth_read_text(answer.records[i], arena, &text, NULL) != 0 || !dmarc_is_record(text))
			continue;
		found = found == DMARC_MISSING ? DMARC_FOUND : DMARC_AMBIGUOUS;
		*text_out = text;
	}
	return found;
}

static struct str record_name(struct str domain, struct arena *arena)
{
	return arena_printf(arena, "_dmarc.%.*s", STR_ARG(domain));
}

void dmarc_foresee(const struct mailauth_dns *dns, struct str from, struct arena *arena)
{
	struct str domain;

	if (normalise(from, arena, &domain))
		mailauth_foresee(dns, record_name(domain, arena), MAILAUTH_TXT, arena);
}

/* The one record of a domain (6.6.3). */
static enum dmarc_found find_record(const struct dmarc_check *check, struct str domain, struct arena *arena,
                                    struct str *text_out, struct err *err)
{
	return dmarc_find_text(check->dns, record_name(domain, arena), arena, text_out, err);
}

/* The policy for From's domain. False: the outcome says why there is none. */
static bool discover(const struct dmarc_check *check, struct arena *arena, struct dmarc_outcome *outcome)
{
	struct str organisation = dmarc_organisational_domain(outcome->from, arena), text = STR("");
	struct err err = {0};
	enum dmarc_found found;

	outcome->policy_domain = outcome->from;
	found = find_record(check, outcome->from, arena, &text, &err);
	if (found == DMARC_MISSING && !str_equal(organisation, outcome->from)) {
		outcome->policy_domain = organisation;
		found = find_record(check, organisation, arena, &text, &err);
	}
	if (found == DMARC_FOUND && dmarc_record_parse(text, &outcome->record, &err) == 0)
		return true;
	outcome->policy_domain = STR("");
	outcome->result = found == DMARC_NOT_NOW ? DMARC_RESULT_TEMPERROR
	                  : found == DMARC_FOUND ? DMARC_RESULT_PERMERROR
	                                         : DMARC_RESULT_NONE;
	outcome->problem = arena_copy(arena, str_of(err.text));
	return false;
}

/* What an identity says for From's domain; DMARC_FAILED where it is another's. */
static enum dmarc_evidence weigh(const struct dmarc_identity *identity, bool is_strict, struct str from,
                                 struct arena *arena)
{
	return is_aligned(identity->domain, from, is_strict, arena) ? identity->evidence : DMARC_FAILED;
}

static void evaluate(const struct dmarc_check *check, struct arena *arena, struct dmarc_outcome *outcome)
{
	const struct dmarc_record *record = &outcome->record;
	enum dmarc_evidence evidence = weigh(&check->spf, record->spf_is_strict, outcome->from, arena);
	bool is_unknown = evidence == DMARC_UNKNOWN;

	outcome->spf_is_aligned = evidence == DMARC_PASSED;
	for (size_t i = 0; i < check->dkim_count; i++) {
		evidence = weigh(&check->dkim[i], record->dkim_is_strict, outcome->from, arena);
		outcome->dkim_is_aligned = outcome->dkim_is_aligned || evidence == DMARC_PASSED;
		is_unknown = is_unknown || evidence == DMARC_UNKNOWN;
	}
	if (outcome->spf_is_aligned || outcome->dkim_is_aligned)
		outcome->result = DMARC_RESULT_PASS;
	else if (is_unknown) /* 6.6.2: nobody can say that it failed, so the policy is not applied */
		outcome->result = DMARC_RESULT_TEMPERROR;
	else
		outcome->result = DMARC_RESULT_FAIL;
}

/* 6.6.4: whom the lot spares is treated by the next weaker policy. */
static enum dmarc_policy sample(enum dmarc_policy policy, unsigned percent, unsigned lot)
{
	if (lot < percent)
		return policy;
	return policy == DMARC_REJECT ? DMARC_QUARANTINE : DMARC_NONE;
}

void dmarc_check(const struct dmarc_check *check, struct arena *arena, struct dmarc_outcome *outcome_out)
{
	const struct dmarc_record *record = &outcome_out->record;

	*outcome_out = (struct dmarc_outcome){.policy_domain = STR(""), .problem = STR(""), .from = check->from};
	if (!normalise(check->from, arena, &outcome_out->from) || !discover(check, arena, outcome_out))
		return;
	outcome_out->policy =
	    str_equal(outcome_out->policy_domain, outcome_out->from) ? record->policy : record->subdomain_policy;
	evaluate(check, arena, outcome_out);
	if (outcome_out->result == DMARC_RESULT_FAIL)
		outcome_out->wanted = sample(outcome_out->policy, record->percent, check->lot);
	else if (outcome_out->result == DMARC_RESULT_TEMPERROR)
		outcome_out->problem = STR("SPF or DKIM could not be decided for want of an answer of the DNS");
}
