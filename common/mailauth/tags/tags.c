#include "common/mailauth/tags/tags.h"

#include "common/base/base64.h"

static bool is_letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* ALPHA *ALNUMPUNC */
static bool is_name(struct str name)
{
	if (name.len == 0 || !is_letter(name.data[0]))
		return false;
	for (size_t i = 1; i < name.len; i++)
		if (!is_letter(name.data[i]) && !(name.data[i] >= '0' && name.data[i] <= '9') && name.data[i] != '_')
			return false;
	return true;
}

/* Blanks, folding, and characters that can be seen; a line may end only where the next one begins with a blank. */
static bool is_text(struct str text)
{
	bool ascii = true;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		ascii = ascii && c < 0x80;
		if (c == '\r') {
			if (i + 2 >= text.len || text.data[i + 1] != '\n' || (text.data[i + 2] != ' ' && text.data[i + 2] != '\t'))
				return false;
			i++;
		} else if ((c < ' ' && c != '\t') || c == 0x7f) {
			return false;
		}
	}
	return ascii || str_is_utf8(text);
}

static int parse_tag(struct str text, struct mailauth_tags *tags, struct err *err)
{
	struct str rest = text;
	struct str name = str_trim(str_cut(&rest, '='));

	if (rest.data == NULL || !is_name(name))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is no tag=value", STR_ARG(str_sub(str_trim(text), 0, 40)));
	for (size_t i = 0; i < tags->count; i++)
		if (str_equal(tags->list[i].name, name))
			return err_set(err, ERR_SYNTAX, "the tag %.*s= stands there twice", STR_ARG(str_sub(name, 0, 40)));
	tags->list[tags->count++] = (struct mailauth_tag){.name = name, .value = str_trim(rest), .raw = rest};
	return 0;
}

int mailauth_tags_parse(struct str text, struct arena *arena, struct mailauth_tags *tags_out, struct err *err)
{
	struct str rest = str_ends_nocase(text, STR("\r\n")) ? str_sub(text, 0, text.len - 2) : text;
	size_t separators = 0;

	*tags_out = (struct mailauth_tags){0};
	if (!is_text(rest))
		return err_set(err, ERR_SYNTAX, "there are characters in it that no tag may have");
	for (size_t i = 0; i < rest.len; i++)
		separators += rest.data[i] == ';';
	if (separators > MAILAUTH_TAGS_MAX)
		return err_set(err, ERR_LIMIT, "there are more than %d tags", MAILAUTH_TAGS_MAX);
	tags_out->list = arena_get(arena, (separators + 1) * sizeof *tags_out->list);
	while (rest.data != NULL) {
		struct str part = str_cut(&rest, ';');

		/* one ";" may stand behind the last tag */
		if (tags_out->count != 0 && rest.data == NULL && str_trim(part).len == 0)
			break;
		if (parse_tag(part, tags_out, err) != 0)
			return -1;
	}
	return 0;
}

const struct mailauth_tag *mailauth_tag(const struct mailauth_tags *tags, const char *name)
{
	for (size_t i = 0; i < tags->count; i++)
		if (str_equal(tags->list[i].name, str_of(name)))
			return &tags->list[i];
	return NULL;
}

struct str mailauth_tag_value(const struct mailauth_tags *tags, const char *name, struct str fallback)
{
	const struct mailauth_tag *tag = mailauth_tag(tags, name);

	return tag != NULL ? tag->value : fallback;
}

static size_t squeeze(struct str value, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] != ' ' && value.data[i] != '\t' && value.data[i] != '\r' && value.data[i] != '\n')
			out[len++] = value.data[i];
	return len;
}

struct str mailauth_tag_squeeze(struct str value, struct arena *arena)
{
	char *out = arena_get(arena, value.len + 1);

	return str_from(out, squeeze(value, out));
}

bool mailauth_tag_base64(struct str value, struct arena *arena, struct str *bytes_out)
{
	enum { GROUP = 4 };
	char *text = arena_get(arena, value.len + GROUP);
	size_t len = squeeze(value, text);
	struct buf bytes;
	bool good;

	if (len != 0 && text[len - 1] != '=')
		while (len % GROUP != 0)
			text[len++] = '=';
	buf_init(&bytes, len);
	good = len != 0 && base64_decode(str_from(text, len), &bytes) == 0;
	if (good)
		*bytes_out = arena_copy(arena, buf_str(&bytes));
	buf_free(&bytes);
	return good;
}

bool mailauth_tag_lists(struct str value, struct str item)
{
	while (value.data != NULL)
		if (str_equal(str_trim(str_cut(&value, ':')), item))
			return true;
	return false;
}
