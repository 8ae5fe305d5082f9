/* Unit tests of sasl_client: the examples of the RFCs, and exchanges with libgsasl's servers. */
#include "common/login/sasl_client.h"

#include "common/base/base64.h"

#include <gsasl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
	struct sasl_client client;
	struct err err;
};

/* Begin with what a server lists. */
static int start(struct fixture *fixture, const char *offered, const char *user, const char *secret,
                 enum sasl_client_method method)
{
	const struct sasl_client_login login = {
	    .user = user, .secret = secret, .method = method, .host = "server.example.com", .port = 143};

	return sasl_client_start(&fixture->client, sasl_client_mechanisms(str_of(offered)), &login, &fixture->err);
}

static void assert_says(struct str base64, const char *wanted, size_t len)
{
	struct buf text;

	buf_init(&text, SASL_CLIENT_LINE_MAX);
	assert_int_equal(base64_decode(base64, &text), 0);
	assert_int_equal(text.len, len);
	assert_memory_equal(text.data, wanted, len);
	buf_free(&text);
}

/* RFC 2195 section 2, as the protocol has it in base64. */
static void test_cram_md5(void **state)
{
	struct fixture fixture;
	struct str response;

	(void)state;
	assert_int_equal(start(&fixture, "CRAM-MD5", "tim", "tanstaaftanstaaf", SASL_CLIENT_METHOD_CRAM_MD5), 0);
	assert_null(sasl_client_first(&fixture.client).data);
	assert_int_equal(sasl_client_step(&fixture.client, STR("PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"),
	                                  &response, &fixture.err),
	                 0);
	assert_says(response, "tim b913a602c7eda7a495b4e6e7334d3890", 36);
	assert_true(sasl_client_is_proven(&fixture.client));
	/* A server that goes on after the end gets nothing more. */
	assert_int_equal(sasl_client_step(&fixture.client, STR("PDE4OTY+"), &response, &fixture.err), -1);
	assert_int_equal(fixture.err.code, ERR_PROTOCOL);
	sasl_client_end(&fixture.client);
}

/* RFC 4616 section 4: message = [authzid] NUL authcid NUL passwd. */
static void test_plain_and_login(void **state)
{
	struct fixture fixture;
	struct str response;

	(void)state;
	assert_int_equal(start(&fixture, "PLAIN LOGIN", "tim", "tanstaaftanstaaf", SASL_CLIENT_METHOD_PLAIN_TEXT), 0);
	assert_string_equal(sasl_client_name(&fixture.client), "PLAIN");
	assert_says(sasl_client_first(&fixture.client), "\0tim\0tanstaaftanstaaf", 21);
	sasl_client_end(&fixture.client);

	assert_int_equal(start(&fixture, "LOGIN", "tim", "secret", SASL_CLIENT_METHOD_AUTOMATIC), 0);
	assert_null(sasl_client_first(&fixture.client).data);
	assert_int_equal(sasl_client_step(&fixture.client, STR("VXNlcm5hbWU6"), &response, &fixture.err), 0);
	assert_says(response, "tim", 3);
	assert_int_equal(sasl_client_step(&fixture.client, STR("UGFzc3dvcmQ6"), &response, &fixture.err), 0);
	assert_says(response, "secret", 6);
	sasl_client_end(&fixture.client);
}

/* 04-11: the strongest in common; a method that is chosen is kept to, and a token goes to its own mechanisms alone. */
static void test_choice(void **state)
{
	static const struct {
		const char *offered;
		enum sasl_client_method method;
		const char *chosen; /* NULL: none */
	} cases[] = {
	    {"LOGIN PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256", SASL_CLIENT_METHOD_AUTOMATIC, "SCRAM-SHA-256"},
	    {"LOGIN PLAIN CRAM-MD5 scram-sha-1", SASL_CLIENT_METHOD_AUTOMATIC, "SCRAM-SHA-1"},
	    {"PLAIN CRAM-MD5", SASL_CLIENT_METHOD_AUTOMATIC, "CRAM-MD5"},
	    {"PLAIN CRAM-MD5", SASL_CLIENT_METHOD_PLAIN_TEXT, "PLAIN"},
	    {"LOGIN CRAM-MD5", SASL_CLIENT_METHOD_PLAIN_TEXT, "LOGIN"},
	    {"PLAIN SCRAM-SHA-256", SASL_CLIENT_METHOD_CRAM_MD5, NULL},
	    {"PLAIN CRAM-MD5", SASL_CLIENT_METHOD_SCRAM, NULL},
	    {"NTLM GSSAPI SCRAM-SHA-256-PLUS", SASL_CLIENT_METHOD_AUTOMATIC, NULL},
	    {"XOAUTH2 OAUTHBEARER", SASL_CLIENT_METHOD_AUTOMATIC, NULL},
	    {"PLAIN XOAUTH2 OAUTHBEARER", SASL_CLIENT_METHOD_OAUTH, "OAUTHBEARER"},
	    {"PLAIN XOAUTH2", SASL_CLIENT_METHOD_OAUTH, "XOAUTH2"},
	    {"PLAIN", SASL_CLIENT_METHOD_OAUTH, NULL},
	};
	struct fixture fixture;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int result = start(&fixture, cases[i].offered, "tim", "secret", cases[i].method);

		assert_int_equal(result, cases[i].chosen != NULL ? 0 : -1);
		if (result != 0) {
			assert_int_equal(fixture.err.code, ERR_NOT_FOUND);
			continue;
		}
		assert_string_equal(sasl_client_name(&fixture.client), cases[i].chosen);
		sasl_client_end(&fixture.client);
	}
}

/* RFC 7628 section 4.1, with its token; and its section 4.3: an error is answered by ^A. */
static void test_oauthbearer(void **state)
{
	static const char token[] = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
	struct fixture fixture;
	struct str response;

	(void)state;
	assert_int_equal(start(&fixture, "OAUTHBEARER", "user@example.com", token, SASL_CLIENT_METHOD_OAUTH), 0);
	assert_true(
	    str_equal(sasl_client_first(&fixture.client),
	              STR("bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI"
	                  "HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB")));
	assert_int_equal(sasl_client_step(&fixture.client,
	                                  STR("eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIn0="),
	                                  &response, &fixture.err),
	                 0);
	assert_true(str_equal(response, STR("AQ==")));
	assert_int_equal(sasl_client_step(&fixture.client, STR("AQ=="), &response, &fixture.err), -1);
	sasl_client_end(&fixture.client);
	/* RFC 5801 section 4: "," and "=" of a name are escaped. */
	assert_int_equal(start(&fixture, "OAUTHBEARER", "a,b=c", "t", SASL_CLIENT_METHOD_OAUTH), 0);
	assert_says(sasl_client_first(&fixture.client),
	            "n,a=a=2Cb=3Dc,\1host=server.example.com\1port=143\1auth=Bearer t\1\1", 63);
	sasl_client_end(&fixture.client);
}

/* The example of Google's description of the protocol; what would end a field of the message is refused. */
static void test_xoauth2(void **state)
{
	struct fixture fixture;
	struct str response;

	(void)state;
	assert_int_equal(start(&fixture, "XOAUTH2", "someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg",
	                       SASL_CLIENT_METHOD_OAUTH),
	                 0);
	assert_true(str_equal(sasl_client_first(&fixture.client),
	                      STR("dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQ"
	                          "mhkSFJoZG1semRHRXVZMjl0Q2cBAQ==")));
	assert_int_equal(sasl_client_step(&fixture.client, STR("eyJzdGF0dXMiOiI0MDEifQ=="), &response, &fixture.err), 0);
	assert_int_equal(response.len, 0);
	sasl_client_end(&fixture.client);
	assert_int_equal(start(&fixture, "XOAUTH2", "a\1auth=x", "t", SASL_CLIENT_METHOD_OAUTH), -1);
	assert_int_equal(fixture.err.code, ERR_SYNTAX);
	assert_int_equal(start(&fixture, "XOAUTH2", "a", "t\1t", SASL_CLIENT_METHOD_OAUTH), -1);
	assert_int_equal(start(&fixture, "XOAUTH2", "a", "", SASL_CLIENT_METHOD_OAUTH), -1);
}

static int give_password(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	(void)library;
	if (property != GSASL_PASSWORD)
		return GSASL_NO_CALLBACK;
	gsasl_property_set(session, GSASL_PASSWORD, "pencil");
	return GSASL_OK;
}

/* A whole exchange with libgsasl's server. Returns whether both sides are content. */
static bool meets_server(const char *mechanism, const char *password)
{
	struct fixture fixture;
	Gsasl *library;
	Gsasl_session *server;
	struct str response;
	char *challenge = NULL;
	int rc = GSASL_NEEDS_MORE;
	bool proven;

	assert_int_equal(gsasl_init(&library), GSASL_OK);
	gsasl_callback_set(library, give_password);
	assert_int_equal(gsasl_server_start(library, mechanism, &server), GSASL_OK);
	assert_int_equal(start(&fixture, mechanism, "user", password, SASL_CLIENT_METHOD_AUTOMATIC), 0);
	response = sasl_client_first(&fixture.client);
	while (rc == GSASL_NEEDS_MORE) {
		char *text = strndup(response.data, response.len);

		rc = gsasl_step64(server, text, &challenge);
		free(text);
		if (rc == GSASL_NEEDS_MORE || (rc == GSASL_OK && challenge != NULL && challenge[0] != '\0'))
			assert_int_equal(sasl_client_step(&fixture.client, str_of(challenge), &response, &fixture.err), 0);
		if (rc == GSASL_NEEDS_MORE)
			assert_false(sasl_client_is_proven(&fixture.client));
		gsasl_free(challenge);
		challenge = NULL;
	}
	proven = sasl_client_is_proven(&fixture.client);
	sasl_client_end(&fixture.client);
	gsasl_finish(server);
	gsasl_done(library);
	return rc == GSASL_OK && proven;
}

static void test_scram(void **state)
{
	(void)state;
	assert_true(meets_server("SCRAM-SHA-1", "pencil"));
	assert_true(meets_server("SCRAM-SHA-256", "pencil"));
	assert_false(meets_server("SCRAM-SHA-256", "crayon"));
}

/* RFC 5802 section 5: "n,,n=user,r=" and a nonce. A server's nonce that does not begin with ours is an attack. */
static void test_scram_server_that_lies(void **state)
{
	struct fixture fixture;
	struct str response;
	struct buf first;

	(void)state;
	assert_int_equal(start(&fixture, "SCRAM-SHA-256", "user", "pencil", SASL_CLIENT_METHOD_SCRAM), 0);
	buf_init(&first, SASL_CLIENT_LINE_MAX);
	assert_int_equal(base64_decode(sasl_client_first(&fixture.client), &first), 0);
	assert_true(str_starts(buf_str(&first), STR("n,,n=user,r=")));
	buf_free(&first);
	/* r=rOprNGfwEbeRWgbNEkqO, s=W22ZaJ0SNY7soEsUEjb6gQ==, i=4096: of another exchange (RFC 7677 section 3). */
	assert_int_equal(
	    sasl_client_step(&fixture.client,
	                     STR("cj1yT3ByTkdmd0ViZVJXZ2JORWtxTyxzPVcyMlphSjBTTlk3c29Fc1VFamI2Z1E9PSxpPTQwOTY="), &response,
	                     &fixture.err),
	    -1);
	assert_int_equal(fixture.err.code, ERR_PROTOCOL);
	assert_false(sasl_client_is_proven(&fixture.client));
	sasl_client_end(&fixture.client);
}

static void test_method_words(void **state)
{
	enum sasl_client_method method;

	(void)state;
	assert_int_equal(sasl_client_parse_method(STR("plain"), &method), 0);
	assert_int_equal(method, SASL_CLIENT_METHOD_PLAIN_TEXT);
	assert_int_equal(sasl_client_parse_method(STR("oauth"), &method), 0);
	assert_int_equal(method, SASL_CLIENT_METHOD_OAUTH);
	assert_int_equal(sasl_client_parse_method(STR("ntlm"), &method), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cram_md5),
	    cmocka_unit_test(test_plain_and_login),
	    cmocka_unit_test(test_choice),
	    cmocka_unit_test(test_oauthbearer),
	    cmocka_unit_test(test_xoauth2),
	    cmocka_unit_test(test_scram),
	    cmocka_unit_test(test_scram_server_that_lies),
	    cmocka_unit_test(test_method_words),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
