#include "lists/reader.h"

#include "common/addr/addr.h"
#include "common/addr/pattern.h"
#include "common/mime/header.h"
#include "common/mime/text.h"
#include "common/rules/regex.h"

enum {
	BODY_MAX = 64 * 1024,   /* of text that commands are looked for in */
	STATUS_MAX = 64 * 1024, /* of a delivery report's part for programs */
};

/* The value of a field, "" where it is missing. */
static struct str field_value(struct str header, struct str name)
{
	struct mime_field field;

	return mime_field_find(header, name, &field) ? field.value : STR("");
}

static void read_from(struct str header, struct arena *arena, struct report *report)
{
	struct str value = field_value(header, STR("From"));
	struct addr_list list;

	report->from = report->name = STR("");
	if (addr_parse_list(value, arena, &list, NULL) != 0 || list.count == 0)
		return;
	report->from = list_normal_address(list.entries[0].addr.text, arena);
	report->name = str_trim(mime_decode_words(list.entries[0].name, arena));
}

/*
 * RFC 3834 2, 5; and Precedence, which it calls a convention. Lists take what a program sends of itself, the ListServer
 * takes nothing automatic at all.
 */
static bool is_automatic(struct str header, struct str from, bool is_post, struct arena *arena)
{
	struct str precedence = str_trim(mime_unfold(field_value(header, STR("Precedence")), arena));
	struct str submitted = str_trim(mime_unfold(field_value(header, STR("Auto-Submitted")), arena));

	if (!is_post && submitted.len > 0 && !str_starts_nocase(submitted, STR("no")))
		return true;
	return str_starts_nocase(submitted, STR("auto-replied")) || str_equal_nocase(precedence, STR("bulk")) ||
	       str_equal_nocase(precedence, STR("list")) || str_equal_nocase(precedence, STR("junk")) ||
	       str_starts_nocase(from, STR("mailer-daemon@"));
}

static bool has_marker(struct str header, struct str marker)
{
	struct mime_field field;

	while (mime_field_next(&header, &field))
		if (str_equal_nocase(field.name, STR("X-Postroom-Loop")) && str_equal_nocase(str_trim(field.value), marker))
			return true;
	return false;
}

/* A line of the setting holds for the sender; one that takes too long does not. */
static bool is_banned_by(struct str line, struct str from)
{
	ptrdiff_t at = str_find_last_char(from, '@');
	struct regex *regex;
	struct buf pattern;
	bool found;

	if (str_starts(line, STR("/"))) {
		if (regex_compile(line, &regex, NULL) != 0)
			return false;
		found = regex_search(regex, from) == REGEX_YES;
		regex_free(regex);
		return found;
	}
	buf_init(&pattern, ADDR_PATTERN_MAX);
	found = at >= 0 && addr_pattern_normalise(line, &pattern, NULL) == 0 &&
	        addr_pattern_holds(buf_str(&pattern), str_sub(from, 0, (size_t)at), str_skip(from, (size_t)at + 1));
	buf_free(&pattern);
	return found;
}

static bool is_banned(const struct list_settings *settings, struct str from)
{
	struct str lines = str_of(list_settings_text(settings, LIST_SETTING_BANNED));

	while (lines.len > 0) {
		struct str line = str_trim(str_cut(&lines, '\n'));

		if (line.len > 0 && is_banned_by(line, from))
			return true;
	}
	return false;
}

/* "65 - Rule(50.0) ...": the total, with one decimal or none. */
static bool read_score(struct str value, int64_t *score)
{
	struct str rest = str_trim(value), word = str_cut_word(&rest), whole = word, decimals;
	bool negative = str_starts(whole, STR("-"));
	uint64_t number, tenths = 0;

	whole = str_skip(whole, negative);
	decimals = whole;
	whole = str_cut(&decimals, '.');
	if (!str_to_u64(whole, 1000000000, &number) || (decimals.data != NULL && !str_to_u64(decimals, 9, &tenths)))
		return false;
	*score = (int64_t)(number * 100 + tenths * 10) * (negative ? -1 : 1);
	return true;
}

static int read_header(const struct mime_source *source, struct arena *arena, struct str *header_out, struct err *err)
{
	struct mime_part *root;
	struct buf header;
	int result;

	if (mime_parse_header(source, arena, &root, err) != 0)
		return -1;
	buf_init(&header, MIME_HEADER_MAX);
	result = mime_read(source, root->header_at, root->header_len, &header, err);
	*header_out = arena_copy(arena, buf_str(&header));
	buf_free(&header);
	return result;
}

int read_facts(const struct mime_source *source, const struct recipe *recipe, struct arena *arena,
               struct report *report, struct err *err)
{
	struct str header;

	memset(report, 0, sizeof *report);
	report->to_at = -1;
	if (read_header(source, arena, &header, err) != 0)
		return -1;
	read_from(header, arena, report);
	report->subject = str_trim(mime_decode_words(field_value(header, STR("Subject")), arena));
	report->is_automatic = is_automatic(header, report->from, recipe->settings != NULL, arena);
	report->has_score = read_score(field_value(header, STR("X-Postroom-Spam")), &report->score);
	if (recipe->settings != NULL) {
		report->has_marker = has_marker(header, recipe->address);
		report->is_banned = is_banned(recipe->settings, report->from);
	}
	return 0;
}

/* The first text/plain part that is no attachment, else the first text of any kind. */
static const struct mime_part *find_text(const struct mime_part *root)
{
	const struct mime_part *other = NULL;

	for (const struct mime_part *part = root; part != NULL; part = mime_next(part)) {
		if (part->kind != MIME_LEAF || !mime_is(part, "text", NULL) ||
		    str_equal_nocase(part->disposition.value, STR("attachment")))
			continue;
		if (mime_is(part, "text", "plain"))
			return part;
		if (other == NULL)
			other = part;
	}
	return other;
}

int read_commands(const struct mime_source *source, bool is_control, struct arena *arena, struct report *report,
                  struct err *err)
{
	const struct mime_part *text;
	struct mime_collect collect;
	struct mime_part *root;
	struct buf body;
	int result = 0;

	if (mime_parse(source, arena, &root, err) != 0)
		return -1;
	buf_init(&body, BODY_MAX);
	mime_collect_init(&collect, &body);
	text = find_text(root);
	if (text != NULL && mime_send_text(source, text, true, &collect.sink, err) < 0)
		result = -1;
	if (is_control)
		control_parse(report->subject, arena_copy(arena, buf_str(&body)), &report->control);
	else
		commands_parse(report->subject, arena_copy(arena, buf_str(&body)), arena, &report->commands);
	buf_free(&body);
	return result;
}

/* RFC 3464 2.3.3: a line "Action: failed" of any recipient. */
static bool tells_failure(struct str status)
{
	while (status.len != 0) {
		struct str value = str_cut(&status, '\n'), name = str_cut(&value, ':');

		if (value.data != NULL && str_equal_nocase(str_trim(name), STR("Action")) &&
		    str_equal_nocase(str_trim(value), STR("failed")))
			return true;
	}
	return false;
}

int read_failure(const struct mime_source *source, struct arena *arena, struct report *report, struct err *err)
{
	struct mime_part *root;
	struct buf status;
	int result = 0;

	*report = (struct report){.from = STR(""), .name = STR(""), .subject = STR(""), .to_at = -1};
	if (mime_parse(source, arena, &root, err) != 0)
		return -1;
	buf_init(&status, STATUS_MAX);
	for (const struct mime_part *part = root; part != NULL && result == 0 && !report->is_failure;
	     part = mime_next(part)) {
		/* RFC 6533 3 has the second for addresses that are not ASCII */
		if (!mime_is(part, "message", "delivery-status") && !mime_is(part, "message", "global-delivery-status"))
			continue;
		buf_reset(&status);
		result =
		    mime_read(source, part->body_at, part->body_len < STATUS_MAX ? part->body_len : STATUS_MAX, &status, err);
		report->is_failure = result == 0 && tells_failure(buf_str(&status));
	}
	buf_free(&status);
	return result;
}
