/* Unit tests of tls: pairs, their check, choice by name, reload. */
#include "common/net/tls.h"
#include "common/base/io.h"
#include "common/net/conn.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct err err;
static char folder[64];

struct pair {
	struct buf chain, key;
};

static void make_pair(struct pair *pair, const char *host)
{
	buf_init(&pair->chain, 100000);
	buf_init(&pair->key, 100000);
	if (tls_make_self_signed(host, &pair->chain, &pair->key, &err) != 0)
		fail_msg("%s", err.text);
}

static void free_pair(struct pair *pair)
{
	buf_free(&pair->chain);
	buf_free(&pair->key);
}

static X509 *certificate_of(const struct pair *pair)
{
	BIO *bio = BIO_new_mem_buf(pair->chain.data, (int)pair->chain.len);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return certificate;
}

static void expect_broken(struct str chain, struct str key, const char *words)
{
	assert_int_equal(tls_check_pair(chain, key, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	if (strstr(err.text, words) == NULL)
		fail_msg("\"%s\" instead of \"%s\"", err.text, words);
	assert_int_equal(ERR_peek_error(), 0); /* nothing is left for the next call of OpenSSL */
}

static void a_made_pair_is_good(void **state)
{
	struct pair pair;
	X509 *certificate;
	int days, seconds;

	(void)state;
	make_pair(&pair, "mail.example.org");
	assert_int_equal(tls_check_pair(buf_str(&pair.chain), buf_str(&pair.key), &err), 0);
	certificate = certificate_of(&pair);
	assert_int_equal(X509_check_host(certificate, "mail.example.org", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(certificate, "example.org", 0, 0, NULL), 0);
	assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)), 1);
	assert_in_range(days, 3650, 3653);
	X509_free(certificate);
	free_pair(&pair);
	make_pair(&pair, "192.0.2.1");
	certificate = certificate_of(&pair);
	assert_int_equal(X509_check_ip_asc(certificate, "192.0.2.1", 0), 1);
	X509_free(certificate);
	free_pair(&pair);
}

static void only_host_names_get_a_certificate(void **state)
{
	struct pair pair;

	(void)state;
	buf_init(&pair.chain, 10000);
	buf_init(&pair.key, 10000);
	assert_int_equal(tls_make_self_signed("", &pair.chain, &pair.key, &err), -1);
	assert_int_equal(tls_make_self_signed("a,DNS:other.example", &pair.chain, &pair.key, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(pair.chain.len, 0);
}

static void what_is_wrong_with_a_pair_is_said(void **state)
{
	struct pair pair, other;
	struct buf both;

	(void)state;
	make_pair(&pair, "mail.example.org");
	make_pair(&other, "other.example.org");
	expect_broken(buf_str(&pair.chain), buf_str(&other.key), "does not match");
	expect_broken(STR(""), buf_str(&pair.key), "no PEM certificate");
	expect_broken(buf_str(&pair.key), buf_str(&pair.key), "no PEM certificate");
	expect_broken(buf_str(&pair.chain), STR("nothing"), "no PEM private key");
	expect_broken(buf_str(&pair.chain), buf_str(&pair.chain), "no PEM private key");
	expect_broken(str_sub(buf_str(&pair.chain), 0, 200), buf_str(&pair.key), "truncated");
	expect_broken(buf_str(&pair.chain), str_sub(buf_str(&pair.key), 0, 100), "truncated");
	expect_broken(STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), buf_str(&pair.key),
	              "certificate 1 does not parse");
	expect_broken(buf_str(&pair.chain), STR("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
	              "the key does not parse");
	expect_broken(buf_str(&pair.chain),
	              STR("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
	              "encrypted");
	buf_init(&both, 100000);
	buf_add_str(&both, buf_str(&pair.chain));
	buf_add_str(&both, buf_str(&other.chain));
	expect_broken(buf_str(&both), buf_str(&pair.key), "out of order: certificate 1 is not signed by certificate 2");
	buf_free(&both);
	free_pair(&pair);
	free_pair(&other);
}

/* Change the time of a self-signed certificate and sign it again. */
static void set_days(struct pair *pair, int from, int until)
{
	X509 *certificate = certificate_of(pair);
	BIO *bio = BIO_new_mem_buf(pair->key.data, (int)pair->key.len);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	char *data;
	long len;

	BIO_free(bio);
	X509_time_adj_ex(X509_getm_notBefore(certificate), from, 0, NULL);
	X509_time_adj_ex(X509_getm_notAfter(certificate), until, 0, NULL);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	bio = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(bio, certificate);
	len = BIO_get_mem_data(bio, &data);
	buf_reset(&pair->chain);
	buf_add(&pair->chain, data, (size_t)len);
	BIO_free(bio);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void certificates_out_of_their_time_are_refused(void **state)
{
	struct pair pair;

	(void)state;
	make_pair(&pair, "mail.example.org");
	set_days(&pair, -20, -10);
	expect_broken(buf_str(&pair.chain), buf_str(&pair.key), "certificate 1 has expired");
	set_days(&pair, 10, 20);
	expect_broken(buf_str(&pair.chain), buf_str(&pair.key), "certificate 1 is not valid yet");
	free_pair(&pair);
}

static const char *path_of(const char *name, const char *file)
{
	static char path[200];

	snprintf(path, sizeof path, "%s%s%s%s%s", folder, name[0] != '\0' ? "/" : "", name, file[0] != '\0' ? "/" : "",
	         file);
	return path;
}

/* Store a pair for host as that of a name ("": the default). */
static void install(const char *name, const char *host)
{
	struct pair pair;

	make_pair(&pair, host);
	if (name[0] != '\0')
		assert_int_equal(io_make_folder(path_of(name, ""), 0700, &err), 0);
	assert_int_equal(io_replace_file(path_of(name, "cert.pem"), buf_str(&pair.chain), 0600, &err), 0);
	assert_int_equal(io_replace_file(path_of(name, "key.pem"), buf_str(&pair.key), 0600, &err), 0);
	free_pair(&pair);
}

/* Does a client that asks for name get the certificate of host? */
static void expect_certificate(struct tls_server *server, const char *name, const char *host)
{
	struct conn client, ours;
	int pair[2], status;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		X509 *certificate;
		struct str bytes;

		close(pair[0]);
		conn_init(&client, pair[1], 10000);
		if (conn_connect_tls(&client, tls_client_context(&err), name, false, &err) != 0)
			_exit(2);
		certificate = SSL_get1_peer_certificate(client.ssl);
		conn_read_some(&client, &bytes, &err); /* the server ends it */
		_exit(X509_check_host(certificate, host, 0, 0, NULL) == 1 ? 0 : 1);
	}
	close(pair[1]);
	conn_init(&ours, pair[0], 10000);
	if (conn_accept_tls(&ours, server->context, &err) != 0)
		fail_msg("%s", err.text);
	conn_close(&ours);
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

static void refresh(struct tls_server *server)
{
	server->looked_ms = 0; /* as if the last look were long ago */
	tls_server_refresh(server);
}

static void no_certificate_is_no_error(void **state)
{
	struct tls_server server;

	(void)state;
	assert_int_equal(tls_server_open(&server, folder, &err), 0);
	assert_null(server.context);
	install("", "late.example.org");
	refresh(&server);
	assert_non_null(server.context);
	tls_server_close(&server);
	assert_int_equal(tls_server_open(&server, "/nonexistent", &err), 0);
	assert_null(server.context);
	tls_server_close(&server);
}

static void a_name_chooses_its_certificate(void **state)
{
	struct tls_server server;

	(void)state;
	install("", "mail.example.org");
	install("other.example.org", "other.example.org");
	assert_int_equal(tls_server_open(&server, folder, &err), 0);
	expect_certificate(&server, "mail.example.org", "mail.example.org");
	expect_certificate(&server, "Other.Example.ORG", "other.example.org");
	expect_certificate(&server, "unknown.example.org", "mail.example.org");
	expect_certificate(&server, "127.0.0.1", "mail.example.org");
	install("third.example.org", "third.example.org");
	assert_int_equal(unlink(path_of("other.example.org", "cert.pem")), 0);
	assert_int_equal(unlink(path_of("other.example.org", "key.pem")), 0);
	refresh(&server);
	expect_certificate(&server, "third.example.org", "third.example.org");
	expect_certificate(&server, "other.example.org", "mail.example.org");
	tls_server_close(&server);
}

static void a_changed_pair_is_taken_a_broken_one_is_not(void **state)
{
	struct tls_server server;
	SSL_CTX *before;

	(void)state;
	install("", "old.example.org");
	assert_int_equal(tls_server_open(&server, folder, &err), 0);
	before = server.context;
	refresh(&server);
	assert_ptr_equal(server.context, before);
	install("", "new.example.org");
	tls_server_refresh(&server); /* too soon to look */
	assert_ptr_equal(server.context, before);
	refresh(&server);
	expect_certificate(&server, "x", "new.example.org");
	assert_int_equal(io_replace_file(path_of("", "key.pem"), STR("broken"), 0600, &err), 0);
	refresh(&server);
	expect_certificate(&server, "x", "new.example.org");
	assert_int_equal(unlink(path_of("", "key.pem")), 0);
	assert_int_equal(unlink(path_of("", "cert.pem")), 0);
	refresh(&server);
	expect_certificate(&server, "x", "new.example.org");
	install("", "newer.example.org");
	refresh(&server);
	expect_certificate(&server, "x", "newer.example.org");
	tls_server_close(&server);
}

static void a_broken_pair_at_the_start_is_an_error(void **state)
{
	struct tls_server server;

	(void)state;
	install("", "mail.example.org");
	assert_int_equal(io_replace_file(path_of("", "cert.pem"), STR("broken"), 0600, &err), 0);
	assert_int_equal(tls_server_open(&server, folder, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_non_null(strstr(err.text, "cert.pem: there is no PEM certificate"));
	install("", "mail.example.org");
	assert_int_equal(unlink(path_of("", "key.pem")), 0);
	assert_int_equal(tls_server_open(&server, folder, &err), -1);
	assert_non_null(strstr(err.text, "key.pem: No such file"));
}

/* A session that another process of the same listener made is resumed by its ticket. */
static void tickets_work_over_processes(void **state)
{
	struct tls_server server;
	SSL_SESSION *session = NULL;
	SSL_CTX *context = tls_client_context(&err);

	(void)state;
	install("", "mail.example.org");
	assert_int_equal(tls_server_open(&server, folder, &err), 0);
	for (int turn = 0; turn < 2; turn++) {
		struct conn ours;
		int pair[2];
		char octet;
		pid_t pid;
		SSL *ssl = SSL_new(context);

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		pid = fork();
		if (pid == 0) {
			close(pair[1]);
			conn_init(&ours, pair[0], 10000);
			if (conn_accept_tls(&ours, server.context, &err) != 0)
				_exit(1);
			conn_write(&ours, STR("x"));
			_exit(conn_flush(&ours, &err) == 0 ? 0 : 1);
		}
		close(pair[0]);
		SSL_set_fd(ssl, pair[1]);
		if (session != NULL)
			SSL_set_session(ssl, session);
		assert_int_equal(SSL_connect(ssl), 1);
		assert_int_equal(SSL_read(ssl, &octet, 1), 1); /* the ticket comes before it */
		assert_int_equal(SSL_session_reused(ssl), turn);
		SSL_SESSION_free(session);
		session = SSL_get1_session(ssl);
		SSL_shutdown(ssl); /* a session cut off is not resumed */
		SSL_free(ssl);
		close(pair[1]);
		waitpid(pid, NULL, 0);
	}
	SSL_SESSION_free(session);
	tls_server_close(&server);
}

/* RFC 2986: a request holds the public key and is signed with the private one. */
static void a_request_is_signed_by_its_key(void **state)
{
	struct buf request_pem, key_pem;
	X509_REQ *request;
	EVP_PKEY *key;
	BIO *bio;

	(void)state;
	buf_init(&request_pem, 65536);
	buf_init(&key_pem, 65536);
	assert_int_equal(tls_make_request("mail.example.com", &request_pem, &key_pem, &err), 0);
	bio = BIO_new_mem_buf(request_pem.data, (int)request_pem.len);
	request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	BIO_free(bio);
	bio = BIO_new_mem_buf(key_pem.data, (int)key_pem.len);
	key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(request);
	assert_non_null(key);
	assert_int_equal(X509_REQ_verify(request, key), 1);
	assert_int_equal(X509_REQ_check_private_key(request, key), 1);
	X509_REQ_free(request);
	EVP_PKEY_free(key);
	buf_free(&request_pem);
	buf_free(&key_pem);
	assert_int_equal(tls_make_request("a,DNS:b", &request_pem, &key_pem, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
}

static void only_a_chain_to_a_known_root_is_believed(void **state)
{
	char path[128];
	struct pair pair, other;

	(void)state;
	make_pair(&pair, "mail.example.com");
	make_pair(&other, "mail.example.com");
	snprintf(path, sizeof path, "%s/roots.pem", folder);
	assert_int_equal(io_replace_file(path, buf_str(&pair.chain), 0600, &err), 0);
	setenv("SSL_CERT_FILE", path, 1);
	assert_int_equal(tls_check_trust(buf_str(&pair.chain), &err), 0);
	assert_int_equal(tls_check_trust(buf_str(&other.chain), &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	unsetenv("SSL_CERT_FILE");
	assert_int_equal(tls_check_trust(buf_str(&pair.chain), &err), -1);
	free_pair(&pair);
	free_pair(&other);
}

static void a_policy_is_held_against_what_is_known(void **state)
{
	const struct tls_policy strict = {true, "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_AES_128_GCM_SHA256"};
	const struct tls_policy empty = {false, "", ""};
	struct tls_server server;

	(void)state;
	assert_int_equal(tls_check_policy(&strict, &err), 0);
	assert_int_equal(tls_check_policy(&empty, &err), 0);
	assert_int_equal(tls_check_policy(&(struct tls_policy){false, "NONE-SUCH", ""}, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	assert_int_equal(tls_check_policy(&(struct tls_policy){false, "", "TLS_NONE_SUCH"}, &err), -1);
	install("", "mail.example.com");
	assert_int_equal(tls_server_open(&server, folder, &err), 0);
	assert_int_equal(SSL_CTX_get_min_proto_version(server.context), TLS1_2_VERSION);
	tls_server_set_policy(&server, &strict);
	assert_int_equal(SSL_CTX_get_min_proto_version(server.context), TLS1_3_VERSION);
	tls_server_set_policy(&server, &empty);
	assert_int_equal(SSL_CTX_get_min_proto_version(server.context), TLS1_2_VERSION);
	tls_server_close(&server);
}

static int begin(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/postroom-tls-XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_made_pair_is_good),
	    TEST(only_host_names_get_a_certificate),
	    TEST(what_is_wrong_with_a_pair_is_said),
	    TEST(certificates_out_of_their_time_are_refused),
	    TEST(no_certificate_is_no_error),
	    TEST(a_name_chooses_its_certificate),
	    TEST(a_changed_pair_is_taken_a_broken_one_is_not),
	    TEST(a_broken_pair_at_the_start_is_an_error),
	    TEST(tickets_work_over_processes),
	    TEST(a_request_is_signed_by_its_key),
	    TEST(only_a_chain_to_a_known_root_is_believed),
	    TEST(a_policy_is_held_against_what_is_known),
	};

	signal(SIGPIPE, SIG_IGN);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
