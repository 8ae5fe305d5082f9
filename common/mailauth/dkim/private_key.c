#include "common/base/base64.h"
#include "common/base/memory.h"
#include "common/mailauth/dkim/sign.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* Nobody is there who could be asked. */
static int no_password(char *out, int size, int writing, void *context)
{
	(void)out;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static EVP_PKEY *read_pem(struct str pem)
{
	BIO *bio = pem.len <= INT32_MAX ? BIO_new_mem_buf(pem.data, (int)pem.len) : NULL;
	EVP_PKEY *pkey = NULL;

	ERR_set_mark();
	if (bio != NULL)
		pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	ERR_pop_to_mark();
	BIO_free(bio);
	return pkey;
}

int dkim_private_key_read(struct str pem, struct dkim_private_key *key_out, struct err *err)
{
	EVP_PKEY *pkey = read_pem(pem);
	int type = pkey != NULL ? EVP_PKEY_get_base_id(pkey) : EVP_PKEY_NONE;
	int bits = pkey != NULL ? EVP_PKEY_get_bits(pkey) : 0;
	int code = ERR_NONE;

	if (type != EVP_PKEY_RSA && type != EVP_PKEY_ED25519) {
		code = ERR_SYNTAX;
		err_set(err, code, "this is not a private key of RSA or Ed25519 in PEM, without a password");
	} else if (type == EVP_PKEY_RSA && (bits < DKIM_RSA_BITS_MIN || bits > DKIM_RSA_BITS_MAX)) {
		code = ERR_LIMIT;
		err_set(err, code, "the key has %d bits: DKIM takes %d to %d", bits, DKIM_RSA_BITS_MIN, DKIM_RSA_BITS_MAX);
	}
	if (code != ERR_NONE) {
		EVP_PKEY_free(pkey);
		return -1;
	}
	*key_out = (struct dkim_private_key){.type = type == EVP_PKEY_RSA ? DKIM_RSA : DKIM_ED25519, .pkey = pkey};
	return 0;
}

static EVP_PKEY *make_key(enum dkim_key_type type, unsigned bits)
{
	return type == DKIM_RSA ? EVP_RSA_gen(bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

/* Take what a memory BIO holds, and leave nothing of it there. */
static void take_bio(BIO *bio, struct buf *out)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	if (len <= 0)
		return;
	buf_add(out, data, (size_t)len);
	memory_wipe(data, (size_t)len);
}

int dkim_private_key_make(enum dkim_key_type type, unsigned bits, struct buf *pem, struct err *err)
{
	EVP_PKEY *pkey;
	BIO *bio;
	size_t before = pem->len;

	if (type == DKIM_RSA && (bits < DKIM_RSA_BITS_MIN || bits > DKIM_RSA_BITS_MAX))
		return err_set(err, ERR_LIMIT, "a key of RSA has %d to %d bits", DKIM_RSA_BITS_MIN, DKIM_RSA_BITS_MAX);
	ERR_set_mark();
	pkey = make_key(type, bits);
	bio = BIO_new(BIO_s_mem());
	if (pkey != NULL && bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1)
		take_bio(bio, pem);
	ERR_pop_to_mark();
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return pem->len > before ? 0 : err_set(err, ERR_SYSTEM, "OpenSSL does not make a key");
}

void dkim_private_key_free(struct dkim_private_key *key)
{
	EVP_PKEY_free(key->pkey);
	key->pkey = NULL;
}

int dkim_private_key_record(const struct dkim_private_key *key, struct buf *record, struct err *err)
{
	unsigned char raw[DKIM_HASH_SIZE], *der = NULL; /* an Ed25519 key has 32 octets, too */
	size_t size = sizeof raw;
	int len = 0;

	if (key->type == DKIM_RSA)
		len = i2d_PUBKEY(key->pkey, &der);
	else if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &size) == 1)
		len = (int)size;
	if (len <= 0)
		return err_set(err, ERR_SYSTEM, "OpenSSL does not give the public key");
	buf_printf(record, "v=DKIM1; k=%s; p=", key->type == DKIM_RSA ? "rsa" : "ed25519");
	base64_encode(str_from((const char *)(der != NULL ? der : raw), (size_t)len), record);
	OPENSSL_free(der);
	return record->overflow ? err_set(err, ERR_LIMIT, "the record of the key is too long") : 0;
}

static bool sign_by_rsa(EVP_PKEY *pkey, const unsigned char hash[DKIM_HASH_SIZE], unsigned char *out, size_t *size)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);
	bool good = context != NULL && EVP_PKEY_sign_init(context) == 1 &&
	            EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
	            EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
	            EVP_PKEY_sign(context, out, size, hash, DKIM_HASH_SIZE) == 1;

	EVP_PKEY_CTX_free(context);
	return good;
}

static bool sign_by_ed25519(EVP_PKEY *pkey, const unsigned char hash[DKIM_HASH_SIZE], unsigned char *out, size_t *size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, pkey) == 1 &&
	            EVP_DigestSign(context, out, size, hash, DKIM_HASH_SIZE) == 1;

	EVP_MD_CTX_free(context);
	return good;
}

int dkim_sign_hash(const struct dkim_private_key *key, const unsigned char hash[DKIM_HASH_SIZE], struct buf *out,
                   struct err *err)
{
	enum { LINE = 72 };
	unsigned char bytes[DKIM_RSA_BITS_MAX / 8];
	size_t size = sizeof bytes;
	struct buf text;
	bool good;

	ERR_set_mark();
	good = key->type == DKIM_RSA ? sign_by_rsa(key->pkey, hash, bytes, &size)
	                             : sign_by_ed25519(key->pkey, hash, bytes, &size);
	ERR_pop_to_mark();
	if (!good)
		return err_set(err, ERR_SYSTEM, "OpenSSL does not sign with this key");
	buf_init(&text, 2 * sizeof bytes);
	base64_encode(str_from((const char *)bytes, size), &text);
	for (size_t at = 0; at < text.len; at += LINE) {
		buf_add_str(out, at != 0 ? STR("\r\n\t") : STR(""));
		buf_add_str(out, str_sub(buf_str(&text), at, LINE));
	}
	buf_add_str(out, STR("\r\n"));
	buf_free(&text);
	return out->overflow ? err_set(err, ERR_LIMIT, "the signature's field is too long") : 0;
}
