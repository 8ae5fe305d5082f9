/*
 * tls: OpenSSL contexts, made from files, made again when the files change.
 */
#ifndef POSTROOM_NET_TLS_H
#define POSTROOM_NET_TLS_H

#include "common/base/err.h"
#include "common/base/str.h"

#include <openssl/types.h>
#include <time.h>

/*
 * The certificates of a server: folder/cert.pem (chain) and folder/key.pem, and for further names, chosen by SNI,
 * folder/<name>/cert.pem and key.pem. TLS 1.2 and 1.3 only.
 */
struct tls_server {
	char folder[256];
	SSL_CTX *context; /* NULL: no certificate there */
	struct timespec changed; /* newest modification seen */
	/* ... more as the implementation needs, e.g. the table of names */
	void *names;
};

/* Load what is there; no certificate at all is no error (context NULL). -1: ERR_SYNTAX with the file and the reason. */
int tls_server_open(struct tls_server *server, const char *folder, struct err *err);
/* Look whether the files changed (stat) and load again; what is broken leaves the old one in use and is logged once.
 * Needs the right to read the files. */
void tls_server_refresh(struct tls_server *server);
void tls_server_close(struct tls_server *server);

/* Check a chain and key before they are installed: they parse, the key matches the first certificate, each certificate is
 * signed by the next, none expired. -1: ERR_SYNTAX with a sentence that says which of these. */
int tls_check_pair(struct str chain_pem, struct str key_pem, struct err *err);

/* A key (EC P-256) and a self-signed certificate for host, ten years, as PEM. */
int tls_make_self_signed(const char *host, struct buf *chain_pem, struct buf *key_pem, struct err *err);

/* A context for connecting out, with the system's CA store; one a process. */
SSL_CTX *tls_client_context(struct err *err);

#endif
