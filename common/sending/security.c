#include "common/sending/security.h"

#include "common/mailauth/dns/channel.h"

#include <unistd.h>

enum { HEADER_MAX = 65536 }; /* octets in which TLS-Required is looked for */

enum tlsa_answer {
	TLSA_NONE,    /* there are no records that were validated */
	TLSA_USELESS, /* there are, but of kinds that SMTP does not use */
	TLSA_USABLE,
};

/* Ask for the TLSA records of a host. -1: nobody can say whether there are any. */
static int find_records(struct route_sources *sources, const struct route_host *host, struct arena *arena,
                        struct tlsa_set *set, enum tlsa_answer *answer_out, struct err *err)
{
	struct ipc_message request, reply;
	size_t position = 0, count = 0;
	struct str key, value;
	int64_t secure = 0;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "query");
	ipc_add(&request, "name", tlsa_name(host->name, host->port, arena));
	ipc_add_number(&request, "type", TLSA_TYPE);
	result = ipc_call(&sources->dnsd, &request, &reply, ROUTE_DNS_TIMEOUT_MS, err);
	ipc_get_number(&reply, "secure", 0, 1, &secure);
	while (result == 0 && secure == 1 && ipc_next(&reply, &position, &key, &value))
		if (str_equal(key, STR("rr"))) {
			count++;
			tlsa_read(arena_copy(arena, value), set);
		}
	*answer_out = count == 0 ? TLSA_NONE : set->count > 0 ? TLSA_USABLE : TLSA_USELESS;
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

/* RFC 7672 2.2: only where the mail exchanger and its address are known for sure is there a record to trust. */
static int demand_dane(struct route_sources *sources, const struct route *route, const struct route_host *host,
                       bool secure, struct arena *arena, struct security *security, struct err *err)
{
	struct tlsa_set *set = arena_get(arena, sizeof *set);
	enum tlsa_answer answer = TLSA_NONE;

	if (!route->secure || !secure || host->is_address || host->is_override)
		return 0;
	*set = (struct tlsa_set){0};
	if (find_records(sources, host, arena, set, &answer, err) != 0)
		return err_prefix(err, "whether %.*s has TLSA records is not known now", STR_ARG(host->name));
	if (answer == TLSA_NONE)
		return 0;
	/* 2.2.1: records that are of no use still say that the server has TLS. */
	security->encryption = ROUTE_STARTTLS;
	security->tlsa = answer == TLSA_USABLE ? set : NULL;
	security->by = "DANE";
	return 0;
}

/* The id of the domain's record; "" where there is none, or none that counts (RFC 8461 3.1). */
static void find_policy_id(struct route_sources *sources, struct str domain, struct arena *arena,
                           char id[STS_ID_MAX + 1])
{
	struct mailauth_channel channel;
	struct mailauth_answer answer;
	struct mailauth_dns dns;
	size_t found = 0;
	struct err err;

	id[0] = '\0';
	mailauth_channel_init(&channel, &sources->dnsd);
	dns = mailauth_channel_dns(&channel);
	if (mailauth_query(&dns, arena_printf(arena, "_mta-sts.%.*s", STR_ARG(domain)), MAILAUTH_TXT, arena, &answer,
	                   &err) != 0)
		return;
	for (size_t i = 0; i < answer.count; i++) {
		struct str text;

		if (mailauth_read_text(answer.records[i], arena, &text, NULL) == 0 && str_starts(text, STR("v=STSv1")))
			found += sts_parse_record(text, id) ? 1 : 2;
	}
	if (found != 1)
		id[0] = '\0';
}

static struct sts_policy *read_policy(const struct ipc_message *reply, struct arena *arena)
{
	struct sts_policy *policy = arena_get(arena, sizeof *policy);
	struct str key, value;

	*policy = (struct sts_policy){0};
	if (!sts_mode_of(ipc_get(reply, "mode"), &policy->mode) || policy->mode == STS_NONE)
		return NULL;
	for (size_t position = 0; ipc_next(reply, &position, &key, &value) && policy->mx_count < STS_MX_MAX;)
		if (str_equal(key, STR("mx")))
			policy->mx[policy->mx_count++] = arena_copy(arena, value);
	return policy;
}

int security_find_policy(struct route_sources *sources, struct route *route, struct arena *arena, struct err *err)
{
	struct ipc_message request, reply;
	char id[STS_ID_MAX + 1];
	int result;

	if (route->demand != TLS_DEMAND_AUTO || route->waived || !settings_flag(sources->settings, SETTING_SENDER_MTA_STS))
		return 0;
	find_policy_id(sources, route->domain, arena, id);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	/* Also without a record: whoever can hide it must not hide the policy that is known. */
	ipc_request(&request, "sts-policy");
	ipc_add(&request, "domain", route->domain);
	ipc_add_text(&request, "id", id);
	result = ipc_call(&sources->fetchd, &request, &reply, ROUTE_POLICY_TIMEOUT_MS, err);
	if (result == 0)
		route->sts = read_policy(&reply, arena);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

/* RFC 8461 section 5: who is no mail exchanger of the domain gets nothing; the others need a CA that vouches for them.
 */
static int demand_policy(const struct route *route, const struct route_host *host, struct security *security,
                         struct err *err)
{
	if (route->sts == NULL || host->is_override)
		return 0;
	if (route->sts->mode == STS_TESTING) {
		security->by = "MTA-STS (testing)";
		return 0;
	}
	if (!sts_allows(route->sts, host->name))
		return err_set(err, ERR_DENIED, "%.*s is no mail exchanger of %.*s by its MTA-STS policy", STR_ARG(host->name),
		               STR_ARG(route->domain));
	security->encryption = ROUTE_STARTTLS;
	security->verify = true;
	security->by = "MTA-STS";
	return 0;
}

int security_of_host(struct route_sources *sources, const struct route *route, const struct route_host *host,
                     bool secure, struct arena *arena, struct security *security_out, struct err *err)
{
	*security_out = (struct security){.encryption = route->encryption,
	                                  .verify = route->verify && route->encryption >= ROUTE_STARTTLS,
	                                  .domain = arena_text(arena, route->domain),
	                                  .by = ""};
	if (route->domain.len == 0)
		return 0;
	switch (route->demand) {
	case TLS_DEMAND_NONE:
		security_out->encryption = ROUTE_CLEAR;
		return 0;
	case TLS_DEMAND_MAY:
		return 0;
	case TLS_DEMAND_ENCRYPT:
	case TLS_DEMAND_VERIFY:
		security_out->encryption = ROUTE_STARTTLS;
		security_out->verify = route->demand == TLS_DEMAND_VERIFY;
		security_out->by = "sender.tls-policies";
		return 0;
	case TLS_DEMAND_DANE:
		if (demand_dane(sources, route, host, secure, arena, security_out, err) != 0)
			return -1;
		return security_out->tlsa != NULL ? 0
		                                  : err_set(err, ERR_TEMPORARY,
		                                            "%.*s has no usable TLSA record that DNSSEC validates, and "
		                                            "sender.tls-policies demands one",
		                                            STR_ARG(host->name));
	case TLS_DEMAND_AUTO:
		break;
	}
	if (route->waived)
		return 0;
	if (settings_flag(sources->settings, SETTING_SENDER_DANE) &&
	    demand_dane(sources, route, host, secure, arena, security_out, err) != 0)
		return -1;
	return security_out->by[0] != '\0' ? 0 : demand_policy(route, host, security_out, err);
}

int security_require(const struct route *route, const struct route_host *host, struct security *security,
                     struct err *err)
{
	if (route->domain.len != 0 && !route->secure && route->sts == NULL)
		return err_set(err, ERR_DENIED,
		               "The message requires TLS all the way, and neither DNSSEC nor MTA-STS vouches for %.*s",
		               STR_ARG(host->name));
	if (security->encryption < ROUTE_STARTTLS)
		security->encryption = ROUTE_STARTTLS;
	security->verify = security->tlsa == NULL;
	security->by = "REQUIRETLS";
	return 0;
}

bool security_is_waived(const struct smtp_message *message)
{
	static const struct str field = {"TLS-Required:", 13};
	struct str rest, line = {"-", 1};
	struct buf header;
	ssize_t count = -1;
	char *room;
	bool waived = false;

	buf_init(&header, HEADER_MAX);
	room = message->requiretls ? NULL : buf_reserve(&header, HEADER_MAX);
	if (room != NULL)
		count = pread(message->file, room, HEADER_MAX, message->offset);
	for (rest = str_from(room, count > 0 ? (size_t)count : 0); rest.len > 0 && line.len > 0 && !waived;) {
		line = str_trim(str_cut(&rest, '\n'));
		waived = str_starts_nocase(line, field) && str_equal_nocase(str_trim(str_skip(line, field.len)), STR("No"));
	}
	buf_free(&header);
	return waived;
}
