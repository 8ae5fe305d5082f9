#include "resolver/collected.h"

#include "common/settings/connectors.h"

void collected_init(struct collected *collected)
{
	*collected = (struct collected){.id = 0};
	arena_init(&collected->arena);
}

void collected_free(struct collected *collected)
{
	arena_free(&collected->arena);
}

static int read_settings(struct collected *collected, const struct collector_settings *settings, struct err *err)
{
	collected->default_mappings = settings->numbers[COLLECTOR_SETTING_DEFAULT_MAPPINGS] != 0;
	if (strcmp(settings->texts[COLLECTOR_SETTING_ROUTE], "forward") == 0) {
		collected->forward_address = str_of(settings->texts[COLLECTOR_SETTING_TARGET]);
		collected->forward_server = str_of(settings->texts[COLLECTOR_SETTING_FORWARD_SERVER]);
	}
	return routing_parse_domains(str_of(settings->texts[COLLECTOR_SETTING_ACCEPTED_DOMAINS]), &collected->arena,
	                             collected->domains, &collected->domain_count, err);
}

int collected_look(struct collected *collected, struct settings *settings, int64_t collector, struct err *err)
{
	struct collector_settings read;
	int found;

	if (collected->id == collector && collected->generation == settings->generation)
		return 0;
	arena_reset(&collected->arena);
	collected->id = 0;
	collected->domain_count = 0;
	collected->default_mappings = true;
	collected->forward_address = collected->forward_server = STR("");
	found = collector_load(&settings->objects, collector, &collected->arena, &read, err);
	if (found < 0 || (found == 1 && read_settings(collected, &read, err) != 0))
		return -1;
	collected->id = collector;
	collected->generation = settings->generation;
	return 0;
}
