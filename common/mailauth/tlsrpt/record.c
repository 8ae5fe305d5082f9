#include "common/mailauth/tlsrpt/tlsrpt.h"

#include "common/addr/addr.h"

/* RFC 3986 2.1. NULL data: a percent sign without its number, or what has no place in an address. */
static struct str decode(struct str text, struct arena *arena)
{
	char *out = arena_get(arena, text.len + 1);
	size_t len = 0;

	for (; text.len > 0; text = str_skip(text, 1)) {
		char c = text.data[0];

		if (c == '%') {
			static const char digits[] = "0123456789abcdef";
			const char *high = text.len > 2 ? strchr(digits, text.data[1] | 0x20) : NULL;
			const char *low = text.len > 2 ? strchr(digits, text.data[2] | 0x20) : NULL;

			if (high == NULL || low == NULL)
				return (struct str){NULL, 0};
			c = (char)((high - digits) << 4 | (low - digits));
			text = str_skip(text, 2);
		}
		if ((unsigned char)c <= ' ' || c == 0x7f)
			return (struct str){NULL, 0};
		out[len++] = c;
	}
	return str_from(out, len);
}

/* RFC 3986 2: a URL is of visible ASCII alone; what else a record holds would end a line of a request or of the log. */
static bool is_visible(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
			return false;
	return true;
}

static bool read_target(struct str uri, struct arena *arena, struct tlsrpt_target *target)
{
	struct addr parsed;

	if (str_starts_nocase(uri, STR("https://")) && uri.len <= TLSRPT_URL_MAX) {
		*target = (struct tlsrpt_target){.text = arena_copy(arena, uri), .is_web = true};
		return is_visible(uri);
	}
	if (!str_starts_nocase(uri, STR("mailto:")))
		return false;
	*target = (struct tlsrpt_target){.text = decode(str_skip(uri, 7), arena)};
	return target->text.data != NULL && addr_parse_mailbox(target->text, arena, &parsed, NULL) == 0 &&
	       addr_is_domain(parsed.domain);
}

size_t tlsrpt_parse_record(struct str text, struct arena *arena, struct tlsrpt_target targets[TLSRPT_TARGETS_MAX])
{
	struct str rest = text, field = str_trim(str_cut(&rest, ';'));
	size_t count = 0;

	if (!str_equal(field, STR("v=TLSRPTv1")))
		return 0;
	while (rest.data != NULL) {
		field = str_trim(str_cut(&rest, ';'));
		if (!str_starts(field, STR("rua=")))
			continue;
		field = str_skip(field, 4);
		while (field.data != NULL && count < TLSRPT_TARGETS_MAX)
			count += read_target(str_trim(str_cut(&field, ',')), arena, &targets[count]);
	}
	return count;
}

int tlsrpt_find_targets(const struct mailauth_dns *dns, struct str domain, struct arena *arena,
                        struct tlsrpt_target targets[TLSRPT_TARGETS_MAX], size_t *count_out, struct err *err)
{
	struct mailauth_answer answer;
	struct str text, record = {NULL, 0};

	*count_out = 0;
	if (mailauth_query(dns, arena_printf(arena, "_smtp._tls.%.*s", STR_ARG(domain)), MAILAUTH_TXT, arena, &answer,
	                   err) != 0)
		return -1;
	for (size_t i = 0; i < answer.count; i++) {
		if (mailauth_read_text(answer.records[i], arena, &text, NULL) != 0 || !str_starts(text, STR("v=TLSRPTv1;")))
			continue;
		if (record.data != NULL)
			return 0;
		record = text;
	}
	if (record.data != NULL)
		*count_out = tlsrpt_parse_record(record, arena, targets);
	return 0;
}
