#include "common/mailauth/arc/arc.h"

#include "common/mailauth/arc/member.h"

#include <openssl/evp.h>

int arc_seal_begin(struct dkim_message *message, const struct arc_chain *chain, enum arc_state state,
                   const struct dkim_signer *signer, struct arc_sealing *sealing_out, struct err *err)
{
	if (chain->is_dead)
		return err_set(err, ERR_DENIED, "the chain has ended with a failure");
	if (chain->count >= DKIM_INSTANCE_MAX)
		return err_set(err, ERR_LIMIT, "the chain has %d sets already", DKIM_INSTANCE_MAX);
	*sealing_out = (struct arc_sealing){
	    .signing = {.kind = DKIM_ARC_MESSAGE, .instance = chain->count + 1},
	    /* What has no sets has no chain, whatever it had before; what cannot be covered is broken. */
	    .state = chain->err.code != ERR_NONE ? ARC_FAIL
	             : chain->count == 0         ? ARC_NONE
	                                         : state,
	};
	return dkim_sign_begin(message, signer, &sealing_out->signing, err);
}

/* The seal of a set whose two other fields are there. */
static int add_seal(struct dkim_message *message, const struct arc_chain *chain, const struct arc_sealing *sealing,
                    const struct dkim_signer *signer, const struct arc_member *own, struct buf *out, struct err *err)
{
	struct dkim_signing signing = {
	    .kind = DKIM_ARC_SEAL,
	    .instance = sealing->signing.instance,
	    .chain = str_of(arc_word(sealing->state)),
	};
	unsigned char hash[DKIM_HASH_SIZE];
	struct dkim_signature seal = {0};
	struct dkim_field field;
	struct buf signed_text;
	size_t begin = out->len;

	dkim_sign_head(signer, &signing, out);
	buf_add_str(out, STR("\r\n\tb="));
	field = (struct dkim_field){.whole = str_skip(buf_str(out), begin)};
	seal.field = &field;
	seal.b_raw = str_skip(field.whole, field.whole.len);
	buf_init(&signed_text, 2 * (size_t)DKIM_HEADER_MAX);
	/* RFC 8617 5.1.2: where the chain is broken, its sets are not covered */
	for (unsigned i = 0; i < chain->count && sealing->state == ARC_PASS; i++) {
		arc_member_canon(&chain->sets[i], &signed_text);
		dkim_field_canon(chain->sets[i].seal->whole, DKIM_RELAXED, &signed_text);
	}
	arc_member_canon(own, &signed_text);
	dkim_signature_canon(&seal, DKIM_RELAXED, message->arena, &signed_text);
	EVP_Digest(signed_text.data, signed_text.len, hash, NULL, EVP_sha256(), NULL);
	buf_free(&signed_text);
	return dkim_sign_value(signer, hash, out, err);
}

int arc_seal(struct dkim_message *message, const struct arc_chain *chain, const struct arc_sealing *sealing,
             const struct dkim_signer *signer, struct str results, struct buf *out, struct err *err)
{
	struct dkim_field results_field, message_field;
	struct arc_member own = {.results = &results_field, .message = &message_field};
	struct buf signature;
	int result;

	results_field =
	    (struct dkim_field){.whole = arena_printf(message->arena, "ARC-Authentication-Results: i=%u; %.*s\r\n",
	                                              sealing->signing.instance, STR_ARG(results))};
	buf_init(&signature, DKIM_FIELD_MAX);
	result = dkim_sign(message, signer, &sealing->signing, &signature, err);
	if (result == 0) {
		message_field = (struct dkim_field){.whole = buf_str(&signature)};
		result = add_seal(message, chain, sealing, signer, &own, out, err);
	}
	buf_add_str(out, buf_str(&signature));
	buf_add_str(out, results_field.whole);
	buf_free(&signature);
	if (result == 0 && out->overflow)
		return err_set(err, ERR_LIMIT, "the fields of a set are too long");
	return result;
}
