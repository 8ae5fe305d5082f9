/* Chains of our own making; those of others are in t/e2e/36-dkim.t. */
#include "common/mailauth/arc/arc.h"

#include "t/unit/common/mailauth/dkim/fixture.h"

#include <openssl/evp.h>

#define MESSAGE "From: Anna <anna@example.com>\r\nSubject: hello\r\n\r\nHello Bob.\r\n"

static struct dkim_private_key key;
static struct dkim_signer signer;

static int make_key(void **state)
{
	struct buf record;

	fixture_setup(state);
	key = (struct dkim_private_key){.type = DKIM_ED25519, .pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")};
	signer = (struct dkim_signer){
	    .domain = STR("example.net"),
	    .selector = STR("s"),
	    .key = &key,
	    .header_canon = DKIM_RELAXED,
	    .body_canon = DKIM_RELAXED,
	    .now = 1528637909,
	};
	buf_init(&record, 200);
	assert_int_equal(dkim_private_key_record(&key, &record, &err), 0);
	publish("s._domainkey.example.net", buf_text(&record));
	buf_free(&record);
	return 0;
}

static int free_key(void **state)
{
	dkim_private_key_free(&key);
	return fixture_teardown(state);
}

static struct arc_result verify_chain(struct str text)
{
	struct mailauth_dns dns = mailauth_table_dns(&table);
	struct dkim_message message;
	struct arc_chain chain;
	struct arc_result result;
	struct str body, header = cut_header(text, &body);

	assert_int_equal(dkim_message_open(&message, header, &arena, &err), 0);
	arc_find(&message, &chain);
	feed(&message, body, 3);
	arc_verify(&message, &chain, &dns, 1528637909, &result);
	dkim_message_close(&message);
	return result;
}

static struct str seal(struct str text, enum arc_state state, const char *results)
{
	struct dkim_message message;
	struct arc_chain chain;
	struct arc_sealing sealing;
	struct str body, header = cut_header(text, &body);
	struct buf out;

	buf_init(&out, 100000);
	assert_int_equal(dkim_message_open(&message, header, &arena, &err), 0);
	arc_find(&message, &chain);
	assert_int_equal(arc_seal_begin(&message, &chain, state, &signer, &sealing, &err), 0);
	feed(&message, body, 0);
	assert_int_equal(arc_seal(&message, &chain, &sealing, &signer, str_of(results), &out, &err), 0);
	dkim_message_close(&message);
	text = arena_printf(&arena, "%.*s%.*s", STR_ARG(buf_str(&out)), STR_ARG(text));
	buf_free(&out);
	return text;
}

static void assert_fails(struct str text, const char *reason)
{
	struct arc_result result = verify_chain(text);

	assert_string_equal(arc_word(result.state), "fail");
	assert_string_equal(result.reason.data, reason);
	assert_int_equal(result.count, 0);
	assert_null(result.sets);
}

static void test_chain(void **state)
{
	struct str one = seal(STR(MESSAGE), ARC_NONE, "mx.example.net; spf=pass smtp.mailfrom=example.com"), two;
	struct arc_result result = verify_chain(one);

	(void)state;
	assert_string_equal(result.reason.data, "");
	assert_string_equal(arc_word(result.state), "pass");
	assert_int_equal(result.count, 1);
	assert_true(str_equal(result.sets[0].domain, STR("example.net")));
	assert_true(str_equal(result.sets[0].selector, STR("s")));
	assert_true(str_equal(result.sets[0].results, STR("mx.example.net; spf=pass smtp.mailfrom=example.com")));
	assert_int_equal(result.oldest_pass, 0);
	/* the second changes the message */
	two = seal(changed(one, "Bob", "Rob"), ARC_PASS, "mx2.example.net;\r\n\tarc=pass");
	result = verify_chain(two);
	assert_string_equal(result.reason.data, "");
	assert_int_equal(result.count, 2);
	assert_int_equal(result.oldest_pass, 2);
	assert_true(str_equal(result.sets[1].results, STR("mx2.example.net;\r\n\tarc=pass")));
	assert_fails(changed(two, "Rob", "Bob"), "signature 2: the body is another one");
	assert_fails(changed(two, "mx.example", "my.example"), "seal 2: the signature is not that of these sets");
	assert_string_equal(arc_word(verify_chain(STR(MESSAGE)).state), "none");
}

/* RFC 8617 5.2.1: a chain whose key cannot be had now is broken for good. */
static void test_dns(void **state)
{
	struct str text;

	(void)state;
	mailauth_table_fail(&table, "s._domainkey.away.example");
	signer.domain = STR("away.example");
	text = seal(STR(MESSAGE), ARC_NONE, "mx");
	signer.domain = STR("none.example");
	assert_fails(text, "signature 1: the DNS does not give the key now");
	assert_fails(seal(STR(MESSAGE), ARC_NONE, "mx"), "signature 1: there is no key");
	signer.domain = STR("example.net");
}

/* RFC 8617 4.1.1: arc-info = instance [CFWS] ";", instance = [CFWS] "i" [CFWS] "=" [CFWS] position. */
static void test_instances(void **state)
{
	static const char *const good[] = {"i=1;", "\r\n\t(a (nested\\)) comment) i (x) = \r\n 1 (y);", "i=01;"};
	static const char *const bad[] = {"i=0;", "i=;", "=1;", "I=1;", "i=x;", "i=1", "(i=1;", "i=99;", "j=1;", ""};
	static const char format[] = "ARC-Authentication-Results:%s mx\r\nFrom: a@example.com\r\n\r\n";

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_fails(arena_printf(&arena, format, good[i]), "set 1 is not complete");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_fails(arena_printf(&arena, format, bad[i]), "an ARC-Authentication-Results field belongs to no set");
}

static void test_structure(void **state)
{
	struct str one = seal(STR(MESSAGE), ARC_NONE, "mx"), two = seal(one, ARC_PASS, "mx");

	(void)state;
	assert_fails(changed(two, "h=From", "h=ARC-Seal:From"), "signature 2: a seal is signed");
	/* one that is broken breaks the chain only where it is the last; its seal still has to hold */
	assert_fails(changed(one, "h=From:From", "h=To"), "signature 1: the From field is not signed");
	assert_fails(changed(two, "; cv=pass", "; h=from; cv=pass"), "an ARC-Seal is broken: a seal must not have h=");
	assert_fails(changed(two, "; cv=pass", ""), "an ARC-Seal is broken: the tag cv= is missing");
	assert_fails(changed(two, "cv=pass", "cv=PASS"), "seal 2 has the wrong cv=");
	assert_fails(changed(one, "cv=none", "cv=pass"), "seal 1 has the wrong cv=");
	assert_fails(changed(one, "ARC-Seal: i=1", "ARC-Seal: i=51"),
	             "an ARC-Seal is broken: i= is not a number from 1 to 50");
	assert_fails(changed(one, "ARC-Message-Signature: i=1", "ARC-Message-Signature: i=0"),
	             "an ARC-Message-Signature belongs to no set: i= is not a number from 1 to 50");
}

/* RFC 8617 5.1.2: the seal on a broken chain covers its own set alone, and ends the chain. */
static void test_dead(void **state)
{
	struct str one = seal(STR(MESSAGE), ARC_NONE, "mx"), dead;
	struct dkim_message message;
	struct arc_chain chain;
	struct arc_sealing sealing;

	(void)state;
	dead = seal(one, ARC_FAIL, "mx; arc=fail");
	assert_true(str_find(dead, STR("cv=fail")) >= 0);
	assert_fails(dead, "the chain was found broken before");
	assert_int_equal(dkim_message_open(&message, dead, &arena, &err), 0);
	arc_find(&message, &chain);
	assert_int_equal(arc_seal_begin(&message, &chain, ARC_FAIL, &signer, &sealing, &err), -1);
	assert_int_equal(err.code, ERR_DENIED);
	dkim_message_close(&message);
	/* what cannot be covered is not called good, whatever the caller says */
	dead = seal(changed(one, "ARC-Auth", "X-Auth"), ARC_PASS, "mx");
	assert_true(str_find(dead, STR("cv=fail")) >= 0);
}

static unsigned asked;

/* Somebody else who has the key, as long as there is one. */
static int sign_elsewhere(const struct dkim_signer *by, const unsigned char hash[DKIM_HASH_SIZE], struct buf *out,
                          struct err *reason)
{
	assert_null(by->key->pkey);
	if (by->context == NULL)
		return err_set(reason, ERR_NOT_FOUND, "the key has gone");
	asked++;
	return dkim_sign_hash(by->context, hash, out, reason);
}

static void test_key_elsewhere(void **state)
{
	static const struct dkim_private_key type = {.type = DKIM_ED25519};
	struct dkim_message message;
	struct arc_chain chain;
	struct arc_sealing sealing;
	struct buf out;

	(void)state;
	signer.key = &type;
	signer.sign = sign_elsewhere;
	signer.context = &key;
	assert_string_equal(arc_word(verify_chain(seal(STR(MESSAGE), ARC_NONE, "mx")).state), "pass");
	assert_int_equal(asked, 2); /* the message's and the seal */
	signer.context = NULL;
	buf_init(&out, 100000);
	assert_int_equal(dkim_message_open(&message, STR("From: a@b\r\n"), &arena, &err), 0);
	arc_find(&message, &chain);
	assert_int_equal(arc_seal_begin(&message, &chain, ARC_NONE, &signer, &sealing, &err), 0);
	assert_int_equal(arc_seal(&message, &chain, &sealing, &signer, STR("mx"), &out, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	dkim_message_close(&message);
	buf_free(&out);
	signer.key = &key;
	signer.sign = NULL;
}

/* RFC 8617 4.2.1: there are fifty at most. */
static void test_fifty(void **state)
{
	struct str text = STR(MESSAGE);
	struct dkim_message message;
	struct arc_chain chain;
	struct arc_sealing sealing;

	(void)state;
	for (int i = 1; i <= 50; i++)
		text = seal(text, i == 1 ? ARC_NONE : ARC_PASS, "mx");
	assert_string_equal(arc_word(verify_chain(text).state), "pass");
	assert_int_equal(dkim_message_open(&message, text, &arena, &err), 0);
	arc_find(&message, &chain);
	assert_int_equal(arc_seal_begin(&message, &chain, ARC_PASS, &signer, &sealing, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	dkim_message_close(&message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_chain),     cmocka_unit_test(test_dns),  cmocka_unit_test(test_instances),
	    cmocka_unit_test(test_structure), cmocka_unit_test(test_dead), cmocka_unit_test(test_key_elsewhere),
	    cmocka_unit_test(test_fifty),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("arc", tests, make_key, free_key);
}
