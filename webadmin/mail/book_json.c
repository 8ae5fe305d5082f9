/* mail/book: contacts between cards and JSON. */
#include "common/base/io.h"
#include "webadmin/mail/book.h"
#include "webadmin/mail/session.h"

/* Values of one kind, or one alone. */
static const struct {
	const char *key;
	size_t offset;
} lists[] = {{"addresses", offsetof(struct vcard, addresses)},
             {"phones", offsetof(struct vcard, phones)},
             {"places", offsetof(struct vcard, places)},
             {"groups", offsetof(struct vcard, groups)}},
  texts[] = {{"uid", offsetof(struct vcard, uid)},
             {"name", offsetof(struct vcard, name)},
             {"organization", offsetof(struct vcard, organization)},
             {"title", offsetof(struct vcard, title)},
             {"note", offsetof(struct vcard, note)},
             {"rest", offsetof(struct vcard, rest)}};

enum { LISTS = sizeof lists / sizeof lists[0], TEXTS = sizeof texts / sizeof texts[0] };

static json_t *describe_list(const struct vcard_values *values, struct arena *arena)
{
	json_t *array = json_array();

	for (size_t i = 0; i < values->count; i++)
		json_array_append_new(array, mail_json_text(values->list[i], arena));
	return array;
}

json_t *book_describe(const json_t *contact, struct arena *arena)
{
	struct str text = mail_json_string(contact, "card");
	json_t *json = json_object();
	struct vcard card;
	size_t bad = 0;

	json_object_set(json, "id", json_object_get(contact, "id"));
	json_object_set(json, "domain", json_object_get(contact, "domain"));
	if (!vcard_next(&text, arena, &card, &bad))
		card = (struct vcard){.name = mail_json_string(contact, "name")};
	for (size_t i = 0; i < TEXTS; i++)
		json_object_set_new(json, texts[i].key,
		                    mail_json_text(*(const struct str *)((const char *)&card + texts[i].offset), arena));
	for (size_t i = 0; i < LISTS; i++)
		json_object_set_new(json, lists[i].key,
		                    describe_list((const struct vcard_values *)((const char *)&card + lists[i].offset), arena));
	return json;
}

static bool is_line(struct str text)
{
	return text.len <= VCARD_TEXT_MAX && str_find_char(text, '\0') < 0 && str_find_char(text, '\n') < 0 &&
	       str_find_char(text, '\r') < 0;
}

static bool read_list(const json_t *array, struct vcard_values *values)
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *item = json_array_get(array, i);
		struct str text =
		    json_is_string(item) ? str_from(json_string_value(item), json_string_length(item)) : (struct str){NULL, 0};

		if (text.data == NULL || !is_line(text) || i >= VCARD_VALUES_MAX)
			return false;
		vcard_add(values, text);
	}
	return true;
}

/* What would end the card, or begin another, is nothing that a card has. */
static bool is_rest(struct str rest)
{
	while (rest.len > 0) {
		struct str line = str_trim(str_cut(&rest, '\n'));

		if (str_starts_nocase(line, STR("BEGIN")) || str_starts_nocase(line, STR("END")) ||
		    str_find_char(line, '\0') >= 0 || str_find_char(line, '\r') >= 0)
			return false;
	}
	return true;
}

bool book_read(const json_t *body, struct vcard *card)
{
	*card = (struct vcard){.uid = STR("")};
	for (size_t i = 0; i < TEXTS; i++)
		*(struct str *)((char *)card + texts[i].offset) = str_trim(mail_json_string(body, texts[i].key));
	for (size_t i = 0; i < LISTS; i++)
		if (!read_list(json_object_get(body, lists[i].key), (struct vcard_values *)((char *)card + lists[i].offset)))
			return false;
	if (card->name.len == 0 && card->addresses.count > 0)
		card->name = card->addresses.list[0];
	card->rest = mail_json_string(body, "rest");
	return card->name.len > 0 && is_line(card->uid) && is_line(card->name) && is_line(card->organization) &&
	       is_line(card->title) && card->note.len <= VCARD_TEXT_MAX && card->rest.len <= VCARD_MAX / 2 &&
	       is_rest(card->rest);
}
