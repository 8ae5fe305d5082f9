#include "common/imap/hooks.h"

static bool holds_word(struct str text, struct str word)
{
	while (text.len > 0)
		if (str_equal_nocase(str_cut_word(&text), word))
			return true;
	return false;
}

/* The words of a text that are among those allowed, each once, separated by single spaces. */
static struct str keep_words(struct str text, struct str allowed, struct arena *arena)
{
	struct buf kept;
	struct str word, result;

	buf_init(&kept, allowed.len + 1);
	while ((word = str_cut_word(&text)).len > 0)
		if (holds_word(allowed, word) && !holds_word(buf_str(&kept), word))
			buf_printf(&kept, "%s%.*s", kept.len > 0 ? " " : "", STR_ARG(word));
	result = arena_copy(arena, buf_str(&kept));
	buf_free(&kept);
	return result;
}

struct str imap_hook_capabilities(struct script *script, const char *peer, struct str capabilities, struct arena *arena)
{
	static const char function[] = "DoCapability";
	struct script_value result = {.type = SCRIPT_TEXT};
	struct script_value arguments[] = {script_text(str_of(peer)), script_text(capabilities)};
	struct str kept;

	if (!script_has_function(script, function))
		return capabilities;
	/* a space at both ends, so that " IDLE " can be replaced wherever it is */
	arguments[1] = script_text(arena_printf(arena, " %.*s ", STR_ARG(capabilities)));
	if (script_call(script, function, arguments, 2, &result, 1, arena) != 1 || result.type != SCRIPT_TEXT)
		return capabilities;
	kept = keep_words(result.text, capabilities, arena);
	if (holds_word(kept, STR("IMAP4rev1")) || holds_word(kept, STR("IMAP4rev2")))
		return kept;
	script_report(script, function, STR("the result has neither IMAP4rev1 nor IMAP4rev2"));
	return capabilities;
}

/* May be part of an atom or a flag (RFC 9051 section 9). */
static bool is_atom_char(char c)
{
	return c > ' ' && c < 0x7f && strchr("(){%*\"\\]", c) == NULL;
}

/* "\HasChildren \Sent": words, each a flag or an atom. */
static bool are_attributes(struct str text)
{
	struct str word;

	while ((word = str_cut_word(&text)).len > 0) {
		size_t i = word.data[0] == '\\' ? 1 : 0;

		if (i == word.len)
			return false;
		for (; i < word.len; i++)
			if (!is_atom_char(word.data[i]))
				return false;
	}
	return true;
}

/* Empty, or a space and one parenthesis that ends with the text, around printable characters and quoted strings. */
static bool is_extended_data(struct str text)
{
	bool quoted = false;
	size_t depth = 0;

	if (text.len == 0)
		return true;
	if (!str_starts(text, STR(" (")))
		return false;
	for (size_t i = 1; i < text.len; i++) {
		char c = text.data[i];

		if (c < ' ' || c >= 0x7f)
			return false;
		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\' && ++i == text.len)
			return false;
		else if (!quoted && c == '(')
			depth++;
		else if (!quoted && c == ')' && (depth == 0 || (--depth == 0 && i + 1 < text.len)))
			return false;
	}
	return depth == 0 && !quoted;
}

bool imap_hook_list(struct script *script, struct str folder, struct str *attributes, struct str *extended,
                    struct arena *arena)
{
	static const char function[] = "DoListResult";
	const struct script_value arguments[] = {script_text(folder), script_text(*attributes), script_text(*extended)};
	struct script_value results[] = {{.type = SCRIPT_FLAG}, {.type = SCRIPT_TEXT}, {.type = SCRIPT_TEXT}};

	if (script_call(script, function, arguments, 3, results, 3, arena) != 1)
		return true;
	if (results[0].type == SCRIPT_FLAG && !results[0].flag)
		return false;
	if (results[1].type == SCRIPT_TEXT) {
		if (are_attributes(results[1].text))
			*attributes = keep_words(results[1].text, results[1].text, arena);
		else
			script_report(script, function, STR("the attributes are not words like \\Flag or Atom"));
	}
	if (results[2].type == SCRIPT_TEXT) {
		if (is_extended_data(results[2].text))
			*extended = results[2].text;
		else
			script_report(script, function, STR("the extended data is neither empty nor a space and a parenthesis"));
	}
	return true;
}

enum service_encryption imap_hook_encryption(struct script *script, const struct conn *conn,
                                             enum service_encryption usual, struct arena *arena)
{
	static const char function[] = "GetEncryption";
	static const char *const modes[] = {[SERVICE_CLEAR] = "none",
	                                    [SERVICE_OPTIONAL] = "none/starttls",
	                                    [SERVICE_REQUIRED] = "starttls",
	                                    [SERVICE_TLS] = "ssl"};
	const struct script_value arguments[] = {script_text(str_of(conn->peer)), script_text(str_of(conn->local)),
	                                         script_number(conn->local_port), script_text(str_of(modes[usual]))};
	struct script_value result = {.type = SCRIPT_TEXT};

	if (script_call(script, function, arguments, 4, &result, 1, arena) != 1 || result.type != SCRIPT_TEXT)
		return usual;
	for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
		if (str_equal(result.text, str_of(modes[i])))
			return (enum service_encryption)i;
	script_report(script, function, STR("the result is none of none/starttls, starttls, ssl"));
	return usual;
}
