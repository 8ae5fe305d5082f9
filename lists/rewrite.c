/*
 * What members get: the header as the list's settings want it, the body with the list's signature.
 */
#include "lists/reader.h"

#include "common/mime/header.h"
#include "common/mime/modify.h"
#include "lists/footer.h"

/* What servers and mailboxes note in a message for themselves, and blind recipients. */
static const char *const private_fields[] = {"Return-Path", "Delivered-To", "Status", "X-Status",
                                             "X-UID",       "X-UIDL",       "Bcc"};
/* RFC 2369 5: those of another list would mislead. */
static const char *const list_fields[] = {
    "List-Id",   "List-Help",  "List-Subscribe", "List-Unsubscribe", "List-Unsubscribe-Post",
    "List-Post", "List-Owner", "List-Archive"};

struct work {
	const struct recipe *recipe;
	const struct report *report;
	struct arena *arena;
	struct mime_fields fields;
};

/* A name that stands before an address must not bring one of its own. */
static struct str safe_name(const struct work *work)
{
	struct str name = arena_copy(work->arena, work->report->name);
	char *bytes = (char *)name.data;

	for (size_t i = 0; i < name.len; i++)
		if (str_find_char(STR("<>\",;:@()[]\\"), bytes[i]) >= 0)
			bytes[i] = ' ';
	return str_trim(name);
}

/* What a code stands for; in angle brackets the list is its address. */
static bool expand(char code, void *context, struct buf *out)
{
	const struct work *work = context;
	bool in_brackets = out->len > 0 && out->data[out->len - 1] == '<';
	struct str name = safe_name(work), from = work->report->from;

	switch (code) {
	case 'o':
	case 'O':
		return buf_add_str(out, from) == 0;
	case 'n':
	case 'N':
		return buf_add_str(out, name.len > 0 ? name : str_sub(from, 0, (size_t)str_find_char(from, '@'))) == 0;
	case 'l':
	case 'L':
		return buf_add_str(out, in_brackets ? work->recipe->address : work->recipe->name) == 0;
	case 'm':
	case 'M':
		return buf_add_str(out, work->recipe->moderator) == 0;
	default:
		return false;
	}
}

static bool is_slow(const struct work *work)
{
	return list_settings_flag(work->recipe->settings, LIST_SETTING_SLOW);
}

static void add_unsubscribe(struct work *work)
{
	const struct recipe *recipe = work->recipe;
	struct str url = str_of(list_settings_text(recipe->settings, LIST_SETTING_UNSUBSCRIBE_URL));
	struct str mailto = arena_printf(work->arena, "<mailto:%.*s?subject=unsubscribe+%.*s>", STR_ARG(recipe->server),
	                                 STR_ARG(recipe->name));

	/* with an address in it, it is each member's own and is added later (expand.c) */
	if (is_slow(work) && str_find(url, STR("%A")) >= 0)
		return;
	if (url.len == 0) {
		mime_fields_set(&work->fields, STR("List-Unsubscribe"), mailto);
		return;
	}
	mime_fields_set(&work->fields, STR("List-Unsubscribe"),
	                arena_printf(work->arena, "%.*s, <%.*s>", STR_ARG(mailto), STR_ARG(url)));
	mime_fields_set(&work->fields, STR("List-Unsubscribe-Post"), STR("List-Unsubscribe=One-Click")); /* RFC 8058 3.1 */
}

/* RFC 2919, RFC 2369 */
static void add_list_fields(struct work *work)
{
	const struct recipe *recipe = work->recipe;
	struct mime_fields *fields = &work->fields;
	struct arena *arena = work->arena;

	for (size_t i = 0; i < sizeof list_fields / sizeof list_fields[0]; i++)
		mime_fields_remove(fields, str_of(list_fields[i]));
	mime_fields_set(fields, STR("List-Id"),
	                arena_printf(arena, "<%.*s.%.*s>", STR_ARG(recipe->name), STR_ARG(recipe->domain)));
	mime_fields_set(fields, STR("List-Post"), arena_printf(arena, "<mailto:%.*s>", STR_ARG(recipe->address)));
	mime_fields_set(fields, STR("List-Help"),
	                arena_printf(arena, "<mailto:%.*s?subject=help>", STR_ARG(recipe->server)));
	if (list_settings_flag(recipe->settings, LIST_SETTING_SUBSCRIBE))
		mime_fields_set(fields, STR("List-Subscribe"),
		                arena_printf(arena, "<mailto:%.*s?subject=subscribe+%.*s>", STR_ARG(recipe->server),
		                             STR_ARG(recipe->name)));
	add_unsubscribe(work);
	if (recipe->owner.len != 0)
		mime_fields_set(fields, STR("List-Owner"), arena_printf(arena, "<mailto:%.*s>", STR_ARG(recipe->owner)));
}

/* Behind any "Re:", unless it is there already. */
static void add_prefix(struct work *work)
{
	struct str prefix = str_of(list_settings_text(work->recipe->settings, LIST_SETTING_SUBJECT_PREFIX));
	struct str subject = str_trim(mime_decode_words(mime_fields_value(&work->fields, STR("Subject")), work->arena));
	struct str rest = subject;

	if (prefix.len == 0 || str_find(subject, prefix) >= 0)
		return;
	while (str_starts_nocase(rest, STR("re:")))
		rest = str_trim(str_skip(rest, 3));
	mime_fields_set(&work->fields, STR("Subject"),
	                arena_printf(work->arena, "%.*s%.*s %.*s", (int)(subject.len - rest.len), subject.data,
	                             STR_ARG(prefix), STR_ARG(rest)));
}

static void change_header(struct work *work)
{
	for (size_t i = 0; i < sizeof private_fields / sizeof private_fields[0]; i++)
		mime_fields_remove(&work->fields, str_of(private_fields[i]));
	if (list_settings_flag(work->recipe->settings, LIST_SETTING_FIELDS))
		add_list_fields(work);
	add_prefix(work);
	modifiers_apply(&work->fields, str_of(list_settings_text(work->recipe->settings, LIST_SETTING_MODIFIERS)), expand,
	                work);
	if (is_slow(work))
		mime_fields_remove(&work->fields, STR("To"));
	mime_fields_add(&work->fields, STR("X-Postroom-Loop"), work->recipe->address);
}

/* The fields that a new multipart moves into its first part. */
static struct str take_moved(struct work *work, const struct footer *footer)
{
	struct buf moved;
	struct str result;

	buf_init(&moved, MIME_HEADER_MAX);
	for (size_t i = 0; i < work->fields.count; i++) {
		struct mime_field *field = &work->fields.list[i];

		if (field->whole.len == 0 || !footer_moves(footer, field->name))
			continue;
		buf_add_str(&moved, field->whole);
		field->whole = STR("");
	}
	result = arena_copy(work->arena, buf_str(&moved));
	buf_free(&moved);
	return result;
}

/* The header without the empty line, where a member's own fields may follow. */
static int write_header(struct work *work, const struct footer *footer, const struct mime_part *root,
                        struct output *output, struct err *err)
{
	struct buf header;
	int result = 0;

	buf_init(&header, (size_t)2 * MIME_HEADER_MAX);
	if (mime_fields_write(&work->fields, &header) != 0)
		result = err_set(err, ERR_LIMIT, "the header of the message is too long");
	else
		result = output_add(output, str_sub(buf_str(&header), 0, header.len - 2), err);
	buf_free(&header);
	if (result != 0 || output_add(output, footer_fields(footer, root, work->arena), err) != 0)
		return -1;
	if (footer->way == FOOTER_WRAP && mime_fields_find(&work->fields, STR("MIME-Version"), 0) < 0)
		return output_add(output, STR("MIME-Version: 1.0\r\n"), err);
	return 0;
}

static int write_all(struct work *work, const struct mime_source *source, const struct mime_part *root,
                     struct output *output, struct report *report, struct err *err)
{
	const struct footer_wish wish = {
	    .text = str_of(list_settings_text(work->recipe->settings, LIST_SETTING_SIGNATURE)),
	    .is_signed = mime_fields_find(&work->fields, STR("DKIM-Signature"), 0) >= 0,
	    .breaks = list_settings_flag(work->recipe->settings, LIST_SETTING_BREAK_SIGNATURES),
	};
	struct footer footer;
	struct str moved;

	if (footer_choose(source, root, &wish, work->arena, &footer, err) != 0)
		return -1;
	change_header(work);
	moved = take_moved(work, &footer);
	if (write_header(work, &footer, root, output, err) != 0)
		return -1;
	report->to_at = is_slow(work) ? output->size : -1;
	return output_add(output, STR("\r\n"), err) != 0 ||
	               footer_write_body(&footer, source, root, moved, output, err) != 0 || output_flush(output, err) != 0
	           ? -1
	           : 0;
}

int rewrite_message(const struct mime_source *source, const struct recipe *recipe, struct arena *arena, int fd,
                    struct report *report, struct err *err)
{
	struct work work = {.recipe = recipe, .report = report, .arena = arena};
	struct mime_part *root;
	struct output output;
	struct buf header;
	int result = -1;

	if (mime_parse(source, arena, &root, err) != 0)
		return -1;
	buf_init(&header, MIME_HEADER_MAX);
	output_init(&output, fd);
	if (mime_read(source, root->header_at, root->header_len, &header, err) == 0) {
		mime_fields_read(&work.fields, buf_str(&header), arena);
		result = write_all(&work, source, root, &output, report, err);
	}
	report->is_8bit = output.is_8bit;
	report->size = output.size;
	output_free(&output);
	buf_free(&header);
	return result;
}
