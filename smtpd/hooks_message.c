/* smtpd: what smtpsvr.lua has to say about a message that is there. */
#include "smtpd/smtpd.h"

#include "common/base/log.h"
#include "common/mime/header.h"
#include "common/mime/text.h"
#include "common/smtp/message.h"

#include <stdio.h>

enum {
	SLICE = 64 * 1024,
	PART_MAX = 4 << 20, /* octets of a part that a script gets */
	PATH_NUMBERS_MAX = 60,
	ATTACHMENTS_MAX = 1000,
	FIELD_LINE_MAX = 10000, /* octets of a field that a script adds */
};

/* A message whose lines are passed through the script. */
struct rewriting {
	struct session *session;
	struct message made;
	bool raw, line; /* which functions there are */
	struct buf pending;
};

/* What a function makes of a line, without its line end. */
static struct str pass_line(struct rewriting *rewriting, const char *function, struct str line)
{
	struct session *session = rewriting->session;
	const struct script_value argument = script_text(line);
	struct script_value result = {.type = SCRIPT_TEXT};

	if (script_call(&session->hooks.script, function, &argument, 1, &result, 1, &session->command_arena) != 1 ||
	    result.type == SCRIPT_NIL)
		return line;
	if (str_find_char(result.text, '\n') < 0 && str_find_char(result.text, '\r') < 0 &&
	    (result.text.len == 0 || memchr(result.text.data, '\0', result.text.len) == NULL))
		return result.text;
	script_report(&session->hooks.script, function, STR("returned more than one line"));
	return line;
}

static int rewrite_line(struct rewriting *rewriting, struct str line, struct err *err)
{
	struct session *session = rewriting->session;
	struct str whole;

	if (rewriting->raw)
		line = pass_line(rewriting, "MessageLineRaw", line);
	if (rewriting->line)
		line = pass_line(rewriting, "MessageLine", line);
	whole = arena_printf(&session->command_arena, "%.*s\r\n", STR_ARG(line));
	if (message_add(&rewriting->made, &session->smtpd->drop, whole, err) != 0)
		return -1;
	arena_reset(&session->command_arena);
	return 0;
}

/* Whole lines of what is pending; at the end of the message also one without a line end. */
static int rewrite_pending(struct rewriting *rewriting, bool at_end, struct err *err)
{
	struct str rest = buf_str(&rewriting->pending);
	size_t taken = 0;
	ptrdiff_t end;

	while ((end = str_find(rest, STR("\r\n"))) >= 0) {
		if (rewrite_line(rewriting, str_sub(rest, 0, (size_t)end), err) != 0)
			return -1;
		taken += (size_t)end + 2;
		rest = str_skip(rest, (size_t)end + 2);
	}
	if (at_end && rest.len > 0 && rewrite_line(rewriting, rest, err) != 0)
		return -1;
	buf_consume(&rewriting->pending, taken);
	return 0;
}

static int rewrite(struct rewriting *rewriting, const struct message *message, struct err *err)
{
	struct mime_source source = message_source(message);

	for (int64_t at = 0; at < source.size; at += SLICE) {
		int64_t len = source.size - at < SLICE ? source.size - at : SLICE;

		if (mime_read(&source, at, len, &rewriting->pending, err) != 0 ||
		    rewrite_pending(rewriting, at + len == source.size, err) != 0)
			return -1;
	}
	return 0;
}

static void call_plain(struct session *session, const char *function)
{
	script_call(&session->hooks.script, function, NULL, 0, NULL, 0, &session->command_arena);
}

const struct smtp_refusal *hooks_at_lines(struct session *session, struct message *message)
{
	static const struct smtp_refusal failed = {451, "4.3.0", "Cannot store the message now, try again later"};
	struct script *script = &session->hooks.script;
	struct rewriting rewriting = {.session = session};
	const struct smtp_refusal *refusal = NULL;
	struct err err;

	if (session->is_local || !script_exists(script))
		return NULL;
	rewriting.raw = script_has_function(script, "MessageLineRaw");
	rewriting.line = script_has_function(script, "MessageLine");
	call_plain(session, "StartMessage");
	if (rewriting.raw || rewriting.line) {
		message_init(&rewriting.made);
		buf_init(&rewriting.pending, (size_t)message->size + SLICE);
		if (rewrite(&rewriting, message, &err) == 0) {
			message_swap(message, &rewriting.made);
		} else {
			log_error("a message cannot be passed through smtpsvr.lua: %s", err.text);
			refusal = &failed;
		}
		buf_free(&rewriting.pending);
		message_free(&rewriting.made);
	}
	call_plain(session, "EndMessage");
	return refusal;
}

/* A message that is open for a script. */
struct opened {
	struct session *session;
	struct arena arena;
	struct mime_source source;
	struct mime_part *root;
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

	if (opened->root == NULL) /* outside of ProcessMessage */
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

bool hooks_is_field(struct str line)
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

static void add_fields(struct session *session, struct message *message, const struct script_value *lines)
{
	for (size_t i = lines->count; i > 0; i--) { /* the last one put on top stands first */
		if (hooks_is_field(lines->items[i - 1]))
			message_add_on_top(message,
			                   arena_printf(&session->transaction_arena, "%.*s\r\n", STR_ARG(lines->items[i - 1])));
		else
			script_report(&session->hooks.script, "ProcessMessage",
			              STR("HeaderModifiers hold what is no header field"));
	}
}

enum { KEEPS, IGNORES, REASON, RECIPIENTS, MODIFIERS, ACTIONS };

static void take_actions(struct session *session, struct message *message, const struct script_field *fields,
                         struct hooks_actions *actions)
{
	actions->keeps_recipients = fields[KEEPS].value.type == SCRIPT_NIL || fields[KEEPS].value.flag;
	actions->ignore = fields[IGNORES].value.type != SCRIPT_NIL && fields[IGNORES].value.flag;
	if (fields[RECIPIENTS].value.type != SCRIPT_NIL) {
		actions->recipients = fields[RECIPIENTS].value.items;
		actions->recipient_count = fields[RECIPIENTS].value.count;
	}
	if (fields[MODIFIERS].value.type != SCRIPT_NIL)
		add_fields(session, message, &fields[MODIFIERS].value);
	if (fields[REASON].value.type != SCRIPT_NIL && fields[REASON].value.text.len > 0)
		log_info("smtpsvr.lua from=<%.*s>: %.*s", STR_ARG(session->transaction.mail.from.text),
		         STR_ARG(fields[REASON].value.text));
}

static void process(struct opened *opened, struct message *message, struct hooks_actions *actions)
{
	static const struct script_field usual[ACTIONS] = {
	    [KEEPS] = {"SendToOriginalRecipients", {.type = SCRIPT_FLAG, .flag = true}},
	    [IGNORES] = {"Ignore", {.type = SCRIPT_FLAG}},
	    [REASON] = {"Reason", {.type = SCRIPT_TEXT}},
	    [RECIPIENTS] = {"Recipients", {.type = SCRIPT_LIST}},
	    [MODIFIERS] = {"HeaderModifiers", {.type = SCRIPT_LIST}},
	};
	struct session *session = opened->session;
	const struct transaction *transaction = &session->transaction;
	struct str *recipients = arena_get(&opened->arena, (transaction->count + 1) * sizeof *recipients);
	struct script_value tree = make_node(opened, opened->root, opened->root->kind == MIME_LEAF ? STR("1") : STR(""));
	struct str subject = opened->root->envelope != NULL ? opened->root->envelope->subject : STR("");
	struct script_field fields[ACTIONS];
	struct script_value results[] = {script_table(fields, ACTIONS), {.type = SCRIPT_TEXT}};

	for (size_t i = 0; i < transaction->count; i++)
		recipients[i] = transaction->recipients[i].address;
	memcpy(fields, usual, sizeof fields);
	{
		const struct script_value arguments[] = {
		    script_text(transaction->mail.from.text),
		    script_text(subject),
		    script_list(recipients, transaction->count),
		    script_table(usual, ACTIONS),
		    tree,
		    script_number((int64_t)message->size),
		    script_array(opened->attachments, opened->attachment_count),
		};

		if (script_call(&session->hooks.script, "ProcessMessage", arguments, 7, results, 2,
		                &session->transaction_arena) == 1 &&
		    results[0].type != SCRIPT_NIL)
			take_actions(session, message, fields, actions);
	}
}

/* One at a time, in a session's process. */
static struct opened opened;

const struct script_offer *hooks_offer(void)
{
	static const struct script_function functions[] = {{"GetMessageLines", get_lines},
	                                                   {"GetMessagePart", get_part},
	                                                   {"GetMessagePartBody", get_part_body},
	                                                   {"GetMessagePartHeader", get_part_header}};
	static const struct script_offer offer = {"Postroom", functions, sizeof functions / sizeof functions[0], &opened};

	return &offer;
}

void hooks_at_message(struct session *session, struct message *message, struct hooks_actions *actions)
{
	struct script *script = &session->hooks.script;
	struct err err;

	*actions = (struct hooks_actions){.keeps_recipients = true};
	if (session->is_local || !script_has_function(script, "ProcessMessage"))
		return;
	opened.session = session;
	opened.attachment_count = 0;
	opened.source = message_source(message);
	arena_init(&opened.arena);
	if (mime_parse(&opened.source, &opened.arena, &opened.root, &err) == 0)
		process(&opened, message, actions);
	else
		log_error("a message cannot be taken apart for smtpsvr.lua: %s", err.text);
	opened.root = NULL;
	arena_free(&opened.arena);
}

/* A name alone is one of the default domain. */
static struct str with_domain(struct session *session, struct str recipient)
{
	struct str domain = str_of(settings_default_domain(&session->smtpd->settings));

	return str_find_char(recipient, '@') >= 0 ? recipient : addr_format(recipient, domain, &session->transaction_arena);
}

void hooks_address(struct session *session, const struct hooks_actions *actions, struct spool_envelope *envelope)
{
	size_t original = actions->keeps_recipients && !actions->ignore ? envelope->recipient_count : 0, count = 0;
	struct spool_recipient *list;

	if (original == envelope->recipient_count && actions->recipient_count == 0)
		return;
	list = arena_get(&session->transaction_arena, (original + actions->recipient_count + 1) * sizeof *list);
	for (; count < original; count++)
		list[count] = envelope->recipients[count];
	for (size_t i = 0; i < actions->recipient_count && !actions->ignore; i++) {
		struct addr address;

		if (addr_parse_mailbox(with_domain(session, actions->recipients[i]), &session->transaction_arena, &address,
		                       NULL) == 0)
			list[count++] = (struct spool_recipient){.address = address.text};
		else
			script_report(&session->hooks.script, "ProcessMessage", STR("Recipients hold what is no address"));
	}
	envelope->recipients = list;
	envelope->recipient_count = count;
}

void hooks_stored(struct session *session, const struct spool_envelope *envelope)
{
	struct script *script = &session->hooks.script;
	struct str *recipients;
	struct script_value argument;

	if (session->is_local || !script_has_function(script, "LogRecipients"))
		return;
	recipients = arena_get(&session->command_arena, (envelope->recipient_count + 1) * sizeof *recipients);
	for (size_t i = 0; i < envelope->recipient_count; i++)
		recipients[i] = envelope->recipients[i].address;
	argument = script_list(recipients, envelope->recipient_count);
	script_call(script, "LogRecipients", &argument, 1, NULL, 0, &session->command_arena);
}
