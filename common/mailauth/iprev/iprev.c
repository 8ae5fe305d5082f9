#include "common/mailauth/iprev/iprev.h"

#include "common/base/io.h"

const char *iprev_result_word(enum iprev_result result)
{
	static const char *const words[] = {
	    [IPREV_PASS] = "pass", [IPREV_FAIL] = "fail", [IPREV_TEMPERROR] = "temperror", [IPREV_PERMERROR] = "permerror"};

	return words[result];
}

static bool is_printable(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~')
			return false;
	return name.len > 0;
}

/* Does the name have the address? False, with *unknown set, where the DNS does not answer. */
static bool leads_back(const struct mailauth_dns *dns, struct str name, const struct cidr *client, struct arena *arena,
                       bool *unknown)
{
	enum mailauth_type type = client->is_ipv6 ? MAILAUTH_AAAA : MAILAUTH_A;
	struct mailauth_answer answer;

	if (mailauth_query(dns, name, type, arena, &answer, NULL) != 0)
		*unknown = true;
	for (size_t i = 0; i < answer.count; i++) {
		struct cidr address;

		if (mailauth_read_address(answer.records[i], type, &address) && cidr_equal(&address, client))
			return true;
	}
	return false;
}

void iprev_foresee(const struct mailauth_dns *dns, const struct cidr *client, struct arena *arena)
{
	mailauth_foresee(dns, mailauth_reverse_name(client, arena), MAILAUTH_PTR, arena);
}

void iprev_check(const struct mailauth_dns *dns, const struct cidr *client, struct arena *arena,
                 struct iprev_outcome *outcome_out)
{
	struct mailauth_dns limited = *dns;
	struct mailauth_answer answer;
	bool unknown = false;

	*outcome_out = (struct iprev_outcome){.result = IPREV_PERMERROR, .name = STR("")};
	if (limited.deadline_ms == 0)
		limited.deadline_ms = io_now_ms() + MAILAUTH_DNS_MS;
	if (mailauth_query(&limited, mailauth_reverse_name(client, arena), MAILAUTH_PTR, arena, &answer, NULL) != 0) {
		outcome_out->result = IPREV_TEMPERROR;
		return;
	}
	for (size_t i = 0; i < answer.count && i < IPREV_NAMES_MAX; i++) {
		struct str name;

		if (mailauth_read_name(answer.records[i], 0, arena, &name, NULL) != 0 || !is_printable(name))
			continue;
		if (outcome_out->name.len == 0)
			outcome_out->name = name;
		if (leads_back(&limited, name, client, arena, &unknown)) {
			*outcome_out = (struct iprev_outcome){.result = IPREV_PASS, .name = name};
			return;
		}
	}
	if (unknown)
		outcome_out->result = IPREV_TEMPERROR;
	else if (outcome_out->name.len > 0)
		outcome_out->result = IPREV_FAIL;
}
