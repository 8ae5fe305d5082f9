/* imap/text: the form of mailbox names (RFC 9051 5.1, RFC 5198). */
#include "common/imap/text.h"

#include <stdlib.h>
#include <uninorm.h>

enum { GROWTH = 3 }; /* octets of UTF-8 that one becomes at most in form C */

static bool is_ascii(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return false;
	return true;
}

struct str imap_normalise(struct str utf8, struct arena *arena)
{
	size_t len = utf8.len * GROWTH;
	struct str normal;
	uint8_t *room, *result;

	if (is_ascii(utf8) || !str_is_utf8(utf8))
		return utf8;
	room = arena_get(arena, len);
	result = u8_normalize(UNINORM_NFC, (const uint8_t *)utf8.data, utf8.len, room, &len);
	if (result == NULL)
		return utf8;
	normal = str_from((const char *)result, len);
	if (result != room) { /* it did not fit: the library's own memory */
		normal = arena_copy(arena, normal);
		free(result);
	}
	return normal;
}

struct str imap_mailbox_name(struct str utf8, struct arena *arena)
{
	struct str name = imap_normalise(utf8, arena), inbox = STR("INBOX");

	if (str_starts_nocase(name, inbox) && (name.len == inbox.len || name.data[inbox.len] == '/'))
		name = arena_printf(arena, "INBOX%.*s", STR_ARG(str_skip(name, inbox.len)));
	return name;
}
