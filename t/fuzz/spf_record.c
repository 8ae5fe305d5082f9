/*
 * SPF: the first line is the record of a.test, the next ones are those of b.test, c.test and the explanation at e.test;
 * what is left is rdata of an MX record. However they refer to each other, a check ends within its limits.
 */
#include "common/mailauth/dns/table.h"
#include "common/mailauth/spf/spf.h"

#include <stdlib.h>

enum { QUESTIONS_MAX = 2 + SPF_TERMS_MAX * (1 + SPF_HOSTS_MAX) + 1 + SPF_HOSTS_MAX };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_outcome(const struct spf_outcome *outcome, const struct mailauth_table *table)
{
	if (table->questions > QUESTIONS_MAX || outcome->explanation.len > SPF_EXPLANATION_MAX)
		abort();
	if ((outcome->result == SPF_PERMERROR || outcome->result == SPF_TEMPERROR) != (outcome->problem.len > 0))
		abort();
	if ((outcome->mechanism.len > 0) != (outcome->record_domain.len > 0))
		abort();
	for (size_t i = 0; i < outcome->explanation.len; i++)
		if (outcome->explanation.data[i] < ' ' || outcome->explanation.data[i] > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"a.test", "b.test", "c.test", "e.test"};
	struct str rest = str_from((const char *)data, size);
	struct mailauth_table table;
	struct mailauth_dns dns;
	struct spf_check check = {.dns = &dns, .helo = STR("h.test"), .local_part = STR("x-y+z"), .domain = STR("a.test")};
	struct spf_outcome outcome;
	struct arena arena;

	arena_init(&arena);
	mailauth_table_init(&table, &arena);
	for (size_t i = 0; i < sizeof names / sizeof names[0] && rest.data != NULL; i++)
		mailauth_table_add(&table, names[i], MAILAUTH_TXT, str_cut(&rest, '\n'), NULL);
	mailauth_table_add_raw(&table, "a.test", MAILAUTH_MX, rest);
	mailauth_table_add(&table, "a.test", MAILAUTH_A, STR("192.0.2.1"), NULL);
	mailauth_table_add(&table, "1.2.0.192.in-addr.arpa", MAILAUTH_PTR, STR("a.test"), NULL);
	mailauth_table_fail(&table, "f.test");
	dns = mailauth_table_dns(&table);
	cidr_parse(size % 2 == 0 ? STR("192.0.2.1") : STR("2001:db8::1"), &check.client, NULL, NULL);
	spf_check(&check, &arena, &outcome);
	check_outcome(&outcome, &table);
	arena_free(&arena);
	return 0;
}
