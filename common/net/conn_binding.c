/* conn: what a login can be bound to, so that it holds for one TLS connection alone. */
#include "common/net/conn.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* RFC 9266 2. Only TLS 1.3: before, an empty context is not the same as none, and clients disagree on which is meant.
 */
size_t conn_tls_exporter(const struct conn *conn, unsigned char out[CONN_BINDING_MAX])
{
	static const char label[] = "EXPORTER-Channel-Binding";
	enum { LEN = 32 };

	if (conn->ssl == NULL || SSL_version(conn->ssl) < TLS1_3_VERSION ||
	    SSL_export_keying_material(conn->ssl, out, LEN, label, sizeof label - 1, NULL, 0, 0) != 1)
		return 0;
	return LEN;
}

/* RFC 5929 4.1: the hash is that of the certificate's signature, SHA-256 in place of MD5 and SHA-1. */
size_t conn_tls_endpoint(const struct conn *conn, unsigned char out[CONN_BINDING_MAX])
{
	X509 *certificate = conn->ssl != NULL ? SSL_get_certificate(conn->ssl) : NULL;
	unsigned len = 0;
	int hash;

	if (certificate == NULL || X509_get_signature_info(certificate, &hash, NULL, NULL, NULL) != 1 || hash == NID_undef)
		return 0;
	if (hash == NID_md5 || hash == NID_sha1)
		hash = NID_sha256;
	return X509_digest(certificate, EVP_get_digestbynid(hash), out, &len) == 1 ? len : 0;
}
