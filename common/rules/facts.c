#include "common/rules/facts.h"

#include "common/addr/addr.h"
#include "common/base/fold.h"
#include "common/mime/header.h"

#include <stdlib.h>

enum { ADDRESS_FIELDS_MAX = 10 }; /* To and Cc may stand once each (RFC 5322 3.6); some write more */

struct str facts_this_recipient(const struct facts *facts)
{
	return facts->stage == RULES_RCPT && facts->recipient_count > 0 ? facts->recipients[facts->recipient_count - 1]
	                                                                : STR("");
}

static size_t count_fields(struct str header)
{
	struct mime_field field;
	size_t count = 0;

	while (mime_field_next(&header, &field))
		count += field.name.len > 0;
	return count;
}

size_t facts_fields(struct facts *facts, const struct mime_field **fields_out)
{
	struct str rest = facts->header;
	struct mime_field field;

	if (!facts->fields_known) {
		facts->fields_known = true;
		facts->fields = arena_get(facts->arena, (count_fields(rest) + 1) * sizeof field);
		while (mime_field_next(&rest, &field))
			if (field.name.len > 0)
				facts->fields[facts->field_count++] = field;
	}
	*fields_out = facts->fields;
	return facts->field_count;
}

struct str facts_field(struct facts *facts, struct str name)
{
	const struct mime_field *fields;
	size_t count = facts_fields(facts, &fields);

	for (size_t i = 0; i < count; i++)
		if (str_equal_nocase(fields[i].name, name))
			return mime_unfold(fields[i].value, facts->arena);
	return (struct str){NULL, 0};
}

struct str facts_body(struct facts *facts)
{
	const struct facts_delivery *delivery = facts->delivery;
	int64_t size = delivery->message.size - delivery->body_at;
	char *text;

	if (!facts->body_known) {
		facts->body_known = true;
		size = size < 0 ? 0 : size > FACTS_BODY_MAX ? FACTS_BODY_MAX : size;
		text = arena_get(facts->arena, (size_t)size + 1);
		if (mime_source_read(&delivery->message, delivery->body_at, text, (size_t)size, NULL) != 0)
			size = 0;
		facts->body = str_from(text, (size_t)size);
	}
	return facts->body;
}

/* The form in which addresses are compared: the local part folded, the domain as it is looked up. */
static struct str address_key(struct str local_part, struct str domain, struct arena *arena)
{
	struct str normal;

	if (domain.len > 0 && addr_normalise_domain(domain, arena, &normal, NULL) == 0)
		domain = normal;
	return arena_printf(arena, "%.*s@%.*s", STR_ARG(fold_text(local_part, arena)), STR_ARG(domain));
}

struct keys {
	struct str *list;
	size_t count;
};

static int compare_keys(const void *a, const void *b)
{
	return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Add what one address field names. */
static void add_keys(struct facts *facts, struct str value, struct keys *keys)
{
	struct mime_addresses addresses;
	struct str *old = keys->list;

	mime_parse_addresses(value, facts->arena, &addresses);
	keys->list = arena_get(facts->arena, (keys->count + addresses.count + 1) * sizeof *keys->list);
	if (keys->count > 0)
		memcpy(keys->list, old, keys->count * sizeof *old);
	for (size_t i = 0; i < addresses.count; i++)
		if (addresses.list[i].kind == MIME_ADDRESS)
			keys->list[keys->count++] = address_key(addresses.list[i].mailbox, addresses.list[i].host, facts->arena);
}

/* Those that To and Cc name, sorted. */
static struct keys named_recipients(struct facts *facts)
{
	struct keys keys = {NULL, 0};
	const struct mime_field *fields;
	size_t count = facts_fields(facts, &fields), looked_at = 0;

	for (size_t i = 0; i < count && looked_at < ADDRESS_FIELDS_MAX; i++) {
		if (!str_equal_nocase(fields[i].name, STR("To")) && !str_equal_nocase(fields[i].name, STR("Cc")))
			continue;
		add_keys(facts, fields[i].value, &keys);
		looked_at++;
	}
	if (keys.count > 0)
		qsort(keys.list, keys.count, sizeof *keys.list, compare_keys);
	return keys;
}

static bool is_named(struct facts *facts, const struct keys *keys, struct str recipient)
{
	struct addr addr;
	struct str key;

	if (keys->count == 0 || addr_parse_mailbox(recipient, facts->arena, &addr, NULL) != 0)
		return false;
	key = address_key(addr.local_part, addr.domain, facts->arena);
	return bsearch(&key, keys->list, keys->count, sizeof key, compare_keys) != NULL;
}

size_t facts_bcc(struct facts *facts, const struct str **bcc_out)
{
	if (!facts->bcc_known && facts->stage == RULES_DATA) {
		struct keys keys = named_recipients(facts);

		facts->bcc = arena_get(facts->arena, (facts->recipient_count + 1) * sizeof *facts->bcc);
		for (size_t i = 0; i < facts->recipient_count; i++)
			if (!is_named(facts, &keys, facts->recipients[i]))
				facts->bcc[facts->bcc_count++] = facts->recipients[i];
		facts->bcc_known = true;
	}
	*bcc_out = facts->bcc;
	return facts->bcc_count;
}
