/* The examples of the standards: RFC 6376 appendix A and RFC 8463 appendix A. */
#include "t/unit/common/mailauth/dkim/fixture.h"

static const char rfc6376_key[] =
    "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
    "IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
    "tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";

#define SIXPACK                                                        \
	"From: Joe SixPack <joe@football.example.com>\r\n"                 \
	"To: Suzie Q <suzie@shopping.example.net>\r\n"                     \
	"Subject: Is dinner ready?\r\n"                                    \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"                  \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n" \
	"\r\n"                                                             \
	"Hi.\r\n"                                                          \
	"\r\n"                                                             \
	"We lost the game. Are you hungry yet?\r\n"                        \
	"\r\n"                                                             \
	"Joe.\r\n"

/*
 * The RFC's typesetting changed blanks, which the simple forms do not forgive: the body is that of the hash, in both
 * examples the same, only with one blank between the sentences; the header that was signed has one more before "c=".
 */
static const char rfc6376[] = "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n"
                              "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n"
                              "      h=Received : From : To : Subject : Date : Message-ID;\r\n"
                              "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
                              "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n"
                              "      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n"
                              "      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n"
                              "      4bmp/YzhwvcubU4=;\r\n"
                              "Received: from client1.football.example.com  [192.0.2.1]\r\n"
                              "      by submitserver.example.com with SUBMISSION;\r\n"
                              "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n" SIXPACK;

static const char rfc8463[] = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
                              " d=football.example.com; i=@football.example.com;\r\n"
                              " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
                              " subject : date : message-id : from : subject : date;\r\n"
                              " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
                              " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n"
                              " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
                              "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
                              " d=football.example.com; i=@football.example.com;\r\n"
                              " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
                              " date : message-id : from : subject : date;\r\n"
                              " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
                              " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
                              " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
                              " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n" SIXPACK;

static void assert_str(struct str value, const char *expected)
{
	assert_int_equal(value.len, strlen(expected));
	assert_memory_equal(value.data, expected, value.len);
}

static void test_rfc6376(void **state)
{
	struct dkim_results results;

	(void)state;
	publish("brisbane._domainkey.example.com", rfc6376_key);
	results = verify(str_of(rfc6376));
	assert_int_equal(results.count, 1);
	assert_string_equal(results.list[0].reason.data, "");
	assert_int_equal(results.list[0].state, DKIM_PASS);
	assert_str(results.list[0].domain, "example.com");
	assert_str(results.list[0].selector, "brisbane");
	assert_str(results.list[0].algorithm, "rsa-sha256");
	assert_str(results.list[0].identity, "joe@football.example.com");
	assert_str(results.list[0].b, "AuUoFEfD");
	assert_int_equal(results.list[0].key_bits, 1024);
	assert_false(results.list[0].is_testing);
	assert_false(results.list[0].is_partial);
}

static void test_rfc8463(void **state)
{
	struct dkim_results results;

	(void)state;
	publish("brisbane._domainkey.football.example.com",
	        "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
	publish("test._domainkey.football.example.com",
	        "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
	        "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC"
	        "DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3"
	        "Ip3G+2kryOTIKT+l/K4w3QIDAQAB");
	results = verify(str_of(rfc8463));
	assert_int_equal(results.count, 2);
	assert_int_equal(results.list[0].state, DKIM_PASS);
	assert_str(results.list[0].algorithm, "ed25519-sha256");
	assert_str(results.list[0].identity, "@football.example.com");
	assert_str(results.list[0].b, "/gCrinpc");
	assert_int_equal(results.list[1].state, DKIM_PASS);
	assert_str(results.list[1].selector, "test");
	/* each stands alone */
	results = verify(changed(str_of(rfc8463), "b=/gCr", "b=/gCs"));
	assert_int_equal(results.list[0].state, DKIM_FAIL);
	assert_int_equal(results.list[1].state, DKIM_PASS);
}

/* However the body is cut. */
static void test_pieces(void **state)
{
	(void)state;
	for (size_t piece = 1; piece < 64; piece++) {
		struct dkim_results results = verify_at(str_of(rfc6376), piece, 0);

		assert_int_equal(results.list[0].state, DKIM_PASS);
		results = verify_at(str_of(rfc8463), piece, 0);
		assert_int_equal(results.list[0].state, DKIM_PASS);
		assert_int_equal(results.list[1].state, DKIM_PASS);
	}
}

/* In the simple forms every octet counts, but blanks within b= and what stands behind the last line. */
static void test_every_octet(void **state)
{
	struct str message = arena_copy(&arena, str_of(rfc6376));
	size_t b = (size_t)str_find(message, STR("b=AuU"));
	size_t b_end = (size_t)str_find(message, STR("Received: "));

	(void)state;
	for (size_t i = 0; i < message.len; i++) {
		char *at = (char *)message.data + i, old = *at;

		if (i >= b && i < b_end && strchr(" \r\n", old) != NULL)
			continue;
		*at = old == '.' ? ',' : (char)(old ^ 1);
		if (str_find(message, STR("\r\n\r\n")) >= 0 && passes(message))
			fail_msg("octet %zu (%c) may be another", i, old);
		*at = old;
	}
	assert_true(passes(message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rfc6376),
	    cmocka_unit_test(test_rfc8463),
	    cmocka_unit_test(test_pieces),
	    cmocka_unit_test(test_every_octet),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("examples", tests, fixture_setup, fixture_teardown);
}
