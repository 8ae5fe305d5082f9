#include "configd/text.h"

#include "common/base/buf.h"
#include "common/base/conf.h"

#define FILE_NAME "import" /* what messages call the text */

enum { SETTINGS_MAX = 1000 };

struct kind {
	const char *section;
	const char *fields[TEXT_FIELDS_MAX + 1];
};

static const struct kind kinds[TEXT_ITEM] = {
    [TEXT_SETTING] = {"settings", {NULL}},
    [TEXT_DOMAIN] = {"domain", {"name", "default"}},
    [TEXT_GROUP] = {"group", {"name"}},
    [TEXT_USER] = {"user", {"name", "administrator", "enabled", "password-hash", "groups", "primary-group"}},
    [TEXT_MAPPING] = {"mapping", {"pattern", "target", "type", "collector", "comment"}},
    [TEXT_CONNECTION] = {"connection", {"name"}},
    [TEXT_CONNECTION_SETTING] = {"connection-setting", {"connection", "key", "value"}},
    [TEXT_SENDER_SETTING] = {"sender-setting", {"sender", "key", "value"}},
    [TEXT_COLLECTOR] = {"collector", {"name", "connections"}},
    [TEXT_COLLECTOR_SETTING] = {"collector-setting", {"collector", "key", "value"}},
    [TEXT_SENDER] = {"sender", {"name", "method", "servers", "encryption", "verify", "username"}},
    [TEXT_SMTP_RULE] = {"smtp-rule", {"service", "name", "stage", "action", "parameter", "match", "condition"}},
    [TEXT_ACCESS_LIST] = {"access-list", {"name", "use-global"}},
    [TEXT_ACCESS_RULE] = {"access-rule", {"list", "restrict", "address", "unauth", "users", "comment"}},
    [TEXT_SERVICE] = {"service", {"name", "number", "type", "enabled", "encryption", "bindings"}},
    [TEXT_SERVICE_SETTING] = {"service-setting", {"service", "key", "value"}},
    [TEXT_USER_ATTRIBUTE] = {"user-attribute", {"user", "key", "value"}},
    [TEXT_PERMISSION] = {"permission", {"list", "user", "pattern"}},
    [TEXT_GROUP_ATTRIBUTE] = {"group-attribute", {"group", "key", "value"}},
    [TEXT_LIST] = {"list", {"name", "type"}},
    [TEXT_LIST_SETTING] = {"list-setting", {"list", "key", "value"}},
    [TEXT_LIST_MEMBER] = {"list-member", {"list", "address"}},
    [TEXT_SCRIPT] = {"script", {"name", "text"}},
};

/* Where the next object or field goes. */
struct reader {
	struct arena *arena;
	struct text *text;
	struct text_object **tails[TEXT_KINDS];
	struct text_object *current; /* the object that fields are added to */
	struct buf lines;            /* of the field lines_of */
	struct str *lines_of;        /* NULL: none has more than one so far */
	const char *section;         /* the section line it stands under: a new line begins a new object */
};

static const char *section_of(int kind)
{
	return kind < TEXT_ITEM ? kinds[kind].section : item_definitions[kind - TEXT_ITEM].word;
}

const char *text_field_name(enum text_kind kind, int field)
{
	if (kind < TEXT_ITEM)
		return kinds[kind].fields[field];
	return field == ITEM_OWNER ? "owner" : item_definitions[kind - TEXT_ITEM].fields[field - 1].name;
}

/* May a field stand several times, each being a line of it? */
static bool has_lines(enum text_kind kind, int field)
{
	if (kind < TEXT_ITEM)
		return (kind == TEXT_SMTP_RULE && field == RULE_CONDITION) ||
		       (kind == TEXT_SCRIPT && field == SCRIPT_OBJECT_TEXT);
	return field != ITEM_OWNER && item_definitions[kind - TEXT_ITEM].fields[field - 1].has_lines;
}

void text_add_field(struct buf *out, enum text_kind kind, int field, struct str value)
{
	if (value.len != 0)
		buf_printf(out, "%s = %.*s\n", text_field_name(kind, field), STR_ARG(value));
}

static struct text_object *add_object(struct reader *reader, enum text_kind kind, unsigned line)
{
	struct text_object *object = arena_get(reader->arena, sizeof *object);

	object->line = line;
	*reader->tails[kind] = object;
	reader->tails[kind] = &object->next;
	reader->text->counts[kind]++;
	return object;
}

/* A field whose lines were gathered is complete. */
static void end_lines(struct reader *reader)
{
	if (reader->lines_of != NULL)
		*reader->lines_of = arena_copy(reader->arena, buf_str(&reader->lines));
	reader->lines_of = NULL;
	buf_reset(&reader->lines);
}

static struct str keep(struct reader *reader, const char *text)
{
	return arena_copy(reader->arena, str_of(text));
}

static int add_setting(struct reader *reader, const struct conf_entry *entry, struct err *err)
{
	struct text_object *object;

	if (reader->text->counts[TEXT_SETTING] == SETTINGS_MAX)
		return err_set(err, ERR_LIMIT, FILE_NAME ":%u: more than %d settings", entry->line, SETTINGS_MAX);
	for (object = reader->text->objects[TEXT_SETTING]; object != NULL; object = object->next)
		if (str_equal(object->fields[SETTING_KEY], str_of(entry->key)))
			return err_set(err, ERR_SYNTAX, FILE_NAME ":%u: %s is set in line %u already", entry->line, entry->key,
			               object->line);
	object = add_object(reader, TEXT_SETTING, entry->line);
	object->fields[SETTING_KEY] = keep(reader, entry->key);
	object->fields[SETTING_VALUE] = keep(reader, entry->value);
	return 0;
}

/* One more line of a field. All of them are in one buffer until the next field, since there may be many. */
static void add_line(struct reader *reader, struct str *value, const char *line)
{
	if (reader->lines_of != value) {
		end_lines(reader);
		buf_add_str(&reader->lines, *value);
		reader->lines_of = value;
	}
	buf_add_char(&reader->lines, '\n');
	buf_add_str(&reader->lines, str_of(line));
}

static int add_field(struct reader *reader, enum text_kind kind, const struct conf_entry *entry, struct err *err)
{
	const char *section = section_of(kind);
	struct str *value;
	int field = 0;

	while (text_field_name(kind, field) != NULL && strcmp(text_field_name(kind, field), entry->key) != 0)
		field++;
	if (text_field_name(kind, field) == NULL)
		return err_set(err, ERR_SYNTAX, FILE_NAME ":%u: a %s has no \"%s\"", entry->line, section, entry->key);
	if (field == 0)
		reader->current = add_object(reader, kind, entry->line);
	else if (reader->section != entry->section)
		return err_set(err, ERR_SYNTAX, FILE_NAME ":%u: a [%s] begins with its %s", entry->line, section,
		               text_field_name(kind, 0));
	value = &reader->current->fields[field];
	if (has_lines(kind, field) && value->data != NULL) {
		add_line(reader, value, entry->value);
		return 0;
	}
	if (value->data != NULL)
		return err_set(err, ERR_SYNTAX, FILE_NAME ":%u: %s stands twice", entry->line, entry->key);
	*value = keep(reader, entry->value);
	reader->section = entry->section;
	return 0;
}

static int refuse_section(const struct conf_entry *entry, struct err *err)
{
	struct buf names;

	buf_init(&names, 1000);
	for (int kind = 0; kind < TEXT_KINDS; kind++)
		buf_printf(&names, "%s[%s]", kind != 0 ? ", " : "", section_of(kind));
	err_set(err, ERR_SYNTAX, FILE_NAME ":%u: [%s] is none of %s", entry->line, entry->section, buf_text(&names));
	buf_free(&names);
	return -1;
}

static int add_entry(struct reader *reader, const struct conf_entry *entry, struct err *err)
{
	int kind = 0;

	while (kind < TEXT_KINDS && strcmp(section_of(kind), entry->section) != 0)
		kind++;
	if (kind == TEXT_SETTING)
		return add_setting(reader, entry, err);
	if (kind < TEXT_KINDS)
		return add_field(reader, (enum text_kind)kind, entry, err);
	if (entry->section[0] == '\0')
		return err_set(err, ERR_SYNTAX, FILE_NAME ":%u: \"%s\" stands before the first section, such as [settings]",
		               entry->line, entry->key);
	return refuse_section(entry, err);
}

int text_parse(struct str input, struct arena *arena, struct text *text_out, struct err *err)
{
	struct reader reader = {.arena = arena, .text = text_out};
	struct conf conf;
	int result = 0;

	*text_out = (struct text){0};
	for (int i = 0; i < TEXT_KINDS; i++)
		reader.tails[i] = &text_out->objects[i];
	if (conf_parse(&conf, FILE_NAME, input, err) != 0)
		return -1;
	buf_init(&reader.lines, SIZE_MAX);
	for (const struct conf_entry *entry = conf.first; result == 0 && entry != NULL; entry = entry->next)
		result = add_entry(&reader, entry, err);
	end_lines(&reader);
	buf_free(&reader.lines);
	conf_free(&conf);
	return result;
}

int text_flag(enum text_kind kind, const struct text_object *object, int field, bool fallback, bool *value_out,
              struct err *err)
{
	struct str value = object->fields[field];

	*value_out = value.data != NULL ? str_equal_nocase(value, STR("on")) : fallback;
	if (value.data != NULL && !*value_out && !str_equal_nocase(value, STR("off")))
		return err_set(err, ERR_SYNTAX, FILE_NAME ":%u: %s must be on or off", object->line,
		               text_field_name(kind, field));
	return 0;
}
