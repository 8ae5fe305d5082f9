/* Several changes of the settings as one: each is checked as if it had come alone, configd makes all of them or none.
 */
#include "webadmin/api/input.h"
#include "webadmin/api/special.h"

enum { CALLS_MAX = 100 };

static int refuse(struct api_work *work, int step, const char *why)
{
	web_reply_field_error(work->reply, 400, "syntax", "calls",
	                      arena_printf(work->request->arena, "call %d: %s", step, why));
	return -1;
}

/* A change that configd makes by itself, out of what a JSON object says. */
static bool can_be_step(const struct api_call *call)
{
	if (call->callee == NULL || strcmp(call->callee, "configd") != 0 || call->run != NULL ||
	    strcmp(call->method, "GET") == 0 || (call->shape != API_NOTHING && call->shape != API_OBJECT))
		return false;
	for (const struct api_field *field = call->fields; field != NULL && field->name != NULL; field++)
		if (field->type == API_DOCUMENT || field->type == API_FILE || field->type == API_EACH ||
		    (field->place == API_QUERY && field->required))
			return false;
	return true;
}

/* The row that is meant, of two that fit the one with fewer names; NULL: there is none. */
static const struct api_call *find_step(struct str method, struct str path, struct web_request *request)
{
	const struct api_call *found = NULL;
	struct str names[WEB_NAMES_MAX];
	int fewest = WEB_NAMES_MAX + 1;

	for (const struct api_call *call = api_next_call(NULL); call != NULL; call = api_next_call(call)) {
		int count = str_equal(method, str_of(call->method))
		                ? web_path_fits(call->path, path, false, names, request->arena)
		                : -1;

		if (count < 0 || count >= fewest || !can_be_step(call))
			continue;
		fewest = count;
		found = call;
		memcpy(request->names, names, (size_t)count * sizeof *names);
	}
	return found;
}

static struct str text_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? str_from(json_string_value(value), json_string_length(value)) : STR("");
}

/* Add one call's fields to the request for all. -1: the reply is filled. */
static int add_step(struct api_work *work, const json_t *object, int number)
{
	struct web_request request = {
	    .arena = work->request->arena, .visitor = work->request->visitor, .upload = -1, .connection = NULL};
	struct web_route route = {0};
	struct api_work step = {.web = work->web,
	                        .request = &request,
	                        .reply = work->reply,
	                        .call = find_step(text_of(object, "method"), text_of(object, "path"), &request),
	                        .body = json_object_get(object, "body"),
	                        .step = number,
	                        .generation = -1};
	struct str key, value;
	int result;

	if (step.call == NULL)
		return refuse(work, number, "there is no change of the settings of that method and path");
	if (step.body != NULL && !json_is_object(step.body))
		return refuse(work, number, "its body must be an object");
	if (step.body == NULL)
		step.body = json_object();
	else
		json_incref(step.body);
	route.path = step.call->path;
	request.route = &route;
	ipc_message_init(&step.ask);
	result = input_check(&step, NULL) != 0 ? -1 : input_add(&step, NULL);
	ipc_add_text(&work->ask, "step", step.call->op);
	for (size_t position = 0; result == 0 && ipc_next(&step.ask, &position, &key, &value);)
		ipc_add_field(&work->ask, key, value);
	ipc_message_free(&step.ask);
	json_decref(step.body);
	return result;
}

void api_run_together(struct api_work *work)
{
	const json_t *calls = json_object_get(work->body, "calls");
	size_t count = json_array_size(calls);
	struct err err;

	if (count == 0 || count > CALLS_MAX) {
		web_reply_field_error(work->reply, 400, "syntax", "calls", STR("it must be an array of 1 to 100 calls"));
		return;
	}
	api_begin(work, work->call->callee, work->call->op);
	for (size_t i = 0; i < count; i++)
		if (add_step(work, json_array_get(calls, i), (int)i + 1) != 0)
			return;
	if (api_send(work, work->call->timeout_ms, &err) != 0)
		api_refuse(work, &err);
}
