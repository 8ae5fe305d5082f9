#include "resolver/verify.h"

#include "common/base/log.h"
#include "common/base/memory.h"

enum {
	CHANNELS = 16,     /* each a process of lfwd's, which asks one after the other */
	TIMEOUT_MS = 9000, /* lfwd needs eight seconds at most, and smtpd waits for ten */
};

struct verifier {
	struct ipc_client *clients[CHANNELS];
	unsigned waiting[CHANNELS];
};

struct question {
	struct verifier *verifier;
	unsigned channel;
	struct ipc_incoming *incoming;
	struct ipc_message reply; /* where he exists */
};

struct verifier *verifier_new(struct event_base *base, const struct instance *instance)
{
	struct verifier *verifier = memory_get(sizeof *verifier);

	for (int i = 0; i < CHANNELS; i++)
		verifier->clients[i] = ipc_client_new(base, instance, "lfwd", "resolver");
	return verifier;
}

static const struct lan_rule *find_rule(const struct lan_rules *rules, int64_t id)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->list[i].id == id)
			return &rules->list[i];
	return NULL;
}

/* Only smtpd's question at RCPT is one before acceptance; collected mail is not verified. */
bool verify_is_wanted(const struct resolver *resolver, const struct resolve_question *question,
                      const struct resolution *resolution)
{
	struct arena *arena = resolution->arena;
	const struct snapshot *snapshot = &resolver->snapshot;
	const struct lan_rule *rule;
	struct server server;

	if (snapshot->lan_verifiers.count == 0 || !question->brief || question->via != RESOLVE_SMTP ||
	    resolution->target_count != 1 || resolution->targets[0].kind != TARGET_LAN)
		return false;
	rule = find_rule(&snapshot->lan_rules, resolution->targets[0].id);
	return rule != NULL && lan_rule_is_wide(rule) && server_parse(rule->server, LAN_PORT, arena, &server, NULL) == 0 &&
	       lan_verifiers_find(&snapshot->lan_verifiers, &server, arena) != NULL;
}

static void on_answer(struct ipc_message *reply, const struct err *err, void *context)
{
	struct question *question = context;
	int64_t known = 1;

	question->verifier->waiting[question->channel]--;
	if (reply != NULL && err->code == ERR_NONE)
		ipc_get_number(reply, "known", 0, 1, &known);
	else
		log_warning("a recipient is taken without verification: %s", err->text);
	if (known == 0) {
		ipc_reply_ok(&question->reply);
		ipc_add_text(&question->reply, "kind", resolve_kind_word(RESOLVE_UNKNOWN));
	}
	ipc_answer(question->incoming, &question->reply);
	ipc_message_free(&question->reply);
	memory_free(question);
}

void verify_ask(struct verifier *verifier, int64_t rule, struct str address, struct ipc_incoming *incoming,
                const struct ipc_message *reply)
{
	struct ipc_message request;
	struct question *asked;
	unsigned channel = 0;

	for (unsigned i = 1; i < CHANNELS; i++)
		if (verifier->waiting[i] < verifier->waiting[channel])
			channel = i;
	asked = memory_get(sizeof *asked);
	*asked = (struct question){.verifier = verifier, .channel = channel, .incoming = incoming};
	ipc_message_init(&asked->reply);
	buf_add_str(&asked->reply.fields, buf_str(&reply->fields));
	verifier->waiting[channel]++;
	ipc_message_init(&request);
	ipc_request(&request, "verify");
	ipc_add_number(&request, "rule", rule);
	ipc_add(&request, "address", address);
	ipc_client_call(verifier->clients[channel], &request, TIMEOUT_MS, on_answer, asked);
	ipc_message_free(&request);
}
