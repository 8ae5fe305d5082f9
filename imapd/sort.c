#include "imapd/sort.h"

#include "common/mime/header.h"
#include "imapd/fields.h"

#include <stdlib.h>

enum { TEXT_KEY_MAX = 1024 }; /* bytes of a text that are compared */

/* A message with the values of its keys. */
struct item {
	uint32_t at; /* its position in the view */
	bool has_details, has_fields;
	int64_t arrival, size;
	struct value {
		int64_t number;
		struct str text;
	} values[];
};

struct sorting {
	struct session *session;
	const struct sort_program *program;
	struct item **items;
	uint32_t *uids;
	size_t count;
	struct arena scratch;
};

static const struct {
	const char *word;
	enum sort_key key;
} words[] = {
    {"ARRIVAL", SORT_ARRIVAL},
    {"CC", SORT_CC},
    {"DATE", SORT_DATE},
    {"DISPLAYFROM", SORT_DISPLAY_FROM},
    {"DISPLAYTO", SORT_DISPLAY_TO},
    {"FROM", SORT_FROM},
    {"SIZE", SORT_SIZE},
    {"SUBJECT", SORT_SUBJECT},
    {"TO", SORT_TO},
};

static bool parse_key(struct session *session, struct sort_program *program)
{
	struct str word;
	bool reverse = imap_skip_word(&session->parser, "REVERSE");

	if ((reverse && !imap_parse_space(&session->parser)) || !imap_parse_atom(&session->parser, &word))
		return false;
	if (program->count == SORT_KEYS_MAX)
		return imap_fail(&session->parser, IMAP_BAD, "These are too many sort keys");
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_equal_nocase(word, str_of(words[i].word))) {
			program->keys[program->count].key = words[i].key;
			program->keys[program->count++].reverse = reverse;
			return true;
		}
	return imap_fail(&session->parser, IMAP_BAD, "A sort key is not known");
}

bool sort_parse(struct session *session, struct sort_program *program)
{
	bool parsed = imap_parse_open(&session->parser);

	program->count = 0;
	if (parsed)
		do {
			parsed = parse_key(session, program);
		} while (parsed && imap_skip_char(&session->parser, ' '));
	if (parsed && imap_parse_close(&session->parser))
		return true;
	imap_refuse(session);
	return false;
}

struct str sort_text(struct str text, struct arena *arena)
{
	size_t len = text.len < TEXT_KEY_MAX ? text.len : TEXT_KEY_MAX;

	while (len < text.len && len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80)
		len--; /* not within a character */
	return imap_casemap(str_sub(text, 0, len), arena);
}

/* RFC 5957 section 3. */
static struct str display_of(const struct mime_address *address, struct arena *arena)
{
	struct str name = address->kind == MIME_ADDRESS ? mime_decode_words(address->name, arena) : STR("");

	if (name.len > 0)
		return name;
	if (address->kind == MIME_ADDRESS && address->host.len > 0)
		return arena_printf(arena, "%.*s@%.*s", STR_ARG(address->mailbox), STR_ARG(address->host));
	return address->mailbox;
}

/* The first address of a field: its mailbox, or how it is shown. */
static struct str address_text(struct str fields, struct str name, bool is_display, struct arena *scratch)
{
	struct mime_addresses addresses = {NULL, 0};
	struct mime_field field;

	if (mime_field_find(fields, name, &field))
		mime_parse_addresses(field.value, scratch, &addresses);
	if (addresses.count == 0)
		return STR("");
	return is_display ? display_of(&addresses.list[0], scratch) : addresses.list[0].mailbox;
}

static struct str field_value(struct str fields, struct str name)
{
	struct mime_field field;

	return mime_field_find(fields, name, &field) ? field.value : STR("");
}

static void set_value(struct sorting *sorting, enum sort_key key, const struct item *item, struct str fields,
                      struct value *value)
{
	struct arena *scratch = &sorting->scratch;
	struct str text = STR("");

	switch (key) {
	case SORT_ARRIVAL:
		value->number = item->arrival;
		break;
	case SORT_SIZE:
		value->number = item->size;
		break;
	case SORT_DATE:
		value->number = mime_sent_date(field_value(fields, STR("Date")), item->arrival);
		break;
	case SORT_SUBJECT:
		text = mime_base_subject(field_value(fields, STR("Subject")), scratch, NULL);
		break;
	case SORT_CC:
		text = address_text(fields, STR("Cc"), false, scratch);
		break;
	case SORT_FROM:
	case SORT_DISPLAY_FROM:
		text = address_text(fields, STR("From"), key == SORT_DISPLAY_FROM, scratch);
		break;
	case SORT_TO:
	case SORT_DISPLAY_TO:
		text = address_text(fields, STR("To"), key == SORT_DISPLAY_TO, scratch);
		break;
	}
	value->text = sort_text(text, &sorting->session->arena);
}

static void take_fields(size_t i, struct str fields, void *context)
{
	struct sorting *sorting = context;
	struct item *item = sorting->items[i];

	for (size_t k = 0; k < sorting->program->count; k++)
		set_value(sorting, sorting->program->keys[k].key, item, fields, &item->values[k]);
	item->has_fields = true;
	arena_reset(&sorting->scratch);
}

static void take_details(uint32_t uid, const struct mailbox_details *details, void *context)
{
	struct sorting *sorting = context;
	size_t low = 0, high = sorting->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (sorting->uids[middle] < uid)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == sorting->count || sorting->uids[low] != uid)
		return;
	sorting->items[low]->arrival = details->internal_date;
	sorting->items[low]->size = details->size;
	sorting->items[low]->has_details = true;
}

static bool needs_fields(const struct sort_program *program)
{
	for (size_t i = 0; i < program->count; i++)
		if (program->keys[i].key != SORT_ARRIVAL && program->keys[i].key != SORT_SIZE)
			return true;
	return false;
}

/* Find the values of all keys. */
static int gather(struct sorting *sorting, struct err *err)
{
	struct session *session = sorting->session;

	if (mailbox_details_each(session->mailbox, session->view->folder, sorting->uids, sorting->count, take_details,
	                         sorting, err) != 0)
		return -1;
	if (needs_fields(sorting->program))
		return fields_each(session, sorting->uids, sorting->count, take_fields, sorting, err);
	for (size_t i = 0; i < sorting->count; i++)
		take_fields(i, STR(""), sorting);
	return 0;
}

static int compare(const void *a, const void *b, void *context)
{
	const struct sort_program *program = context;
	const struct item *left = *(struct item *const *)a, *right = *(struct item *const *)b;

	for (size_t k = 0; k < program->count; k++) {
		const struct value *x = &left->values[k], *y = &right->values[k];
		int order = x->number != y->number ? (x->number < y->number ? -1 : 1) : str_compare(x->text, y->text);

		if (order != 0)
			return program->keys[k].reverse ? -order : order;
	}
	return left->at < right->at ? -1 : left->at > right->at;
}

static void set_up(struct sorting *sorting, const struct search_result *result)
{
	struct arena *arena = &sorting->session->arena;
	size_t size = sizeof(struct item) + sorting->program->count * sizeof(struct value);

	sorting->items = arena_get(arena, (result->count + 1) * sizeof(struct item *));
	sorting->uids = arena_get(arena, (result->count + 1) * sizeof *sorting->uids);
	sorting->count = result->count;
	for (size_t i = 0; i < result->count; i++) {
		sorting->items[i] = arena_get(arena, size);
		sorting->items[i]->at = result->at[i];
		sorting->uids[i] = sorting->session->view->messages[result->at[i]].uid;
	}
}

int sort_run(struct session *session, const struct sort_program *program, struct search_result *result)
{
	struct sorting sorting = {.session = session, .program = program};
	struct err err;
	int gathered;

	set_up(&sorting, result);
	arena_init(&sorting.scratch);
	gathered = gather(&sorting, &err);
	arena_free(&sorting.scratch);
	if (gathered != 0) {
		search_fail(session, &err);
		return -1;
	}
	qsort_r(sorting.items, sorting.count, sizeof(struct item *), compare, (void *)program);
	result->count = 0;
	for (size_t i = 0; i < sorting.count; i++)
		if (sorting.items[i]->has_details && sorting.items[i]->has_fields)
			result->at[result->count++] = sorting.items[i]->at;
	return 0;
}
