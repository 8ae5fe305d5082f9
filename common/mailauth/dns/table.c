#include "common/mailauth/dns/table.h"

#include "common/base/buf.h"

enum { STRING_MAX = 255, ALIASES_MAX = 16, FAILS = -1 };

struct mailauth_table_entry {
	struct mailauth_table_entry *next;
	const char *name;
	int type; /* enum mailauth_type, or FAILS */
	struct str rdata;
};

static void add_entry(struct mailauth_table *table, const char *name, int type, struct str rdata)
{
	struct mailauth_table_entry *entry = arena_get(table->arena, sizeof *entry);
	struct mailauth_table_entry **end = &table->entries;

	*entry = (struct mailauth_table_entry){
	    .name = arena_text(table->arena, str_of(name)), .type = type, .rdata = arena_copy(table->arena, rdata)};
	while (*end != NULL)
		end = &(*end)->next;
	*end = entry;
}

static void add_text(struct buf *rdata, struct str text)
{
	do {
		struct str piece = str_sub(text, 0, STRING_MAX);

		buf_add_char(rdata, (char)piece.len);
		buf_add_str(rdata, piece);
		text = str_skip(text, piece.len);
	} while (text.len != 0);
}

static int add_name(struct buf *rdata, struct str name, struct err *err)
{
	struct str rest = name;

	if (name.len > 0 && !str_equal(name, STR(".")) && !mailauth_is_name(name))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is no name", STR_ARG(name));
	while (rest.len > 0) {
		struct str label = str_cut(&rest, '.');

		if (label.len == 0)
			break;
		buf_add_char(rdata, (char)label.len);
		buf_add_str(rdata, label);
	}
	buf_add_char(rdata, '\0');
	return 0;
}

static int add_mx(struct buf *rdata, struct str text, struct err *err)
{
	struct str host = text, preference = str_cut_word(&host);
	uint64_t number;

	if (!str_to_u64(preference, UINT16_MAX, &number))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is no MX record", STR_ARG(text));
	buf_add_char(rdata, (char)(number >> 8));
	buf_add_char(rdata, (char)(number & 255));
	return add_name(rdata, str_trim(host), err);
}

static int add_address(struct buf *rdata, enum mailauth_type type, struct str text, struct err *err)
{
	struct cidr address;

	if (cidr_parse(text, &address, NULL, NULL) != 0 || address.is_ipv6 != (type == MAILAUTH_AAAA))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is no such address", STR_ARG(text));
	return buf_add(rdata, address.address, address.is_ipv6 ? 16 : 4);
}

int mailauth_table_add(struct mailauth_table *table, const char *name, enum mailauth_type type, struct str text,
                       struct err *err)
{
	struct buf rdata;
	int result = 0;

	buf_init(&rdata, MAILAUTH_TEXT_MAX);
	switch (type) {
	case MAILAUTH_A:
	case MAILAUTH_AAAA:
		result = add_address(&rdata, type, text, err);
		break;
	case MAILAUTH_MX:
		result = add_mx(&rdata, text, err);
		break;
	case MAILAUTH_PTR:
	case MAILAUTH_CNAME:
		result = add_name(&rdata, text, err);
		break;
	case MAILAUTH_TXT:
		add_text(&rdata, text);
		break;
	}
	if (result == 0)
		add_entry(table, name, type, buf_str(&rdata));
	buf_free(&rdata);
	return result;
}

void mailauth_table_add_raw(struct mailauth_table *table, const char *name, enum mailauth_type type, struct str rdata)
{
	add_entry(table, name, type, rdata);
}

void mailauth_table_fail(struct mailauth_table *table, const char *name)
{
	add_entry(table, name, FAILS, STR(""));
}

/* The name that name is an alias of, in text form, or NULL. */
static const char *alias_of(const struct mailauth_table *table, const char *name, struct arena *arena)
{
	struct str target;

	for (const struct mailauth_table_entry *entry = table->entries; entry != NULL; entry = entry->next)
		if (entry->type == MAILAUTH_CNAME && str_equal_nocase(str_of(entry->name), str_of(name)) &&
		    mailauth_read_name(entry->rdata, 0, arena, &target, NULL) == 0)
			return target.data;
	return NULL;
}

/* All about one name, which is no alias. */
static void look_up(const struct mailauth_table *table, const char *name, enum mailauth_type type, struct arena *arena,
                    struct mailauth_answer *answer)
{
	size_t capacity = 1;
	bool fails = false;

	for (const struct mailauth_table_entry *entry = table->entries; entry != NULL; entry = entry->next)
		capacity++;
	answer->records = arena_get(arena, capacity * sizeof *answer->records);
	for (const struct mailauth_table_entry *entry = table->entries; entry != NULL; entry = entry->next) {
		if (!str_equal_nocase(str_of(entry->name), str_of(name)))
			continue;
		answer->status = MAILAUTH_NODATA;
		if (entry->type == (int)type)
			answer->records[answer->count++] = entry->rdata;
		fails = fails || entry->type == FAILS;
	}
	if (answer->count != 0)
		answer->status = MAILAUTH_FOUND;
	else if (fails)
		answer->status = MAILAUTH_TEMPORARY;
}

static int query(void *context, const char *name, enum mailauth_type type, int timeout_ms, struct arena *arena,
                 struct mailauth_answer *answer_out, struct err *err)
{
	struct mailauth_table *table = context;
	const char *alias;
	int aliases = 0;

	(void)timeout_ms;
	table->questions++;
	*answer_out = (struct mailauth_answer){.status = MAILAUTH_NXDOMAIN};
	while (type != MAILAUTH_CNAME && (alias = alias_of(table, name, arena)) != NULL && ++aliases <= ALIASES_MAX)
		name = alias;
	if (aliases > ALIASES_MAX)
		answer_out->status = MAILAUTH_TEMPORARY;
	else
		look_up(table, name, type, arena, answer_out);
	return answer_out->status == MAILAUTH_TEMPORARY ? err_set(err, ERR_TEMPORARY, "no answer for %s", name) : 0;
}

void mailauth_table_init(struct mailauth_table *table, struct arena *arena)
{
	*table = (struct mailauth_table){.arena = arena};
}

struct mailauth_dns mailauth_table_dns(struct mailauth_table *table)
{
	return (struct mailauth_dns){.query = query, .context = table};
}
