#include "reporter/reporter.h"

void xml_add_text(struct buf *out, struct str text)
{
	while (text.len > 0) {
		size_t len = str_utf8_sequence(text);
		char c = text.data[0];

		if (c == '&')
			buf_add_str(out, STR("&amp;"));
		else if (c == '<')
			buf_add_str(out, STR("&lt;"));
		else if (c == '>')
			buf_add_str(out, STR("&gt;"));
		else if (len == 0 || (unsigned char)c < 0x20 || c == 0x7f)
			buf_add_char(out, '?');
		else
			buf_add(out, text.data, len);
		text = str_skip(text, len > 0 ? len : 1);
	}
}

static void add_element(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, "<%s>", name);
	xml_add_text(out, text);
	buf_printf(out, "</%s>\n", name);
}

static void add_metadata(const struct report *report, struct buf *out)
{
	int64_t begin = report->day * REPORT_DAY_S;

	buf_add_str(out, STR("<report_metadata>\n"));
	add_element(out, "org_name", report->organisation);
	add_element(out, "email", report->contact);
	add_element(out, "report_id", report->id);
	buf_printf(out, "<date_range>\n<begin>%lld</begin>\n<end>%lld</end>\n</date_range>\n</report_metadata>\n",
	           (long long)begin, (long long)(begin + REPORT_DAY_S - 1));
}

static void add_policy(const struct report *report, const struct dmarc_row *row, struct buf *out)
{
	buf_add_str(out, STR("<policy_published>\n"));
	add_element(out, "domain", report->domain);
	add_element(out, "adkim", row->dkim_is_strict ? STR("s") : STR("r"));
	add_element(out, "aspf", row->spf_is_strict ? STR("s") : STR("r"));
	add_element(out, "p", row->policy);
	add_element(out, "sp", row->subdomain_policy);
	buf_printf(out, "<pct>%lld</pct>\n<fo>0</fo>\n</policy_published>\n", (long long)row->percent);
}

static void add_results(const struct dmarc_row *row, const char *method, struct buf *out)
{
	bool is_dkim = strcmp(method, "dkim") == 0;

	for (size_t i = 0; i < row->result_count; i++) {
		const struct dmarc_row_result *result = &row->results[i];

		if (strcmp(result->method, method) != 0)
			continue;
		buf_printf(out, "<%s>\n", method);
		add_element(out, "domain", result->domain);
		add_element(out, is_dkim ? "selector" : "scope", result->detail);
		add_element(out, "result", result->result);
		buf_printf(out, "</%s>\n", method);
	}
}

static void add_record(const struct dmarc_row *row, int64_t count, struct buf *out)
{
	buf_add_str(out, STR("<record>\n<row>\n"));
	add_element(out, "source_ip", row->source);
	buf_printf(out, "<count>%lld</count>\n<policy_evaluated>\n", (long long)count);
	add_element(out, "disposition", row->disposition);
	add_element(out, "dkim", row->dkim_passed ? STR("pass") : STR("fail"));
	add_element(out, "spf", row->spf_passed ? STR("pass") : STR("fail"));
	if (row->reason.len > 0) {
		buf_add_str(out, STR("<reason>\n"));
		add_element(out, "type", row->reason);
		buf_add_str(out, STR("</reason>\n"));
	}
	buf_add_str(out, STR("</policy_evaluated>\n</row>\n<identifiers>\n"));
	add_element(out, "envelope_from", row->envelope_from);
	add_element(out, "header_from", row->header_from);
	buf_add_str(out, STR("</identifiers>\n<auth_results>\n"));
	add_results(row, "dkim", out);
	add_results(row, "spf", out);
	buf_add_str(out, STR("</auth_results>\n</record>\n"));
}

int report_xml(const struct report *report, struct buf *out, struct err *err)
{
	struct arena arena;
	size_t records = 0;

	arena_init(&arena);
	buf_add_str(out, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<feedback>\n<version>1.0</version>\n"));
	add_metadata(report, out);
	for (size_t i = 0; i < report->row_count && out->len < REPORT_TEXT_MAX / 2; i++) {
		struct dmarc_row row;

		if (dmarc_row_parse(report->rows[i].text, &arena, &row, NULL) == 0) {
			if (records++ == 0)
				add_policy(report, &row, out);
			add_record(&row, report->rows[i].count, out);
		}
		arena_reset(&arena);
	}
	arena_free(&arena);
	buf_add_str(out, STR("</feedback>\n"));
	return records > 0 ? 0 : err_set(err, ERR_NOT_FOUND, "there is nothing to report");
}
