#include "authd/translate.h"

#define SCRIPT "usermanager"

bool translate_is_wanted(const struct instance *instance)
{
	struct script script;

	script_open(&script, instance, SCRIPT, NULL, NULL);
	return script_is_installed(&script);
}

void translate_name(const struct instance *instance, const struct hash_request *request, struct hash_reply *reply)
{
	const struct script_value arguments[] = {script_text(str_of(request->protocol)),
	                                         script_text(str_of(request->user))};
	struct script_value result = {.type = SCRIPT_TEXT};
	struct script script;
	struct arena arena;

	*reply = (struct hash_reply){.sequence = request->sequence, .result = HASH_RIGHT};
	arena_init(&arena);
	script_open(&script, instance, SCRIPT, NULL, NULL);
	if (script_call(&script, "TranslateUsername", arguments, 2, &result, 1, &arena) != 1 ||
	    result.type != SCRIPT_TEXT || result.text.len == 0 || !str_copy(result.text, reply->user, sizeof reply->user))
		str_copy(str_of(request->user), reply->user, sizeof reply->user);
	script_close(&script);
	arena_free(&arena);
}

const char *translate_protocol(const char *caller)
{
	static const struct {
		const char *caller, *protocol;
	} protocols[] = {{"imap-login", "IMAP4"}, {"pop3-login", "POP3"}, {"smtpd", "SMTP"}, {"webadmin", "WEBMAIL"}};

	for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
		if (strcmp(protocols[i].caller, caller) == 0)
			return protocols[i].protocol;
	return NULL;
}
