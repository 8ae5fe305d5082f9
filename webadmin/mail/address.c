/* mail: addresses of letters. */
#include "common/addr/addr.h"
#include "common/mime/encode.h"
#include "common/mime/header.h"
#include "webadmin/mail/compose.h"

struct str letter_default_from(const struct web *web, const struct web_visitor *visitor, struct arena *arena)
{
	return arena_printf(arena, "%s@%s", visitor->user, settings_default_domain(web->settings));
}

/* A name without a domain is one of ours. */
static struct str complete(const struct web *web, const struct addr *addr, struct arena *arena)
{
	struct str domain = addr->domain.len > 0 ? addr->domain : str_of(settings_default_domain(web->settings));

	return addr_format(addr->local_part, domain, arena);
}

static bool add_recipient(struct letter *letter, struct str address, struct web_reply *reply)
{
	if (letter->recipients == NULL)
		letter->recipients = arena_get(letter->arena, COMPOSE_RECIPIENTS_MAX * sizeof *letter->recipients);
	for (size_t i = 0; i < letter->recipient_count; i++)
		if (str_equal(letter->recipients[i], address))
			return true;
	if (letter->recipient_count < COMPOSE_RECIPIENTS_MAX) {
		letter->recipients[letter->recipient_count++] = address;
		return true;
	}
	web_reply_error(reply, 422, "limit", "A message may have %d recipients", COMPOSE_RECIPIENTS_MAX);
	return false;
}

static void add_entry(const struct addr_entry *entry, struct str address, size_t column, struct arena *arena,
                      struct buf *out)
{
	if (entry->name.len == 0) {
		buf_add_str(out, address);
		return;
	}
	mime_encode_phrase(mime_decode_words(entry->name, arena), column, out);
	buf_printf(out, " <%.*s>", STR_ARG(address));
}

bool letter_add_addresses(const struct web *web, struct letter *letter, const struct letter_field *field,
                          struct str text, struct buf *out, struct web_reply *reply)
{
	struct arena *arena = letter->arena;
	struct addr_list list;
	struct err err;

	text = str_trim(text);
	if (text.len == 0)
		return true;
	buf_printf(out, "%s: ", field->name);
	if (addr_parse_list(text, arena, &list, &err) != 0) {
		if (field->is_strict) {
			web_reply_field_error(reply, 422, "syntax", field->key, str_of(err.text));
			return false;
		}
		mime_encode_text(text, strlen(field->name) + 2, out); /* not finished yet */
		list.count = 0;
	}
	for (size_t i = 0; i < list.count; i++) {
		struct str address = complete(web, &list.entries[i].addr, arena);

		if (field->are_recipients && !add_recipient(letter, address, reply))
			return false;
		if (i == 0)
			letter->first = address;
		else
			buf_add_str(out, STR(",\r\n "));
		add_entry(&list.entries[i], address, i == 0 ? strlen(field->name) + 2 : 1, arena, out);
	}
	buf_add_str(out, STR("\r\n"));
	if (!out->overflow)
		return true;
	web_reply_field_error(reply, 422, "limit", field->key, STR("These are too many addresses"));
	return false;
}
