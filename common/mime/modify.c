#include "common/mime/modify.h"

enum { VALUE_MAX = 16 << 10, SHOWN_MAX = 60 };

/* A line's parts. False: it is none. */
static bool cut_line(struct str line, struct str *name_out, struct str *data_out)
{
	ptrdiff_t colon = str_find_char(line, ':');

	if (colon <= 0)
		return false;
	*name_out = str_sub(line, 0, (size_t)colon);
	*data_out = str_trim(str_skip(line, (size_t)colon + 1));
	return mime_is_field_name(*name_out);
}

int modifiers_check(struct str lines, struct err *err)
{
	while (lines.data != NULL) {
		struct str line = str_trim(str_cut(&lines, '\n')), name, data;

		if (line.len != 0 && !cut_line(line, &name, &data))
			return err_set(err, ERR_SYNTAX, "\"%.*s\" is not \"Field: data\"", STR_ARG(str_sub(line, 0, SHOWN_MAX)));
	}
	return 0;
}

static void expand_data(struct str data, modifier_expand *expand, void *context, struct buf *out)
{
	for (size_t i = 0; i < data.len; i++) {
		if (data.data[i] != '%' || i + 1 == data.len)
			buf_add_char(out, data.data[i]);
		else if (data.data[i + 1] == '%' || expand(data.data[i + 1], context, out))
			buf_add_str(out, data.data[++i] == '%' ? STR("%") : STR(""));
		else
			buf_add_char(out, '%');
	}
}

void modifiers_apply(struct mime_fields *fields, struct str lines, modifier_expand *expand, void *context)
{
	struct str name, data;
	struct buf value;

	buf_init(&value, VALUE_MAX);
	while (lines.data != NULL) {
		if (!cut_line(str_trim(str_cut(&lines, '\n')), &name, &data))
			continue;
		buf_reset(&value);
		expand_data(data, expand, context, &value);
		if (str_trim(buf_str(&value)).len == 0)
			mime_fields_remove(fields, name);
		else
			mime_fields_set(fields, name, buf_str(&value));
	}
	buf_free(&value);
}
