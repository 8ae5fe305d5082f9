/* script: a message that a script looks at. */
#include "common/script/message.h"

#include "common/base/log.h"
#include "common/mime/header.h"
#include "common/mime/text.h"

enum {
	PART_MAX = 4 << 20, /* octets of a part that a script gets */
	PATH_NUMBERS_MAX = 60,
	ATTACHMENTS_MAX = 1000,
	FIELD_LINE_MAX = 10000, /* octets of a field that a script adds */
};

/* The message that is open for the script; one at a time in a process. */
struct opened {
	struct arena arena;
	struct mime_source source;
	struct mime_part *root; /* NULL: none is */
	struct script_value attachments[ATTACHMENTS_MAX];
	size_t attachment_count;
};

/* "1.2" */
static struct mime_part *find_part(const struct opened *opened, const struct script_value *arguments, size_t count)
{
	uint32_t numbers[PATH_NUMBERS_MAX];
	struct str rest;
	size_t depth = 0;
	uint64_t number;

	if (opened->root == NULL)
		return NULL;
	if (count == 0 || arguments[0].type != SCRIPT_TEXT)
		return count == 0 ? opened->root : NULL;
	for (rest = arguments[0].text; rest.data != NULL && rest.len > 0 && depth < PATH_NUMBERS_MAX; depth++) {
		if (!str_to_u64(str_cut(&rest, '.'), UINT32_MAX, &number))
			return NULL;
		numbers[depth] = (uint32_t)number;
	}
	return mime_find(opened->root, numbers, depth);
}

static struct script_value read_octets(struct opened *opened, int64_t at, int64_t len)
{
	struct script_value value = {.type = SCRIPT_NIL};
	struct buf text;

	buf_init(&text, PART_MAX);
	if (len <= PART_MAX && mime_read(&opened->source, at, len, &text, NULL) == 0)
		value = script_text(arena_copy(&opened->arena, buf_str(&text)));
	buf_free(&text);
	return value;
}

static struct script_value get_part(void *context, const struct script_value *arguments, size_t count)
{
	const struct mime_part *part = find_part(context, arguments, count);

	return part != NULL ? read_octets(context, part->header_at, part->header_len + part->body_len)
	                    : (struct script_value){.type = SCRIPT_NIL};
}

static struct script_value get_part_header(void *context, const struct script_value *arguments, size_t count)
{
	const struct mime_part *part = find_part(context, arguments, count);

	return part != NULL ? read_octets(context, part->header_at, part->header_len)
	                    : (struct script_value){.type = SCRIPT_NIL};
}

/* The transfer encoding undone. */
static struct script_value get_part_body(void *context, const struct script_value *arguments, size_t count)
{
	struct opened *opened = context;
	const struct mime_part *part = find_part(opened, arguments, count);
	struct script_value value = {.type = SCRIPT_NIL};
	struct mime_collect collect;
	struct buf text;

	if (part == NULL)
		return value;
	buf_init(&text, PART_MAX);
	mime_collect_init(&collect, &text);
	if (mime_send_decoded(&opened->source, part, &collect.sink, NULL) >= 0)
		value = script_text(arena_copy(&opened->arena, buf_str(&text)));
	buf_free(&text);
	return value;
}

/* GetMessageLines([first [, count]]): the lines, as one text. */
static struct script_value get_lines(void *context, const struct script_value *arguments, size_t count)
{
	struct opened *opened = context;
	int64_t first = count > 0 && arguments[0].type == SCRIPT_NUMBER ? arguments[0].number : 1;
	int64_t wanted = count > 1 && arguments[1].type == SCRIPT_NUMBER ? arguments[1].number : INT64_MAX;
	int64_t len = opened->source.size < PART_MAX ? opened->source.size : PART_MAX;
	struct script_value all = opened->root != NULL ? read_octets(opened, 0, len) : script_text(STR(""));
	struct str rest = all.text, kept;
	ptrdiff_t end;

	if (all.type == SCRIPT_NIL || wanted <= 0)
		return script_text(STR(""));
	while (--first > 0 && (end = str_find_char(rest, '\n')) >= 0)
		rest = str_skip(rest, (size_t)end + 1);
	for (kept = rest; wanted > 0 && (end = str_find_char(rest, '\n')) >= 0; wanted--)
		rest = str_skip(rest, (size_t)end + 1);
	return script_text(wanted > 0 ? kept : str_sub(kept, 0, kept.len - rest.len));
}

static struct str media_type(struct opened *opened, const struct mime_part *part)
{
	return arena_printf(&opened->arena, "%.*s/%.*s", STR_ARG(part->type), STR_ARG(part->subtype));
}

static void note_attachment(struct opened *opened, const struct mime_part *part, struct str path, struct str name)
{
	struct script_field *fields;

	if (opened->attachment_count == ATTACHMENTS_MAX ||
	    (name.len == 0 && !str_equal_nocase(part->disposition.value, STR("attachment"))))
		return;
	fields = arena_get(&opened->arena, 5 * sizeof *fields);
	fields[0] = (struct script_field){"MIMESection", script_text(path)};
	fields[1] = (struct script_field){"Name", script_text(name)};
	fields[2] = (struct script_field){"MIMEType", script_text(media_type(opened, part))};
	fields[3] = (struct script_field){"Size", script_number(part->body_len)};
	fields[4] = (struct script_field){"Type", script_text(STR("MIME"))};
	opened->attachments[opened->attachment_count++] = script_table(fields, 5);
}

/* A node of the tree, with its children; as deep as common/mime lets it be. */
static struct script_value make_node(struct opened *opened, const struct mime_part *part, struct str path)
{
	struct script_field *fields = arena_get(&opened->arena, 5 * sizeof *fields);
	struct str name = mime_file_name(part, &opened->arena);
	struct script_value *children;
	size_t count = 0, at = 0;

	for (const struct mime_part *child = part->first_child; child != NULL; child = child->next)
		count++;
	children = arena_get(&opened->arena, (count + 1) * sizeof *children);
	for (const struct mime_part *child = part->first_child; child != NULL; child = child->next, at++) {
		struct str below =
		    part->kind == MIME_MESSAGE && child->kind == MIME_MULTIPART
		        ? path
		        : arena_printf(&opened->arena, "%.*s%s%zu", STR_ARG(path), path.len > 0 ? "." : "", at + 1);

		children[at] = make_node(opened, child, below);
	}
	if (part->kind == MIME_LEAF)
		note_attachment(opened, part, path, name);
	fields[0] = (struct script_field){"Path", script_text(path)};
	fields[1] = (struct script_field){"MIMEType", script_text(media_type(opened, part))};
	fields[2] = (struct script_field){"Name", script_text(name)};
	fields[3] = (struct script_field){"Size", script_number(part->body_len)};
	fields[4] = (struct script_field){"Parts", script_array(children, count)};
	return script_table(fields, 5);
}

bool script_is_field(struct str line)
{
	ptrdiff_t colon = str_find_char(line, ':');

	if (colon <= 0 || line.len > FIELD_LINE_MAX)
		return false;
	for (size_t i = 0; i < line.len; i++) {
		unsigned char c = (unsigned char)line.data[i];
		bool in_name = i < (size_t)colon;

		if (c == '\r' || c == '\n' || c == '\0' || (in_name && (c <= ' ' || c > 0x7e)))
			return false;
	}
	return true;
}

enum { KEEPS, IGNORES, REMOVES, REASON, RECIPIENTS, MODIFIERS, ACTIONS };

static void take_modifiers(const struct script *script, const struct script_value *value, struct arena *arena,
                           struct script_actions *actions)
{
	struct str *lines = arena_get(arena, (value->count + 1) * sizeof *lines);

	for (size_t i = 0; i < value->count; i++) {
		if (script_is_field(value->items[i]))
			lines[actions->line_count++] = value->items[i];
		else
			script_report(script, "ProcessMessage", STR("HeaderModifiers hold what is no header field"));
	}
	actions->lines = lines;
}

static bool flag_of(const struct script_field *field, bool usual)
{
	return field->value.type == SCRIPT_NIL ? usual : field->value.flag;
}

static void take_actions(const struct script *script, const struct script_field *fields, struct arena *arena,
                         struct script_actions *actions)
{
	actions->keeps_recipients = flag_of(&fields[KEEPS], true);
	actions->ignore = flag_of(&fields[IGNORES], false);
	actions->remove = flag_of(&fields[REMOVES], false);
	if (fields[RECIPIENTS].value.type != SCRIPT_NIL) {
		actions->recipients = fields[RECIPIENTS].value.items;
		actions->recipient_count = fields[RECIPIENTS].value.count;
	}
	if (fields[MODIFIERS].value.type != SCRIPT_NIL)
		take_modifiers(script, &fields[MODIFIERS].value, arena, actions);
	if (fields[REASON].value.type != SCRIPT_NIL)
		actions->reason = fields[REASON].value.text;
}

static void process(struct opened *opened, struct script *script, const struct script_message *message,
                    struct arena *arena, struct script_actions *actions)
{
	static const struct script_field usual[ACTIONS] = {
	    [KEEPS] = {"SendToOriginalRecipients", {.type = SCRIPT_FLAG, .flag = true}},
	    [IGNORES] = {"Ignore", {.type = SCRIPT_FLAG}},
	    [REMOVES] = {"Delete", {.type = SCRIPT_FLAG}},
	    [REASON] = {"Reason", {.type = SCRIPT_TEXT}},
	    [RECIPIENTS] = {"Recipients", {.type = SCRIPT_LIST}},
	    [MODIFIERS] = {"HeaderModifiers", {.type = SCRIPT_LIST}},
	};
	struct script_value tree = make_node(opened, opened->root, opened->root->kind == MIME_LEAF ? STR("1") : STR(""));
	struct str subject = opened->root->envelope != NULL ? opened->root->envelope->subject : STR("");
	const struct script_value arguments[] = {
	    script_text(message->from),
	    script_text(subject),
	    script_list(message->recipients, message->recipient_count),
	    script_table(usual, ACTIONS),
	    tree,
	    script_number(message->source.size),
	    script_array(opened->attachments, opened->attachment_count),
	};
	struct script_field fields[ACTIONS];
	struct script_value results[] = {script_table(fields, ACTIONS), {.type = SCRIPT_TEXT}};

	memcpy(fields, usual, sizeof fields);
	if (script_call(script, "ProcessMessage", arguments, 7, results, 2, arena) != 1 || results[0].type == SCRIPT_NIL)
		return;
	take_actions(script, fields, arena, actions);
	if (actions->reason.len == 0 && results[1].type != SCRIPT_NIL)
		actions->reason = results[1].text;
}

static struct opened opened;

const struct script_offer *script_message_offer(void)
{
	static const struct script_function functions[] = {{"GetMessageLines", get_lines},
	                                                   {"GetMessagePart", get_part},
	                                                   {"GetMessagePartBody", get_part_body},
	                                                   {"GetMessagePartHeader", get_part_header}};
	static const struct script_offer offer = {"Postroom", functions, sizeof functions / sizeof functions[0], &opened};

	return &offer;
}

void script_process_message(struct script *script, const struct script_message *message, struct arena *arena,
                            struct script_actions *actions)
{
	struct err err;

	*actions = (struct script_actions){.keeps_recipients = true, .reason = STR("")};
	if (!script_has_function(script, "ProcessMessage"))
		return;
	opened.attachment_count = 0;
	opened.source = message->source;
	arena_init(&opened.arena);
	if (mime_parse(&opened.source, &opened.arena, &opened.root, &err) == 0)
		process(&opened, script, message, arena, actions);
	else
		log_error("a message cannot be taken apart for %s: %s", script->name, err.text);
	opened.root = NULL;
	arena_free(&opened.arena);
}

static bool is_one_line(struct str line)
{
	return str_find_char(line, '\n') < 0 && str_find_char(line, '\r') < 0 && str_find_char(line, '\0') < 0;
}

bool script_pass_line(struct script *script, const char *function, struct str *line, bool may_drop, struct arena *arena)
{
	const struct script_value argument = script_text(*line);
	struct script_value result = {.type = may_drop ? SCRIPT_TEXT_OR_FLAG : SCRIPT_TEXT};

	if (script_call(script, function, &argument, 1, &result, 1, arena) != 1 || result.type == SCRIPT_NIL)
		return true;
	if (result.type == SCRIPT_FLAG)
		return result.flag;
	if (is_one_line(result.text))
		*line = result.text;
	else
		script_report(script, function, STR("returned more than one line"));
	return true;
}
