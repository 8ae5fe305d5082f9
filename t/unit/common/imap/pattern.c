/* Unit tests of the patterns of LIST: RFC 9051 6.3.9 and its examples, and against a plain search of all ways. */
#include "common/imap/pattern.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check(const char *pattern, const char *name, bool matches)
{
	if (imap_pattern_matches(str_of(pattern), str_of(name)) != matches)
		fail_msg("\"%s\" %s \"%s\"", pattern, matches ? "does not match" : "matches", name);
}

static void wildcards_match_as_the_rfc_says(void **state)
{
	(void)state;
	check("*", "a/b/c", true);
	check("%", "a", true);
	check("%", "a/b", false);
	check("%/%", "a/b", true);
	check("~/Mail/%", "~/Mail/foo", true);
	check("~/Mail/%", "~/Mail/foo/bar", false);
	check("a*", "a", true);
	check("a%", "a", true);
	check("a", "ab", false);
	check("ab", "a", false);
	check("", "", true);
	check("*2", "foo2/bar2", true);
	check("*%/x/y%z", "q/aa/x/y1z", true);
	check("%a%/b", "xa/ya/b", false);
}

static void inbox_has_no_case_other_names_do(void **state)
{
	(void)state;
	check("inbox", "INBOX", true);
	check("InB%", "INBOX", true);
	check("inbox/%", "INBOX/sub", true);
	check("inbox/SUB", "INBOX/sub", false);
	check("inboxes", "INBOXES", false);
	check("work", "Work", false);
}

/* The definition itself, trying everything. */
static bool slowly(const char *pattern, const char *name)
{
	if (*pattern == '\0')
		return *name == '\0';
	if (*pattern == '*' || *pattern == '%')
		return slowly(pattern + 1, name) ||
		       (*name != '\0' && (*pattern == '*' || *name != '/') && slowly(pattern, name + 1));
	return *pattern == *name && slowly(pattern + 1, name + 1);
}

static void all_short_patterns_match_what_they_should(void **state)
{
	static const char letters[] = "a/*%", name_letters[] = "ab/";
	char pattern[7] = "", name[7] = "";

	(void)state;
	for (unsigned i = 0; i < 4096; i++) {
		for (unsigned at = 0, rest = i; at < 6; at++, rest /= 4)
			pattern[at] = letters[rest % 4];
		for (unsigned j = 0; j < 729; j++) {
			for (unsigned at = 0, rest = j; at < 6; at++, rest /= 3)
				name[at] = name_letters[rest % 3];
			check(pattern, name, slowly(pattern, name));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(wildcards_match_as_the_rfc_says),
	    cmocka_unit_test(inbox_has_no_case_other_names_do),
	    cmocka_unit_test(all_short_patterns_match_what_they_should),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("pattern", tests, NULL, NULL);
}
