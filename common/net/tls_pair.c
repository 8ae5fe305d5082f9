/* tls: certificates and keys as such: checking a pair, making one. */
#include "common/net/tls.h"

#include "common/base/buf.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum {
	CHAIN_MAX = 16, /* certificates in a chain */
	PEM_MAX = 1024 * 1024,
	COMMON_NAME_MAX = 64, /* RFC 5280 appendix A.1, ub-common-name */
};

/* OpenSSL would ask on the terminal for the password of an encrypted key. */
static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return 0;
}

static bool is_end_of_pem(void)
{
	unsigned long code = ERR_peek_last_error();

	return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

static bool is_truncated_pem(struct str pem)
{
	ptrdiff_t last_begin = -1, at;
	size_t from = 0;

	while ((at = str_find(str_skip(pem, from), STR("-----BEGIN "))) >= 0) {
		last_begin = (ptrdiff_t)from + at;
		from = (size_t)last_begin + 1;
	}
	return last_begin >= 0 && str_find(str_skip(pem, (size_t)last_begin), STR("-----END ")) < 0;
}

static int read_chain(struct str pem, STACK_OF(X509) * chain, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	X509 *certificate;
	int result = 0;

	ERR_clear_error();
	while ((certificate = PEM_read_bio_X509(bio, NULL, no_password, NULL)) != NULL) {
		if (sk_X509_num(chain) == CHAIN_MAX) {
			X509_free(certificate);
			result = err_set(err, ERR_SYNTAX, "the chain holds more than %d certificates", CHAIN_MAX);
			break;
		}
		sk_X509_push(chain, certificate);
	}
	BIO_free(bio);
	if (result != 0)
		return result;
	if (is_truncated_pem(pem))
		return err_set(err, ERR_SYNTAX, "the certificate file is truncated: certificate %d has no END line",
		               sk_X509_num(chain) + 1);
	if (!is_end_of_pem())
		return err_set(err, ERR_SYNTAX, "certificate %d does not parse", sk_X509_num(chain) + 1);
	if (sk_X509_num(chain) == 0)
		return err_set(err, ERR_SYNTAX, "there is no PEM certificate in it (no line BEGIN CERTIFICATE)");
	return 0;
}

static EVP_PKEY *read_key(struct str pem, struct err *err)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);

	BIO_free(bio);
	if (key != NULL)
		return key;
	if (is_truncated_pem(pem))
		err_set(err, ERR_SYNTAX, "the key file is truncated: it has no END line");
	else if (str_find(pem, STR("ENCRYPTED")) >= 0)
		err_set(err, ERR_SYNTAX, "the key is encrypted; store it without a password");
	else if (str_find(pem, STR("PRIVATE KEY-----")) < 0)
		err_set(err, ERR_SYNTAX, "there is no PEM private key in it (no line BEGIN PRIVATE KEY)");
	else
		err_set(err, ERR_SYNTAX, "the key does not parse");
	return NULL;
}

static int check_times(X509 *certificate, int number, struct err *err)
{
	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
		return err_set(err, ERR_SYNTAX, "certificate %d has expired", number);
	if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		return err_set(err, ERR_SYNTAX, "certificate %d is not valid yet", number);
	return 0;
}

static int check_chain(STACK_OF(X509) * chain, struct err *err)
{
	for (int i = 0; i < sk_X509_num(chain); i++) {
		X509 *certificate = sk_X509_value(chain, i);

		if (check_times(certificate, i + 1, err) != 0)
			return -1;
		if (i + 1 < sk_X509_num(chain)) {
			X509 *issuer = sk_X509_value(chain, i + 1);

			/* RFC 8446 4.4.2: each following certificate certifies the one before it */
			if (X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) != 0 ||
			    X509_verify(certificate, X509_get0_pubkey(issuer)) != 1)
				return err_set(err, ERR_SYNTAX,
				               "the chain is out of order: certificate %d is not signed by certificate %d", i + 1,
				               i + 2);
		}
	}
	return 0;
}

int tls_check_pair(struct str chain_pem, struct str key_pem, struct err *err)
{
	STACK_OF(X509) * chain;
	EVP_PKEY *key;
	int result;

	if (chain_pem.len > PEM_MAX || key_pem.len > PEM_MAX)
		return err_set(err, ERR_SYNTAX, "certificate or key is larger than %d bytes", PEM_MAX);
	chain = sk_X509_new_null();
	key = read_key(key_pem, err);
	result = key != NULL ? read_chain(chain_pem, chain, err) : -1;
	if (result == 0 && X509_check_private_key(sk_X509_value(chain, 0), key) != 1)
		result = err_set(err, ERR_SYNTAX, "the key does not match the first certificate");
	if (result == 0)
		result = check_chain(chain, err);
	EVP_PKEY_free(key);
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error(); /* what is left there would be taken for the next call's */
	return result;
}

/* In the folder and the file that OpenSSL's own tools look into. */
static int verify(STACK_OF(X509) * chain, struct err *err)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int result = -1;

	if (store == NULL || context == NULL || X509_STORE_set_default_paths(store) != 1 ||
	    X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain) != 1 ||
	    X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER) != 1)
		err_set(err, ERR_SYSTEM, "cannot verify the chain: %s", ERR_reason_error_string(ERR_peek_error()));
	else if (X509_verify_cert(context) == 1)
		result = 0;
	else
		err_set(err, ERR_DENIED, "the chain does not lead to a certificate authority known to this machine: %s",
		        X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	ERR_clear_error();
	return result;
}

int tls_check_trust(struct str chain_pem, struct err *err)
{
	STACK_OF(X509) *chain = sk_X509_new_null();
	int result = read_chain(chain_pem, chain, err);

	if (result == 0)
		result = verify(chain, err);
	sk_X509_pop_free(chain, X509_free);
	ERR_clear_error();
	return result;
}

static int add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	int added;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added ? 0 : -1;
}

static int fill_certificate(X509 *certificate, EVP_PKEY *key, const char *host)
{
	X509_NAME *name = X509_get_subject_name(certificate);
	unsigned char address[16], serial[16];
	bool is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
	const char *common_name = strlen(host) <= COMMON_NAME_MAX ? host : "Postroom";
	BIGNUM *number;
	char san[300];
	int result;

	/* RFC 5280 4.1.2.2: positive, at most 20 octets */
	if (RAND_bytes(serial, sizeof serial) != 1)
		return -1;
	serial[0] = (serial[0] & 0x7f) | 0x40;
	number = BN_bin2bn(serial, sizeof serial, NULL);
	BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
	BN_free(number);
	snprintf(san, sizeof san, "%s:%s", is_address ? "IP" : "DNS", host);
	X509_set_version(certificate, X509_VERSION_3);
	/* a day back, for clients whose clock is late */
	result =
	    X509_gmtime_adj(X509_getm_notBefore(certificate), -86400) != NULL &&
	    X509_time_adj_ex(X509_getm_notAfter(certificate), 3652, 0, NULL) != NULL &&
	    X509_set_pubkey(certificate, key) == 1 &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(certificate, name) == 1;
	if (result != 1 || add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") != 0 ||
	    add_extension(certificate, NID_key_usage, "critical,digitalSignature") != 0 ||
	    add_extension(certificate, NID_ext_key_usage, "serverAuth") != 0 ||
	    add_extension(certificate, NID_subject_alt_name, san) != 0)
		return -1;
	return X509_sign(certificate, key, EVP_sha256()) > 0 ? 0 : -1;
}

static int add_bio(struct buf *out, BIO *bio)
{
	char *data;
	long len = BIO_get_mem_data(bio, &data);

	return len > 0 ? buf_add(out, data, (size_t)len) : -1;
}

/* What would end the SAN's value or begin another one (config syntax of OpenSSL) is in no host name. */
static bool is_host(const char *host)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:*";

	return host[0] != '\0' && strlen(host) < 256 && host[strspn(host, allowed)] == '\0';
}

static int fill_request(X509_REQ *request, EVP_PKEY *key, const char *host)
{
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
	const char *common_name = strlen(host) <= COMMON_NAME_MAX ? host : NULL;
	X509_EXTENSION *names;
	char san[300];
	int filled;

	snprintf(san, sizeof san, "DNS:%s", host);
	names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
	filled = extensions != NULL && names != NULL && sk_X509_EXTENSION_push(extensions, names) > 0 &&
	         X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 && X509_REQ_set_pubkey(request, key) == 1 &&
	         (common_name == NULL || X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8,
	                                                            (const unsigned char *)common_name, -1, -1, 0) == 1) &&
	         X509_REQ_add_extensions(request, extensions) == 1 && X509_REQ_sign(request, key, EVP_sha256()) > 0;
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return filled ? 0 : -1;
}

int tls_make_request(const char *host, struct buf *request_pem, struct buf *key_pem, struct err *err)
{
	EVP_PKEY *key;
	X509_REQ *request;
	BIO *request_bio, *key_bio;
	int result = -1;

	if (!is_host(host))
		return err_set(err, ERR_SYNTAX, "\"%s\" is no host name", host);
	key = EVP_EC_gen("P-256");
	request = X509_REQ_new();
	request_bio = BIO_new(BIO_s_mem());
	key_bio = BIO_new(BIO_s_secmem());
	if (key != NULL && request != NULL && request_bio != NULL && key_bio != NULL &&
	    fill_request(request, key, host) == 0 && PEM_write_bio_X509_REQ(request_bio, request) == 1 &&
	    PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		result = add_bio(request_pem, request_bio) == 0 ? add_bio(key_pem, key_bio) : -1;
	if (result != 0)
		err_set(err, ERR_LIMIT, "cannot make a request for %s: %s", host, ERR_reason_error_string(ERR_peek_error()));
	BIO_free(key_bio);
	BIO_free(request_bio);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return result;
}

int tls_make_self_signed(const char *host, struct buf *chain_pem, struct buf *key_pem, struct err *err)
{
	EVP_PKEY *key;
	X509 *certificate;
	BIO *chain_bio, *key_bio;
	int result = -1;

	if (!is_host(host))
		return err_set(err, ERR_SYNTAX, "\"%s\" is no host name", host);
	key = EVP_EC_gen("P-256");
	certificate = X509_new();
	chain_bio = BIO_new(BIO_s_mem());
	key_bio = BIO_new(BIO_s_secmem());
	if (key != NULL && certificate != NULL && chain_bio != NULL && key_bio != NULL &&
	    fill_certificate(certificate, key, host) == 0 && PEM_write_bio_X509(chain_bio, certificate) == 1 &&
	    PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1)
		result = add_bio(chain_pem, chain_bio) == 0 ? add_bio(key_pem, key_bio) : -1;
	if (result != 0)
		err_set(err, ERR_LIMIT, "cannot make a certificate for %s: %s", host,
		        ERR_reason_error_string(ERR_peek_error()));
	BIO_free(key_bio);
	BIO_free(chain_bio);
	X509_free(certificate);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return result;
}
