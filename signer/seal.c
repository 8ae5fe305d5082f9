#include "signer/message.h"

#include "common/base/log.h"
#include "common/mailauth/results/results.h"

#include <time.h>

/* The state of the chain when the message came. False: the request has none. */
static bool read_state(struct str word, enum arc_state *state_out)
{
	static const enum arc_state states[] = {ARC_NONE, ARC_PASS, ARC_FAIL};

	for (size_t i = 0; i < sizeof states / sizeof states[0]; i++)
		if (str_equal(word, str_of(arc_word(states[i])))) {
			*state_out = states[i];
			return true;
		}
	return false;
}

/* The first key that is named; where none is, one of RSA before others, which more servers can verify. */
static const struct chosen_key *choose(const struct chosen_keys *keys, bool is_named)
{
	for (size_t i = 0; i < keys->count && !is_named; i++)
		if (keys->list[i].type == DKIM_RSA)
			return &keys->list[i];
	return keys->count > 0 ? &keys->list[0] : NULL;
}

int seal_begin(const struct ipc_message *request, struct ipc_channel *keeper, struct dkim_message *message,
               struct seal *seal_out, struct err *err)
{
	struct str id = ipc_get(request, "id"), domain = ipc_get(request, "arc-domain");
	struct str selectors = ipc_get(request, "arc-selectors");
	const struct chosen_key *key;
	struct chosen_keys keys;
	enum arc_state state;
	struct err why;

	*seal_out = (struct seal){.is_wanted = false};
	if (!read_state(ipc_get(request, "arc"), &state))
		return 0;
	if (questions_keys(keeper, domain, selectors, message->arena, &keys, err) != 0)
		return -1;
	key = choose(&keys, selectors.len > 0);
	if (key == NULL) {
		log_info("id=%.*s not sealed: there is no key of %.*s", STR_ARG(id), STR_ARG(domain));
		return 0;
	}
	seal_out->signer = questions_signer(keeper, domain, key, time(NULL));
	/* Ours first: the chain of a stranger may ask for as many hashes as there can be. */
	seal_out->is_wanted = dkim_sign_begin(message, &seal_out->signer, &seal_out->sealing.signing, &why) == 0;
	arc_find(message, &seal_out->chain);
	seal_out->is_wanted = seal_out->is_wanted && arc_seal_begin(message, &seal_out->chain, state, &seal_out->signer,
	                                                            &seal_out->sealing, &why) == 0;
	if (!seal_out->is_wanted)
		log_info("id=%.*s not sealed: %s", STR_ARG(id), why.text);
	seal_out->results = results_fold(ipc_get(request, "results"), message->arena);
	return 0;
}

int seal_add(struct dkim_message *message, const struct seal *seal, struct buf *fields, struct err *err)
{
	struct buf set;
	int result;

	buf_init(&set, SIGNER_SET_MAX);
	result = arc_seal(message, &seal->chain, &seal->sealing, &seal->signer, seal->results, &set, err);
	if (result == 0 && buf_add_str(fields, buf_str(&set)) != 0)
		result = err_set(err, ERR_LIMIT, "the fields of a set are too long");
	buf_free(&set);
	return result;
}
