#include "common/mailauth/dkim/check.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

void dkim_message_end(struct dkim_message *message)
{
	if (!message->body_ended)
		dkim_body_end(&message->body);
	message->body_ended = true;
}

int dkim_want_body(struct dkim_message *message, const struct dkim_signature *signature)
{
	return dkim_body_want(&message->body, signature->body_canon, signature->body_limit);
}

void dkim_hash_header(struct dkim_message *message, const struct dkim_signature *signature,
                      unsigned char hash_out[DKIM_HASH_SIZE])
{
	struct dkim_choice choice = dkim_choice_begin(&message->fields, signature->field, message->arena);
	struct buf text;

	buf_init(&text, 2 * (size_t)DKIM_HEADER_MAX);
	for (struct str rest = signature->names; rest.data != NULL;) {
		const struct dkim_field *field = dkim_choice_take(&choice, dkim_signature_name(&rest));

		if (field != NULL)
			dkim_field_canon(field->whole, signature->header_canon, &text);
	}
	dkim_signature_canon(signature, signature->header_canon, message->arena, &text);
	EVP_Digest(text.data, text.len, hash_out, NULL, EVP_sha256(), NULL);
	buf_free(&text);
}

static bool is_signed_by_rsa(const struct dkim_key *key, const unsigned char hash[DKIM_HASH_SIZE], struct str signature)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key->pkey, NULL);
	bool good =
	    context != NULL && EVP_PKEY_verify_init(context) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
	    EVP_PKEY_verify(context, (const unsigned char *)signature.data, signature.len, hash, DKIM_HASH_SIZE) == 1;

	EVP_PKEY_CTX_free(context);
	return good;
}

/* RFC 8463 3: what is signed by the key is the hash, as a message of its own. */
static bool is_signed_by_ed25519(const struct dkim_key *key, const unsigned char hash[DKIM_HASH_SIZE],
                                 struct str signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good =
	    context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
	    EVP_DigestVerify(context, (const unsigned char *)signature.data, signature.len, hash, DKIM_HASH_SIZE) == 1;

	EVP_MD_CTX_free(context);
	return good;
}

bool dkim_is_signed_by(const struct dkim_key *key, const unsigned char hash[DKIM_HASH_SIZE], struct str signature)
{
	bool good;

	/* A bad signature must not be left in OpenSSL's queue of errors: TLS would take it for its own. */
	ERR_set_mark();
	good = key->type == DKIM_RSA ? is_signed_by_rsa(key, hash, signature) : is_signed_by_ed25519(key, hash, signature);
	ERR_pop_to_mark();
	return good;
}

int dkim_find_key(struct dkim_message *message, const struct dkim_signature *signature, const struct mailauth_dns *dns,
                  const struct dkim_key **key_out, struct err *err)
{
	const struct dkim_key *key;

	*key_out = NULL;
	if (dkim_keys_find(&message->keys, signature, dns, message->arena, &key, err) != 0)
		return -1;
	*key_out = key;
	if (!key->is_for_mail)
		return err_set(err, DKIM_UNFIT, "the key is not for mail");
	if (!key->takes_sha256)
		return err_set(err, DKIM_UNFIT, "the key is not for sha256");
	if (key->type != signature->key_type)
		return err_set(err, DKIM_UNFIT, "the key is of another kind");
	return 0;
}

/* What stands in the signature and the header alone. */
static int check_rules(const struct dkim_message *message, const struct dkim_signature *signature, int64_t now,
                       struct err *err)
{
	size_t signed_count = 0;

	if (signature->expires != 0 && now >= 0 && (uint64_t)now > signature->expires)
		return err_set(err, DKIM_REFUSED, "it expired");
	for (struct str rest = signature->names; rest.data != NULL;)
		signed_count += str_equal_nocase(dkim_signature_name(&rest), STR("from"));
	/* RFC 6376 8.15: else somebody adds an author of his own, whom programs may show */
	if (dkim_fields_count(&message->fields, STR("from")) > signed_count)
		return err_set(err, DKIM_REFUSED, "there are From fields that are not signed");
	return 0;
}

static int check_body(const struct dkim_message *message, const struct dkim_signature *signature, int body_hash,
                      struct err *err)
{
	const struct dkim_body *body = &message->body;

	if (body_hash < 0)
		return err_set(err, DKIM_REFUSED, "the signatures want too many different hashes of the body");
	if (signature->body_limit != DKIM_WHOLE_BODY && signature->body_limit > body->forms[signature->body_canon].length)
		return err_set(err, DKIM_FORGED, "the body is shorter than l= says");
	if (memcmp(body->hashes[body_hash].hash, signature->body_hash.data, DKIM_HASH_SIZE) != 0)
		return err_set(err, DKIM_FORGED, "the body is another one");
	return 0;
}

int dkim_check_message(const struct dkim_message *message, const struct dkim_signature *signature, int body_hash,
                       int64_t now, struct err *err)
{
	return check_rules(message, signature, now, err) != 0 ? -1 : check_body(message, signature, body_hash, err);
}

int dkim_check(struct dkim_message *message, const struct dkim_signature *signature, int body_hash,
               const struct mailauth_dns *dns, int64_t now, const struct dkim_key **key_out, struct err *err)
{
	unsigned char hash[DKIM_HASH_SIZE];

	*key_out = NULL;
	/* The body before the key: what was changed on its way costs no question to the DNS. */
	if (dkim_check_message(message, signature, body_hash, now, err) != 0 ||
	    dkim_find_key(message, signature, dns, key_out, err) != 0)
		return -1;
	if ((*key_out)->is_strict && signature->identity.len != 0 &&
	    !str_equal(signature->identity_domain, signature->domain))
		return err_set(err, DKIM_UNFIT, "i= is not in the very domain of d=, as the key wants");
	dkim_hash_header(message, signature, hash);
	if (!dkim_is_signed_by(*key_out, hash, signature->bytes))
		return err_set(err, DKIM_FORGED, "the signature is not that of this header");
	return 0;
}
