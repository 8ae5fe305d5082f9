/* Private keys as files: names, modes, new keys. */
#include "t/unit/common/mailauth/dkim/fixture.h"

#include "common/base/io.h"
#include "common/mailauth/dkim/key_file.h"

#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void test_names(void **state)
{
	char name[DKIM_KEY_NAME_MAX];
	struct str domain, selector;

	(void)state;
	assert_int_equal(dkim_key_file_name(STR("example.com"), STR("key1"), name, &err), 0);
	assert_string_equal(name, "domainkey_example.com_key1.key"); /* specification 04, DKIM signing */
	assert_true(dkim_key_file_parse(str_of(name), &domain, &selector));
	assert_true(str_equal(domain, STR("example.com")));
	assert_true(str_equal(selector, STR("key1")));
	assert_true(dkim_key_file_parse(STR("domainkey_xn--bcher-kva.example_2026.mail.key"), &domain, &selector));
	assert_true(str_equal(domain, STR("xn--bcher-kva.example")));
	assert_true(str_equal(selector, STR("2026.mail")));
}

static void test_bad_names(void **state)
{
	static const char *const domains[] = {"",        ".",       "a..b",       "../x", "a/b", "Example.com",
	                                      "-a.test", "a-.test", "[192.0.2.1]"};
	static const char *const selectors[] = {"", "a_b", "A", "a/b", "..", "a.", "-a", "a\n"};
	static const char *const files[] = {
	    "",           "domainkey_.key",    "domainkey__.key",   "domainkey_a.test.key", "domainkey_a.test_.key",
	    "domainkey_", "domainkey_a_b.pem", "domainkey_A_b.key", "domainkey_a_b_c.key",  "xdomainkey_a_b.key"};
	char name[DKIM_KEY_NAME_MAX], text[300];
	struct str domain, selector;

	(void)state;
	for (size_t i = 0; i < sizeof domains / sizeof domains[0]; i++)
		assert_int_equal(dkim_key_file_name(str_of(domains[i]), STR("a"), name, &err), -1);
	for (size_t i = 0; i < sizeof selectors / sizeof selectors[0]; i++)
		assert_int_equal(dkim_key_file_name(STR("a.test"), str_of(selectors[i]), name, &err), -1);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		assert_false(dkim_key_file_parse(str_of(files[i]), &domain, &selector));
	memset(text, 'a', sizeof text);
	assert_false(dkim_is_selector(str_from(text, 64))); /* RFC 1035 2.3.4 */
	assert_true(dkim_is_selector(str_from(text, 63)));
	assert_int_equal(dkim_key_file_name(str_from(text, 256), STR("a"), name, &err), -1);
}

/* A new key in a file of this mode. */
static int file_of(enum dkim_key_type type, unsigned bits, mode_t mode)
{
	int fd = memfd_create("key", MFD_CLOEXEC);
	struct buf pem;

	buf_init(&pem, DKIM_KEY_FILE_MAX);
	assert_int_equal(dkim_private_key_make(type, bits, &pem, &err), 0);
	assert_int_equal(io_write_all(fd, pem.data, pem.len, &err), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	buf_free(&pem);
	return fd;
}

static void test_read(void **state)
{
	static const mode_t refused[] = {0644, 0660, 0604, 0602, 0666};
	struct dkim_private_key key;
	int fd = file_of(DKIM_RSA, 1024, 0640);

	(void)state;
	assert_int_equal(dkim_key_file_read(fd, &key, &err), 0);
	assert_int_equal(key.type, DKIM_RSA);
	assert_int_equal(EVP_PKEY_get_bits(key.pkey), 1024);
	dkim_private_key_free(&key);
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		assert_int_equal(fchmod(fd, refused[i]), 0);
		assert_int_equal(dkim_key_file_read(fd, &key, &err), -1);
		assert_int_equal(err.code, ERR_DENIED);
	}
	assert_int_equal(fchmod(fd, 0400), 0);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(dkim_key_file_read(fd, &key, &err), -1);
	assert_int_equal(err.code, ERR_SYNTAX);
	close(fd);
	fd = file_of(DKIM_ED25519, 0, 0600);
	assert_int_equal(dkim_key_file_read(fd, &key, &err), 0);
	assert_int_equal(key.type, DKIM_ED25519);
	dkim_private_key_free(&key);
	close(fd);
}

/* RFC 8301 3.2 */
static void test_bits(void **state)
{
	static const unsigned bits[] = {0, 512, 1023, 4097, 100000};
	struct buf pem;

	(void)state;
	buf_init(&pem, DKIM_KEY_FILE_MAX);
	for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
		assert_int_equal(dkim_private_key_make(DKIM_RSA, bits[i], &pem, &err), -1);
		assert_int_equal(err.code, ERR_LIMIT);
	}
	assert_int_equal(pem.len, 0);
	buf_free(&pem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_bad_names),
	    cmocka_unit_test(test_read),
	    cmocka_unit_test(test_bits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
