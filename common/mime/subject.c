/* The base subject (RFC 5256 2.1; the ABNF is in 5). */
#include "common/mime/header.h"

enum { SUBJECT_MAX = 4096 }; /* bytes that are looked at */

/* Step 1: encoded words decoded, blanks of all kinds as single spaces. */
static struct str spaced(struct str subject, struct arena *arena)
{
	struct str text = mime_decode_words(subject, arena);
	size_t used = 0;
	char *out;

	if (text.len > SUBJECT_MAX)
		for (text.len = SUBJECT_MAX; (text.data[text.len] & 0xc0) == 0x80;)
			text.len--;
	out = arena_get(arena, text.len + 1);
	for (size_t i = 0; i < text.len; i++) {
		bool is_blank = text.data[i] == ' ' || text.data[i] == '\t';

		if (!is_blank || (used != 0 && out[used - 1] != ' '))
			out[used++] = is_blank ? ' ' : text.data[i];
	}
	return str_trim(str_from(out, used));
}

/* Length of a subj-blob at the front: "[" *BLOBCHAR "]" *WSP; 0: none. */
static size_t blob_len(struct str text)
{
	size_t len = 1;

	if (text.len == 0 || text.data[0] != '[')
		return 0;
	while (len < text.len && text.data[len] != '[' && text.data[len] != ']')
		len++;
	if (len == text.len || text.data[len] != ']')
		return 0;
	for (len++; len < text.len && text.data[len] == ' ';)
		len++;
	return len;
}

/* Length of a subj-refwd at the front: ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"; 0: none. */
static size_t refwd_len(struct str text)
{
	size_t len;

	if (str_starts_nocase(text, STR("fwd")))
		len = 3;
	else if (str_starts_nocase(text, STR("fw")) || str_starts_nocase(text, STR("re")))
		len = 2;
	else
		return 0;
	while (len < text.len && text.data[len] == ' ')
		len++;
	len += blob_len(str_skip(text, len));
	return len < text.len && text.data[len] == ':' ? len + 1 : 0;
}

/* Step 3: subj-leader = (*subj-blob subj-refwd) / WSP. True: something was taken off. */
static bool cut_leader(struct str *text, bool *is_reply)
{
	struct str rest = *text;
	size_t len;

	if (rest.len != 0 && rest.data[0] == ' ') {
		*text = str_trim(rest);
		return true;
	}
	while ((len = blob_len(rest)) != 0)
		rest = str_skip(rest, len);
	len = refwd_len(rest);
	if (len == 0)
		return false;
	*is_reply = true;
	*text = str_skip(rest, len);
	return true;
}

/* Steps 2 to 5. */
static struct str cut_all(struct str text, bool *is_reply)
{
	bool again = true;

	for (text = str_trim(text); str_ends_nocase(text, STR("(fwd)")); text = str_trim(text)) {
		text.len -= 5;
		*is_reply = true;
	}
	while (again) {
		size_t blob;

		again = false;
		while (cut_leader(&text, is_reply))
			again = true;
		blob = blob_len(text);
		if (blob != 0 && blob < text.len) {
			text = str_skip(text, blob);
			again = true;
		}
	}
	return text;
}

struct str mime_base_subject(struct str subject, struct arena *arena, bool *is_reply_out)
{
	struct str text = spaced(subject, arena);
	bool is_reply = false;

	/* Step 6: subj-fwd = "[fwd:" subject "]". */
	for (text = cut_all(text, &is_reply);
	     str_starts_nocase(text, STR("[fwd:")) && text.len > 5 && text.data[text.len - 1] == ']';
	     text = cut_all(text, &is_reply)) {
		text = str_sub(text, 5, text.len - 6);
		is_reply = true;
	}
	if (is_reply_out != NULL)
		*is_reply_out = is_reply;
	return text;
}
