/* imap/text: the form of mailbox names (RFC 9051 5.1, RFC 5198), and of what is sorted (RFC 5051). */
#include "common/base/fold.h"
#include "common/imap/text.h"

#include <stdlib.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

enum { GROWTH = 3 }; /* octets of UTF-8 that one becomes at most in form C, or in title case */

static bool is_ascii(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return false;
	return true;
}

static struct str convert(uninorm_t form, struct str utf8, struct arena *arena)
{
	size_t len = utf8.len * GROWTH;
	uint8_t *room = arena_get(arena, len);
	uint8_t *result = u8_normalize(form, (const uint8_t *)utf8.data, utf8.len, room, &len);
	struct str converted;

	if (result == NULL)
		return utf8;
	converted = str_from((const char *)result, len);
	if (result != room) { /* it did not fit: the library's own memory */
		converted = arena_copy(arena, converted);
		free(result);
	}
	return converted;
}

struct str imap_normalise(struct str utf8, struct arena *arena)
{
	return is_ascii(utf8) || !str_is_utf8(utf8) ? utf8 : convert(UNINORM_NFC, utf8, arena);
}

static struct str ascii_upper(struct str text, struct arena *arena)
{
	char *upper = arena_text(arena, text);

	for (size_t i = 0; i < text.len; i++)
		if (upper[i] >= 'a' && upper[i] <= 'z')
			upper[i] = (char)(upper[i] - 32);
	return str_from(upper, text.len);
}

static struct str title_case(struct str utf8, struct arena *arena)
{
	size_t size = utf8.len * GROWTH, len = 0;
	uint8_t *titled = arena_get(arena, size);

	while (utf8.len > 0) {
		uint32_t character;
		size_t taken = fold_decode(utf8, &character);

		len += (size_t)u8_uctomb(titled + len, uc_totitle(character), (ptrdiff_t)(size - len));
		utf8 = str_skip(utf8, taken);
	}
	return str_from((const char *)titled, len);
}

struct str imap_casemap(struct str text, struct arena *arena)
{
	if (is_ascii(text) || !str_is_utf8(text))
		return ascii_upper(text, arena);
	return convert(UNINORM_NFKD, title_case(text, arena), arena);
}

struct str imap_mailbox_name(struct str utf8, struct arena *arena)
{
	struct str name = imap_normalise(utf8, arena), inbox = STR("INBOX");

	if (str_starts_nocase(name, inbox) && (name.len == inbox.len || name.data[inbox.len] == '/'))
		name = arena_printf(arena, "INBOX%.*s", STR_ARG(str_skip(name, inbox.len)));
	return name;
}
