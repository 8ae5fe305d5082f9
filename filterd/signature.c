/* signature: which text goes under a message (specification 06 "Global signature", 02 "Signatures", 09-5.4). */
#include "filterd/look.h"

#include "common/addr/addr.h"
#include "common/mime/header.h"
#include "common/mime/markup.h"
#include "common/script/directory.h"

enum { TEXT_MAX = 256 * 1024, NAME_MAX_LEN = 60 };

/* Control characters stand for the tags while texts are put together, for HTML would swallow these. */
#define PERSONAL_MARK '\x01'
#define GLOBAL_MARK   '\x02'

static const struct {
	enum setting users, users_html, none, none_html; /* of who logged in, of the others */
	enum attribute own, own_html, off;
	const char *function;
} slots[] = {
    [WAY_OUTGOING] = {SETTING_SIGNATURE_OUT_USERS, SETTING_SIGNATURE_OUT_USERS_HTML, SETTING_SIGNATURE_OUT,
                      SETTING_SIGNATURE_OUT_HTML, ATTRIBUTE_SIGNATURE_OUT, ATTRIBUTE_SIGNATURE_OUT_HTML,
                      ATTRIBUTE_SIGNATURE_OUT_OFF, "GetSignature"},
    [WAY_INTERNAL] = {SETTING_SIGNATURE_IN_USERS, SETTING_SIGNATURE_IN_USERS_HTML, SETTING_SIGNATURE_IN,
                      SETTING_SIGNATURE_IN_HTML, ATTRIBUTE_SIGNATURE_IN, ATTRIBUTE_SIGNATURE_IN_HTML,
                      ATTRIBUTE_SIGNATURE_IN_OFF, "GetInternalSignature"},
};

static struct str keep(struct buf *out, struct arena *arena)
{
	struct str text = arena_copy(arena, buf_str(out));

	buf_free(out);
	return text;
}

/* The tags as marks. */
static struct str mark_tags(struct str text, struct arena *arena)
{
	static const struct {
		struct str tag;
		char mark;
	} tags[] = {{{"<personalsig>", 13}, PERSONAL_MARK}, {{"<globalsig>", 11}, GLOBAL_MARK}};
	struct buf out;

	buf_init(&out, TEXT_MAX);
	while (text.len > 0) {
		char next = text.data[0];
		size_t skip = 1;

		for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
			if (str_starts_nocase(text, tags[i].tag)) {
				next = tags[i].mark;
				skip = tags[i].tag.len;
			}
		buf_add_char(&out, next);
		text = str_skip(text, skip);
	}
	return keep(&out, arena);
}

/* Both forms, each made from the other where one is empty. */
static struct signature complete(struct str plain, struct str html, struct arena *arena)
{
	struct signature signature = {mark_tags(plain, arena), mark_tags(mime_html_inner(html), arena)};

	if (signature.plain.len == 0 && html.len != 0)
		signature.plain = mime_html_to_plain(signature.html, arena);
	if (signature.html.len == 0 && plain.len != 0)
		signature.html = mime_plain_to_html(signature.plain, arena);
	return signature;
}

static bool exists(const struct signature *signature)
{
	return signature->plain.len != 0 || signature->html.len != 0;
}

static bool is_blank_text(struct str text)
{
	return str_equal_nocase(str_trim(text), STR("<blank>"));
}

/* It exists, and says that there is to be none. */
static struct signature read_pair(struct str plain, struct str html, struct arena *arena, bool *blank_out)
{
	*blank_out = is_blank_text(plain) || is_blank_text(html);
	return *blank_out ? (struct signature){STR(""), STR("")} : complete(plain, html, arena);
}

/* text with another in the place of a mark; other marks go. */
static struct str replace_mark(struct str text, char mark, struct str other, struct arena *arena)
{
	struct buf out;

	buf_init(&out, TEXT_MAX);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == mark)
			buf_add_str(&out, other);
		else if (text.data[i] != PERSONAL_MARK && text.data[i] != GLOBAL_MARK)
			buf_add_char(&out, text.data[i]);
	}
	return keep(&out, arena);
}

static bool has_mark(const struct signature *signature, char mark)
{
	return str_find_char(signature->plain, mark) >= 0 || str_find_char(signature->html, mark) >= 0;
}

/* One within the other: the frame's marks stand for the inner text, whose own marks are none. */
static struct signature combine(const struct signature *frame, char mark, const struct signature *inner,
                                struct arena *arena)
{
	const struct str nothing = STR("");

	return (struct signature){
	    replace_mark(frame->plain, mark, replace_mark(inner->plain, '\0', nothing, arena), arena),
	    replace_mark(frame->html, mark, replace_mark(inner->html, '\0', nothing, arena), arena),
	};
}

/* The value of an attribute of the address book; "" where it has none. */
static struct str directory_value(const struct look *look, struct str name)
{
	struct str value = directory_find(str_of(attributes_text(&look->attributes, ATTRIBUTE_DIRECTORY)), name);

	if (value.len != 0)
		return value;
	if (str_equal_nocase(name, STR("uid")))
		return look->user;
	if (str_equal_nocase(name, STR("mail")))
		return look->job->envelope.from;
	return STR("");
}

static bool is_attribute_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!((name.data[i] | 32) >= 'a' && (name.data[i] | 32) <= 'z') && name.data[i] != '-' &&
		    !(i > 0 && name.data[i] >= '0' && name.data[i] <= '9'))
			return false;
	return name.len != 0 && name.len <= NAME_MAX_LEN;
}

/* [attribute] filled in. */
static struct str fill_in(const struct look *look, struct str text, bool html, struct arena *arena)
{
	struct buf out;

	buf_init(&out, TEXT_MAX);
	while (text.len > 0) {
		ptrdiff_t end = text.data[0] == '[' ? str_find_char(text, ']') : -1;
		struct str name = end > 0 ? str_sub(text, 1, (size_t)end - 1) : STR(""), value;

		if (!is_attribute_name(name)) {
			buf_add_char(&out, text.data[0]);
			text = str_skip(text, 1);
			continue;
		}
		value = directory_value(look, name);
		buf_add_str(&out, html ? mime_plain_to_html(value, arena) : value);
		text = str_skip(text, (size_t)end + 1);
	}
	return keep(&out, arena);
}

static struct signature read_slot(struct look *look, enum setting plain, enum setting html, bool filled, bool *blank)
{
	struct signature signature = read_pair(str_of(settings_text(look->settings, plain)),
	                                       str_of(settings_text(look->settings, html)), &look->arena, blank);

	if (!filled)
		return signature;
	return (struct signature){fill_in(look, signature.plain, false, &look->arena),
	                          fill_in(look, signature.html, true, &look->arena)};
}

/* The global one of who logged in: his slot, else the default. */
static struct signature read_global(struct look *look, enum way way, bool *blank)
{
	struct signature signature = {STR(""), STR("")};

	*blank = false;
	if (look->logged_in)
		signature = read_slot(look, slots[way].users, slots[way].users_html, true, blank);
	if (*blank || exists(&signature))
		return signature;
	return read_slot(look, slots[way].none, slots[way].none_html, false, blank);
}

static struct signature personal_or_global(struct look *look, enum way way, const struct signature *script)
{
	struct signature personal = {STR(""), STR("")}, global;
	bool no_personal = false, no_global;

	global = read_global(look, way, &no_global);
	if (look->logged_in)
		personal =
		    read_pair(str_of(attributes_text(&look->attributes, slots[way].own)),
		              str_of(attributes_text(&look->attributes, slots[way].own_html)), &look->arena, &no_personal);
	if (script != NULL) { /* it stands in the place of both, and may hold each */
		struct signature with = combine(script, PERSONAL_MARK, &personal, &look->arena);

		return has_mark(script, PERSONAL_MARK) ? with : combine(script, GLOBAL_MARK, &global, &look->arena);
	}
	if (has_mark(&global, PERSONAL_MARK))
		return combine(&global, PERSONAL_MARK, &personal, &look->arena);
	if (no_personal || exists(&personal))
		return combine(&personal, GLOBAL_MARK, &global, &look->arena);
	return combine(&global, GLOBAL_MARK, &personal, &look->arena);
}

/* What the script is told of the sender: keys in upper case; none where nobody logged in. */
static struct script_value directory_table(struct look *look)
{
	struct script_field *fields = arena_get(&look->arena, DIRECTORY_MAX * sizeof *fields);
	size_t count = 0;

	if (!look->logged_in)
		return (struct script_value){.type = SCRIPT_NIL};
	fields[count++] = (struct script_field){"UID", script_text(look->user)};
	fields[count++] = (struct script_field){"MAIL", script_text(look->job->envelope.from)};
	count = directory_add_fields(str_of(attributes_text(&look->attributes, ATTRIBUTE_DIRECTORY)), fields, count,
	                             DIRECTORY_MAX, &look->arena);
	return script_table(fields, count);
}

static struct str ask_format(struct look *look, struct script *script, const char *function, const char *format,
                             struct str subject)
{
	const struct script_value arguments[] = {
	    script_text(str_of(format)),
	    script_text(look->logged_in ? look->user : STR("")),
	    script_text(look->job->envelope.from),
	    script_text(subject),
	    directory_table(look),
	};
	struct script_value results[] = {{.type = SCRIPT_TEXT}};

	if (script_call(script, function, arguments, sizeof arguments / sizeof arguments[0], results, 1, &look->arena) !=
	        1 ||
	    results[0].type != SCRIPT_TEXT)
		return STR("");
	return results[0].text;
}

/* The script's own text. False: it leaves it to the settings. */
static bool ask_script(struct look *look, enum way way, const struct mime_edit *edit, struct signature *signature,
                       bool *blank)
{
	struct str subject, plain = STR(""), html = STR("");
	bool takes_plain, takes_html;
	struct script script;

	script_open(&script, &look->job->filterd->daemon.instance, "signature", NULL, &look->status);
	if (!script_exists(&script))
		return false;
	mime_edit_takes(edit, &takes_plain, &takes_html);
	subject = mime_decode_words(mime_fields_value(&edit->header, STR("Subject")), &look->arena);
	if (takes_plain)
		plain = ask_format(look, &script, slots[way].function, "PLAIN", subject);
	if (takes_html)
		html = ask_format(look, &script, slots[way].function, "HTML", subject);
	script_close(&script);
	if (plain.len == 0 && html.len == 0)
		return false;
	*signature = read_pair(plain, html, &look->arena, blank);
	return true;
}

void signature_choose(struct look *look, enum way way, const struct mime_edit *edit, struct signature *signature_out)
{
	struct signature script;
	bool blank = false;

	*signature_out = (struct signature){STR(""), STR("")};
	if (mime_edit_is_sealed(edit) || (look->logged_in && attributes_flag(&look->attributes, slots[way].off)))
		return;
	if (!ask_script(look, way, edit, &script, &blank))
		*signature_out = personal_or_global(look, way, NULL);
	else if (!blank)
		*signature_out = personal_or_global(look, way, &script);
}
