#include "common/imap/pattern.h"

enum { INBOX_LEN = 5 };

static bool same_char(char a, char b, bool fold)
{
	if (fold && a >= 'a' && a <= 'z')
		a = (char)(a - 'a' + 'A');
	return a == b;
}

/* Where matching goes on after a wildcard took one character more. */
struct retry {
	size_t pattern, name;
	bool possible;
};

bool imap_pattern_matches(struct str pattern, struct str name)
{
	bool is_inbox = str_starts(name, STR("INBOX")) && (name.len == INBOX_LEN || name.data[INBOX_LEN] == '/');
	struct retry star = {0}, percent = {0};
	size_t p = 0, n = 0;

	/*
	 * The last wildcard of each kind is all that has to be tried again: "*" takes in whatever an earlier wildcard could
	 * have taken, and where a "%" has to stop, at a '/', an earlier one could only have stopped before it.
	 */
	while (n < name.len || p < pattern.len) {
		if (p < pattern.len && pattern.data[p] == '*') {
			star = (struct retry){.pattern = ++p, .name = n, .possible = true};
			percent.possible = false;
		} else if (p < pattern.len && pattern.data[p] == '%') {
			percent = (struct retry){.pattern = ++p, .name = n, .possible = true};
		} else if (p < pattern.len && n < name.len &&
		           same_char(pattern.data[p], name.data[n], is_inbox && n < INBOX_LEN)) {
			p++;
			n++;
		} else if (percent.possible && percent.name < name.len && name.data[percent.name] != '/') {
			n = ++percent.name;
			p = percent.pattern;
		} else if (star.possible && star.name < name.len) {
			n = ++star.name;
			p = star.pattern;
			percent.possible = false;
		} else {
			return false;
		}
	}
	return true;
}
