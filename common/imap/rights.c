#include "common/imap/rights.h"

static const char letters_known[] = "lrswipkxtea";

bool rights_parse(struct str letters, unsigned *rights)
{
	for (size_t i = 0; i < letters.len; i++) {
		const char *at = strchr(letters_known, letters.data[i]);

		if (letters.data[i] == 'c')
			*rights |= RIGHT_CREATE | RIGHT_DELETE;
		else if (letters.data[i] == 'd')
			*rights |= RIGHT_EXPUNGE | RIGHT_DELETED;
		else if (letters.data[i] == '\0' || at == NULL)
			return false;
		else
			*rights |= 1U << (at - letters_known);
	}
	return true;
}

const char *rights_text(unsigned rights, bool with_old, char out[RIGHTS_TEXT_MAX])
{
	size_t len = 0;

	for (size_t i = 0; letters_known[i] != '\0'; i++)
		if ((rights & (1U << i)) != 0)
			out[len++] = letters_known[i];
	if (with_old && (rights & (RIGHT_CREATE | RIGHT_DELETE)) != 0)
		out[len++] = 'c';
	if (with_old && (rights & (RIGHT_EXPUNGE | RIGHT_DELETED)) != 0)
		out[len++] = 'd';
	out[len] = '\0';
	return out;
}
