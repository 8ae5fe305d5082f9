/*
 * Whole messages with DKIM signatures and ARC chains. The keys are those of RFC 8463 A.2. Whatever comes out must not
 * depend on how the body was cut.
 */
#include "common/mailauth/arc/arc.h"
#include "common/mailauth/dns/table.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	struct dkim_results dkim;
	struct arc_result arc;
};

static bool verify(struct str header, struct str body, size_t piece, struct mailauth_table *table, struct arena *arena,
                   struct outcome *outcome)
{
	struct mailauth_dns dns = mailauth_table_dns(table);
	struct dkim_message message;
	struct arc_chain chain;
	struct err err;

	if (dkim_message_open(&message, header, arena, &err) != 0) {
		dkim_message_close(&message);
		return false;
	}
	dkim_find(&message);
	arc_find(&message, &chain);
	for (; body.len != 0; body = str_skip(body, piece))
		dkim_message_body(&message, str_sub(body, 0, piece));
	dkim_verify(&message, &dns, 1528637909, &outcome->dkim);
	arc_verify(&message, &chain, &dns, 1528637909, &outcome->arc);
	dkim_message_close(&message);
	return true;
}

static void compare(const struct outcome *a, const struct outcome *b)
{
	if (a->dkim.count != b->dkim.count || a->arc.state != b->arc.state || a->arc.oldest_pass != b->arc.oldest_pass)
		abort();
	for (size_t i = 0; i < a->dkim.count; i++)
		if (a->dkim.list[i].state != b->dkim.list[i].state ||
		    a->dkim.list[i].is_partial != b->dkim.list[i].is_partial ||
		    (a->dkim.list[i].state == DKIM_PASS) != (a->dkim.list[i].reason.len == 0))
			abort();
	if ((a->arc.state == ARC_FAIL) != (a->arc.reason.len != 0) || (a->arc.state == ARC_PASS) != (a->arc.count != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = str_from((const char *)data, size), header, body;
	ptrdiff_t end = str_find(text, STR("\r\n\r\n"));
	struct outcome whole, cut;
	struct mailauth_table table;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	mailauth_table_init(&table, &arena);
	mailauth_table_add(&table, "brisbane._domainkey.football.example.com", MAILAUTH_TXT,
	                   STR("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="), &err);
	mailauth_table_add(
	    &table, "test._domainkey.football.example.com", MAILAUTH_TXT,
	    STR("v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6"
	        "wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5"
	        "QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"),
	    &err);
	header = end >= 0 ? str_sub(text, 0, (size_t)end + 2) : text;
	body = end >= 0 ? str_skip(text, (size_t)end + 4) : STR("");
	if (verify(header, body, size + 1, &table, &arena, &whole) && verify(header, body, 1, &table, &arena, &cut))
		compare(&whole, &cut);
	arena_free(&arena);
	return 0;
}
