/* conn: under TLS. The descriptor is non-blocking from the handshake on, so that every wait is ours and has its limit.
 */
#include "common/net/conn_io.h"
#include "common/net/tlsa.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

/*
 * What to do after an OpenSSL call that returned result: 0 = again, it was waited for; -1 = failed, err says why (with
 * the words of the certificate check where that was it).
 */
static int tls_wait(struct conn *conn, SSL *ssl, int result, int64_t until, struct err *err)
{
	int kind = SSL_get_error(ssl, result);
	unsigned long code;
	long verified;
	const char *reason;

	switch (kind) {
	case SSL_ERROR_WANT_READ:
		return conn_wait(conn, POLLIN, until, err);
	case SSL_ERROR_WANT_WRITE:
		return conn_wait(conn, POLLOUT, until, err);
	case SSL_ERROR_ZERO_RETURN:
		return err_set(err, ERR_CLOSED, "the peer closed the connection");
	case SSL_ERROR_SYSCALL:
		if (errno == 0)
			return err_set(err, ERR_CLOSED, "the peer closed the connection");
		return conn_system_failure("the connection failed under TLS", err);
	default:
		break;
	}
	/* The last: looking for a CA in a sandbox leaves others before it. */
	code = ERR_peek_last_error();
	if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return err_set(err, ERR_CLOSED, "the peer closed the connection without ending TLS");
	verified = SSL_get_verify_result(ssl);
	if (verified != X509_V_OK && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED) {
		conn->refused_certificate = verified;
		return err_set(err, ERR_PROTOCOL, "TLS: the certificate is not accepted: %s",
		               X509_verify_cert_error_string(verified));
	}
	reason = ERR_reason_error_string(code);
	return err_set(err, ERR_PROTOCOL, "TLS: %s", reason != NULL ? reason : "unknown error");
}

int conn_tls_receive(struct conn *conn, struct buf *to, int64_t until, struct err *err)
{
	for (;;) {
		size_t size;
		char *room = conn_room(to, &size, err);
		int count;

		if (room == NULL)
			return -1;
		ERR_clear_error();
		errno = 0;
		count = SSL_read(conn->ssl, room, size < INT_MAX ? (int)size : INT_MAX);
		if (count > 0) {
			to->len += (size_t)count;
			return 0;
		}
		if (tls_wait(conn, conn->ssl, count, until, err) != 0)
			return -1;
	}
}

int conn_tls_send(struct conn *conn, struct str bytes, struct err *err)
{
	while (bytes.len > 0) {
		int count;

		ERR_clear_error();
		errno = 0;
		count = SSL_write(conn->ssl, bytes.data, bytes.len < INT_MAX ? (int)bytes.len : INT_MAX);
		if (count > 0)
			bytes = str_skip(bytes, (size_t)count);
		else if (tls_wait(conn, conn->ssl, count, conn_wait_end(conn), err) != 0)
			return -1;
	}
	return 0;
}

/* Shake hands within one wait altogether: a peer that sends octet by octet gets no more time than a silent one. */
static int handshake(struct conn *conn, SSL *ssl, struct err *err)
{
	int64_t until = conn_wait_end(conn);
	int flags = fcntl(conn->fd, F_GETFL);
	struct err reason;

	conn->idle = true; /* nothing to give back now */
	if (flags < 0 || fcntl(conn->fd, F_SETFL, flags | O_NONBLOCK) != 0 || SSL_set_fd(ssl, conn->fd) != 1) {
		SSL_free(ssl);
		err_set(&reason, ERR_PROTOCOL, "TLS: cannot prepare the connection");
		return conn_fail(conn, &reason, err);
	}
	SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	for (;;) {
		int result;

		ERR_clear_error();
		errno = 0;
		result = SSL_do_handshake(ssl);
		if (result == 1)
			break;
		if (tls_wait(conn, ssl, result, until, &reason) != 0) {
			SSL_free(ssl);
			return conn_fail(conn, &reason, err);
		}
	}
	conn->ssl = ssl;
	conn->tls_active = true;
	return 0;
}

/* A fresh SSL for a connection that is ready for it: nothing unsent, nothing read before it. */
static SSL *begin(struct conn *conn, SSL_CTX *context, struct err *err)
{
	struct err reason;
	SSL *ssl;

	if (conn_flush(conn, err) != 0)
		return NULL;
	if (conn->failed != 0) {
		conn_fail(conn, NULL, err);
		return NULL;
	}
	conn_drop_input(conn);
	ssl = SSL_new(context);
	if (ssl == NULL) {
		err_set(&reason, ERR_PROTOCOL, "TLS: %s", ERR_reason_error_string(ERR_peek_error()));
		conn_fail(conn, &reason, err);
		return NULL;
	}
	return ssl;
}

int conn_accept_tls(struct conn *conn, SSL_CTX *context, struct err *err)
{
	SSL *ssl = begin(conn, context, err);

	if (ssl == NULL)
		return -1;
	SSL_set_accept_state(ssl);
	return handshake(conn, ssl, err);
}

/* The name for SNI and for the look at the certificate, which counts only where SSL_VERIFY_PEER is set. */
static bool set_peer_name(SSL *ssl, const char *host)
{
	unsigned char address[16];
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
		/* RFC 6066 section 3: no addresses in server_name */
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set_tlsext_host_name(ssl, host) == 1 && X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

/* Have the records checked. Returns how many of them OpenSSL can use, -1: error. */
static int set_records(SSL *ssl, const char *host, const char *domain, const struct tlsa_set *set)
{
	int usable = 0;

	if (SSL_dane_enable(ssl, host) <= 0 || SSL_add1_host(ssl, domain) != 1)
		return -1;
	/* RFC 7671 5.1: a record of the certificate itself says all; names and dates in it count for nothing. */
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	for (size_t i = 0; i < set->count; i++) {
		const struct tlsa *record = &set->records[i];

		usable += SSL_dane_tlsa_add(ssl, record->usage, record->selector, record->matching,
		                            (const unsigned char *)record->data.data, record->data.len) > 0;
	}
	return usable;
}

/* Shake hands as a client; prepared: what had to be set was. */
static int connect_prepared(struct conn *conn, SSL *ssl, bool prepared, const char *host, bool verify, struct err *err)
{
	struct err reason;

	if (!prepared) {
		SSL_free(ssl);
		err_set(&reason, ERR_PROTOCOL, "TLS: \"%s\" cannot be a host name", host);
		return conn_fail(conn, &reason, err);
	}
	SSL_set_verify(ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_set_connect_state(ssl);
	return handshake(conn, ssl, err);
}

int conn_connect_tls(struct conn *conn, SSL_CTX *context, const char *host, bool verify, struct err *err)
{
	SSL *ssl = begin(conn, context, err);

	return ssl != NULL ? connect_prepared(conn, ssl, set_peer_name(ssl, host), host, verify, err) : -1;
}

int conn_connect_dane(struct conn *conn, SSL_CTX *context, const char *host, const char *domain,
                      const struct tlsa_set *set, struct err *err)
{
	SSL *ssl = begin(conn, context, err);
	int usable;

	if (ssl == NULL)
		return -1;
	usable = set_records(ssl, host, domain, set);
	return connect_prepared(conn, ssl, usable >= 0, host, usable > 0, err);
}

enum conn_trust conn_tls_trust(const struct conn *conn, const char **reason)
{
	uint8_t usage = 0;
	long verified;

	*reason = "";
	if (conn->ssl == NULL)
		return CONN_TRUST_NONE;
	verified = SSL_get_verify_result(conn->ssl);
	if (verified != X509_V_OK) {
		*reason = X509_verify_cert_error_string(verified);
		return CONN_TRUST_NONE;
	}
	if (SSL_get0_dane_authority(conn->ssl, NULL, NULL) >= 0 &&
	    SSL_get0_dane_tlsa(conn->ssl, &usage, NULL, NULL, NULL, NULL) >= 0)
		return usage == TLSA_DANE_EE ? CONN_TRUST_DANE_EE : CONN_TRUST_DANE_TA;
	return CONN_TRUST_CA;
}

const char *conn_tls_text(const struct conn *conn, struct arena *arena)
{
	if (conn->ssl == NULL)
		return "";
	return arena_printf(arena, "%s %s", SSL_get_version(conn->ssl), SSL_get_cipher_name(conn->ssl)).data;
}
