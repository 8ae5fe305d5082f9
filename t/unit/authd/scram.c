/* SCRAM keys and exchanges against the example of RFC 7677 section 3; PLAIN and LOGIN. */
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
static void client_final(const char *password, const char *first_bare, const char *gs2, struct str server_first,
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
	base64_encode(str_of(gs2), out);
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

static enum exchange_state run_scram(struct exchanges *exchanges, const char *gs2, const char *first_bare,
                                     const char *password)
{
	struct exchange *exchange = exchange_begin(exchanges, STR("scram-sha-256"), NULL);
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
		client_final(password, first_bare, gs2, buf_str(&challenge), &message);
		result = exchange_step(exchange, buf_str(&message), &challenge);
	}
	if (result == EXCHANGE_PROVED)
		assert_true(str_starts(buf_str(&challenge), STR("v=")));
	exchange_end(exchange);
	buf_free(&challenge);
	buf_free(&message);
	return result;
}

static void test_scram(void **state)
{
	struct exchanges exchanges;
	int asked = 0;

	(void)state;
	assert_int_equal(exchanges_open(&exchanges, lookup, &asked, NULL), 0);
	assert_int_equal(run_scram(&exchanges, "n,,", "n=user,r=abcdef", "pencil"), EXCHANGE_PROVED);
	assert_int_equal(asked, 1);
	assert_int_equal(run_scram(&exchanges, "y,,", "n=user,r=abcdef", "pencil"), EXCHANGE_PROVED);
	assert_int_equal(run_scram(&exchanges, "n,,", "n=user,r=abcdef", "Pencil"), EXCHANGE_WRONG);
	assert_int_equal(run_scram(&exchanges, "n,,", "n=nobody,r=abcdef", "pencil"), EXCHANGE_WRONG);
	assert_int_equal(run_scram(&exchanges, "n,a=user,", "n=user,r=abcdef", "pencil"), EXCHANGE_PROVED);
	assert_int_equal(run_scram(&exchanges, "n,a=boss,", "n=user,r=abcdef", "pencil"), EXCHANGE_WRONG);
	assert_int_equal(run_scram(&exchanges, "n,,", "n=broken,r=abcdef", "pencil"), EXCHANGE_UNSURE);
	assert_int_equal(run_scram(&exchanges, "p=tls-unique,,", "n=user,r=abcdef", "pencil"), EXCHANGE_MALFORMED);
	assert_int_equal(run_scram(&exchanges, "n,,", "n=\xc2\xad,r=abcdef", "pencil"), EXCHANGE_MALFORMED);
	assert_int_equal(run_scram(&exchanges, "", "rubbish", "pencil"), EXCHANGE_MALFORMED);
	exchanges_close(&exchanges);
}

/* Run a whole exchange of a mechanism with these responses, each NULL for none; the last state. */
static enum exchange_state run(struct exchanges *exchanges, const char *mechanism, const struct str *responses,
                               const char *name, const char *password)
{
	struct exchange *exchange = exchange_begin(exchanges, str_of(mechanism), NULL);
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
	struct exchanges exchanges;
	int asked = 0;

	(void)state;
	assert_int_equal(exchanges_open(&exchanges, lookup, &asked, NULL), 0);
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

		assert_int_equal(run(&exchanges, "PLAIN", at_once, "tim", "tanstaaftanstaaf"), cases[i].result);
		assert_int_equal(run(&exchanges, "plain", asked_for, "tim", "tanstaaftanstaaf"), cases[i].result);
	}
	assert_null(exchange_begin(&exchanges, STR("CRAM-MD5"), NULL));
	assert_null(exchange_begin(&exchanges, STR(""), NULL));
	exchanges_close(&exchanges);
}

static void test_login(void **state)
{
	const struct str asked_for[3] = {NONE, STR("tim"), STR("secret")}, at_once[3] = {STR("tim"), STR("secret"), NONE};
	const struct str empty[3] = {NONE, STR(""), NONE}, nul[3] = {NONE, STR("tim"), STR("sec\0ret")};
	const struct str nothing[3] = {NONE, NONE, NONE};
	struct exchanges exchanges;
	int asked = 0;

	(void)state;
	assert_int_equal(exchanges_open(&exchanges, lookup, &asked, NULL), 0);
	assert_int_equal(run(&exchanges, "LOGIN", asked_for, "tim", "secret"), EXCHANGE_PASSWORD);
	assert_int_equal(run(&exchanges, "LOGIN", at_once, "tim", "secret"), EXCHANGE_PASSWORD);
	assert_int_equal(run(&exchanges, "LOGIN", empty, "", ""), EXCHANGE_MALFORMED);
	assert_int_equal(run(&exchanges, "LOGIN", nul, "", ""), EXCHANGE_MALFORMED);
	assert_int_equal(run(&exchanges, "LOGIN", nothing, "", ""), EXCHANGE_MALFORMED);
	exchanges_close(&exchanges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_derive), cmocka_unit_test(test_text),  cmocka_unit_test(test_fake),
	    cmocka_unit_test(test_scram),  cmocka_unit_test(test_plain), cmocka_unit_test(test_login),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("authd/scram and exchange", tests, NULL, NULL);
}
