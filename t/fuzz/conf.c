/* Conf files and the text of an import: whatever they hold, every value is one line and every object has its name. */
// parts: configd/text.c
#include "common/base/conf.h"

#include "configd/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_conf(struct str input)
{
	struct conf conf;

	if (conf_parse(&conf, "fuzz.conf", input, NULL) != 0)
		return;
	for (const struct conf_entry *entry = conf.first; entry != NULL; entry = entry->next) {
		if (strchr(entry->value, '\n') != NULL || entry->key[0] == '\0')
			abort();
		if (conf_get(&conf, entry->section, entry->key, NULL) == NULL)
			abort();
	}
	conf_free(&conf);
}

static void check_text(struct str input)
{
	struct arena arena;
	struct text text;

	arena_init(&arena);
	if (text_parse(input, &arena, &text, NULL) == 0) {
		for (int kind = 0; kind < TEXT_KINDS; kind++) {
			size_t count = 0;

			for (const struct text_object *object = text.objects[kind]; object != NULL; object = object->next, count++)
				if (object->fields[0].data == NULL || object->line == 0)
					abort();
			if (count != text.counts[kind])
				abort();
		}
	}
	arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_conf(str_from((const char *)data, size));
	check_text(str_from((const char *)data, size));
	return 0;
}
