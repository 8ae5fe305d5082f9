/* imapd: which commands a session in somebody else's mailbox runs: those that look at the rights, and no other. */
#include "imapd/shared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool is_among(const char *name, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static void commands_of_guests(void **state)
{
	static const char *const handed_on[] = {
	    "NOOP",        "IDLE",         "SELECT", "EXAMINE",    "STATUS",       "CREATE",      "DELETE",   "RENAME",
	    "GETQUOTA",    "GETQUOTAROOT", "SETACL", "DELETEACL",  "GETACL",       "LISTRIGHTS",  "MYRIGHTS", "SETMETADATA",
	    "GETMETADATA", "UNSELECT",     "CLOSE",  "CHECK",      "EXPUNGE",      "UID EXPUNGE", "STORE",    "UID STORE",
	    "FETCH",       "UID FETCH",    "COPY",   "UID COPY",   "MOVE",         "UID MOVE",    "SEARCH",   "UID SEARCH",
	    "SORT",        "UID SORT",     "THREAD", "UID THREAD", "CANCELUPDATE", NULL,
	};
	size_t known = 0;

	(void)state;
	for (const struct command *command = commands; command->name != NULL; command++) {
		bool expected = is_among(command->name, handed_on);

		known += expected;
		if (shared_is_handed_on(command) != expected)
			fail_msg("%s", command->name);
	}
	assert_int_equal(known, sizeof handed_on / sizeof handed_on[0] - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(commands_of_guests)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("imapd/shared", tests, NULL, NULL);
}
