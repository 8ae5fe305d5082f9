#include "imapd/uses.h"

/* RFC 6154 2: what a folder may be for; \All and \Flagged would have to be views of other folders, \Junk may be made.
 * \Scheduled has mail that waits for its time (webmail).
 */
static const char *const uses_known[] = {"\\Archive", "\\Drafts", "\\Junk", "\\Scheduled", "\\Sent", "\\Trash"};

enum { KNOWN = sizeof uses_known / sizeof uses_known[0] };

bool uses_normalise(struct session *session, struct str *uses)
{
	struct str rest = *uses, word;
	bool said[KNOWN] = {false};

	*uses = STR("");
	while ((word = str_cut_word(&rest)).len > 0) {
		size_t at = 0;

		while (at < KNOWN && !str_equal_nocase(word, str_of(uses_known[at])))
			at++;
		if (at == KNOWN)
			return false;
		if (said[at])
			continue;
		said[at] = true;
		*uses = arena_printf(&session->arena, "%.*s%s%s", STR_ARG(*uses), uses->len > 0 ? " " : "", uses_known[at]);
	}
	return true;
}
