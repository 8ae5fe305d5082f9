/* SCRAM keys and exchanges against the example of RFC 7677 section 3; CRAM-MD5, APOP, PLAIN and LOGIN. */
#include "authd/exchange.h"
#include "common/base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

/* RFC 7677 section 3: user "user", password "pencil". */
#define CLIENT_FIRST_BARE "n=user,r=rOprNGfwEbeRWgbNEkqO"
#define SERVER_FIRST      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define CLIENT_FINAL_BARE "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define CLIENT_PROOF      "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SERVER_SIGNATURE  "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="

static void unbase64(const char *text, unsigned char *out, size_t len)
{
	struct buf bytes;

	buf_init(&bytes, 256);
	assert_int_equal(base64_decode(str_of(text), &bytes), 0);
	assert_int_equal(bytes.len, len);
	memcpy(out, bytes.data, len);
	buf_free(&bytes);
}

static void hmac_sha256(const unsigned char *key, struct str text, unsigned char *out)
{
	unsigned len = SCRAM_KEY_LEN;

	assert_non_null(HMAC(EVP_sha256(), key, SCRAM_KEY_LEN, (const unsigned char *)text.data, text.len, out, &len));
}

static void example_keys(struct scram_keys *keys)
{
	keys->iterations = 4096;
	unbase64("W22ZaJ0SNY7soEsUEjb6gQ==", keys->salt, SCRAM_SALT_LEN);
	assert_int_equal(scram_derive(STR("pencil"), keys, NULL), 0);
}

static void test_derive(void **state)
{
	static const char auth[] = CLIENT_FIRST_BARE "," SERVER_FIRST "," CLIENT_FINAL_BARE;
	unsigned char proof[SCRAM_KEY_LEN], signature[SCRAM_KEY_LEN], expected[SCRAM_KEY_LEN], stored[SCRAM_KEY_LEN];
	struct scram_keys keys;
	unsigned len = sizeof stored;

	(void)state;
	example_keys(&keys);
	unbase64(SERVER_SIGNATURE, expected, sizeof expected);
	hmac_sha256(keys.server, STR(auth), signature);
	assert_memory_equal(signature, expected, sizeof expected);

	/* RFC 5802 section 3: StoredKey = H(ClientProof XOR HMAC(StoredKey, AuthMessage)) */
	unbase64(CLIENT_PROOF, proof, sizeof proof);
	hmac_sha256(keys.stored, STR(auth), signature);
	for (size_t i = 0; i < sizeof proof; i++)
		proof[i] ^= signature[i];
	assert_int_equal(EVP_Digest(proof, sizeof proof, stored, &len, EVP_sha256(), NULL), 1);
	assert_memory_equal(keys.stored, stored, sizeof stored);
}

static void test_text(void **state)
{
	struct scram_keys keys, again = {0};
	char text[SCRAM_TEXT_MAX];

	(void)state;
	example_keys(&keys);
	scram_format(&keys, text);
	assert_int_equal(strncmp(text, "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$", 44), 0);
	assert_int_equal(scram_parse(str_of(text), &again, NULL), 0);
	assert_int_equal(again.iterations, 4096);
	assert_memory_equal(again.salt, keys.salt, sizeof keys.salt);
	assert_memory_equal(again.stored, keys.stored, sizeof keys.stored);
	assert_memory_equal(again.server, keys.server, sizeof keys.server);

	for (size_t cut = 0; cut < strlen(text); cut++)
		assert_int_equal(scram_parse(str_from(text, cut), &again, NULL), -1);
	assert_int_equal(scram_parse(STR("SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$a:b"), &again, NULL), -1);
}

static void test_fake(void **state)
{
	unsigned char secret[SCRAM_KEY_LEN] = {1}, other_secret[SCRAM_KEY_LEN] = {2};
	struct scram_keys first, again, other;

	(void)state;
	scram_fake(secret, STR("nobody"), &first);
	scram_fake(secret, STR("nobody"), &again);
	assert_memory_equal(first.salt, again.salt, SCRAM_SALT_LEN);
	assert_int_equal(first.iterations, SCRAM_ITERATIONS);
	scram_fake(secret, STR("nobody2"), &other);
	assert_memory_not_equal(first.salt, other.salt, SCRAM_SALT_LEN);
	scram_fake(other_secret, STR("nobody"), &other);
	assert_memory_not_equal(first.salt, other.salt, SCRAM_SALT_LEN);
}

static int lookup(struct str name, struct scram_keys *keys_out, void *context)
{
	unsigned char secret[SCRAM_KEY_LEN] = {3};

	*(int *)context += 1;
	if (str_equal(name, STR("broken")))
		return -1;
	if (str_equal(name, STR("user")))
		example_keys(keys_out);
	else
		scram_fake(secret, name, keys_out);
	return 0;
}

/* The client's last message for what the server said, made with the keys of a password. */
static void client_final(const char *password, const char *first_bare, const char *bound, struct str server_first,
                         struct buf *out)
{
	unsigned char salted[SCRAM_KEY_LEN], client[SCRAM_KEY_LEN], stored[SCRAM_KEY_LEN], signature[SCRAM_KEY_LEN];
	struct str rest = server_first, nonce = str_cut(&rest, ','), salt_text = str_skip(str_cut(&rest, ','), 2);
	struct buf salt, auth;
	unsigned len = SCRAM_KEY_LEN;
	uint64_t iterations;

	buf_init(&salt, 64);
	buf_init(&auth, 4096);
	assert_int_equal(base64_decode(salt_text, &salt), 0);
	assert_true(str_to_u64(str_skip(rest, 2), 1000000, &iterations));
	PKCS5_PBKDF2_HMAC(password, (int)strlen(password), (const unsigned char *)salt.data, (int)salt.len, (int)iterations,
	                  EVP_sha256(), sizeof salted, salted);
	hmac_sha256(salted, STR("Client Key"), client);
	EVP_Digest(client, sizeof client, stored, &len, EVP_sha256(), NULL);
	buf_add_str(out, STR("c="));
	base64_encode(str_of(bound), out);
	buf_printf(out, ",%.*s", STR_ARG(nonce));
	buf_printf(&auth, "%s,%.*s,%s", first_bare, STR_ARG(server_first), buf_text(out));
	hmac_sha256(stored, buf_str(&auth), signature);
	for (size_t i = 0; i < sizeof client; i++)
		client[i] ^= signature[i];
	buf_add_str(out, STR(",p="));
	base64_encode(str_from((const char *)client, sizeof client), out);
	buf_free(&salt);
	buf_free(&auth);
}

static int lookup_secret(struct str name, struct buf *secret, void *context)
{
	*(int *)context += 1;
	buf_add_str(secret, str_equal(name, STR("user")) ? STR("pencil") : STR("nobody knows this"));
	return str_equal(name, STR("broken")) ? -1 : 0;
}

static int asked;
static const struct exchanges exchanges = {lookup, lookup_secret, &asked};
static const struct exchange_terms in_clear = {.host = "mail.example.test"};
static const struct exchange_terms under_tls = {
    .bindings = {.exporter = "exporter octets", .exporter_len = 15, .endpoint = "endpoint", .endpoint_len = 8},
    .challenges = true,
    .host = "mail.example.test"};

static enum exchange_state run_scram(const char *mechanism, const struct exchange_terms *terms, const char *gs2,
                                     const char *bound, const char *first_bare, const char *password)
{
	struct exchange *exchange = exchange_begin(&exchanges, str_of(mechanism), terms, NULL);
	enum exchange_state result;
	struct buf challenge, message;

	assert_non_null(exchange);
	buf_init(&challenge, 4096);
	buf_init(&message, 4096);
	assert_int_equal(exchange_step(exchange, (struct str){NULL, 0}, &challenge), EXCHANGE_CONTINUE);
	assert_int_equal(challenge.len, 0);
	buf_printf(&message, "%s%s", gs2, first_bare);
	result = exchange_step(exchange, buf_str(&message), &challenge);
	if (result == EXCHANGE_CONTINUE) {
		buf_reset(&message);
		client_final(password, first_bare, bound, buf_str(&challenge), &message);
		result = exchange_step(exchange, buf_str(&message), &challenge);
	}
	if (result == EXCHANGE_PROVED)
		assert_true(str_starts(buf_str(&challenge), STR("v=")));
	exchange_end(exchange);
	buf_free(&challenge);
	buf_free(&message);
	return result;
}

static enum exchange_state plain_scram(const char *gs2, const char *first_bare, const char *password)
{
	return run_scram("scram-sha-256", &in_clear, gs2, gs2, first_bare, password);
}

static void test_scram(void **state)
{
	(void)state;
	asked = 0;
	assert_int_equal(plain_scram("n,,", "n=user,r=abcdef", "pencil"), EXCHANGE_PROVED);
	assert_int_equal(asked, 1);
	assert_int_equal(plain_scram("y,,", "n=user,r=abcdef", "pencil"), EXCHANGE_PROVED);
	assert_int_equal(plain_scram("n,,", "n=user,r=abcdef,x=extension", "pencil"), EXCHANGE_PROVED);
	assert_int_equal(plain_scram("n,,", "n=user,r=abcdef", "Pencil"), EXCHANGE_WRONG);
	assert_int_equal(plain_scram("n,,", "n=nobody,r=abcdef", "pencil"), EXCHANGE_WRONG);
	assert_int_equal(plain_scram("n,a=user,", "n=user,r=abcdef", "pencil"), EXCHANGE_PROVED);
	assert_int_equal(plain_scram("n,a=boss,", "n=user,r=abcdef", "pencil"), EXCHANGE_WRONG);
	assert_int_equal(plain_scram("n,,", "n=broken,r=abcdef", "pencil"), EXCHANGE_UNSURE);
	assert_int_equal(plain_scram("n,,", "m=must,n=user,r=abcdef", "pencil"), EXCHANGE_MALFORMED);
	assert_int_equal(plain_scram("n,,", "n=us=er,r=abcdef", "pencil"), EXCHANGE_MALFORMED);
	assert_int_equal(plain_scram("n,,", "n=user,r=", "pencil"), EXCHANGE_MALFORMED);
	assert_int_equal(plain_scram("n,,", "n=,r=abcdef", "pencil"), EXCHANGE_MALFORMED);
	assert_int_equal(plain_scram("p=tls-unique,,", "n=user,r=abcdef", "pencil"), EXCHANGE_MALFORMED);
	assert_int_equal(plain_scram("n,,", "n=\xc2\xad,r=abcdef", "pencil"), EXCHANGE_MALFORMED);
	assert_int_equal(plain_scram("", "rubbish", "pencil"), EXCHANGE_MALFORMED);
}

/* The proof speaks of what the client sees of TLS: another connection's does not do. */
static void test_binding(void **state)
{
	static const struct {
		const char *mechanism, *gs2, *bound;
		enum exchange_state result;
	} cases[] = {
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "p=tls-exporter,,exporter octets", EXCHANGE_PROVED},
	    {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", "p=tls-server-end-point,,endpoint", EXCHANGE_PROVED},
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,a=user,", "p=tls-exporter,a=user,exporter octets", EXCHANGE_PROVED},
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "p=tls-exporter,,exporter octetz", EXCHANGE_WRONG},
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "p=tls-exporter,,", EXCHANGE_WRONG},
	    {"SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "p=tls-server-end-point,,endpoint", EXCHANGE_WRONG},
	    {"SCRAM-SHA-256-PLUS", "p=tls-unique,,", "p=tls-unique,,", EXCHANGE_MALFORMED},
	    {"SCRAM-SHA-256-PLUS", "n,,", "n,,", EXCHANGE_MALFORMED},
	    {"SCRAM-SHA-256", "p=tls-exporter,,", "p=tls-exporter,,exporter octets", EXCHANGE_MALFORMED},
	    {"SCRAM-SHA-256", "n,,", "n,,", EXCHANGE_PROVED},
	    {"SCRAM-SHA-256", "y,,", "y,,", EXCHANGE_WRONG}, /* RFC 5802 6: the list of mechanisms was changed */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *bare = "n=user,r=abcdef";

		if (run_scram(cases[i].mechanism, &under_tls, cases[i].gs2, cases[i].bound, bare, "pencil") != cases[i].result)
			fail_msg("%s with %s", cases[i].mechanism, cases[i].bound);
	}
	assert_null(exchange_begin(&exchanges, STR("SCRAM-SHA-256-PLUS"), &in_clear, NULL));
}

static void test_rfc7677(void **state)
{
	const struct scram_bindings none = {0};
	struct scram_server server;
	struct scram_keys keys;
	struct buf said;

	(void)state;
	example_keys(&keys);
	buf_init(&said, 4096);
	scram_server_init(&server);
	assert_int_equal(scram_server_first(&server, STR("n,," CLIENT_FIRST_BARE), false, &none), SCRAM_GOOD);
	scram_server_challenge(&server, &keys, STR("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"), &said);
	assert_string_equal(buf_text(&said), SERVER_FIRST);
	buf_reset(&said);
	assert_int_equal(scram_server_last(&server, STR(CLIENT_FINAL_BARE ",p=" CLIENT_PROOF), &said), SCRAM_GOOD);
	assert_string_equal(buf_text(&said), "v=" SERVER_SIGNATURE);
	scram_server_free(&server);
	buf_free(&said);
}

static enum exchange_state run_digest(bool is_keyed, const char *name, const char *password, const char *change)
{
	struct exchange *exchange = is_keyed ? exchange_begin(&exchanges, STR("cram-md5"), &under_tls, NULL)
	                                     : exchange_begin_apop(&exchanges, &under_tls, NULL);
	char digest[EXCHANGE_DIGEST_LEN + 1];
	struct buf challenge, response;
	enum exchange_state result;

	assert_non_null(exchange);
	buf_init(&challenge, 4096);
	buf_init(&response, 4096);
	assert_int_equal(exchange_step(exchange, (struct str){NULL, 0}, &challenge), EXCHANGE_CONTINUE);
	assert_true(str_starts(buf_str(&challenge), STR("<")) &&
	            str_ends_nocase(buf_str(&challenge), STR("@mail.example.test>")));
	assert_true(exchange_digest(is_keyed, buf_str(&challenge), str_of(password), digest));
	buf_printf(&response, "%s%s%s", name, change, digest);
	result = exchange_step(exchange, buf_str(&response), &challenge);
	assert_int_equal(challenge.len, 0);
	exchange_end(exchange);
	buf_free(&challenge);
	buf_free(&response);
	return result;
}

static void test_digest(void **state)
{
	char digest[EXCHANGE_DIGEST_LEN + 1];
	struct exchange *exchange;
	struct buf challenge;

	(void)state;
	/* RFC 2195 2 */
	assert_true(
	    exchange_digest(true, STR("<1896.697170952@postoffice.reston.mci.net>"), STR("tanstaaftanstaaf"), digest));
	assert_string_equal(digest, "b913a602c7eda7a495b4e6e7334d3890");
	/* RFC 1939 7 */
	assert_true(exchange_digest(false, STR("<1896.697170952@dbc.mtview.ca.us>"), STR("tanstaaf"), digest));
	assert_string_equal(digest, "c4c9334bac560ecc979e58001b3e22fb");

	for (int is_keyed = 0; is_keyed < 2; is_keyed++) {
		assert_int_equal(run_digest(is_keyed, "user", "pencil", " "), EXCHANGE_PROVED);
		assert_int_equal(run_digest(is_keyed, "user", "Pencil", " "), EXCHANGE_WRONG);
		assert_int_equal(run_digest(is_keyed, "two words", "nobody knows this", " "), EXCHANGE_PROVED);
		assert_int_equal(run_digest(is_keyed, "broken", "pencil", " "), EXCHANGE_UNSURE);
		assert_int_equal(run_digest(is_keyed, "user", "pencil", ""), EXCHANGE_MALFORMED);
		assert_int_equal(run_digest(is_keyed, "", "pencil", " "), EXCHANGE_MALFORMED);
	}
	assert_null(exchange_begin(&exchanges, STR("CRAM-MD5"), &in_clear, NULL));
	assert_null(exchange_begin_apop(&exchanges, &in_clear, NULL));
	buf_init(&challenge, 4096);
	exchange = exchange_begin(&exchanges, STR("CRAM-MD5"), &under_tls, NULL);
	assert_int_equal(exchange_step(exchange, STR("user 00"), &challenge), EXCHANGE_MALFORMED); /* the server begins */
	exchange_end(exchange);
	buf_free(&challenge);
}

/* Run a whole exchange of a mechanism with these responses, each NULL for none; the last state. */
static enum exchange_state run(const char *mechanism, const struct str *responses, const char *name,
                               const char *password)
{
	struct exchange *exchange = exchange_begin(&exchanges, str_of(mechanism), &in_clear, NULL);
	enum exchange_state result = EXCHANGE_CONTINUE;
	struct buf challenge;

	assert_non_null(exchange);
	buf_init(&challenge, 4096);
	for (int i = 0; result == EXCHANGE_CONTINUE && i < 3; i++)
		result = exchange_step(exchange, responses[i], &challenge);
	if (result == EXCHANGE_PASSWORD) {
		assert_true(str_equal(exchange_name(exchange), str_of(name)));
		assert_true(str_equal(exchange_password(exchange), str_of(password)));
	}
	exchange_end(exchange);
	buf_free(&challenge);
	return result;
}

#define NONE ((struct str){NULL, 0})

static void test_plain(void **state)
{
	(void)state;
	const struct {
		struct str message;
		enum exchange_state result;
	} cases[] = {
	    /* RFC 4616 section 4 */
	    {STR("\0tim\0tanstaaftanstaaf"), EXCHANGE_PASSWORD},   {STR("tim\0tim\0tanstaaftanstaaf"), EXCHANGE_PASSWORD},
	    {STR("Ursel\0tim\0tanstaaftanstaaf"), EXCHANGE_WRONG}, {STR("tim\0tanstaaftanstaaf"), EXCHANGE_MALFORMED},
	    {STR("\0\0tanstaaftanstaaf"), EXCHANGE_MALFORMED},     {STR("\0tim\0"), EXCHANGE_MALFORMED},
	    {STR("\0tim\0tanstaaf\0more"), EXCHANGE_MALFORMED},    {STR(""), EXCHANGE_MALFORMED},
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct str at_once[3] = {cases[i].message, NONE, NONE};
		const struct str asked_for[3] = {NONE, cases[i].message, NONE};

		assert_int_equal(run("PLAIN", at_once, "tim", "tanstaaftanstaaf"), cases[i].result);
		assert_int_equal(run("plain", asked_for, "tim", "tanstaaftanstaaf"), cases[i].result);
	}
	assert_null(exchange_begin(&exchanges, STR("GSSAPI"), &under_tls, NULL));
	assert_null(exchange_begin(&exchanges, STR(""), &under_tls, NULL));
}

static void test_login(void **state)
{
	const struct str asked_for[3] = {NONE, STR("tim"), STR("secret")}, at_once[3] = {STR("tim"), STR("secret"), NONE};
	const struct str empty[3] = {NONE, STR(""), NONE}, nul[3] = {NONE, STR("tim"), STR("sec\0ret")};
	const struct str nothing[3] = {NONE, NONE, NONE};
	(void)state;
	assert_int_equal(run("LOGIN", asked_for, "tim", "secret"), EXCHANGE_PASSWORD);
	assert_int_equal(run("LOGIN", at_once, "tim", "secret"), EXCHANGE_PASSWORD);
	assert_int_equal(run("LOGIN", empty, "", ""), EXCHANGE_MALFORMED);
	assert_int_equal(run("LOGIN", nul, "", ""), EXCHANGE_MALFORMED);
	assert_int_equal(run("LOGIN", nothing, "", ""), EXCHANGE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_derive), cmocka_unit_test(test_text),    cmocka_unit_test(test_fake),
	    cmocka_unit_test(test_scram),  cmocka_unit_test(test_binding), cmocka_unit_test(test_rfc7677),
	    cmocka_unit_test(test_digest), cmocka_unit_test(test_plain),   cmocka_unit_test(test_login),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("authd/scram and exchange", tests, NULL, NULL);
}
