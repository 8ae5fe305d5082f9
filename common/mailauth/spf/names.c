#include "common/mailauth/spf/run.h"

int spf_query(struct spf_run *run, struct str name, enum mailauth_type type, struct mailauth_answer *answer_out,
              struct err *err)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.data[i] >= 0x80) {
			*answer_out = (struct mailauth_answer){.status = MAILAUTH_NXDOMAIN};
			return 0;
		}
	return mailauth_query(&run->dns, name, type, run->arena, answer_out, err);
}

int spf_match_host(struct spf_run *run, struct str host, unsigned length4, unsigned length6, bool *matches, bool *found,
                   struct err *err)
{
	const struct cidr *client = &run->check->client;
	enum mailauth_type type = client->is_ipv6 ? MAILAUTH_AAAA : MAILAUTH_A;
	struct mailauth_answer answer;

	*matches = *found = false;
	if (spf_query(run, host, type, &answer, err) != 0)
		return -1;
	for (size_t i = 0; i < answer.count; i++) {
		struct cidr address;

		if (!mailauth_read_address(answer.records[i], type, &address))
			continue;
		address = cidr_from_octets(address.address, address.is_ipv6, client->is_ipv6 ? length6 : length4);
		*matches = *matches || cidr_holds(&address, client);
		*found = true;
	}
	return 0;
}

void spf_find_names(struct spf_run *run)
{
	const struct cidr *client = &run->check->client;
	struct mailauth_answer answer;

	if (run->names_known)
		return;
	run->names_known = true;
	if (spf_query(run, mailauth_reverse_name(client, run->arena), MAILAUTH_PTR, &answer, NULL) != 0)
		return;
	for (size_t i = 0; i < answer.count && i < SPF_HOSTS_MAX; i++) {
		bool matches, found;
		struct str name;

		if (mailauth_read_name(answer.records[i], 0, run->arena, &name, NULL) == 0 &&
		    spf_match_host(run, name, client->prefix, client->prefix, &matches, &found, NULL) == 0 && matches)
			run->names[run->name_count++] = name;
	}
}

bool spf_name_is_in(struct str name, struct str domain)
{
	return str_ends_nocase(name, domain) && (name.len == domain.len || name.data[name.len - domain.len - 1] == '.');
}
