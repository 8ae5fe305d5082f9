/* answer: scripts: pieces within the text, and autoresponder.lua. */
#include "deliver/answer.h"

#include "common/base/log.h"

enum { INCOMING_MAX = 4 << 20, FIELDS = 14, BUILT_IN_MAX = 32 };

/* What scripts see as the table Autoresponder; the order is that of the enumeration. */
enum field {
	ID,
	OWNER_ID,
	NAME,
	TEXT,
	KEEP,
	CHECKLOG,
	SENDER,
	REPLY_TO,
	SUBJECT,
	PREFIX,
	APPEND,
	TO,
	COPY_TO,
	ATTACHMENTS
};

struct str answer_incoming(const struct answer *answer)
{
	const struct order *order = answer->client->subject->order;
	size_t size = order->size < INCOMING_MAX ? (size_t)order->size : INCOMING_MAX;
	char *text = arena_get(answer->client->arena, size + 1);

	if (mime_source_read(&answer->client->subject->source, 0, text, size, NULL) != 0)
		size = 0;
	return str_from(text, size);
}

static struct script_value to_list(const struct answer *answer, struct str addresses)
{
	struct str *list = arena_get(answer->client->arena, ANSWER_ADDRESSES_MAX * sizeof *list), address;
	size_t count = 0;

	while (count < ANSWER_ADDRESSES_MAX && (address = answer_next_address(&addresses)).len > 0)
		list[count++] = address;
	return script_list(list, count);
}

static struct str from_list(const struct answer *answer, const struct script_value *value)
{
	struct str text = STR("");

	for (size_t i = 0; value->type == SCRIPT_LIST && i < value->count && i < ANSWER_ADDRESSES_MAX; i++)
		text = arena_printf(answer->client->arena, "%.*s%s%.*s", STR_ARG(text), i > 0 ? ";" : "",
		                    STR_ARG(value->items[i]));
	return text;
}

/* Names of files, a line each. */
static struct script_value to_lines(const struct answer *answer, struct str lines)
{
	struct str *items = arena_get(answer->client->arena, (str_count_char(lines, '\n') + 1) * sizeof *items);
	size_t count = 0;

	while (lines.len > 0)
		items[count++] = str_cut(&lines, '\n');
	return script_list(items, count);
}

static struct str from_lines(const struct answer *answer, const struct script_value *value)
{
	struct str text = STR("");

	for (size_t i = 0; value->type == SCRIPT_LIST && i < value->count && i < RESPONDER_FILES_MAX; i++)
		text = arena_printf(answer->client->arena, "%.*s%s%.*s", STR_ARG(text), i > 0 ? "\n" : "",
		                    STR_ARG(value->items[i]));
	return text;
}

static void to_fields(const struct answer *answer, struct str text, struct script_field fields[FIELDS])
{
	const struct responder *responder = &answer->responder;

	fields[ID] = (struct script_field){"ID", script_number(responder->id)};
	fields[OWNER_ID] = (struct script_field){"OwnerID", script_number(answer->client->user->uid)};
	fields[NAME] = (struct script_field){"Name", script_text(responder->name)};
	fields[TEXT] = (struct script_field){"Text", script_text(text)};
	fields[KEEP] = (struct script_field){"Keep", script_flag(responder->keep)};
	fields[CHECKLOG] = (struct script_field){"Checklog", script_number(responder->hours)};
	fields[SENDER] = (struct script_field){"Sender", script_text(responder->from)};
	fields[REPLY_TO] = (struct script_field){"ReplyTo", script_text(responder->reply_to)};
	fields[SUBJECT] = (struct script_field){"Subject", script_text(responder->subject)};
	fields[PREFIX] = (struct script_field){
	    "SubjectPrefix", script_text(responder->subject_prefix.data != NULL ? responder->subject_prefix : STR("*"))};
	fields[APPEND] = (struct script_field){"AppendMsg", script_number(responder->append)};
	fields[TO] = (struct script_field){"To", to_list(answer, answer->to)};
	fields[COPY_TO] = (struct script_field){"CopyTo", to_list(answer, answer->copy_to)};
	fields[ATTACHMENTS] = (struct script_field){"Attachments", to_lines(answer, answer->responder.files)};
}

static struct str text_of(const struct script_field *field)
{
	return field->value.type == SCRIPT_TEXT ? field->value.text : STR("");
}

static void from_fields(struct answer *answer, const struct script_field fields[FIELDS])
{
	struct responder *responder = &answer->responder;

	if (fields[KEEP].value.type == SCRIPT_FLAG)
		responder->keep = fields[KEEP].value.flag;
	if (fields[CHECKLOG].value.type == SCRIPT_NUMBER && fields[CHECKLOG].value.number >= 0 &&
	    fields[CHECKLOG].value.number <= RESPONDER_HOURS_MAX)
		responder->hours = fields[CHECKLOG].value.number;
	responder->from = text_of(&fields[SENDER]);
	responder->reply_to = text_of(&fields[REPLY_TO]);
	responder->subject = text_of(&fields[SUBJECT]);
	responder->subject_prefix =
	    str_equal(text_of(&fields[PREFIX]), STR("*")) ? (struct str){NULL, 0} : text_of(&fields[PREFIX]);
	if (fields[APPEND].value.type == SCRIPT_NUMBER && fields[APPEND].value.number >= RESPONDER_NOTHING &&
	    fields[APPEND].value.number <= RESPONDER_WHOLE)
		responder->append = (enum responder_append)fields[APPEND].value.number;
	responder->files = from_lines(answer, &fields[ATTACHMENTS].value);
	answer->to = from_list(answer, &fields[TO].value);
	answer->copy_to = from_list(answer, &fields[COPY_TO].value);
}

/* The built-in tags and custom fields as globals. */
static void set_built_in(const struct answer *answer, struct script *script)
{
	static const char *const names[] = {"User",
	                                    "Originator",
	                                    "OrigSubject",
	                                    "Date",
	                                    "LongDate",
	                                    "ShortDate",
	                                    "Time",
	                                    "TimeNoSecs",
	                                    "ConditionName",
	                                    "ConditionDateFrom",
	                                    "ConditionDateTo",
	                                    "ConditionTimeFrom",
	                                    "ConditionTimeTo",
	                                    "ConditionDateTimeFrom",
	                                    "ConditionDateTimeTo",
	                                    "ConditionDOW",
	                                    "ConditionMatches",
	                                    "StartDate",
	                                    "EndDate"};
	struct script_field fields[BUILT_IN_MAX];
	struct str lines = answer->rule.values;
	size_t count = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		fields[count++] = (struct script_field){
		    names[i], script_text(answer_expand(answer, arena_printf(answer->client->arena, "{%s}", names[i]), true))};
	script_set_globals(script, fields, count);
	while (lines.len > 0) {
		struct str value = str_cut(&lines, '\n'), name = str_trim(str_cut(&value, '='));
		struct script_field field = {arena_printf(answer->client->arena, "customfield_%.*s", STR_ARG(name)).data,
		                             script_text(str_trim(value))};

		script_set_globals(script, &field, 1);
	}
}

/* Where a tag such as <lua> stands, case ignored; -1: nowhere. */
static ptrdiff_t find_tag(struct str text, struct str tag)
{
	for (size_t i = 0; i + tag.len <= text.len; i++)
		if (str_equal_nocase(str_sub(text, i, tag.len), tag))
			return (ptrdiff_t)i;
	return -1;
}

static bool begin_script(struct answer *answer, struct script *script, struct str text)
{
	struct script_field fields[FIELDS];

	to_fields(answer, text, fields);
	struct script_field globals[] = {{"Autoresponder", script_table(fields, FIELDS)},
	                                 {"Message", script_text(answer_incoming(answer))}};

	script_open_inline(script, answer->client->subject->desk->instance, "autoresponder text", NULL, NULL);
	if (script_set_globals(script, globals, 2) != 1)
		return false;
	set_built_in(answer, script);
	return true;
}

static bool end_script(struct answer *answer, struct script *script, struct str text)
{
	struct script_field fields[FIELDS];
	bool good;

	to_fields(answer, text, fields);
	struct script_field global = {"Autoresponder", script_table(fields, FIELDS)};

	good = script_get_globals(script, &global, 1, answer->client->arena) == 1;
	if (good)
		from_fields(answer, fields);
	return good;
}

/* Texts between scripts have their tags replaced, scripts are replaced by what they print. */
static bool fill_in(struct answer *answer, struct str text, struct script *script, struct buf *out)
{
	struct buf printed;
	bool good = true;

	buf_init(&printed, ANSWER_TEXT_MAX);
	while (good && text.len > 0) {
		ptrdiff_t begin = find_tag(text, STR("<lua>")), end;

		buf_add_str(out, answer_expand(answer, str_sub(text, 0, begin >= 0 ? (size_t)begin : text.len), true));
		if (begin < 0)
			break;
		text = str_skip(text, (size_t)begin + 5);
		end = find_tag(text, STR("</lua>"));
		buf_reset(&printed);
		good = script_chunk(script, str_sub(text, 0, end >= 0 ? (size_t)end : text.len), &printed) == 1;
		buf_add_str(out, buf_str(&printed));
		text = end >= 0 ? str_skip(text, (size_t)end + 6) : STR("");
	}
	buf_free(&printed);
	return good && !out->overflow;
}

/* An administrator is told. */
static void answer_failed(const struct answer *answer)
{
	answer->client->decision->failing = answer->responder.id;
}

/* PreProcessAutoresponder may change the definition; an empty text means that nothing is answered. */
static bool pre_process(struct answer *answer, struct str *text)
{
	struct script_field fields[FIELDS];
	struct script_value arguments[] = {script_text(answer->client->name), script_text(answer_incoming(answer))};
	struct script script;
	bool good = true;
	int called;

	script_open(&script, answer->client->subject->desk->instance, "autoresponder", NULL, NULL);
	if (!script_has_function(&script, "PreProcessAutoresponder"))
		return true;
	to_fields(answer, *text, fields);
	struct script_field global = {"Autoresponder", script_table(fields, FIELDS)};

	called = script_set_globals(&script, &global, 1);
	if (called == 1)
		called = script_call(&script, "PreProcessAutoresponder", arguments, 2, NULL, 0, answer->client->arena);
	if (called == 1)
		called = script_get_globals(&script, &global, 1, answer->client->arena);
	if (called < 0)
		answer_failed(answer);
	if (called == 1) {
		from_fields(answer, fields);
		*text = text_of(&fields[TEXT]);
		good = text->len > 0;
	}
	script_close(&script);
	return good;
}

bool answer_write_text(struct answer *answer, struct str *text_out)
{
	struct str text = answer->responder.text;
	struct script script = {.lua = NULL};
	bool has_script, good;
	struct buf out;

	if (!pre_process(answer, &text))
		return false;
	has_script = find_tag(text, STR("<lua>")) >= 0;
	buf_init(&out, ANSWER_TEXT_MAX);
	good = !has_script || begin_script(answer, &script, text);
	good = good && fill_in(answer, text, &script, &out);
	good = good && (!has_script || end_script(answer, &script, text));
	*text_out = arena_copy(answer->client->arena, buf_str(&out));
	buf_free(&out);
	if (has_script)
		script_close(&script);
	if (!good) {
		answer_failed(answer);
		log_error("id=%.*s is not answered: the script in the autoresponder \"%.*s\" of user %.*s failed",
		          STR_ARG(answer->client->subject->order->id), STR_ARG(answer->responder.name),
		          STR_ARG(answer->client->name));
	}
	return good;
}

bool answer_post_process(const struct answer *answer, struct str *message)
{
	struct script_value arguments[] = {script_text(answer->client->name), script_text(*message),
	                                   script_text(answer_incoming(answer))};
	struct script_value result = {.type = SCRIPT_TEXT};
	struct script script;
	int called;

	script_open(&script, answer->client->subject->desk->instance, "autoresponder", NULL, NULL);
	called = script_call(&script, "PostProcessAutoresponder", arguments, 3, &result, 1, answer->client->arena);
	if (called < 0)
		answer_failed(answer);
	if (called == 1 && result.type == SCRIPT_TEXT)
		*message = result.text;
	script_close(&script);
	return message->len > 0;
}
