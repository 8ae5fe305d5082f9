#include "common/mailauth/dmarc/row.h"

#include <jansson.h>
#include <stdlib.h>

/* A text of strangers; one that cannot stand there is empty. */
static json_t *text_of(struct str text)
{
	json_t *value = json_stringn(text.data, text.len < DMARC_ROW_TEXT_MAX ? text.len : DMARC_ROW_TEXT_MAX);

	return value != NULL ? value : json_string("");
}

static json_t *results_of(const struct dmarc_row *row)
{
	json_t *list = json_array();

	for (size_t i = 0; i < row->result_count && i < DMARC_ROW_RESULTS; i++) {
		const struct dmarc_row_result *result = &row->results[i];
		json_t *parts = json_array();

		json_array_append_new(parts, json_string(result->method));
		json_array_append_new(parts, text_of(result->domain));
		json_array_append_new(parts, text_of(result->detail));
		json_array_append_new(parts, text_of(result->result));
		json_array_append_new(list, parts);
	}
	return list;
}

int dmarc_row_format(const struct dmarc_row *row, struct buf *text, struct err *err)
{
	json_t *object = json_object();
	size_t before = text->len;
	char *all;

	json_object_set_new(object, "p", text_of(row->policy));
	json_object_set_new(object, "sp", text_of(row->subdomain_policy));
	json_object_set_new(object, "adkim", json_boolean(row->dkim_is_strict));
	json_object_set_new(object, "aspf", json_boolean(row->spf_is_strict));
	json_object_set_new(object, "pct", json_integer((json_int_t)row->percent));
	json_object_set_new(object, "source", text_of(row->source));
	json_object_set_new(object, "from", text_of(row->header_from));
	json_object_set_new(object, "mail-from", text_of(row->envelope_from));
	json_object_set_new(object, "disposition", text_of(row->disposition));
	json_object_set_new(object, "reason", text_of(row->reason));
	json_object_set_new(object, "dkim", json_boolean(row->dkim_passed));
	json_object_set_new(object, "spf", json_boolean(row->spf_passed));
	json_object_set_new(object, "results", results_of(row));
	all = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(object);
	buf_add_str(text, str_of(all));
	free(all);
	return text->overflow || text->len - before > DMARC_ROW_MAX ? err_set(err, ERR_LIMIT, "the row is too long") : 0;
}

static struct str get_text(const json_t *object, const char *key, struct arena *arena)
{
	return arena_copy(arena, str_of(json_string_value(json_object_get(object, key))));
}

static struct str get_part(const json_t *list, size_t index, struct arena *arena)
{
	return arena_copy(arena, str_of(json_string_value(json_array_get(list, index))));
}

static void read_results(const json_t *list, struct arena *arena, struct dmarc_row *row)
{
	for (size_t i = 0; i < json_array_size(list) && i < DMARC_ROW_RESULTS; i++) {
		const json_t *parts = json_array_get(list, i);

		row->results[row->result_count++] = (struct dmarc_row_result){
		    .method = str_equal(get_part(parts, 0, arena), STR("dkim")) ? "dkim" : "spf",
		    .domain = get_part(parts, 1, arena),
		    .detail = get_part(parts, 2, arena),
		    .result = get_part(parts, 3, arena),
		};
	}
}

int dmarc_row_parse(struct str text, struct arena *arena, struct dmarc_row *row_out, struct err *err)
{
	json_t *object = text.len <= DMARC_ROW_MAX ? json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;

	if (!json_is_object(object)) {
		json_decref(object);
		return err_set(err, ERR_SYNTAX, "this is no row of a report");
	}
	*row_out = (struct dmarc_row){
	    .policy = get_text(object, "p", arena),
	    .subdomain_policy = get_text(object, "sp", arena),
	    .dkim_is_strict = json_is_true(json_object_get(object, "adkim")),
	    .spf_is_strict = json_is_true(json_object_get(object, "aspf")),
	    .percent = (int64_t)json_integer_value(json_object_get(object, "pct")),
	    .source = get_text(object, "source", arena),
	    .header_from = get_text(object, "from", arena),
	    .envelope_from = get_text(object, "mail-from", arena),
	    .disposition = get_text(object, "disposition", arena),
	    .reason = get_text(object, "reason", arena),
	    .dkim_passed = json_is_true(json_object_get(object, "dkim")),
	    .spf_passed = json_is_true(json_object_get(object, "spf")),
	};
	read_results(json_object_get(object, "results"), arena, row_out);
	json_decref(object);
	return 0;
}
