#include "common/base/conf.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <ctype.h>
#include <stdlib.h>

enum { FILE_MAX_LEN = 1 << 20, VALUE_MAX_LEN = 4096 };

static char *lower_copy(struct arena *arena, struct str s)
{
	char *text = arena_text(arena, s);

	for (char *c = text; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return text;
}

static int parse_line(struct conf *conf, struct str line, unsigned number, const char **section,
                      struct conf_entry ***tail, struct err *err)
{
	struct conf_entry *entry;
	ptrdiff_t equals;

	line = str_trim(line);
	if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';')
		return 0;
	if (memchr(line.data, '\0', line.len) != NULL)
		return err_set(err, ERR_SYNTAX, "%s:%u: the line holds a NUL character", conf->name, number);
	if (line.data[0] == '[') {
		if (line.len < 3 || line.data[line.len - 1] != ']')
			return err_set(err, ERR_SYNTAX, "%s:%u: a section line reads [name]", conf->name, number);
		*section = lower_copy(&conf->arena, str_trim(str_sub(line, 1, line.len - 2)));
		return 0;
	}
	equals = str_find_char(line, '=');
	if (equals <= 0)
		return err_set(err, ERR_SYNTAX, "%s:%u: expected key = value", conf->name, number);
	entry = arena_get(&conf->arena, sizeof *entry);
	entry->section = *section;
	entry->key = lower_copy(&conf->arena, str_trim(str_sub(line, 0, (size_t)equals)));
	line = str_trim(str_skip(line, (size_t)equals + 1));
	if (line.len > VALUE_MAX_LEN)
		return err_set(err, ERR_LIMIT, "%s:%u: the value is longer than %d bytes", conf->name, number, VALUE_MAX_LEN);
	entry->value = arena_text(&conf->arena, line);
	entry->line = number;
	**tail = entry;
	*tail = &entry->next;
	return 0;
}

int conf_parse(struct conf *conf, const char *name, struct str text, struct err *err)
{
	struct conf_entry **tail = &conf->first;
	const char *section = "";

	*conf = (struct conf){0};
	arena_init(&conf->arena);
	tail = &conf->first;
	str_copy(str_of(name), conf->name, sizeof conf->name);
	for (unsigned number = 1; text.data != NULL; number++) {
		if (parse_line(conf, str_cut(&text, '\n'), number, &section, &tail, err) != 0) {
			conf_free(conf);
			return -1;
		}
	}
	return 0;
}

int conf_read(struct conf *conf, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct buf text;
	int result;

	buf_init(&text, FILE_MAX_LEN);
	result = io_read_file(path, &text, err);
	if (result == 0)
		result = conf_parse(conf, slash != NULL ? slash + 1 : path, buf_str(&text), err);
	buf_free(&text);
	return result;
}

void conf_free(struct conf *conf)
{
	arena_free(&conf->arena);
	conf->first = NULL;
}

static struct conf_entry *conf_find(struct conf *conf, const char *section, const char *key)
{
	struct conf_entry *found = NULL;

	for (struct conf_entry *entry = conf->first; entry != NULL; entry = entry->next) {
		if (strcmp(entry->section, section) == 0 && strcmp(entry->key, key) == 0) {
			entry->known = true;
			found = entry;
		}
	}
	return found;
}

const char *conf_get(struct conf *conf, const char *section, const char *key, const char *fallback)
{
	struct conf_entry *entry = conf_find(conf, section, key);

	return entry != NULL ? entry->value : fallback;
}

int conf_get_number(struct conf *conf, const char *section, const char *key, long min, long max, long *value,
                    struct err *err)
{
	struct conf_entry *entry = conf_find(conf, section, key);
	char *end;
	long number;

	if (entry == NULL)
		return 0;
	number = strtol(entry->value, &end, 10);
	if (end == entry->value || *end != '\0' || number < min || number > max)
		return err_set(err, ERR_SYNTAX, "%s:%u: %s must be a number from %ld to %ld", conf->name, entry->line, key, min,
		               max);
	*value = number;
	return 0;
}

void conf_report_unknown(const struct conf *conf)
{
	for (const struct conf_entry *entry = conf->first; entry != NULL; entry = entry->next)
		if (!entry->known)
			log_warning("%s:%u: unknown key \"%s\" is ignored", conf->name, entry->line, entry->key);
}
