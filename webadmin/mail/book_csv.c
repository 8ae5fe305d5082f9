/* mail/book: contacts as tables, as Outlook, Thunderbird and Google write them. */
#include "common/base/csv.h"
#include "webadmin/mail/book.h"

enum column { NOTHING, NAME, GIVEN, FAMILY, ADDRESS, PHONE, ORGANIZATION, TITLE, PLACE, NOTE, GROUPS, COLUMNS };

enum { ADDRESSES_WRITTEN = 3, PHONES_WRITTEN = 2 };

/* Titles, with * and ?; the first that fits says what a column is. */
static const struct {
	const char *title;
	enum column column;
} titles[] = {
    {"*type", NOTHING},
    {"*label", NOTHING},
    {"*e-mail display name", NOTHING},
    {"name", NAME},
    {"display name", NAME},
    {"full name", NAME},
    {"first name", GIVEN},
    {"given name", GIVEN},
    {"last name", FAMILY},
    {"family name", FAMILY},
    {"*e-mail*", ADDRESS},
    {"*email*", ADDRESS},
    {"*phone*", PHONE},
    {"mobile*", PHONE},
    {"company", ORGANIZATION},
    {"organization", ORGANIZATION},
    {"organization name", ORGANIZATION},
    {"organization 1 - name", ORGANIZATION},
    {"job title", TITLE},
    {"title", TITLE},
    {"address", PLACE},
    {"home address", PLACE},
    {"business address", PLACE},
    {"address 1 - formatted", PLACE},
    {"notes", NOTE},
    {"note", NOTE},
    {"categories", GROUPS},
    {"groups", GROUPS},
    {"labels", GROUPS},
    {"group membership", GROUPS},
};

static enum column column_of(struct str title)
{
	for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
		if (str_matches_wildcard(str_trim(title), str_of(titles[i].title)))
			return titles[i].column;
	return NOTHING;
}

bool book_csv_begin(struct csv *csv, struct arena *arena, struct book_csv *table)
{
	struct csv_row row;
	struct err err;
	bool is_known = false;

	*table = (struct book_csv){.columns = NULL};
	if (csv_next(csv, arena, &row, &err) != 1)
		return false;
	table->columns = arena_get(arena, row.count * sizeof *table->columns);
	table->count = row.count;
	for (size_t i = 0; i < row.count; i++) {
		table->columns[i] = column_of(row.fields[i]);
		is_known |= table->columns[i] != NOTHING;
	}
	return is_known;
}

/* "Friends;Work", "Friends,Work", "Friends ::: Work" */
static void add_groups(struct vcard *card, struct str value)
{
	size_t from = 0;

	for (size_t i = 0; i <= value.len; i++) {
		if (i < value.len && value.data[i] != ';' && value.data[i] != ',' && value.data[i] != ':')
			continue;
		vcard_add(&card->groups, str_sub(value, from, i - from));
		from = i + 1;
	}
}

static struct str one_line(struct str value, struct arena *arena)
{
	char *out = arena_get(arena, value.len + 1);

	for (size_t i = 0; i < value.len; i++)
		out[i] = (char)((unsigned char)value.data[i] < ' ' ? ' ' : value.data[i]);
	return str_trim(str_sub(str_from(out, value.len), 0, VCARD_TEXT_MAX));
}

int book_csv_next(struct csv *csv, const struct book_csv *table, struct arena *arena, struct vcard *card)
{
	struct str parts[COLUMNS];
	struct csv_row row;
	struct err err;
	int result = csv_next(csv, arena, &row, &err);

	if (result != 1)
		return result;
	*card = (struct vcard){
	    .uid = STR(""), .name = STR(""), .organization = STR(""), .title = STR(""), .note = STR(""), .rest = STR("")};
	for (size_t i = 0; i < COLUMNS; i++)
		parts[i] = STR("");
	for (size_t i = 0; i < row.count && i < table->count; i++) {
		struct str value = str_is_utf8(row.fields[i]) ? one_line(row.fields[i], arena) : STR("");

		if (table->columns[i] == ADDRESS)
			vcard_add(&card->addresses, value);
		else if (table->columns[i] == PHONE)
			vcard_add(&card->phones, value);
		else if (table->columns[i] == PLACE)
			vcard_add(&card->places, value);
		else if (table->columns[i] == GROUPS)
			add_groups(card, value);
		else if (parts[table->columns[i]].len == 0)
			parts[table->columns[i]] = value;
	}
	card->organization = parts[ORGANIZATION];
	card->title = parts[TITLE];
	card->note = parts[NOTE];
	card->name = parts[NAME];
	if (card->name.len == 0)
		card->name = str_trim(arena_printf(arena, "%.*s %.*s", STR_ARG(parts[GIVEN]), STR_ARG(parts[FAMILY])));
	if (card->name.len == 0)
		card->name = card->addresses.count > 0 ? card->addresses.list[0] : card->organization;
	return card->name.len > 0 ? 1 : -1;
}

void book_csv_format_titles(struct buf *out)
{
	static const char *const written[] = {"Name",    "E-mail Address", "E-mail 2 Address", "E-mail 3 Address",
	                                      "Phone",   "Phone 2",        "Organization",     "Job Title",
	                                      "Address", "Notes",          "Categories"};

	for (size_t i = 0; i < sizeof written / sizeof written[0]; i++)
		csv_add_field(out, str_of(written[i]), i == 0);
	csv_end_row(out);
}

static struct str value_at(const struct vcard_values *values, size_t place)
{
	return place < values->count ? values->list[place] : STR("");
}

void book_csv_format(const struct vcard *card, struct buf *out)
{
	struct buf groups;

	buf_init(&groups, VCARD_VALUES_MAX * VCARD_TEXT_MAX);
	for (size_t i = 0; i < card->groups.count; i++)
		buf_printf(&groups, "%s%.*s", i > 0 ? ";" : "", STR_ARG(card->groups.list[i]));
	csv_add_field(out, card->name, true);
	for (size_t i = 0; i < ADDRESSES_WRITTEN; i++)
		csv_add_field(out, value_at(&card->addresses, i), false);
	for (size_t i = 0; i < PHONES_WRITTEN; i++)
		csv_add_field(out, value_at(&card->phones, i), false);
	csv_add_field(out, card->organization, false);
	csv_add_field(out, card->title, false);
	csv_add_field(out, value_at(&card->places, 0), false);
	csv_add_field(out, card->note, false);
	csv_add_field(out, buf_str(&groups), false);
	csv_end_row(out);
	buf_free(&groups);
}
