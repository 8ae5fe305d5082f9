/* common/settings/logo: which octets are a picture, how large it is, and what is refused. */
#include "common/settings/logo.h"

#include "common/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define OCTETS(text)           \
	{                          \
		text, sizeof(text) - 1 \
	}

static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\xe8\0\0\x01\xf4\x08\x06\0\0\0";
/* SOI, APP0 of 4 octets, a fill byte, SOF0: 8 bits, 500 high, 1000 wide */
static const char jpeg[] = "\xff\xd8\xff\xe0\0\4xx\xff\xff\xc0\0\x11\x08\x01\xf4\x03\xe8\3";

static void pictures_tell_what_they_are(void **state)
{
	static const struct {
		struct str image;
		const char *media;
		uint32_t width, height;
	} cases[] = {
	    {OCTETS(png), "image/png", 1000, 500},
	    {OCTETS(jpeg), "image/jpeg", 1000, 500},
	    {OCTETS("GIF89a\xe8\x03\xf4\x01\0\0"), "image/gif", 1000, 500},
	    {OCTETS("GIF87a\1\0\1\0\0\0"), "image/gif", 1, 1},
	};
	struct logo logo;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(logo_look(cases[i].image, &logo, &err), 0);
		assert_string_equal(logo.media, cases[i].media);
		assert_int_equal(logo.width, cases[i].width);
		assert_int_equal(logo.height, cases[i].height);
	}
}

static void what_is_none_is_refused(void **state)
{
	static const struct str cases[] = {
	    OCTETS(""),
	    OCTETS("<svg onload=alert(1)>"),
	    OCTETS("<html>GIF89a"),
	    OCTETS("\x89PNG\r\n\x1a\n\0\0\0\rIDAT\0\0\0\1\0\0\0\1"),
	    OCTETS("\xff\xd8\xff\xe0\0\0xxxxxxxxxx"),                 /* a length that cannot be */
	    OCTETS("\xff\xd8\xff\xe0\xff\xffxxxxxxxxxx"),             /* one beyond the end */
	    OCTETS("\xff\xd8\xff\xda\0\4\xff\xc0\0\x11\x08\0\1\0\1"), /* no frame before the picture */
	    OCTETS("\xff\xd8\xff\xc4\0\x11\x08\0\1\0\1"),             /* tables are no frame */
	};
	struct logo logo;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		assert_int_equal(logo_look(cases[i], &logo, &err), -1);
		assert_int_equal(err.code, ERR_SYNTAX);
	}
	for (size_t i = 0; i < sizeof png - 10; i++) /* cut anywhere before its size, from memory of its own */
		if (i < 24) {
			char *copy = memory_get(i + 1);

			memcpy(copy, png, i);
			assert_int_equal(logo_look(str_from(copy, i), &logo, &err), -1);
			memory_free(copy);
		}
}

static void sizes_have_limits(void **state)
{
	static const struct str none_wide = OCTETS("GIF89a\0\0\1\0\0\0"), too_wide = OCTETS("GIF89a\1\x10\1\0\0\0");
	char *large = memory_get(LOGO_OCTETS_MAX + 1);
	struct logo logo;
	struct err err;

	(void)state;
	assert_int_equal(logo_look(none_wide, &logo, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	assert_int_equal(logo_look(too_wide, &logo, &err), -1); /* 4097 */
	assert_int_equal(err.code, ERR_LIMIT);
	memset(large, 0, LOGO_OCTETS_MAX + 1);
	memcpy(large, png, sizeof png);
	assert_int_equal(logo_look(str_from(large, LOGO_OCTETS_MAX), &logo, &err), 0);
	assert_int_equal(logo_look(str_from(large, LOGO_OCTETS_MAX + 1), &logo, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	memory_free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pictures_tell_what_they_are),
	    cmocka_unit_test(what_is_none_is_refused),
	    cmocka_unit_test(sizes_have_limits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
