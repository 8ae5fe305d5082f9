#include "common/rules/condition.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct condition *condition, struct str header, enum rules_stage stage, struct arena *arena)
{
	struct str recipients[] = {{"anna@example.com", 16}, {"bert@example.org", 16}};
	struct facts facts = {
	    .stage = stage,
	    .mail_from = STR("carl@example.net"),
	    .client = STR("192.0.2.1"),
	    .user = STR("anna"),
	    .recipients = recipients,
	    .recipient_count = 2,
	    .size = 1000,
	    .header = stage == RULES_DATA ? header : STR(""),
	    .now = 1795258800,
	    .arena = arena,
	};
	struct facts_download download = {.collector = STR("isp"), .number = 1};
	struct facts_delivery delivery = {.type = FACTS_INCOMING, .message = mime_source_memory(header)};

	condition_holds(condition, &facts);
	if (stage != RULES_DATA)
		return;
	facts.delivery = &delivery;
	condition_holds(condition, &facts);
	facts.delivery = NULL;
	facts.download = &download;
	condition_holds(condition, &facts);
}

/*
 * The first line is a condition, the rest the header that it is asked of. What parses has a normal form, which parses
 * to itself.
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str header = str_from((const char *)data, size), line = str_cut(&header, '\n'), normal;
	enum condition_dialect dialect = (enum condition_dialect)(size > 0 ? data[0] % (CONDITION_DOWNLOAD + 1) : 0);
	struct condition condition, again;
	struct arena arena;
	struct err err;

	arena_init(&arena);
	if (condition_parse(line, dialect, &arena, &condition, &err) == 0) {
		normal = condition_format(&condition, &arena);
		if (condition_parse(normal, dialect, &arena, &again, &err) != 0 ||
		    !str_equal(condition_format(&again, &arena), normal))
			abort();
		ask(&condition, header, RULES_RCPT, &arena);
		ask(&again, header, RULES_DATA, &arena);
		condition_free(&condition);
		condition_free(&again);
	}
	arena_free(&arena);
	return 0;
}
