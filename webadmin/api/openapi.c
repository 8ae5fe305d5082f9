#include "webadmin/api/openapi.h"

#include "webadmin/api/answer.h"
#include "webadmin/api/api.h"
#include "webadmin/api/rows.h"
#include "webadmin/api/special.h"
#include "webadmin/api/told.h"
#include "webadmin/routes.h"

#include <ctype.h>
#include <stdio.h>

static json_t *array_schema(const char *type)
{
	return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", type);
}

/* A value of a setting: as its catalogue says. */
static json_t *settings_schema(const struct catalogue *catalogue)
{
	return json_pack("{s:s, s:{s:[s,s,s,s,s], s:{s:s}}, s:s*}", "type", "object", "additionalProperties", "type",
	                 "string", "integer", "boolean", "array", "null", "items", "type", "string", "x-catalogue",
	                 catalogue != NULL ? catalogue->command : NULL);
}

static json_t *words_schema(const char *words)
{
	json_t *list = json_array();
	struct str rest = str_of(words);

	while (rest.data != NULL) {
		struct str word = str_cut(&rest, '|');

		json_array_append_new(list, json_stringn(word.data, word.len));
	}
	return json_pack("{s:s, s:o}", "type", "string", "enum", list);
}

static json_t *field_schema(const struct api_call *call, const struct api_field *field)
{
	json_t *schema;

	switch (field->type) {
	case API_ANY:
		schema = json_object();
		break;
	case API_NUMBER:
		schema = json_pack("{s:s, s:i}", "type", "integer", "minimum", 0);
		break;
	case API_FLAG:
		schema = json_pack("{s:s}", "type", "boolean");
		break;
	case API_TEXTS:
	case API_NAMES:
	case API_EACH:
		schema = array_schema("string");
		break;
	case API_CALLS:
		schema = json_pack("{s:s, s:{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}}, s:[s,s]}}", "type", "array", "items", "type",
		                   "object", "properties", "method", "type", "string", "path", "type", "string", "body", "type",
		                   "object", "required", "method", "path");
		break;
	case API_SETTINGS:
		schema = settings_schema(call->catalogue);
		break;
	default:
		schema = field->words != NULL ? words_schema(field->words) : json_pack("{s:s}", "type", "string");
	}
	if (field->sentence != NULL)
		json_object_set_new(schema, "description", json_string(field->sentence));
	return schema;
}

static json_t *column_schema(const struct api_column *column)
{
	json_t *schema = column->type == API_NUMBER  ? json_pack("{s:s}", "type", "integer")
	                 : column->type == API_TIME  ? json_pack("{s:s, s:s}", "type", "integer", "format", "unix-time")
	                 : column->type == API_FLAG  ? json_pack("{s:s}", "type", "boolean")
	                 : column->type == API_TEXTS ? array_schema("string")
	                 : column->type == API_TEXT  ? json_pack("{s:s}", "type", "string")
	                                             : json_object();

	if (column->sentence != NULL)
		json_object_set_new(schema, "description", json_string(column->sentence));
	return schema;
}

static json_t *row_schema(const struct api_call *call)
{
	json_t *properties = json_object();

	for (const struct api_column *column = call->columns; column != NULL && column->name != NULL; column++)
		json_object_set_new(properties, column->name, column_schema(column));
	return json_pack("{s:s, s:o, s:s*}", "type", "object", "properties", properties, "x-catalogue",
	                 call->catalogue != NULL     ? call->catalogue->command
	                 : call->shape == API_VALUES ? setting_catalogue.command
	                                             : NULL);
}

static bool is_collection(const struct api_call *call)
{
	return call->shape == API_ROWS || call->shape == API_RECORDS || call->shape == API_VALUES;
}

static json_t *answer_schema(const struct api_call *call)
{
	if (call->shape == API_LIST)
		return json_pack("{s:s, s:{s:{s:s, s:o}, s:{s:s}, s:{s:s}, s:{s:s, s:s}}, s:[s]}", "type", "object",
		                 "properties", "items", "type", "array", "items", row_schema(call), "total", "type", "integer",
		                 "more", "type", "boolean", "uidvalidity", "type", "integer", "description",
		                 "Of the folder, where messages are listed.", "required", "items");
	if (is_collection(call))
		return json_pack("{s:s, s:{s:{s:s, s:o}, s:{s:s}, s:{s:s, s:s}}, s:[s,s,s]}", "type", "object", "properties",
		                 "items", "type", "array", "items", row_schema(call), "total", "type", "integer", "more",
		                 "type", "boolean", "description", "There is more than was looked at.", "required", "items",
		                 "total", "more");
	if (call->shape == API_RESULTS)
		return json_pack("{s:s, s:{s:{s:s, s:{s:s, s:{s:{}, s:{s:s}, s:{s:s}}, s:[s,s]}}}, s:[s]}", "type", "object",
		                 "properties", "results", "type", "array", "items", "type", "object", "properties", "name",
		                 "ok", "type", "boolean", "error", "type", "object", "required", "name", "ok", "required",
		                 "results");
	return row_schema(call);
}

static json_t *responses(const struct api_call *call)
{
	json_t *good = json_object(), *all = json_object();
	const char *media = call->shape == API_TEXTFILE ? call->media : "application/json";
	char status[8];

	json_object_set_new(good, "description", json_string(call->shape == API_NOTHING ? "It is done." : call->sentence));
	if (call->shape == API_TEXTFILE)
		json_object_set_new(good, "content", json_pack("{s:{s:{s:s}}}", media, "schema", "type", "string"));
	else if (call->shape != API_NOTHING)
		json_object_set_new(good, "content", json_pack("{s:{s:o}}", media, "schema", answer_schema(call)));
	snprintf(status, sizeof status, "%d", call->status != 0 ? call->status : call->shape == API_NOTHING ? 204 : 200);
	json_object_set_new(all, status, good);
	json_object_set_new(all, "default", json_pack("{s:s}", "$ref", "#/components/responses/refused"));
	return all;
}

static json_t *parameter(const char *name, const char *place, bool required, json_t *schema)
{
	return json_pack("{s:s, s:s, s:b, s:o}", "name", name, "in", place, "required", (int)required, "schema", schema);
}

/* The {names} of a path of which no field tells: numbers, as far as they are called so. */
static void add_names(const struct api_call *call, json_t *list)
{
	struct str rest = str_of(call->path), name;

	while (str_cut(&rest, '{').data != NULL && rest.data != NULL) {
		const struct api_field *field = call->fields;

		name = str_cut(&rest, '}');
		while (field != NULL && field->name != NULL && !str_equal(name, str_of(field->name)))
			field++;
		if (field == NULL || field->name == NULL)
			json_array_append_new(list, json_pack("{s:s%, s:s, s:b, s:{s:s}}", "name", name.data, name.len, "in",
			                                      "path", "required", 1, "schema", "type",
			                                      str_equal(name, STR("uid")) || str_equal(name, STR("uidvalidity")) ||
			                                              str_equal(name, STR("number"))
			                                          ? "integer"
			                                          : "string"));
	}
}

static json_t *parameters(const struct api_call *call)
{
	static const char *const common[] = {"limit", "offset", "sort", "search", "filter", "columns", "format"};
	json_t *list = json_array();

	add_names(call, list);
	for (const struct api_field *field = call->fields; field != NULL && field->name != NULL; field++)
		if (field->place != API_BODY)
			json_array_append_new(list, parameter(field->name, field->place == API_PATH ? "path" : "query",
			                                      field->required, field_schema(call, field)));
	for (size_t i = 0; is_collection(call) && i < sizeof common / sizeof *common; i++) {
		char reference[64];

		snprintf(reference, sizeof reference, "#/components/parameters/%s", common[i]);
		json_array_append_new(list, json_pack("{s:s}", "$ref", reference));
	}
	return list;
}

/* NULL: the call has no body. */
static json_t *request_body(const struct api_call *call)
{
	json_t *properties = json_object(), *required = json_array(), *schema;
	const struct api_field *others = NULL, *document = NULL;

	for (const struct api_field *field = call->fields; field != NULL && field->name != NULL; field++) {
		if (field->place != API_BODY)
			continue;
		if (field->type == API_DOCUMENT || field->type == API_FILE)
			document = field;
		else if (field->type == API_OTHERS || field->type == API_ITEM)
			others = field;
		else
			json_object_set_new(properties, field->name, field_schema(call, field));
		if (field->required && field->type != API_DOCUMENT)
			json_array_append_new(required, json_string(field->name));
	}
	if (document == NULL && others == NULL && json_object_size(properties) == 0) {
		json_decref(properties);
		json_decref(required);
		return NULL;
	}
	if (document != NULL) {
		json_decref(properties);
		json_decref(required);
		return json_pack("{s:b, s:{s:{s:{s:s, s:s}}}}", "required", 1, "content", call->media, "schema", "type",
		                 "string", "description", document->sentence);
	}
	schema = others != NULL ? settings_schema(others->type == API_OTHERS ? call->catalogue : NULL)
	                        : json_pack("{s:s, s:b}", "type", "object", "additionalProperties", 0);
	if (others != NULL)
		json_object_set_new(schema, "description", json_string(others->sentence));
	if (others != NULL && others->type == API_ITEM)
		json_object_set_new(schema, "x-catalogue", json_string("items"));
	json_object_set_new(schema, "properties", properties);
	json_object_set_new(schema, "required", required);
	return json_pack("{s:b, s:{s:{s:o}}}", "required", (int)(json_array_size(required) > 0 || others != NULL),
	                 "content", "application/json", "schema", schema);
}

static json_t *operation(const struct api_call *call)
{
	struct str rest = str_skip(str_of(call->path), 1), tag = str_cut(&rest, '/');
	json_t *object = json_pack("{s:s, s:[s%], s:o, s:o}", "summary", call->sentence, "tags", tag.data, tag.len,
	                           "parameters", parameters(call), "responses", responses(call));
	json_t *body = request_body(call);

	if (body != NULL)
		json_object_set_new(object, "requestBody", body);
	return object;
}

static json_t *common_parameters(void)
{
	return json_pack(
	    "{s:o, s:o, s:o, s:o, s:{s:s, s:s, s:s, s:b, s:{s:s, s:{s:s}}}, s:o, s:o}", "limit",
	    parameter("limit", "query", false,
	              json_pack("{s:s, s:i, s:i, s:s}", "type", "integer", "minimum", 0, "default", ROWS_PAGE,
	                        "description", "Rows of a page; 10,000 at most, whatever is wanted.")),
	    "offset", parameter("offset", "query", false, json_pack("{s:s, s:i}", "type", "integer", "minimum", 0)), "sort",
	    parameter("sort", "query", false,
	              json_pack("{s:s, s:s}", "type", "string", "description", "COLUMN or -COLUMN.")),
	    "search",
	    parameter("search", "query", false,
	              json_pack("{s:s, s:s}", "type", "string", "description", "Anywhere in a column of texts.")),
	    "filter", "name", "filter", "in", "query", "style", "deepObject", "required", 0, "schema", "type", "object",
	    "additionalProperties", "type", "string", "columns",
	    parameter("columns", "query", false,
	              json_pack("{s:s, s:s}", "type", "string", "description", "These alone, separated by commas.")),
	    "format",
	    parameter("format", "query", false, json_pack("{s:s, s:[s,s]}", "type", "string", "enum", "json", "csv")));
}

static json_t *components(void)
{
	json_t *error =
	    json_pack("{s:s, s:{s:{s:s, s:{s:{s:s}, s:{s:s}, s:{s:s}}, s:[s,s]}}, s:[s]}", "type", "object", "properties",
	              "error", "type", "object", "properties", "code", "type", "string", "text", "type", "string", "field",
	              "type", "string", "required", "code", "text", "required", "error");

	return json_pack("{s:o, s:{s:{s:s, s:{s:{s:o}}}}, s:{s:{s:s, s:s, s:s}, s:{s:s, s:s}}}", "parameters",
	                 common_parameters(), "responses", "refused", "description",
	                 "It was refused, or cannot be done now: the sentence says why.", "content", "application/json",
	                 "schema", error, "securitySchemes", "cookie", "type", "apiKey", "in", "cookie", "name", "postroom",
	                 "token", "type", "http", "scheme", "bearer");
}

/* flags: who may (enum web_flag). */
static json_t *add_call(json_t *paths, const struct api_call *call, unsigned flags)
{
	json_t *path = json_object_get(paths, call->path), *object = operation(call);
	char method[8];
	size_t i;

	if (path == NULL) {
		path = json_object();
		json_object_set_new(paths, call->path, path);
	}
	for (i = 0; call->method[i] != '\0' && i + 1 < sizeof method; i++)
		method[i] = (char)tolower((unsigned char)call->method[i]);
	method[i] = '\0';
	if ((flags & WEB_ADMIN) == 0)
		json_object_set_new(object, "x-for", json_string((flags & WEB_USER) != 0 ? "user" : "everybody"));
	if ((flags & (WEB_ADMIN | WEB_USER)) == 0)
		json_object_set_new(object, "security", json_array());
	json_object_set_new(path, method, object);
	return path;
}

/* What another part serves; what is not below API_BASE is told to be elsewhere. */
static void add_route(json_t *paths, const struct web_route *route)
{
	const struct api_call *told = api_find_told(route->method, route->path);
	struct api_call call = told != NULL ? *told : (struct api_call){.method = route->method};
	bool is_here = str_starts(str_of(route->path), STR(API_BASE));
	json_t *path;

	call.path = is_here ? route->path + strlen(API_BASE) : route->path;
	call.sentence = route->summary;
	path = add_call(paths, &call, route->flags);
	if (!is_here)
		json_object_set_new(path, "servers", json_pack("[{s:s}]", "url", "/"));
}

static void add_routes(json_t *paths, const struct web_part *part)
{
	size_t count;
	const struct web_route *routes = part->routes(&count);

	for (size_t i = 0; i < count; i++)
		if (routes[i].summary != NULL)
			add_route(paths, &routes[i]);
}

json_t *openapi_make(void)
{
	json_t *paths = json_object();

	for (const struct api_call *call = api_next_call(NULL); call != NULL; call = api_next_call(call))
		add_call(paths, call, WEB_ADMIN);
	for (const struct web_part *const *part = web_parts; *part != NULL; part++)
		if (*part != &api_part)
			add_routes(paths, *part);
	return json_pack("{s:s, s:{s:s, s:s, s:s}, s:[{s:s}], s:[{s:[]}, {s:[]}], s:o, s:o}", "openapi", "3.1.0", "info",
	                 "title", "Postroom", "version", POSTROOM_VERSION, "description",
	                 "A mail server: its administration, webmail, sessions. x-for says who may make a call; "
	                 "else administrators. Changes by cookie carry the header X-CSRF-Token.",
	                 "servers", "url", API_BASE, "security", "cookie", "token", "paths", paths, "components",
	                 components());
}

int openapi_print(void)
{
	json_t *document = openapi_make();
	int result = json_dumpf(document, stdout, JSON_INDENT(1));

	json_decref(document);
	return result == 0 && putchar('\n') != EOF && fflush(stdout) == 0 ? 0 : -1;
}

void api_run_openapi(struct api_work *work)
{
	answer_description(work, openapi_make());
}
