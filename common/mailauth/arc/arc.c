#include "common/mailauth/arc/arc.h"

#include "common/mailauth/arc/member.h"

#include <openssl/evp.h>

const char *arc_word(enum arc_state state)
{
	static const char *const words[] = {[ARC_NONE] = "none", [ARC_PASS] = "pass", [ARC_FAIL] = "fail"};

	return words[state];
}

/* Verify the seals from the last to the first; what each signs is the beginning of what the later ones do. */
static int check_seals(struct dkim_message *message, const struct arc_chain *chain, const struct mailauth_dns *dns,
                       struct err *err)
{
	size_t ends[DKIM_INSTANCE_MAX] = {0};
	struct buf text;
	int result = 0;

	buf_init(&text, 2 * (size_t)DKIM_HEADER_MAX);
	for (unsigned i = 0; i < chain->count; i++) {
		arc_member_canon(&chain->sets[i], &text);
		ends[i] = text.len;
		dkim_field_canon(chain->sets[i].seal->whole, DKIM_RELAXED, &text);
	}
	for (unsigned i = chain->count; i-- > 0 && result == 0;) {
		const struct dkim_signature *seal = &chain->sets[i].seal_signature;
		unsigned char hash[DKIM_HASH_SIZE];
		const struct dkim_key *key;

		text.len = ends[i];
		dkim_signature_canon(seal, DKIM_RELAXED, message->arena, &text);
		EVP_Digest(text.data, text.len, hash, NULL, EVP_sha256(), NULL);
		result = dkim_find_key(message, seal, dns, &key, err);
		if (result == 0 && !dkim_is_signed_by(key, hash, seal->bytes))
			result = err_set(err, DKIM_FORGED, "the signature is not that of these sets");
		if (result != 0)
			err_prefix(err, "seal %u", i + 1);
	}
	buf_free(&text);
	return result;
}

static int check_message(struct dkim_message *message, const struct arc_member *member, const struct mailauth_dns *dns,
                         int64_t now, struct err *err)
{
	const struct dkim_key *key;

	if (member->message_err.code != ERR_NONE)
		return err_set(err, member->message_err.code, "%s", member->message_err.text);
	return dkim_check(message, &member->message_signature, member->body_hash, dns, now, &key, err);
}

/* RFC 8617 5.2 step 5: the lowest instance whose signature of the message still holds; 0: all do. */
static unsigned find_oldest_pass(struct dkim_message *message, const struct arc_chain *chain,
                                 const struct mailauth_dns *dns, int64_t now)
{
	unsigned i = chain->count - 1;

	while (i > 0 && check_message(message, &chain->sets[i - 1], dns, now, NULL) == 0)
		i--;
	return i == 0 ? 0 : i + 1;
}

/* RFC 8617 5.2, from step 2 on. */
static int check_chain(struct dkim_message *message, const struct arc_chain *chain, const struct mailauth_dns *dns,
                       int64_t now, struct err *err)
{
	if (chain->is_dead)
		return err_set(err, DKIM_REFUSED, "the chain was found broken before");
	if (chain->err.code != ERR_NONE)
		return err_set(err, chain->err.code, "%s", chain->err.text);
	if (check_message(message, &chain->sets[chain->count - 1], dns, now, err) != 0)
		return err_prefix(err, "signature %u", chain->count);
	return check_seals(message, chain, dns, err);
}

void arc_verify(struct dkim_message *message, const struct arc_chain *chain, const struct mailauth_dns *dns,
                int64_t now, struct arc_result *result_out)
{
	struct err err = {0};

	*result_out = (struct arc_result){.state = ARC_NONE, .reason = STR("")};
	if (chain->count == 0 && chain->err.code == ERR_NONE)
		return;
	dkim_message_end(message);
	if (check_chain(message, chain, dns, now, &err) != 0) {
		result_out->state = ARC_FAIL;
		result_out->reason = arena_copy(message->arena, str_of(err.text));
		return;
	}
	result_out->state = ARC_PASS;
	result_out->oldest_pass = find_oldest_pass(message, chain, dns, now);
	result_out->count = chain->count;
	result_out->sets = arena_get(message->arena, chain->count * sizeof *result_out->sets);
	for (unsigned i = 0; i < chain->count; i++)
		result_out->sets[i] = (struct arc_set){
		    .domain = chain->sets[i].seal_signature.domain,
		    .selector = chain->sets[i].seal_signature.selector,
		    .results = chain->sets[i].payload,
		};
}
