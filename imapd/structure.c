/* BODY and BODYSTRUCTURE (RFC 9051 7.5.2). */
#include "imapd/envelope.h"

#include <inttypes.h>

struct format {
	struct arena *arena;
	struct buf *out;
	bool extended;
};

static void add_string(struct format *f, struct str string)
{
	buf_add_char(f->out, ' ');
	envelope_format_string(string, f->arena, f->out);
}

/* A field of which "" says that it is missing. */
static void add_nstring(struct format *f, struct str string)
{
	if (string.len == 0)
		string.data = NULL;
	add_string(f, string);
}

static void add_params(struct format *f, const struct mime_params *params)
{
	buf_add_char(f->out, ' ');
	if (params->count == 0) {
		buf_add_str(f->out, STR("NIL"));
		return;
	}
	for (size_t i = 0; i < params->count; i++) {
		const struct mime_param *param = &params->list[i];
		struct str name = param->name;

		/* RFC 2231 9: continuations are put together, an extended value keeps its "*". */
		if (param->is_extended)
			name = arena_printf(f->arena, "%.*s*", STR_ARG(name));
		buf_add_char(f->out, i == 0 ? '(' : ' ');
		envelope_format_string(name, f->arena, f->out);
		add_string(f, param->value);
	}
	buf_add_char(f->out, ')');
}

static void add_disposition(struct format *f, const struct mime_value *disposition)
{
	if (disposition->value.len == 0) {
		buf_add_str(f->out, STR(" NIL"));
		return;
	}
	buf_add_str(f->out, STR(" ("));
	envelope_format_string(disposition->value, f->arena, f->out);
	add_params(f, &disposition->params);
	buf_add_char(f->out, ')');
}

static void add_languages(struct format *f, const struct mime_part *part)
{
	if (part->language_count == 0) {
		buf_add_str(f->out, STR(" NIL"));
	} else if (part->language_count == 1) {
		add_string(f, part->languages[0]);
	} else {
		for (size_t i = 0; i < part->language_count; i++) {
			buf_add_str(f->out, i == 0 ? STR(" (") : STR(" "));
			envelope_format_string(part->languages[i], f->arena, f->out);
		}
		buf_add_char(f->out, ')');
	}
}

/* What both kinds of extension data end with: body-fld-dsp, body-fld-lang, body-fld-loc. */
static void add_common(struct format *f, const struct mime_part *part)
{
	add_disposition(f, &part->disposition);
	add_languages(f, part);
	add_nstring(f, part->location);
}

/* body-fields: parameters, id, description, encoding, octets. */
static void add_fields(struct format *f, const struct mime_part *part)
{
	bool is_text = mime_is(part, "text", NULL);
	static struct mime_param us_ascii = {{"charset", 7}, {"us-ascii", 8}, false};
	const struct mime_params plain = {&us_ascii, 1};

	/* RFC 2045 5.2: what says nothing of itself is US-ASCII. */
	add_params(f, is_text && part->params.count == 0 ? &plain : &part->params);
	add_nstring(f, part->id);
	add_nstring(f, part->description);
	add_string(f, part->encoding.len != 0 ? part->encoding : STR("7bit"));
	buf_printf(f->out, " %" PRId64, part->body_len);
}

static void add_leaf(struct format *f, const struct mime_part *part)
{
	envelope_format_string(part->type, f->arena, f->out);
	add_string(f, part->subtype);
	add_fields(f, part);
	if (mime_is(part, "text", NULL))
		buf_printf(f->out, " %" PRId64, part->body_lines);
}

/* Up to the bodies inside; returns the part that is to be shown next, in the place of recursion. */
static const struct mime_part *begin_part(struct format *f, const struct mime_part *part)
{
	buf_add_char(f->out, '(');
	if (part->kind == MIME_LEAF) {
		add_leaf(f, part);
		return NULL;
	}
	if (part->kind == MIME_MESSAGE) {
		add_leaf(f, part);
		buf_add_char(f->out, ' ');
		envelope_format(part->first_child->envelope, f->arena, f->out);
		buf_add_char(f->out, ' ');
	}
	return part->first_child;
}

static void end_part(struct format *f, const struct mime_part *part)
{
	if (part->kind == MIME_MULTIPART)
		add_string(f, part->subtype);
	else if (part->kind == MIME_MESSAGE)
		buf_printf(f->out, " %" PRId64, part->body_lines);
	if (f->extended && part->kind == MIME_MULTIPART)
		add_params(f, &part->params);
	else if (f->extended)
		add_nstring(f, part->md5);
	if (f->extended)
		add_common(f, part);
	buf_add_char(f->out, ')');
}

/* A structure that out has no room for is shown as one part that is not looked into. */
static void add_closed(struct format *f, const struct mime_part *root, size_t start)
{
	f->out->len = start;
	f->out->overflow = false;
	buf_printf(f->out, "(\"application\" \"octet-stream\" NIL NIL NIL \"binary\" %" PRId64 "%s)", root->body_len,
	           f->extended ? " NIL NIL NIL NIL" : "");
}

void structure_format(const struct mime_part *root, bool extended, struct arena *arena, struct buf *out)
{
	struct format f = {arena, out, extended};
	const struct mime_part *part = root;
	size_t start = out->len;

	do {
		const struct mime_part *child = begin_part(&f, part);

		if (child != NULL) {
			part = child;
			continue;
		}
		end_part(&f, part);
		while (part != root && part->next == NULL) {
			part = part->parent;
			end_part(&f, part);
		}
		part = part != root ? part->next : NULL;
	} while (part != NULL);
	if (out->overflow)
		add_closed(&f, root, start);
}
