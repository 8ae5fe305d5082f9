#include "webadmin/api/table.h"

static const struct api_call *const lists[] = {
    api_calls_users,   api_calls_addresses, api_calls_connectors, api_calls_services,
    api_calls_running, api_calls_settings,  api_calls_scripts,    NULL};

const struct api_call *api_next_call(const struct api_call *call)
{
	if (call == NULL)
		return lists[0];
	if (call[1].method != NULL)
		return &call[1];
	/* the end of a list: which one it is tells what comes then */
	for (size_t i = 0; lists[i] != NULL; i++) {
		const struct api_call *last = lists[i];

		while (last[1].method != NULL)
			last++;
		if (last == call)
			return lists[i + 1];
	}
	return NULL;
}

const struct api_call *api_find_call(const char *method, const char *path)
{
	for (const struct api_call *call = api_next_call(NULL); call != NULL; call = api_next_call(call))
		if (strcmp(call->method, method) == 0 && strcmp(call->path, path) == 0)
			return call;
	return NULL;
}
