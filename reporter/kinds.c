#include "reporter/reporter.h"

static int find_dmarc(const struct mailauth_dns *dns, struct str domain, struct arena *arena,
                      struct report_target targets[REPORT_TARGETS_MAX], size_t *count_out, struct err *err)
{
	struct dmarc_target found[DMARC_TARGETS_MAX];

	if (dmarc_find_targets(dns, domain, arena, found, count_out, err) != 0)
		return -1;
	for (size_t i = 0; i < *count_out; i++)
		targets[i] = (struct report_target){.text = found[i].address, .size_max = found[i].size_max};
	return 0;
}

static int find_tls(const struct mailauth_dns *dns, struct str domain, struct arena *arena,
                    struct report_target targets[REPORT_TARGETS_MAX], size_t *count_out, struct err *err)
{
	struct tlsrpt_target found[TLSRPT_TARGETS_MAX];

	if (tlsrpt_find_targets(dns, domain, arena, found, count_out, err) != 0)
		return -1;
	for (size_t i = 0; i < *count_out; i++)
		targets[i] = (struct report_target){.text = found[i].text, .is_web = found[i].is_web};
	return 0;
}

const struct report_kind report_kinds[REPORT_KINDS] = {
    [REPORT_DMARC] = {.name = "DMARC",
                      .prefix = "dmarc",
                      .setting = SETTING_MAILAUTH_DMARC_REPORTS,
                      .multipart = "mixed",
                      .media = "application/gzip",
                      .extension = "xml",
                      .about = "DMARC (RFC 7489): mail that came in the name of a domain",
                      .find_targets = find_dmarc,
                      .write = report_xml},
    [REPORT_TLS] = {.name = "TLS",
                    .prefix = "tls",
                    .setting = SETTING_SENDER_TLS_REPORTS,
                    .multipart = "report; report-type=\"tlsrpt\"",
                    .media = "application/tlsrpt+gzip",
                    .extension = "json",
                    .about = "TLS (RFC 8460): how it went on the way to the mail servers of a domain",
                    .find_targets = find_tls,
                    .write = report_json,
                    .names_domain = true},
};
