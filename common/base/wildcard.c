#include "common/base/wildcard.h"

#include "common/base/fold.h"

/* The character that s begins with, folded, and its length; s is not empty. */
static size_t next(struct str s, uint32_t *character)
{
	size_t len = fold_decode(s, character);

	*character = len > 1 || *character < 0x80 ? fold_character(*character) : *character;
	return len;
}

bool wildcard_match(struct str text, struct str pattern, size_t *steps_out)
{
	struct str behind_star = {NULL, 0}, resume = text; /* where to go on when what follows the last star fails */
	size_t steps = 0;

	for (; text.len > 0; steps++) {
		uint32_t wanted = 0, character;
		size_t wanted_len = pattern.len > 0 ? next(pattern, &wanted) : 0, len;

		if (wanted == '*') {
			behind_star = pattern = str_skip(pattern, wanted_len);
			resume = text;
			continue;
		}
		len = next(text, &character);
		if (wanted_len > 0 && (wanted == '?' || wanted == character)) {
			pattern = str_skip(pattern, wanted_len);
			text = str_skip(text, len);
		} else if (behind_star.data != NULL) {
			resume = text = str_skip(resume, next(resume, &character));
			pattern = behind_star;
		} else {
			break;
		}
	}
	while (text.len == 0 && pattern.len > 0 && pattern.data[0] == '*')
		pattern = str_skip(pattern, 1);
	if (steps_out != NULL)
		*steps_out = steps;
	return text.len == 0 && pattern.len == 0;
}

bool str_matches_wildcard(struct str s, struct str pattern)
{
	return wildcard_match(s, pattern, NULL);
}
