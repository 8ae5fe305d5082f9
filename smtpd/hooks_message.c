/* smtpd: what smtpsvr.lua has to say about a message that is there. */
#include "smtpd/smtpd.h"

#include "common/base/log.h"
#include "common/script/message.h"
#include "common/smtp/message.h"

enum { SLICE = 64 * 1024 };

/* A message whose lines are passed through the script. */
struct rewriting {
	struct session *session;
	struct message made;
	bool raw, line; /* which functions there are */
	struct buf pending;
};

static int rewrite_line(struct rewriting *rewriting, struct str line, struct err *err)
{
	struct session *session = rewriting->session;
	struct script *script = &session->hooks.script;
	struct str whole;

	if (rewriting->raw)
		script_pass_line(script, "MessageLineRaw", &line, false, &session->command_arena);
	if (rewriting->line)
		script_pass_line(script, "MessageLine", &line, false, &session->command_arena);
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

void hooks_at_message(struct session *session, struct message *message, struct hooks_actions *actions)
{
	const struct transaction *transaction = &session->transaction;
	struct str *recipients = arena_get(&session->transaction_arena, (transaction->count + 1) * sizeof *recipients);
	const struct script_message seen = {message_source(message), transaction->mail.from.text, recipients,
	                                    transaction->count};
	struct script_actions wanted;

	*actions = (struct hooks_actions){.keeps_recipients = true};
	if (session->is_local)
		return;
	for (size_t i = 0; i < transaction->count; i++)
		recipients[i] = transaction->recipients[i].address;
	script_process_message(&session->hooks.script, &seen, &session->transaction_arena, &wanted);
	actions->keeps_recipients = wanted.keeps_recipients;
	actions->ignore = wanted.ignore;
	actions->recipients = wanted.recipients;
	actions->recipient_count = wanted.recipient_count;
	hooks_monitor(session, message_header(message), actions);
	for (size_t i = wanted.line_count; i > 0; i--) /* the last one put on top stands first */
		message_add_on_top(message,
		                   arena_printf(&session->transaction_arena, "%.*s\r\n", STR_ARG(wanted.lines[i - 1])));
	if (wanted.reason.len > 0)
		log_info("smtpsvr.lua from=<%.*s>: %.*s", STR_ARG(transaction->mail.from.text), STR_ARG(wanted.reason));
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
			script_report(&session->hooks.script, "ProcessMessage", STR("recipients that are no addresses"));
	}
	envelope->recipients = list;
	envelope->recipient_count = count;
}
