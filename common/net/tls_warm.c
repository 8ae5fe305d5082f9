/* tls: what OpenSSL makes at its first handshake, made before processes are forked. */
#include "common/net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

enum { FLIGHTS_MAX = 10 };

/* Both ends in turn, until neither waits for the other. */
static void shake_hands(SSL *client, SSL *server)
{
	char byte = 0;

	for (int i = 0; i < FLIGHTS_MAX; i++) {
		int client_is_done = SSL_do_handshake(client);

		if (SSL_do_handshake(server) == 1 && client_is_done == 1)
			break;
	}
	/* session tickets and the first record each way */
	SSL_write(client, &byte, sizeof byte);
	SSL_read(server, &byte, sizeof byte);
	SSL_write(server, &byte, sizeof byte);
	SSL_read(client, &byte, sizeof byte);
}

void tls_warm_up(SSL_CTX *context)
{
	SSL_CTX *client_context = SSL_CTX_new(TLS_client_method());
	SSL *client = client_context != NULL ? SSL_new(client_context) : NULL, *server = SSL_new(context);
	BIO *one, *other;

	if (client != NULL && server != NULL && BIO_new_bio_pair(&one, 0, &other, 0) == 1) {
		SSL_set_bio(client, one, one);
		SSL_set_bio(server, other, other);
		SSL_set_connect_state(client);
		SSL_set_accept_state(server);
		shake_hands(client, server);
	}
	SSL_free(client);
	SSL_free(server);
	SSL_CTX_free(client_context);
	ERR_clear_error();
}
