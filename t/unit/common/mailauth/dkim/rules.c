/* What a signature and a key's record must be (RFC 6376 3.5, 3.6, 6.1; RFC 8301, 8463, 8616), and what becomes of it.
 */
#include "t/unit/common/mailauth/dkim/fixture.h"

#include "common/base/base64.h"
#include "common/mailauth/dkim/check.h"
#include "common/mailauth/tags/tags.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#define HEADER "From: Anna <anna@example.com>\r\nTo: bob@example.net\r\nSubject: hello\r\n"
#define BODY   "Hello Bob.\r\n"

static struct dkim_private_key rsa, ed25519;
static char rsa_record[1000], ed25519_record[200];

static struct dkim_private_key make_key(EVP_PKEY *pkey)
{
	struct dkim_private_key key;
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long len;

	assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	len = BIO_get_mem_data(bio, &pem);
	assert_int_equal(dkim_private_key_read(str_from(pem, (size_t)len), &key, &err), 0);
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return key;
}

static void make_record(const struct dkim_private_key *key, char *out, size_t size)
{
	struct buf record;

	buf_init(&record, 1000);
	assert_int_equal(dkim_private_key_record(key, &record, &err), 0);
	assert_true(str_copy(buf_str(&record), out, size));
	buf_free(&record);
}

static int make_keys(void **state)
{
	fixture_setup(state);
	rsa = make_key(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
	ed25519 = make_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	make_record(&rsa, rsa_record, sizeof rsa_record);
	make_record(&ed25519, ed25519_record, sizeof ed25519_record);
	return 0;
}

static int free_keys(void **state)
{
	dkim_private_key_free(&rsa);
	dkim_private_key_free(&ed25519);
	return fixture_teardown(state);
}

static struct dkim_signer signer_of(const struct dkim_private_key *key)
{
	return (struct dkim_signer){
	    .domain = STR("example.com"),
	    .selector = key == &rsa ? STR("rsa") : STR("ed"),
	    .key = key,
	    .now = 1528637909,
	};
}

/* The message with a signature on top. */
static struct str sign(struct str message, const struct dkim_signer *signer)
{
	struct dkim_signing signing = {0};
	struct dkim_message signed_message;
	struct str body, header = cut_header(message, &body);
	struct buf field;

	buf_init(&field, 10000);
	assert_int_equal(dkim_message_open(&signed_message, header, &arena, &err), 0);
	assert_int_equal(dkim_sign_begin(&signed_message, signer, &signing, &err), 0);
	feed(&signed_message, body, 7);
	assert_int_equal(dkim_sign(&signed_message, signer, &signing, &field, &err), 0);
	dkim_message_close(&signed_message);
	message = arena_printf(&arena, "%.*s%.*s", STR_ARG(buf_str(&field)), STR_ARG(message));
	buf_free(&field);
	return message;
}

/* A signature of our key, but with tags as given, which come without bh= and b=: they are added. */
static struct str sign_tags(const char *tags, const struct dkim_private_key *key, const char *header, const char *body)
{
	unsigned char hash[DKIM_HASH_SIZE];
	struct dkim_message message;
	struct dkim_signature signature;
	struct str text = str_of(body), field;
	struct buf b, bh;

	buf_init(&b, 2000);
	buf_init(&bh, 100);
	/* RFC 6376 3.4.3 for this body, which needs nothing but its l= */
	if (strstr(tags, "l=5;") != NULL)
		text = str_sub(text, 0, 5);
	EVP_Digest(text.data, text.len, hash, NULL, EVP_sha256(), NULL);
	base64_encode(str_from((const char *)hash, sizeof hash), &bh);
	field = arena_printf(&arena, "DKIM-Signature: %sbh=%s; b=", tags, buf_text(&bh));
	text = arena_printf(&arena, "%.*sAAAA\r\n%s", STR_ARG(field), header);
	assert_int_equal(dkim_message_open(&message, text, &arena, &err), 0);
	/* Where the tags are no good there is nothing to be signed. */
	if (dkim_signature_parse(&message.fields.list[0], DKIM_SIGNATURE, &arena, &signature, &err) == 0) {
		dkim_hash_header(&message, &signature, hash);
		assert_int_equal(dkim_sign_hash(key, hash, &b, &err), 0);
	} else {
		buf_add_str(&b, STR("AAAA\r\n"));
	}
	dkim_message_close(&message);
	text = arena_printf(&arena, "%.*s%s%s\r\n%s", STR_ARG(field), buf_text(&b), header, body);
	buf_free(&b);
	buf_free(&bh);
	return text;
}

static void assert_state(struct str message, enum dkim_state state, const char *reason)
{
	struct dkim_results results = verify(message);

	assert_int_equal(results.count, 1);
	assert_string_equal(results.list[0].reason.data, reason);
	assert_string_equal(dkim_word(results.list[0].state), dkim_word(state));
}

static void test_round(void **state)
{
	static const struct dkim_private_key *const keys[] = {&rsa, &ed25519};
	struct str message = STR(HEADER "Date: Fri, 11 Jul 2003 21:00:37 -0700\r\nX-Other: yes\r\n\r\n" BODY);

	(void)state;
	publish("rsa._domainkey.example.com", rsa_record);
	publish("ed._domainkey.example.com", ed25519_record);
	for (int form = 0; form < 8; form++) {
		struct dkim_signer signer = signer_of(keys[form >> 2]);
		struct str good;

		signer.header_canon = form & 1 ? DKIM_RELAXED : DKIM_SIMPLE;
		signer.body_canon = form & 2 ? DKIM_RELAXED : DKIM_SIMPLE;
		signer.expiry = 1528637910;
		good = sign(message, &signer);
		assert_state(good, DKIM_PASS, "");
		assert_state(changed(good, "Hello Bob", "Hello Bob  "), DKIM_FAIL, "the body is another one");
		assert_state(changed(good, "Bob.", "Bob. "), form & 2 ? DKIM_PASS : DKIM_FAIL,
		             form & 2 ? "" : "the body is another one");
		assert_state(changed(good, "Subject: hello", "SUBJECT:  hello"), form & 1 ? DKIM_PASS : DKIM_FAIL,
		             form & 1 ? "" : "the signature is not that of this header");
		assert_state(changed(good, "Subject: hello", "Subject: hullo"), DKIM_FAIL,
		             "the signature is not that of this header");
		assert_state(changed(good, "X-Other: yes", "X-Other: no"), DKIM_PASS, "");
		/* named once more than they are there: none can be added */
		assert_state(changed(good, "Subject: hello", "Subject: hello\r\nSubject: evil"), DKIM_FAIL,
		             "the signature is not that of this header");
		assert_state(changed(good, "To: bob", "From: eve@example.com\r\nTo: bob"), DKIM_FAIL,
		             "the signature is not that of this header");
		assert_int_equal(verify_at(good, 0, 1528637911).list[0].state, DKIM_POLICY);
		/* two signatures */
		signer = signer_of(keys[1 - (form >> 2)]);
		assert_int_equal(verify(sign(good, &signer)).list[0].state, DKIM_PASS);
		assert_int_equal(verify(sign(good, &signer)).list[1].state, DKIM_PASS);
	}
}

static void test_signed_fields(void **state)
{
	struct dkim_signer signer = signer_of(&ed25519);
	struct str text = sign(STR(HEADER "Received: x\r\nTo: more@example.net\r\nReturn-Path: <>\r\n\r\n" BODY), &signer);
	struct dkim_fields fields;
	struct dkim_signature signature;

	(void)state;
	assert_int_equal(dkim_fields_read(text, &arena, &fields, &err), 0);
	assert_int_equal(dkim_signature_parse(&fields.list[0], DKIM_SIGNATURE, &arena, &signature, &err), 0);
	assert_true(str_equal(mailauth_tag_squeeze(signature.names, &arena), STR("From:From:Subject:Subject:Date:To:To")));
	assert_true(str_equal(signature.identity, STR("@example.com")));
	assert_int_equal(signature.created, 1528637909);
	/* RFC 5322 2.1.1 */
	for (struct str rest = signature.field->whole; rest.data != NULL;)
		assert_true(str_cut(&rest, '\n').len <= 79);
}

static const struct tags_case {
	const char *tags;
	enum dkim_state state;
	const char *reason;
} tags_cases[] = {
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from;", DKIM_PASS, ""},
    {"v=1; a=rsa-sha256; c=relaxed; d=EXAMPLE.com; s=RSA; h=From : Subject:X-None;", DKIM_PASS, ""},
    /* whatever is not known */
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; z=From:x|To:=20y; foo_1=bar;", DKIM_PASS, ""},
    {"v=1; a=rsa-sha256; q=other/x:dns/txt; d=example.com; s=rsa; h=from;", DKIM_PASS, ""},
    {"v=1; a=rsa-sha256; q=other; d=example.com; s=rsa; h=from;", DKIM_NEUTRAL,
     "q= names no way to the key that is known"},
    {"v=2; a=rsa-sha256; d=example.com; s=rsa; h=from;", DKIM_NEUTRAL, "v= is not 1"},
    {"a=rsa-sha256; d=example.com; s=rsa; h=from;", DKIM_NEUTRAL, "v= is not 1"},
    {"v=1; a=rsa-sha512; d=example.com; s=rsa; h=from;", DKIM_NEUTRAL, "a= names an algorithm that is not known"},
    /* RFC 8301 3.1 */
    {"v=1; a=rsa-sha1; d=example.com; s=rsa; h=from;", DKIM_POLICY, "rsa-sha1 proves nothing any more"},
    {"v=1; a=rsa-sha256; c=relaxed/none; d=example.com; s=rsa; h=from;", DKIM_NEUTRAL,
     "c= names a canonical form that is not known"},
    {"v=1; d=example.com; s=rsa; h=from;", DKIM_NEUTRAL, "the tag a= is missing"},
    {"v=1; a=rsa-sha256; s=rsa; h=from;", DKIM_NEUTRAL, "the tag d= is missing"},
    {"v=1; a=rsa-sha256; d=example.com; h=from;", DKIM_NEUTRAL, "the tag s= is missing"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; ", DKIM_NEUTRAL, "the tag h= is missing"},
    {"v=1; a=rsa-sha256; d=com; s=rsa; h=from;", DKIM_NEUTRAL, "d= is not a domain"},
    {"v=1; a=rsa-sha256; d=example..com; s=rsa; h=from;", DKIM_NEUTRAL, "d= is not a domain"},
    {"v=1; a=rsa-sha256; d=example.com; s=r@sa; h=from;", DKIM_NEUTRAL, "s= is not a selector"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from::to;", DKIM_NEUTRAL, "h= has an empty name, or too many"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from to;", DKIM_NEUTRAL, "h= is not a list of names"},
    /* RFC 6376 6.1.1 */
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=to:subject;", DKIM_PERMERROR, "the From field is not signed"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; i=anna@example.com;", DKIM_PASS, ""},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; i=a=40b@Sub.Example.com;", DKIM_PASS, ""},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; i=@badexample.com;", DKIM_PERMERROR,
     "i= is not in the domain of d="},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; i=@com;", DKIM_PERMERROR, "i= is not in the domain of d="},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; i=example.com;", DKIM_NEUTRAL, "i= is not an address"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; i=a=4@example.com;", DKIM_NEUTRAL, "i= is not an address"},
    /* times: the clock stands at 1528637909 */
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; t=1528637909; x=1528637910;", DKIM_PASS, ""},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; t=1; x=2;", DKIM_POLICY, "it expired"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; x=999999999999;", DKIM_PASS, ""},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; x=9999999999999;", DKIM_NEUTRAL,
     "x= is not a number of at most 12 digits"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; t=2; x=2;", DKIM_NEUTRAL, "it expires before it was made"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; t=-2;", DKIM_NEUTRAL, "t= is not a number of at most 12 digits"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; l=5;", DKIM_PASS, ""},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; l=12;", DKIM_PASS, ""},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; l=13;", DKIM_FAIL, "the body is shorter than l= says"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; "
     "l=1000000000000000000000000000000000000000000000000000000000000000000000000000;",
     DKIM_FAIL, "the body is shorter than l= says"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; "
     "l=10000000000000000000000000000000000000000000000000000000000000000000000000000;",
     DKIM_NEUTRAL, "l= is not a number of at most 76 digits"},
    {"v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; l=5x;", DKIM_NEUTRAL, "l= is not a number"},
    /* RFC 6376 3.1: dots in a selector; RFC 8616: U-labels */
    {"v=1; a=rsa-sha256; d=example.com; s=a.b_c; h=from;", DKIM_PASS, ""},
    {"v=1; a=rsa-sha256; d=b\303\274cher.example; s=rsa; h=from; i=\303\244@b\303\274cher.example;", DKIM_PASS, ""},
    {"v=1; a=rsa-sha256; d=example.com; s=none; h=from;", DKIM_PERMERROR, "there is no key"},
    {"v=1; a=ed25519-sha256; d=example.com; s=rsa; h=from;", DKIM_PERMERROR, "the key is of another kind"},
};

static void test_tags(void **state)
{
	(void)state;
	publish("a.b_c._domainkey.example.com", rsa_record);
	publish("rsa._domainkey.xn--bcher-kva.example", rsa_record);
	for (size_t i = 0; i < sizeof tags_cases / sizeof tags_cases[0]; i++) {
		const struct tags_case *c = &tags_cases[i];

		assert_state(sign_tags(c->tags, &rsa, HEADER, BODY), c->state, c->reason);
	}
}

static void test_details(void **state)
{
	struct dkim_result result;

	(void)state;
	result = verify(sign_tags("v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; l=5;", &rsa, HEADER, BODY)).list[0];
	assert_true(result.is_partial);
	assert_int_equal(result.key_bits, 2048);
	result = verify(sign_tags("v=1; a=rsa-sha256; d=example.com; s=rsa; h=from; l=12;", &rsa, HEADER, BODY)).list[0];
	assert_false(result.is_partial);
	/* what can be told of one that is refused */
	result = verify(sign_tags("v=1; a=rsa-sha1; d=example.com; s=rsa; h=from;", &rsa, HEADER, BODY)).list[0];
	assert_true(str_equal(result.domain, STR("example.com")));
	assert_true(str_equal(result.selector, STR("rsa")));
	assert_true(str_equal(result.algorithm, STR("rsa-sha1")));
	result = verify(sign_tags("v=1; d=example.com;; s=rsa; h=from;", &rsa, HEADER, BODY)).list[0];
	assert_int_equal(result.state, DKIM_NEUTRAL);
	assert_true(str_equal(result.domain, STR("")));
}

/* RFC 6376 8.15 */
static void test_authors(void **state)
{
	struct str message = sign_tags("v=1; a=rsa-sha256; d=example.com; s=rsa; h=from;", &rsa, HEADER, BODY);

	(void)state;
	assert_state(changed(message, "DKIM-Sig", "From: eve@example.org\r\nDKIM-Sig"), DKIM_POLICY,
	             "there are From fields that are not signed");
	/* the lowest is the one that is signed */
	assert_state(changed(message, "Subject:", "From: eve@example.org\r\nSubject:"), DKIM_POLICY,
	             "there are From fields that are not signed");
}

static void assert_record(const char *record, enum dkim_state state, const char *reason)
{
	static unsigned number; /* every record has a name of its own */
	char selector[20], name[60];

	snprintf(selector, sizeof selector, "r%u", number++);
	snprintf(name, sizeof name, "%s._domainkey.example.com", selector);
	publish(name, record);
	assert_state(sign_tags(arena_printf(&arena, "v=1; a=rsa-sha256; d=example.com; s=%s; h=from;", selector).data, &rsa,
	                       HEADER, BODY),
	             state, reason);
}

static const char *record(const char *before, const char *after)
{
	return arena_printf(&arena, "%sp=%s%s", before, strstr(rsa_record, "p=") + 2, after).data;
}

/* The record with an RSA key of that many bits. */
static const char *record_of_bits(size_t bits)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
	struct dkim_private_key key = {.type = DKIM_RSA, .pkey = pkey};
	char text[2000];

	make_record(&key, text, sizeof text);
	EVP_PKEY_free(pkey);
	return arena_copy(&arena, str_of(text)).data;
}

/* A record with this in p=. */
static const char *record_of_octets(const unsigned char *octets, size_t len)
{
	struct str text;
	struct buf b;

	buf_init(&b, 1000);
	base64_encode(str_from((const char *)octets, len), &b);
	text = arena_printf(&arena, "p=%s", buf_text(&b));
	buf_free(&b);
	return text.data;
}

/* p= is a DER encoding; nothing may stand behind it, and no other kind of key in it. */
static void test_encodings(void **state)
{
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	unsigned char *info = NULL, *bare = NULL, *ec = NULL, more[1000] = {0};
	int info_len = i2d_PUBKEY(rsa.pkey, &info), bare_len = i2d_PublicKey(rsa.pkey, &bare);
	int ec_len = i2d_PUBKEY(other, &ec);

	(void)state;
	/* RFC 6376 3.6.1 describes the bare RSAPublicKey */
	assert_record(record_of_octets(bare, (size_t)bare_len), DKIM_PASS, "");
	assert_record(record_of_octets(info, (size_t)info_len), DKIM_PASS, "");
	for (int i = 0; i < 30; i++)
		assert_record(record_of_octets(info, (size_t)i * 9 + 1), DKIM_PERMERROR, "p= is not a key");
	memcpy(more, info, (size_t)info_len);
	assert_record(record_of_octets(more, (size_t)info_len + 1), DKIM_PERMERROR, "p= is not a key");
	memcpy(more, bare, (size_t)bare_len);
	more[bare_len] = 0;
	assert_record(record_of_octets(more, (size_t)bare_len + 1), DKIM_PERMERROR, "p= is not a key");
	assert_record(record_of_octets(ec, (size_t)ec_len), DKIM_PERMERROR, "p= is not a key");
	OPENSSL_free(info);
	OPENSSL_free(bare);
	OPENSSL_free(ec);
	EVP_PKEY_free(other);
}

static void test_records(void **state)
{
	(void)state;
	assert_record(record("", ""), DKIM_PASS, "");
	assert_record(record("v=DKIM1; n=a note; h=sha1:sha256; s=email:x; t=x; k=rsa; ", "; foo=bar"), DKIM_PASS, "");
	assert_record(record("h=sha256; s=*; g=; ", " ;"), DKIM_PASS, "");
	assert_record(record("v=DKIM1.0; ", ""), DKIM_PERMERROR, "the record is of another version");
	assert_record(record("k=rsa; v=DKIM1; ", ""), DKIM_PERMERROR, "the record is of another version");
	assert_record(record("h=sha1; ", ""), DKIM_PERMERROR, "the key is not for sha256");
	assert_record(record("s=tlsrpt; ", ""), DKIM_PERMERROR, "the key is not for mail");
	assert_record(record("k=dsa; ", ""), DKIM_PERMERROR, "the key is of a kind that is not known");
	assert_record(record("k=ed25519; ", ""), DKIM_PERMERROR, "p= is not a key");
	assert_record(record("k=rsa; k=rsa; ", ""), DKIM_PERMERROR, "the record is not a key's");
	assert_record(record("p=; ", ""), DKIM_PERMERROR, "the record is not a key's");
	assert_record("v=DKIM1; p=", DKIM_PERMERROR, "the key is revoked");
	assert_record("v=DKIM1", DKIM_PERMERROR, "the record has no p=");
	assert_record("v=DKIM1; p=%%%", DKIM_PERMERROR, "p= is not base64");
	assert_record("v=DKIM1; p=AAAA", DKIM_PERMERROR, "p= is not a key");
	assert_record(ed25519_record, DKIM_PERMERROR, "the key is of another kind");
	assert_record("", DKIM_PERMERROR, "the record is not a key's");
	assert_record("v=spf1 -all", DKIM_PERMERROR, "the record is of another version");
	/* RFC 8301 3.2 */
	assert_record(record_of_bits(1023), DKIM_POLICY, "the key has 1023 bits");
	assert_record(record_of_bits(1024), DKIM_FAIL, "the signature is not that of this header");
}

static void test_flags(void **state)
{
	static const char below[] = "v=1; a=rsa-sha256; d=example.com; s=strict; h=from; i=@sub.example.com;";
	struct dkim_result result;

	(void)state;
	publish("test._domainkey.example.com", record("t=s : y; ", ""));
	result = verify(sign_tags("v=1; a=rsa-sha256; d=example.com; s=test; h=from;", &rsa, HEADER, BODY)).list[0];
	assert_int_equal(result.state, DKIM_PASS);
	assert_true(result.is_testing);
	publish("strict._domainkey.example.com", record("t=s; ", ""));
	assert_state(sign_tags(below, &rsa, HEADER, BODY), DKIM_PERMERROR,
	             "i= is not in the very domain of d=, as the key wants");
	assert_state(sign_tags("v=1; a=rsa-sha256; d=example.com; s=strict; h=from; i=x@example.com;", &rsa, HEADER, BODY),
	             DKIM_PASS, "");
}

static void test_dns(void **state)
{
	struct str message;
	unsigned before;

	(void)state;
	/* of several records the one that is a key's */
	publish("many._domainkey.example.com", "v=spf1 -all");
	publish("many._domainkey.example.com", record("v=DKIM1; ", ""));
	assert_state(sign_tags("v=1; a=rsa-sha256; d=example.com; s=many; h=from;", &rsa, HEADER, BODY), DKIM_PASS, "");
	mailauth_table_fail(&table, "away._domainkey.example.com");
	message = sign_tags("v=1; a=rsa-sha256; d=example.com; s=away; h=from;", &rsa, HEADER, BODY);
	assert_state(message, DKIM_TEMPERROR, "the DNS does not give the key now");
	/* a body that was changed costs no question; a key is asked for once, also where nobody answers */
	before = table.questions;
	assert_state(changed(message, "Hello", "Hullo"), DKIM_FAIL, "the body is another one");
	assert_int_equal(table.questions, before);
	message = arena_printf(&arena, "%.*s%.*s", (int)str_find(message, STR("From:")), message.data, STR_ARG(message));
	assert_int_equal(verify(message).count, 2);
	assert_int_equal(table.questions, before + 1);
}

static void test_many(void **state)
{
	struct str message = sign_tags("v=1; a=rsa-sha256; d=example.com; s=rsa; h=from;", &rsa, HEADER, BODY);
	struct str field = str_sub(message, 0, (size_t)str_find(message, STR("From:")));

	(void)state;
	for (int i = 0; i < 15; i++)
		message = arena_printf(&arena, "%.*s%.*s", STR_ARG(field), STR_ARG(message));
	assert_int_equal(verify(message).count, DKIM_SIGNATURES_MAX);
	assert_int_equal(verify(message).list[DKIM_SIGNATURES_MAX - 1].state, DKIM_PASS);
	assert_int_equal(verify(STR(HEADER "\r\n" BODY)).count, 0);
}

/* A signature that names its own kind of field does not cover itself, but those below. */
static void test_nested(void **state)
{
	struct str inner = sign_tags("v=1; a=rsa-sha256; d=example.com; s=rsa; h=from;", &rsa, HEADER, BODY);
	struct str field = str_sub(inner, 0, (size_t)str_find(inner, STR("From:")));
	struct str header = arena_printf(&arena, "%.*s" HEADER, STR_ARG(field)), outer;

	(void)state;
	outer = sign_tags("v=1; a=rsa-sha256; d=example.com; s=rsa; h=from:dkim-signature:dkim-signature;", &rsa,
	                  header.data, BODY);
	assert_int_equal(verify(outer).list[0].state, DKIM_PASS);
	assert_int_equal(verify(outer).list[1].state, DKIM_PASS);
	/* the inner one's end is changed: neither it nor the outer one is as it was */
	outer = changed(outer, "\r\nFrom:", "x\r\nFrom:");
	assert_int_equal(verify(outer).list[0].state, DKIM_FAIL);
}

static void test_private_keys(void **state)
{
	EVP_PKEY *ec = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"),
	         *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)512);
	EVP_PKEY *const bad[] = {ec, small};
	struct dkim_private_key key;

	(void)state;
	assert_int_equal(dkim_private_key_read(STR("no key"), &key, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	for (int i = 0; i < 2; i++) {
		BIO *bio = BIO_new(BIO_s_mem());
		char *pem;
		long len;

		PEM_write_bio_PrivateKey(bio, bad[i], NULL, NULL, 0, NULL, NULL);
		len = BIO_get_mem_data(bio, &pem);
		assert_int_equal(dkim_private_key_read(str_from(pem, (size_t)len), &key, &err), -1);
		assert_int_equal(err.code, i == 0 ? ERR_SYNTAX : ERR_LIMIT);
		BIO_free(bio);
		/* with a password, which nobody is asked for */
		bio = BIO_new(BIO_s_mem());
		PEM_write_bio_PrivateKey(bio, rsa.pkey, EVP_aes_128_cbc(), (const unsigned char *)"pw", 2, NULL, NULL);
		len = BIO_get_mem_data(bio, &pem);
		assert_int_equal(dkim_private_key_read(str_from(pem, (size_t)len), &key, &err), -1);
		assert_int_equal(err.code, ERR_SYNTAX);
		BIO_free(bio);
		EVP_PKEY_free(bad[i]);
	}
	assert_true(strncmp(ed25519_record, "v=DKIM1; k=ed25519; p=", 22) == 0);
	assert_int_equal(strlen(ed25519_record), 22 + 44); /* RFC 8463 3 */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round),     cmocka_unit_test(test_signed_fields), cmocka_unit_test(test_tags),
	    cmocka_unit_test(test_details),   cmocka_unit_test(test_authors),       cmocka_unit_test(test_records),
	    cmocka_unit_test(test_encodings), cmocka_unit_test(test_flags),         cmocka_unit_test(test_dns),
	    cmocka_unit_test(test_many),      cmocka_unit_test(test_nested),        cmocka_unit_test(test_private_keys),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("rules", tests, make_keys, free_keys);
}
