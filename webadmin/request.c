/* What handlers read of a request. */
#include "common/base/io.h"
#include "webadmin/exchange.h"

#include <poll.h>
#include <stdlib.h>

struct str web_name(const struct web_request *request, const char *name)
{
	struct str pattern = str_of(request->route->path), want = str_of(name);
	int index = 0;

	while (pattern.data != NULL) {
		struct str part = str_cut(&pattern, '/');

		if (part.len <= 2 || part.data[0] != '{')
			continue;
		if (str_equal(str_sub(part, 1, part.len - 2), want))
			return request->names[index];
		index++;
	}
	return STR("");
}

struct search {
	const struct web_request *request;
	size_t skip;        /* so many before it are not meant */
	const char *wanted; /* NULL: any */
	struct str name, value;
	bool found;
};

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *key, size_t key_size,
                               const char *value, size_t value_size)
{
	struct search *search = context;
	struct str name = web_decode(str_from(key, key_size), search->request->arena);

	(void)kind;
	if (name.data == NULL || (search->wanted != NULL && !str_equal(name, str_of(search->wanted))))
		return MHD_YES;
	if (search->skip > 0) {
		search->skip--;
		return MHD_YES;
	}
	search->name = name;
	search->value = web_decode(str_from(value != NULL ? value : "", value_size), search->request->arena);
	search->found = true;
	return MHD_NO;
}

struct str web_query(const struct web_request *request, const char *name)
{
	struct search search = {.request = request, .wanted = name, .value = {NULL, 0}};

	MHD_get_connection_values_n(request->connection, MHD_GET_ARGUMENT_KIND, look_at, &search);
	return search.value;
}

bool web_query_next(const struct web_request *request, size_t *position, struct str *name_out, struct str *value_out)
{
	struct search search = {.request = request, .skip = (*position)++};

	MHD_get_connection_values_n(request->connection, MHD_GET_ARGUMENT_KIND, look_at, &search);
	*name_out = search.name;
	*value_out = search.value.data != NULL ? search.value : STR("");
	return search.found;
}

bool web_query_number(const struct web_request *request, struct web_reply *reply, const char *name, int64_t min,
                      int64_t max, int64_t fallback, int64_t *value_out)
{
	struct str text = web_query(request, name), digits = text;
	bool negative = text.len > 1 && text.data[0] == '-';
	uint64_t value;

	*value_out = fallback;
	if (text.data == NULL)
		return true;
	if (negative)
		digits = str_skip(text, 1);
	if (str_to_u64(digits, INT64_MAX, &value)) {
		*value_out = negative ? -(int64_t)value : (int64_t)value;
		if (*value_out >= min && *value_out <= max)
			return true;
	}
	web_reply_field_error(
	    reply, 400, "syntax", name,
	    arena_printf(request->arena, "%s has to be a number from %lld to %lld", name, (long long)min, (long long)max));
	return false;
}

struct str web_header(const struct web_request *request, const char *name)
{
	const char *value = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);

	return value != NULL ? str_of(value) : (struct str){NULL, 0};
}

struct str web_form(const struct web_request *request, const char *name)
{
	for (size_t i = 0; i < request->field_count; i++)
		if (str_equal(request->fields[i].name, str_of(name)))
			return request->fields[i].value;
	return (struct str){NULL, 0};
}

json_t *web_json(const struct web_request *request, struct web_reply *reply)
{
	struct str type = web_header(request, "Content-Type");
	json_error_t error;
	json_t *json;

	if (type.data == NULL || !str_equal_nocase(str_trim(str_cut(&type, ';')), STR("application/json"))) {
		web_reply_error(reply, 415, "type", "The body has to be application/json");
		return NULL;
	}
	json = json_loadb(request->body.data != NULL ? request->body.data : "", request->body.len, JSON_REJECT_DUPLICATES,
	                  &error);
	if (json == NULL)
		web_reply_error(reply, 400, "syntax", "Line %d of the body is no JSON: %s", error.line, error.text);
	else if (!json_is_object(json))
		web_reply_error(reply, 400, "syntax", "The body has to be a JSON object");
	if (json_is_object(json))
		return json;
	json_decref(json);
	return NULL;
}

int web_wait(struct web *web, int fd, int timeout_ms)
{
	struct pollfd wait[2] = {{.fd = web->client, .events = POLLRDHUP}, {.fd = fd, .events = POLLIN}};
	int count = poll(wait, 2, timeout_ms >= 0 && timeout_ms < WEB_SILENCE_MS ? timeout_ms : WEB_SILENCE_MS);

	if (count > 0 && wait[0].revents != 0)
		return -1;
	return count > 0 && wait[1].revents != 0;
}
