#include "webadmin/api/answer.h"

#include "common/status/record.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *text_of(struct str text)
{
	json_t *value = json_stringn(text.data != NULL ? text.data : "", text.len);

	/* what is not UTF-8 is a stranger's: it is told as far as it can be read */
	if (value == NULL) {
		struct buf visible;

		buf_init(&visible, 8 * text.len + 1);
		buf_add_visible(&visible, text);
		value = json_stringn(buf_str(&visible).data, visible.len);
		buf_free(&visible);
	}
	return value;
}

static json_t *number_of(struct str text)
{
	char digits[32];

	return str_copy(text, digits, sizeof digits) ? json_integer(strtoll(digits, NULL, 10)) : json_null();
}

static json_t *parsed(struct str text)
{
	json_t *value = json_loadb(text.data, text.len, JSON_DECODE_ANY, NULL);

	return value != NULL ? value : text_of(text);
}

/* All fields of that name. */
static json_t *list_of(const struct api_work *work, const struct api_column *column)
{
	json_t *list = json_array();
	struct str key, value;

	for (size_t position = 0; ipc_next(&work->answer, &position, &key, &value);)
		if (str_equal(key, str_of(column->name)))
			json_array_append_new(list, column->type == API_ANY ? parsed(value) : text_of(value));
	return list;
}

static json_t *field_of(const struct api_work *work, const struct api_column *column)
{
	struct str text = ipc_get(&work->answer, column->name);

	switch (column->type) {
	case API_NUMBER:
	case API_TIME:
		return text.data != NULL ? number_of(text) : NULL;
	case API_FLAG:
		return json_boolean(str_equal(text, STR("1")));
	case API_TEXTS:
	case API_ANY:
		return list_of(work, column);
	default:
		return text.data != NULL ? text_of(text) : NULL;
	}
}

json_t *answer_object(const struct api_work *work)
{
	json_t *object = json_object();

	for (const struct api_column *column = work->call->columns; column->name != NULL; column++) {
		json_t *value = field_of(work, column);

		if (value != NULL)
			json_object_set_new(object, column->name, value);
	}
	return object;
}

/* A setting's text as its type wants it. */
static json_t *typed(const struct catalogue *catalogue, struct str key, struct str text)
{
	const struct setting_definition *definition;

	if (catalogue_find(catalogue, key, &definition, NULL) != 0)
		return text_of(text);
	if (definition->type == SETTING_FLAG)
		return json_boolean(str_equal(text, STR("on")));
	return definition->type == SETTING_NUMBER ? number_of(text) : text_of(text);
}

static struct str member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return str_from(json_string_value(value), json_string_length(value));
}

static void add_json(const struct api_work *work, struct str text, json_t *rows)
{
	json_t *row = json_loadb(text.data, text.len, 0, NULL);

	if (row == NULL)
		return;
	if (work->call->catalogue != NULL && json_is_string(json_object_get(row, "value")))
		json_object_set_new(row, "value", typed(work->call->catalogue, member(row, "key"), member(row, "value")));
	json_array_append_new(rows, row);
}

static void add_record(struct str line, json_t *rows)
{
	struct status_record record;

	if (!status_record_parse(line, &record))
		return;
	json_array_append_new(rows,
	                      json_pack("{s:I, s:s%, s:I, s:s%, s:s%, s:s%, s:b, s:I, s:I, s:I}", "id",
	                                (json_int_t)record.id, "program", record.program.data, record.program.len, "pid",
	                                (json_int_t)record.pid, "service", record.service.data, record.service.len, "peer",
	                                record.peer.data, record.peer.len, "user", record.user.data, record.user.len, "tls",
	                                (int)record.tls, "begin", (json_int_t)(record.begin / 1000), "end",
	                                (json_int_t)(record.end / 1000), "messages", (json_int_t)record.messages));
}

/* "key=value"; whether it is the default comes in the next field. */
static void add_value(struct str text, json_t *rows)
{
	struct str value = text, key = str_cut(&value, '=');

	json_array_append_new(rows, json_pack("{s:s%, s:o, s:b}", "key", key.data, key.len, "value",
	                                      typed(&setting_catalogue, key, value), "default", 0));
}

void answer_add_rows(const struct api_work *work, json_t *rows)
{
	struct str key, value, list = str_of(work->call->list);

	for (size_t position = 0; ipc_next(&work->answer, &position, &key, &value);) {
		if (work->call->shape == API_VALUES && str_equal(key, STR("default")) && json_array_size(rows) > 0)
			json_object_set_new(json_array_get(rows, json_array_size(rows) - 1), "default",
			                    json_boolean(str_equal(value, STR("1"))));
		else if (!str_equal(key, list))
			continue;
		else if (work->call->shape == API_VALUES)
			add_value(value, rows);
		else if (work->call->shape == API_RECORDS)
			add_record(value, rows);
		else
			add_json(work, value, rows);
	}
}

json_t *answer_find_row(const struct api_work *work, const json_t *rows)
{
	const char *column = work->call->columns[0].name;
	struct str wanted = STR("");

	for (const struct api_field *field = work->call->fields; field != NULL && field->name != NULL; field++)
		if (field->place == API_PATH)
			wanted = web_name(work->request, field->name);
	for (size_t i = 0; i < json_array_size(rows); i++) {
		json_t *row = json_array_get(rows, i), *value = json_object_get(row, column);
		uint64_t number;

		if (json_is_string(value)
		        ? str_equal_nocase(member(row, column), wanted)
		        : str_to_u64(wanted, INT64_MAX, &number) && json_integer_value(value) == (json_int_t)number)
			return row;
	}
	return NULL;
}

static int add_to_hash(const char *text, size_t size, void *context)
{
	return EVP_DigestUpdate(context, text, size) == 1 ? 0 : -1;
}

void answer_tag(const json_t *json, char tag_out[ANSWER_TAG_SIZE])
{
	unsigned char hash[EVP_MAX_MD_SIZE] = {0};
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
	    json_dump_callback(json, add_to_hash, context, JSON_COMPACT | JSON_SORT_KEYS) == 0)
		EVP_DigestFinal_ex(context, hash, NULL);
	EVP_MD_CTX_free(context);
	for (int i = 0; i < (ANSWER_TAG_SIZE - 1) / 2; i++)
		snprintf(tag_out + 2 * i, 3, "%02x", hash[i]);
}

void answer_reply(struct api_work *work, json_t *json, const char tag[ANSWER_TAG_SIZE])
{
	if (web_reply_has_tag(work->request, work->reply, str_of(tag)))
		json_decref(json);
	else
		web_reply_json(work->reply, 200, json);
}

void answer_description(struct api_work *work, json_t *json)
{
	char tag[ANSWER_TAG_SIZE];

	answer_tag(json, tag);
	web_reply_header(work->reply, "Cache-Control", "no-cache");
	answer_reply(work, json, tag);
	web_reply_pack(work->request, work->reply);
}
