#include "authd/approve.h"

bool approve_password(const struct instance *instance, const struct hash_request *request)
{
	const struct script_value arguments[] = {
	    script_text(str_of(request->user)),
	    script_text(str_from(request->password, request->password_len)),
	    script_number(request->min_length),
	};
	struct script_value result = {.type = SCRIPT_FLAG};
	struct script script;
	struct arena arena;
	bool allowed;

	arena_init(&arena);
	script_open(&script, instance, "passwordcheck", NULL, NULL);
	allowed = script_call(&script, "Check", arguments, 3, &result, 1, &arena) != 1 || result.type != SCRIPT_FLAG ||
	          result.flag;
	script_close(&script);
	arena_free(&arena);
	return allowed;
}
