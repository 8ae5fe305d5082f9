/*
 * tls: OpenSSL contexts, made from files, made again when the files change.
 *
 * TLS 1.2 and 1.3 only (or 1.3 alone), no renegotiation, no compression, no early data. A private key is read by the
 * listener's parent, which forks the sessions; session tickets work over all of them. A replaced pair is in use within
 * a second or two.
 */
#ifndef POSTROOM_NET_TLS_H
#define POSTROOM_NET_TLS_H

#include "common/base/buf.h"
#include "common/base/err.h"

#include <openssl/types.h>

struct tls_name;

/*
 * The certificates of a server: folder/cert.pem (chain) and folder/key.pem, and for further names, chosen by SNI,
 * folder/<name>/cert.pem and key.pem. A name without a certificate gets the folder's own. Must not move once open.
 */
/* What a server's clients may use. */
struct tls_policy {
	bool only_tls13;
	const char *ciphers; /* of TLS 1.2, as openssl-ciphers(1) has it; "": OpenSSL's default */
	const char *suites;  /* of TLS 1.3, separated by ':'; "": OpenSSL's default */
};

struct tls_server {
	char folder[256];
	struct tls_policy policy; /* owns its texts; NULL: "" */
	SSL_CTX *context;         /* NULL: no certificate there */
	struct tls_name *names;   /* the folder's own pair is the one with an empty name */
	int64_t looked_ms;        /* io_now_ms() of the last look at the files */
};

/*
 * Load what is there; no certificate at all is no error (context NULL). A broken pair of a further name is logged and
 * left out. -1: ERR_SYNTAX with the file and the reason, where the folder's own pair is broken; ERR_LIMIT, ERR_SYSTEM.
 */
int tls_server_open(struct tls_server *server, const char *folder, struct err *err);
/*
 * Look whether the files changed (stat, at most once a second) and load again; what is broken leaves the old one in use
 * and is logged once. Needs the right to read the files. context may be another one afterwards.
 */
void tls_server_refresh(struct tls_server *server);
/* From now on by this policy; contexts are made again where it is another than before. What OpenSSL does not understand
 * of it is logged, and its default used. */
void tls_server_set_policy(struct tls_server *server, const struct tls_policy *policy);
/* Does OpenSSL understand it? -1: ERR_SYNTAX. */
int tls_check_policy(const struct tls_policy *policy, struct err *err);
/* The certificates that clients are shown, the folder's own first, without their keys; to be freed by the caller with
 * sk_X509_pop_free. NULL: there is none. */
struct stack_st_X509 *tls_server_certificates(const struct tls_server *server);
void tls_server_close(struct tls_server *server);

/*
 * Shake hands with ourselves, in memory: OpenSSL fetches algorithms and makes tables at the first handshake. Made in a
 * listener they are shared by all processes that it forks, which begin faster and have less memory of their own.
 * Nothing depends on it.
 */
void tls_warm_up(SSL_CTX *context);

/*
 * Check a chain and key before they are installed: they parse, the key matches the first certificate, each certificate
 * is signed by the next, none expired. -1: ERR_SYNTAX with a sentence that says which of these.
 */
int tls_check_pair(struct str chain_pem, struct str key_pem, struct err *err);

/*
 * Would clients believe the chain: does it lead to a certificate authority that this machine knows (or SSL_CERT_FILE
 * names)? The chain has passed tls_check_pair. -1: ERR_DENIED with OpenSSL's reason.
 */
int tls_check_trust(struct str chain_pem, struct err *err);

/*
 * A key (EC P-256) and a request for a certificate for host (PKCS #10), which a certificate authority signs; both added
 * as PEM. Wipe key_pem after use. -1: ERR_SYNTAX, ERR_LIMIT.
 */
int tls_make_request(const char *host, struct buf *request_pem, struct buf *key_pem, struct err *err);

/* A key (EC P-256) and a self-signed certificate for host (a name or an address), ten years, added as PEM to the
 * buffers. Wipe key_pem after use. -1: ERR_SYNTAX, ERR_LIMIT. */
int tls_make_self_signed(const char *host, struct buf *chain_pem, struct buf *key_pem, struct err *err);

/*
 * A context for connecting out, one a process: made at the first call and kept. It holds the system's CA bundle (or
 * what SSL_CERT_FILE names) in memory, so it serves in a sandbox too when it was made before. NULL: ERR_SYSTEM.
 */
SSL_CTX *tls_client_context(struct err *err);

#endif
