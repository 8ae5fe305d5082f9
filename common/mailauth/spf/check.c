#include "common/addr/addr.h"
#include "common/base/io.h"
#include "common/mailauth/spf/macro.h"
#include "common/mailauth/spf/record.h"

const char *spf_result_word(enum spf_result result)
{
	static const char *const words[] = {
	    [SPF_NONE] = "none",         [SPF_NEUTRAL] = "neutral",     [SPF_PASS] = "pass",           [SPF_FAIL] = "fail",
	    [SPF_SOFTFAIL] = "softfail", [SPF_TEMPERROR] = "temperror", [SPF_PERMERROR] = "permerror",
	};

	return words[result];
}

/* What came of one term. */
enum step { NO_MATCH, MATCH, TEMPERROR, PERMERROR };

static enum spf_result check_domain(struct spf_run *run, struct str domain, bool is_included, struct err *err);

static enum step permanent(struct err *err, const char *what)
{
	err_set(err, ERR_LIMIT, "%s", what);
	return PERMERROR;
}

/*
 * Count a term that found nothing. Names of the client do not count, since the domain's owner has no say in them; and
 * an mx counts once, or a domain that has IPv4 alone would be wrong for clients with IPv6.
 */
static enum step count_void(struct spf_run *run, struct err *err)
{
	return ++run->voids > SPF_VOID_MAX ? permanent(err, "more than 2 terms name what does not exist") : NO_MATCH;
}

static enum step match_a(struct spf_run *run, const struct spf_term *term, struct str name, struct err *err)
{
	bool matches, found;

	if (spf_match_host(run, name, term->length4, term->length6, &matches, &found, err) != 0)
		return TEMPERROR;
	if (!found)
		return count_void(run, err);
	return matches ? MATCH : NO_MATCH;
}

static enum step match_mx(struct spf_run *run, const struct spf_term *term, struct str name, struct err *err)
{
	struct mailauth_answer answer;
	bool matches = false, found = false, any = false;

	if (spf_query(run, name, MAILAUTH_MX, &answer, err) != 0)
		return TEMPERROR;
	if (answer.count > SPF_HOSTS_MAX)
		return permanent(err, "a domain has more than 10 mail exchangers");
	for (size_t i = 0; i < answer.count && !matches; i++) {
		struct str host;

		if (mailauth_read_name(answer.records[i], 2, run->arena, &host, NULL) != 0)
			continue;
		if (spf_match_host(run, host, term->length4, term->length6, &matches, &found, err) != 0)
			return TEMPERROR;
		any = any || found;
	}
	if (!any)
		return count_void(run, err);
	return matches ? MATCH : NO_MATCH;
}

static enum step match_ptr(struct spf_run *run, struct str name)
{
	spf_find_names(run);
	for (size_t i = 0; i < run->name_count; i++)
		if (spf_name_is_in(run->names[i], name))
			return MATCH;
	return NO_MATCH;
}

static enum step match_exists(struct spf_run *run, struct str name, struct err *err)
{
	struct mailauth_answer answer;

	if (spf_query(run, name, MAILAUTH_A, &answer, err) != 0) /* A of an IPv6 client, too (RFC 7208 5.7) */
		return TEMPERROR;
	return answer.status == MAILAUTH_FOUND ? MATCH : count_void(run, err);
}

/* RFC 7208 5.2, the table of results. */
static enum step match_include(struct spf_run *run, struct str name, struct err *err)
{
	switch (check_domain(run, name, true, err)) {
	case SPF_PASS:
		return MATCH;
	case SPF_TEMPERROR:
		return TEMPERROR;
	case SPF_NONE:
		err_set(err, ERR_NOT_FOUND, "%.*s, which is included, has no record", STR_ARG(name));
		return PERMERROR;
	case SPF_PERMERROR:
		return PERMERROR;
	default:
		return NO_MATCH;
	}
}

static enum step match_term(struct spf_run *run, const struct spf_term *term, struct str domain, struct err *err)
{
	struct str name = domain;

	if (term->mechanism == SPF_ALL)
		return MATCH;
	if (term->mechanism == SPF_IP4 || term->mechanism == SPF_IP6)
		return cidr_holds(&term->network, &run->check->client) ? MATCH : NO_MATCH;
	if (++run->terms > SPF_TERMS_MAX)
		return permanent(err, "more than 10 terms ask the DNS");
	if (term->spec.data != NULL && spf_expand_domain(run, term->spec, domain, &name, err) != 0)
		return PERMERROR;
	switch (term->mechanism) {
	case SPF_INCLUDE:
		return match_include(run, name, err);
	case SPF_A:
		return match_a(run, term, name, err);
	case SPF_MX:
		return match_mx(run, term, name, err);
	case SPF_PTR:
		return match_ptr(run, name);
	default:
		return match_exists(run, name, err);
	}
}

static bool is_printable(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	return true;
}

/* RFC 7208 6.2: whatever goes wrong here leaves the explanation out and changes nothing else. */
static void explain(struct spf_run *run, struct str spec, struct str domain)
{
	struct str name, text, explanation;
	struct mailauth_answer answer;

	if (spec.data == NULL || spf_expand_domain(run, spec, domain, &name, NULL) != 0 ||
	    spf_query(run, name, MAILAUTH_TXT, &answer, NULL) != 0 || answer.count != 1 ||
	    mailauth_read_text(answer.records[0], run->arena, &text, NULL) != 0 ||
	    spf_expand_explanation(run, text, domain, &explanation, NULL) != 0 || !is_printable(explanation))
		return;
	run->outcome->explanation = explanation;
}

/* The text of a domain's record (RFC 7208 4.4, 4.5). SPF_PASS: there is one. */
static enum spf_result find_record(struct spf_run *run, struct str domain, struct str *text_out, struct err *err)
{
	struct mailauth_answer answer;
	enum spf_result result = SPF_NONE;

	if (spf_query(run, domain, MAILAUTH_TXT, &answer, err) != 0)
		return SPF_TEMPERROR;
	for (size_t i = 0; i < answer.count; i++) {
		struct str text;

		if (mailauth_read_text(answer.records[i], run->arena, &text, NULL) != 0 || !spf_is_record(text))
			continue;
		if (result == SPF_PASS) {
			err_set(err, ERR_SYNTAX, "%.*s has more than one record", STR_ARG(domain));
			return SPF_PERMERROR;
		}
		result = SPF_PASS;
		*text_out = text;
	}
	return result;
}

static enum spf_result follow_redirect(struct spf_run *run, struct str spec, struct str domain, bool is_included,
                                       struct err *err)
{
	enum spf_result result;
	struct str name;

	if (++run->terms > SPF_TERMS_MAX) {
		permanent(err, "more than 10 terms ask the DNS");
		return SPF_PERMERROR;
	}
	if (spf_expand_domain(run, spec, domain, &name, err) != 0)
		return SPF_PERMERROR;
	result = check_domain(run, name, is_included, err);
	if (result != SPF_NONE)
		return result;
	err_set(err, ERR_NOT_FOUND, "%.*s, which the record redirects to, has none", STR_ARG(name));
	return SPF_PERMERROR;
}

static enum spf_result check_domain(struct spf_run *run, struct str domain, bool is_included, struct err *err)
{
	struct spf_outcome *outcome = run->outcome;
	struct spf_record record;
	struct str text = STR("");
	enum spf_result result = find_record(run, domain, &text, err);

	if (result != SPF_PASS)
		return result;
	if (spf_record_parse(text, run->arena, &record, err) != 0)
		return SPF_PERMERROR;
	for (size_t i = 0; i < record.count; i++) {
		const struct spf_term *term = &record.terms[i];
		enum step step = match_term(run, term, domain, err);

		if (step == TEMPERROR || step == PERMERROR)
			return step == TEMPERROR ? SPF_TEMPERROR : SPF_PERMERROR;
		if (step == NO_MATCH)
			continue;
		if (term->mechanism != SPF_INCLUDE) { /* else the included record has said who */
			outcome->record_domain = domain;
			outcome->mechanism = term->text;
		}
		if (term->qualifier == SPF_FAIL && !is_included)
			explain(run, record.explanation, domain);
		return term->qualifier;
	}
	outcome->record_domain = outcome->mechanism = STR("");
	return record.redirect.data != NULL ? follow_redirect(run, record.redirect, domain, is_included, err) : SPF_NEUTRAL;
}

/* RFC 7208 4.3: a domain that can have a record, in A-labels. */
static bool normalise(struct str domain, struct arena *arena, struct str *domain_out)
{
	if (domain.len > 0 && domain.data[domain.len - 1] == '.')
		domain.len--;
	return str_find_char(domain, '.') >= 0 && addr_is_domain(domain) &&
	       addr_normalise_domain(domain, arena, domain_out, NULL) == 0 && mailauth_is_name(*domain_out);
}

void spf_check(const struct spf_check *check, struct arena *arena, struct spf_outcome *outcome_out)
{
	struct spf_run run = {.check = check, .dns = *check->dns, .arena = arena, .outcome = outcome_out};
	struct err err = {0};

	*outcome_out = (struct spf_outcome){.is_helo = check->domain.len == 0};
	outcome_out->domain = outcome_out->is_helo ? check->helo : check->domain;
	if (!normalise(outcome_out->domain, arena, &run.domain))
		return;
	outcome_out->domain = run.domain;
	run.local_part = outcome_out->is_helo || check->local_part.len == 0 ? STR("postmaster") : check->local_part;
	if (run.dns.deadline_ms == 0)
		run.dns.deadline_ms = io_now_ms() + MAILAUTH_DNS_MS;
	outcome_out->result = check_domain(&run, run.domain, false, &err);
	if (outcome_out->result == SPF_TEMPERROR || outcome_out->result == SPF_PERMERROR) {
		outcome_out->problem = arena_copy(arena, str_of(err.text));
		outcome_out->record_domain = outcome_out->mechanism = STR("");
	}
}
