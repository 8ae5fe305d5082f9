#include "common/addr/addr.h"
#include "common/mailauth/dmarc/dmarc.h"

/* The domain of an address, normalised. False: it is no address. */
static bool host_of(struct str address, struct arena *arena, struct str *host_out)
{
	struct addr parsed;

	return addr_parse_mailbox(address, arena, &parsed, NULL) == 0 && addr_is_domain(parsed.domain) &&
	       addr_normalise_domain(parsed.domain, arena, host_out, NULL) == 0;
}

/*
 * Does host take reports about the domain (7.1)? It may name another address of its own for them. 1 = yes, 0 = no,
 * -1 = cannot say now.
 */
static int ask_consent(const struct mailauth_dns *dns, struct str domain, struct str host, struct arena *arena,
                       struct dmarc_target *target, struct err *err)
{
	struct dmarc_target others[DMARC_TARGETS_MAX];
	struct dmarc_record record;
	struct str text, other_host;
	enum dmarc_found found = dmarc_find_text(
	    dns, arena_printf(arena, "%.*s._report._dmarc.%.*s", STR_ARG(domain), STR_ARG(host)), arena, &text, err);

	if (found == DMARC_NOT_NOW)
		return -1;
	if (found == DMARC_MISSING)
		return 0;
	if (found == DMARC_FOUND && dmarc_record_parse(text, &record, NULL) == 0 && record.aggregate.data != NULL &&
	    dmarc_read_targets(record.aggregate, arena, others) > 0 && host_of(others[0].address, arena, &other_host) &&
	    str_equal(other_host, host))
		*target = others[0];
	return 1;
}

int dmarc_find_targets(const struct mailauth_dns *dns, struct str domain, struct arena *arena,
                       struct dmarc_target targets[DMARC_TARGETS_MAX], size_t *count_out, struct err *err)
{
	struct str text, host, organisation = dmarc_organisational_domain(domain, arena);
	struct dmarc_target wanted[DMARC_TARGETS_MAX];
	struct dmarc_record record;
	enum dmarc_found found =
	    dmarc_find_text(dns, arena_printf(arena, "_dmarc.%.*s", STR_ARG(domain)), arena, &text, err);
	size_t count;

	*count_out = 0;
	if (found == DMARC_NOT_NOW)
		return -1;
	if (found != DMARC_FOUND || dmarc_record_parse(text, &record, NULL) != 0 || record.aggregate.data == NULL)
		return 0;
	count = dmarc_read_targets(record.aggregate, arena, wanted);
	for (size_t i = 0; i < count; i++) {
		int consent = 1;

		if (!host_of(wanted[i].address, arena, &host))
			continue;
		if (!str_equal(dmarc_organisational_domain(host, arena), organisation))
			consent = ask_consent(dns, domain, host, arena, &wanted[i], err);
		if (consent < 0)
			return -1;
		if (consent > 0)
			targets[(*count_out)++] = wanted[i];
	}
	return 0;
}
