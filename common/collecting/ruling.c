#include "common/collecting/ruling.h"

#include <inttypes.h>

/* The recipients that rules can ask for: addresses of the header, and what they lead to. */
static void fill_facts(const struct routing *routing, struct arena *arena, struct facts_download *download,
                       struct facts *facts)
{
	size_t count = 0;
	struct str *names;

	for (size_t i = 0; i < routing->address_count; i++)
		count += routing->addresses[i].name_count;
	download->names = names = arena_get(arena, (count + 1) * sizeof *names);
	for (size_t i = 0; i < routing->address_count; i++)
		for (size_t j = 0; j < routing->addresses[i].name_count; j++)
			names[download->name_count++] = routing->addresses[i].names[j];
	download->valid = routing->valid;
	download->invalid = routing->unknown;
	facts->recipients = arena_get(arena, (routing->recipient_count + 1) * sizeof *facts->recipients);
	for (size_t i = 0; i < routing->recipient_count; i++)
		facts->recipients[facts->recipient_count++] = routing->recipients[i].address;
	facts->download = download;
}

void ruling_make(const struct rules *rules, const struct ruling_case *matter,
                 void (*tell)(void *context, const struct rules_event *event), void *context, struct arena *arena,
                 struct ruling *ruling)
{
	struct facts_download download = {.collector = matter->collector, .number = matter->number};
	struct facts facts = {.stage = RULES_DATA,
	                      .mail_from = matter->routing->sender,
	                      .size = matter->size,
	                      .header = matter->header,
	                      .now = matter->now,
	                      .arena = arena};
	struct rules_run run = {rules, &facts, NULL, &ruling->lines, tell, context};
	struct rules_result result;

	*ruling = (struct ruling){.word = RULE_DOWNLOAD, .by = STR("no rule")};
	fill_facts(matter->routing, arena, &download, &facts);
	rules_execute(&run, &result);
	if (result.number == 0)
		return;
	ruling->word = result.action;
	ruling->targets = result.targets;
	ruling->by = arena_printf(arena, "rule %" PRId64 " \"%.*s\": %s", result.number, STR_ARG(result.name),
	                          rule_action_word(result.action));
}
