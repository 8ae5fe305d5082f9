#include "webadmin/api/input.h"

#include "common/items/item.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static int refuse(struct api_work *work, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct api_work *work, const char *field, const char *format, ...)
{
	struct err err;
	va_list args;

	va_start(args, format);
	vsnprintf(err.text, sizeof err.text, format, args);
	va_end(args);
	if (work->step > 0)
		err_prefix(&err, "call %d", work->step);
	web_reply_field_error(work->reply, 400, "syntax", field, str_of(err.text));
	return -1;
}

static bool is_among(const char *words, struct str text)
{
	struct str rest = str_of(words);

	while (rest.data != NULL)
		if (str_equal(str_cut(&rest, '|'), text))
			return true;
	return false;
}

static const struct api_field *find_field(const struct api_call *call, enum api_place place, struct str name)
{
	for (const struct api_field *field = call->fields; field != NULL && field->name != NULL; field++)
		if (field->place == place && str_equal(name, str_of(field->name)))
			return field;
	return NULL;
}

static const struct api_field *find_type(const struct api_call *call, enum api_type type)
{
	for (const struct api_field *field = call->fields; field != NULL && field->name != NULL; field++)
		if (field->type == type)
			return field;
	return NULL;
}

static bool takes_json(const struct api_call *call)
{
	for (const struct api_field *field = call->fields; field != NULL && field->name != NULL; field++)
		if (field->place == API_BODY && field->type != API_DOCUMENT && field->type != API_FILE)
			return true;
	return false;
}

static bool needs_json(const struct api_call *call)
{
	for (const struct api_field *field = call->fields; field != NULL && field->name != NULL; field++)
		if (field->place == API_BODY && (field->required || field->type == API_OTHERS))
			return true;
	return false;
}

/* Every name in the query means something. */
static int check_query(struct api_work *work, struct rows_wish *wish)
{
	struct str name, value;
	struct err err;

	for (size_t position = 0; web_query_next(work->request, &position, &name, &value);) {
		const char *shown = arena_text(work->request->arena, str_sub(name, 0, 80));
		int taken = 0;

		if (find_field(work->call, API_QUERY, name) != NULL || (wish != NULL && str_equal(name, STR("format"))))
			continue;
		if (wish != NULL)
			taken = rows_wish_take(wish, name, value, work->request->arena, &err);
		if (taken < 0)
			return refuse(work, shown, "%s", err.text);
		if (taken == 0)
			return refuse(work, shown, "this call has no parameter of that name");
	}
	return 0;
}

/* Members of the body that no field names: are they allowed? */
static int check_members(struct api_work *work)
{
	bool others = find_type(work->call, API_OTHERS) != NULL || find_type(work->call, API_ITEM) != NULL;
	const char *name;
	json_t *value;

	json_object_foreach (work->body, name, value) {
		if (find_field(work->call, API_BODY, str_of(name)) == NULL && !others)
			return refuse(work, name, "this call has no field of that name");
	}
	return 0;
}

static int check_required(struct api_work *work)
{
	for (const struct api_field *field = work->call->fields; field != NULL && field->name != NULL; field++) {
		bool there = true;

		if (field->type == API_DOCUMENT || field->type == API_FILE)
			there = work->request->body.len > 0 || work->request->upload_size > 0;
		else if (field->place == API_QUERY)
			there = web_query(work->request, field->name).data != NULL;
		else if (field->place == API_BODY)
			there = json_object_get(work->body, field->name) != NULL;
		if (field->required && !there)
			return refuse(work, field->name, "it is missing");
	}
	return 0;
}

int input_check(struct api_work *work, struct rows_wish *wish)
{
	if (check_query(work, wish) != 0)
		return -1;
	if (work->body == NULL && takes_json(work->call) && (work->request->body.len > 0 || needs_json(work->call))) {
		work->body = web_json(work->request, work->reply);
		if (work->body == NULL)
			return -1;
	}
	return check_members(work) != 0 ? -1 : check_required(work);
}

const json_t *input_each(const struct api_work *work)
{
	const struct api_field *field = find_type(work->call, API_EACH);

	return field != NULL ? json_object_get(work->body, field->name) : NULL;
}

/* A value as a daemon reads it. false: it is no text, number or flag. words: what flags are called. */
static bool scalar(struct api_work *work, const json_t *value, bool words, struct str *text_out)
{
	if (json_is_string(value))
		*text_out = str_from(json_string_value(value), json_string_length(value));
	else if (json_is_integer(value))
		*text_out = arena_printf(work->request->arena, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value) && words)
		*text_out = json_is_true(value) ? STR("on") : STR("off");
	else if (json_is_boolean(value))
		*text_out = json_is_true(value) ? STR("1") : STR("0");
	else
		return false;
	return true;
}

/* An array of texts with something between them. */
static bool joined(struct api_work *work, const json_t *list, const char *separator, struct str *text_out)
{
	struct buf text;
	bool good = true;

	buf_init(&text, INPUT_REQUEST_MAX);
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct str part;

		good = good && scalar(work, json_array_get(list, i), true, &part);
		if (good && i > 0)
			buf_add_str(&text, str_of(separator));
		if (good)
			buf_add_str(&text, part);
	}
	*text_out = arena_copy(work->request->arena, buf_str(&text));
	good = good && !text.overflow;
	buf_free(&text);
	return good;
}

/* A setting of the row's catalogue, or a field of the request that looks like one. */
static int add_setting(struct api_work *work, const char *key, const json_t *value)
{
	struct str text;

	if (json_is_null(value)) {
		ipc_add_text(&work->ask, "unset", key);
		return 0;
	}
	if (json_is_array(value) ? !joined(work, value, ",", &text) : !scalar(work, value, true, &text))
		return refuse(work, key, "it must be a text, an integer, true or false, an array of texts, or null");
	ipc_add_text(&work->ask, "key", key);
	ipc_add(&work->ask, "value", text);
	return 0;
}

static int add_settings(struct api_work *work, const struct api_field *field, const json_t *object, bool others)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return refuse(work, field->name, "it must be an object");
	json_object_foreach ((json_t *)object, key, value) {
		if ((!others || find_field(work->call, API_BODY, str_of(key)) == NULL) && add_setting(work, key, value) != 0)
			return -1;
	}
	return 0;
}

/* A text of an item; of several lines each is a field of its own. */
static int add_text(struct api_work *work, const struct item_field *text, const json_t *value)
{
	struct str line;

	if (json_is_array(value) && text->has_lines) {
		if (json_array_size(value) == 0)
			ipc_add_text(&work->ask, text->name, "");
		for (size_t i = 0; i < json_array_size(value); i++) {
			if (!json_is_string(json_array_get(value, i)))
				return refuse(work, text->name, "it must be an array of texts");
			scalar(work, json_array_get(value, i), true, &line);
			ipc_add(&work->ask, text->name, line);
		}
		return 0;
	}
	if (json_is_null(value))
		line = STR("");
	else if (!scalar(work, value, true, &line))
		return refuse(work, text->name, "it must be a text");
	ipc_add(&work->ask, text->name, line);
	return 0;
}

static int add_item(struct api_work *work)
{
	enum item_kind kind = item_kind_find(web_name(work->request, "kind"));
	const char *name;
	json_t *value;

	json_object_foreach (work->body, name, value) {
		int at = kind != ITEM_KINDS ? item_field_find(kind, str_of(name)) : -1;

		if (find_field(work->call, API_BODY, str_of(name)) != NULL)
			continue;
		if (at < 0)
			return refuse(work, name, "items of this kind have no such text");
		if (add_text(work, &item_definitions[kind].fields[at], value) != 0)
			return -1;
	}
	return 0;
}

static int add_number(struct api_work *work, const struct api_field *field, struct str text)
{
	uint64_t number;

	if (!str_to_u64(text, INT64_MAX, &number))
		return refuse(work, field->name, "it must be a number that is not negative");
	ipc_add_number(&work->ask, field->key != NULL ? field->key : field->name, (int64_t)number);
	return 0;
}

/* Letters, digits, '.', '_', '-': what '*' or '$' mean in requests cannot be meant. */
static bool is_name(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (strchr("*?,$!", text.data[i]) != NULL)
			return false;
	return text.len > 0;
}

/* Out of the path or the query. */
static int add_plain(struct api_work *work, const struct api_field *field, struct str text)
{
	const char *key = field->key != NULL ? field->key : field->name;

	if (field->type == API_NUMBER)
		return add_number(work, field, text);
	if (field->type == API_FLAG) {
		if (!is_among("true|1|on|false|0|off", text))
			return refuse(work, field->name, "it must be true or false");
		ipc_add_number(&work->ask, key, is_among("true|1|on", text));
		return 0;
	}
	if ((field->type == API_NAME && !is_name(text)) ||
	    (field->type == API_KIND && item_kind_find(text) == ITEM_KINDS)) {
		web_reply_error(work->reply, 404, "not-found", "there is nothing of that name");
		return -1;
	}
	if (field->words != NULL && !is_among(field->words, text))
		return refuse(work, field->name, "it must be one of %s", field->words);
	ipc_add(&work->ask, key, text);
	return 0;
}

static int add_texts(struct api_work *work, const struct api_field *field, const json_t *list)
{
	const char *key = field->key != NULL ? field->key : field->name;
	struct str text;

	if (!json_is_array(list))
		return refuse(work, field->name, "it must be an array of texts");
	if (field->type == API_NAMES) {
		if (json_array_size(list) == 0 || !joined(work, list, ",", &text))
			return refuse(work, field->name, "it must be an array of texts, and not empty");
		ipc_add(&work->ask, key, text);
		return 0;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!json_is_string(json_array_get(list, i)) || !scalar(work, json_array_get(list, i), true, &text))
			return refuse(work, field->name, "it must be an array of texts");
		ipc_add(&work->ask, key, text);
	}
	return 0;
}

/* A text, a number or a flag of the body. */
static int add_scalar(struct api_work *work, const struct api_field *field, const json_t *value)
{
	struct str text;

	if (field->type == API_FLAG && !json_is_boolean(value))
		return refuse(work, field->name, "it must be true or false");
	if (field->type == API_NUMBER && (!json_is_integer(value) || json_integer_value(value) < 0))
		return refuse(work, field->name, "it must be a number that is not negative");
	if (field->type == API_TEXT && !json_is_string(value))
		return refuse(work, field->name, "it must be a text");
	if (!scalar(work, value, false, &text))
		return refuse(work, field->name, "it must be a text, an integer, true or false");
	return add_plain(work, field, text);
}

static int add_body(struct api_work *work, const struct api_field *field, const json_t *each)
{
	const json_t *value = json_object_get(work->body, field->name);
	struct str text;

	switch (field->type) {
	case API_OTHERS:
		return add_settings(work, field, work->body, true);
	case API_ITEM:
		return add_item(work);
	case API_DOCUMENT:
		if (!str_is_utf8(work->request->body))
			return refuse(work, field->name, "it must be UTF-8");
		ipc_add(&work->ask, field->name, work->request->body);
		return 0;
	case API_FILE:
		lseek(work->request->upload, 0, SEEK_SET); /* it was written by this process, and is read by another */
		ipc_add_fd(&work->ask, work->request->upload);
		return 0;
	default:
		break;
	}
	if (value == NULL)
		return 0;
	switch (field->type) {
	case API_SETTINGS:
		return add_settings(work, field, value, false);
	case API_TEXTS:
	case API_NAMES:
		return add_texts(work, field, value);
	case API_EACH:
		if (!scalar(work, each, true, &text))
			return refuse(work, field->name, "it must be an array of texts");
		ipc_add(&work->ask, field->key != NULL ? field->key : field->name, text);
		return 0;
	default:
		return add_scalar(work, field, value);
	}
}

int input_add(struct api_work *work, const json_t *each)
{
	const struct api_call *call = work->call;
	int result = 0;

	if (call->key != NULL)
		ipc_add_text(&work->ask, call->key, call->value);
	for (const struct api_field *field = call->fields; result == 0 && field != NULL && field->name != NULL; field++) {
		struct str text =
		    field->place == API_QUERY ? web_query(work->request, field->name) : web_name(work->request, field->name);

		if (field->place == API_BODY)
			result = add_body(work, field, each);
		else if (text.data != NULL)
			result = add_plain(work, field, text);
	}
	if (result == 0 && find_type(call, API_DOCUMENT) == NULL && work->ask.fields.len > INPUT_REQUEST_MAX)
		return refuse(work, "body", "that is too much for one request");
	return result;
}
