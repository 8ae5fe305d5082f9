#include "sender/talk.h"

static const char *wish_of(const struct sender_settings *sender)
{
	return sender->texts[SENDER_SETTING_LOG];
}

bool talk_is_logged(struct settings *settings)
{
	struct sender_settings *list;
	bool wanted = false;
	struct arena arena;
	size_t count = 0;

	arena_init(&arena);
	if (senders_load(&settings->objects, &arena, &list, &count, NULL) != 0)
		count = 0;
	for (size_t i = 0; i < count; i++)
		wanted |= strcmp(wish_of(&list[i]), "off") != 0;
	arena_free(&arena);
	return wanted;
}

void talk_log(struct attempt *attempt, const struct sender_settings *sender)
{
	bool wanted = sender != NULL && strcmp(wish_of(sender), "off") != 0;

	str_copy(wanted ? str_of(sender->name) : STR(""), attempt->log_name, sizeof attempt->log_name);
	attempt->log_messages = wanted && strcmp(wish_of(sender), "all") == 0;
}
