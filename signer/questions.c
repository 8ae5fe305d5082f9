#include "signer/message.h"

enum { KEEPER_MS = 10000 };

static int call(struct ipc_channel *keeper, struct ipc_message *question, struct ipc_message *answer, struct err *err)
{
	int result;

	ipc_message_init(answer);
	result = ipc_call(keeper, question, answer, KEEPER_MS, err);
	ipc_message_free(question);
	return result;
}

int questions_keys(struct ipc_channel *keeper, struct str domain, struct str selectors, struct arena *arena,
                   struct chosen_keys *keys_out, struct err *err)
{
	struct ipc_message question, answer;
	struct str selector, key, value;
	int result;

	keys_out->count = 0;
	ipc_message_init(&question);
	ipc_request(&question, "keys");
	ipc_add(&question, "domain", domain);
	while ((selector = str_cut_item(&selectors)).len != 0)
		ipc_add(&question, "selector", selector);
	result = call(keeper, &question, &answer, err);
	for (size_t position = 0; result == 0 && ipc_next(&answer, &position, &key, &value);) {
		bool is_rsa = str_equal(key, STR("rsa"));

		if ((is_rsa || str_equal(key, STR("ed25519"))) && keys_out->count < SIGNER_KEYS_MAX)
			keys_out->list[keys_out->count++] =
			    (struct chosen_key){arena_copy(arena, value), is_rsa ? DKIM_RSA : DKIM_ED25519};
	}
	ipc_message_free(&answer);
	return result;
}

/* A dkim_signer's sign. */
static int ask(const struct dkim_signer *signer, const unsigned char hash[DKIM_HASH_SIZE], struct buf *out,
               struct err *err)
{
	struct ipc_message question, answer;
	int result;

	ipc_message_init(&question);
	ipc_request(&question, "sign");
	ipc_add(&question, "domain", signer->domain);
	ipc_add(&question, "selector", signer->selector);
	ipc_add(&question, "hash", str_from((const char *)hash, DKIM_HASH_SIZE));
	result = call(signer->context, &question, &answer, err);
	if (result == 0 && buf_add_str(out, ipc_get(&answer, "value")) != 0)
		result = err_set(err, ERR_LIMIT, "the signature's field is too long");
	ipc_message_free(&answer);
	return result;
}

struct dkim_signer questions_signer(struct ipc_channel *keeper, struct str domain, const struct chosen_key *key,
                                    int64_t now)
{
	static const struct dkim_private_key types[] = {
	    [DKIM_RSA] = {.type = DKIM_RSA}, [DKIM_ED25519] = {.type = DKIM_ED25519}};

	return (struct dkim_signer){
	    .domain = domain,
	    .selector = key->selector,
	    .key = &types[key->type],
	    .header_canon = DKIM_RELAXED,
	    .body_canon = DKIM_RELAXED,
	    .now = now,
	    .sign = ask,
	    .context = keeper,
	};
}
