/* judge: the mails that it makes. */
#include "collector/judge_parts.h"

#include "common/addr/addr.h"
#include "common/base/io.h"
#include "common/mime/encode.h"
#include "common/settings/texts.h"

#include <inttypes.h>
#include <time.h>

enum {
	HEAD_MAX = 512 * 1024,
	SHOWN_MAX = 64 * 1024, /* octets of a message's header that are shown */
	NAMED_MAX = 50,        /* recipients in a To field, addresses in a report */
};

/* Another mail of a judgement, or NULL: it has enough. */
static struct judge_mail *add_mail(struct judgement *judgement, const char *step, struct spool_recipient *recipients,
                                   size_t count)
{
	struct judge_mail *mail = &judgement->mails[judgement->mail_count];

	if (judgement->mail_count == JUDGE_MAILS_MAX)
		return NULL;
	judgement->mail_count++;
	*mail = (struct judge_mail){.step = step,
	                            .service = "collect",
	                            .from = STR(""),
	                            .recipients = recipients,
	                            .recipient_count = count,
	                            .head = STR(""),
	                            .tail = STR(""),
	                            .is_8bit = true};
	return mail;
}

static void add_header(const struct judge *judge, const struct spool_recipient *recipients, size_t count,
                       struct str subject, struct buf *out)
{
	struct arena arena;
	char random[25];

	arena_init(&arena);
	io_random_hex(random, 24);
	buf_printf(out,
	           "From: Mail System <%.*s>\r\nTo: ", STR_ARG(settings_server_address(judge->setup.settings, &arena)));
	for (size_t i = 0; i < count && i < NAMED_MAX; i++)
		buf_printf(out, "%s<%.*s>", i > 0 ? ",\r\n " : "", STR_ARG(recipients[i].address));
	buf_add_str(out, STR("\r\nSubject: "));
	mime_encode_text(subject, strlen("Subject: "), out);
	buf_add_str(out, STR("\r\nDate: "));
	mime_format_date(time(NULL), out);
	buf_printf(out, "\r\nMessage-ID: <%s@%s>\r\n", random, settings_host_name(judge->setup.settings));
	buf_add_str(out, STR("Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n")); /* RFC 3834 5 */
	arena_free(&arena);
}

/* Lines with CRLF; what is no text becomes blanks. */
static void add_lines(struct buf *out, struct str lines)
{
	while (lines.len > 0) {
		struct str line = str_cut(&lines, '\n');

		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		for (size_t i = 0; i < line.len; i++)
			buf_add_char(out, ((unsigned char)line.data[i] < 0x20 && line.data[i] != '\t') || line.data[i] == 0x7f
			                      ? ' '
			                      : line.data[i]);
		buf_add_str(out, STR("\r\n"));
	}
}

/* The values that the texts know of a message. */
enum { SUBJECT, FROM, SIZE, COLLECTOR, RULE, TOKEN, DAYS, VALUES };

static void set_values(const struct judge *judge, const struct judgement *judgement, const struct judge_offer *offer,
                       struct arena *arena, struct text_value values[VALUES])
{
	const struct routing *routing = &judgement->routing;

	values[SUBJECT] = (struct text_value){"subject", str_sub(routing->subject, 0, 300)};
	values[FROM] = (struct text_value){"from", routing->author.len > 0 ? routing->author : routing->sender};
	values[SIZE] = (struct text_value){"size", arena_printf(arena, "%" PRIu64, offer != NULL ? offer->size : 0)};
	values[COLLECTOR] = (struct text_value){"collector", judge->setup.name};
	values[RULE] = (struct text_value){"rule", judgement->reason};
	values[TOKEN] = (struct text_value){"token", offer != NULL ? offer->token : STR("")};
	values[DAYS] = (struct text_value){
	    "days", arena_printf(arena, "%" PRId64, settings_number(judge->setup.settings, SETTING_COLLECT_QUERY_DAYS))};
}

/* A mail of one text, with the message's header behind it. */
static void write_text(const struct judge *judge, const struct judge_about *about, const struct text_filled *filled,
                       struct str subject, struct arena *arena, struct judge_mail *mail)
{
	struct buf out;

	buf_init(&out, HEAD_MAX);
	add_header(judge, mail->recipients, mail->recipient_count, subject, &out);
	buf_add_str(&out, STR("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"));
	add_lines(&out, filled->body);
	buf_add_str(&out, STR("\r\n"));
	add_lines(&out, str_sub(about->header, 0, SHOWN_MAX));
	mail->head = arena_copy(arena, buf_str(&out));
	buf_free(&out);
}

static void add_text(const struct judge *judge, const struct judge_about *about, struct arena *arena,
                     struct judgement *judgement, enum setting setting, struct judge_mail *mail)
{
	bool has_token = setting == SETTING_TEXT_DOWNLOAD_QUERY;
	struct text_value values[VALUES];
	struct text_filled filled;
	struct str subject;

	judgement->reason = about->verdict->ruling.by;
	set_values(judge, judgement, about->offer, arena, values);
	text_fill(settings_text(judge->setup.settings, setting), values, VALUES, arena, &filled);
	subject = filled.subject;
	/* without it the answer would say nothing */
	if (has_token && str_find(subject, about->offer->token) < 0)
		subject = arena_printf(arena, "%.*s [id %.*s]", STR_ARG(subject), STR_ARG(about->offer->token));
	write_text(judge, about, &filled, subject, arena, mail);
}

void judge_add_query(const struct judge *judge, const struct judge_about *about, struct arena *arena,
                     struct judgement *judgement, struct spool_recipient *recipients, size_t count)
{
	struct judge_mail *mail = add_mail(judgement, "query", recipients, count);

	if (mail == NULL)
		return;
	add_text(judge, about, arena, judgement, SETTING_TEXT_DOWNLOAD_QUERY, mail);
	judgement->query = true;
	judgement->asked = arena_get(arena, count * sizeof *judgement->asked);
	for (size_t i = 0; i < count; i++)
		judgement->asked[judgement->asked_count++] = recipients[i].address;
}

void judge_add_warning(const struct judge *judge, const struct judge_about *about, struct arena *arena,
                       struct judgement *judgement, struct spool_recipient *recipients, size_t count)
{
	struct judge_mail *mail = add_mail(judgement, "warning", recipients, count);

	if (mail != NULL)
		add_text(judge, about, arena, judgement, SETTING_TEXT_DOWNLOAD_DELETED, mail);
}

/* RFC 3834 2: what a program sent is not answered. */
static bool is_automatic(struct str header)
{
	struct mime_field field;

	return mime_field_find(header, STR("Auto-Submitted"), &field) && !str_starts_nocase(field.value, STR("no"));
}

void judge_add_reject(const struct judge *judge, const struct judge_about *about, struct arena *arena,
                      struct judgement *judgement)
{
	const struct routing *routing = &judgement->routing;
	struct spool_recipient *recipient = arena_get(arena, sizeof *recipient);
	struct judge_mail *mail;
	struct buf out;

	if (routing->sender.len == 0 || is_automatic(about->header))
		return;
	*recipient = (struct spool_recipient){
	    .address = routing->recipient_count > 0
	                   ? routing->recipients[0].address
	                   : arena_printf(arena, "unknown-recipient@%.*s", STR_ARG(judge->options.own_domain)),
	    .folder = STR(""),
	    .refused = addr_xtext_encode(STR("The message was rejected by a rule"), arena)};
	mail = add_mail(judgement, "reject", recipient, 1);
	if (mail == NULL)
		return;
	buf_init(&out, HEAD_MAX);
	add_lines(&out, str_sub(about->header, 0, SHOWN_MAX));
	buf_add_str(&out, STR("\r\n"));
	mail->from = routing->sender;
	mail->head = arena_copy(arena, buf_str(&out));
	buf_free(&out);
}

/* What the message names, and what is wrong with it. */
static void add_findings(const struct routing *routing, struct buf *out)
{
	static const char *const words[] = {
	    [ROUTING_VALID] = "a recipient",
	    [ROUTING_ELSEWHERE] = "elsewhere",
	    [ROUTING_UNKNOWN] = "nobody here",
	    [ROUTING_FOREIGN] = "of another domain",
	};

	if (routing->address_count == 0)
		buf_add_str(out, STR("No address was found in it.\r\n"));
	for (size_t i = 0; i < routing->address_count && i < NAMED_MAX; i++)
		buf_printf(out, "    %.*s: %s\r\n", STR_ARG(routing->addresses[i].address),
		           words[routing->addresses[i].standing]);
}

void judge_add_report(const struct judge *judge, struct arena *arena, struct judgement *judgement,
                      struct spool_recipient *recipients, size_t count)
{
	struct judge_mail *mail = add_mail(judgement, "error", recipients, count);
	struct text_value values[VALUES];
	struct text_filled filled;
	struct buf out;
	char random[25];

	if (mail == NULL)
		return;
	set_values(judge, judgement, NULL, arena, values);
	text_fill(settings_text(judge->setup.settings, SETTING_TEXT_NO_RECIPIENT), values, VALUES, arena, &filled);
	io_random_hex(random, 24);
	buf_init(&out, HEAD_MAX);
	add_header(judge, recipients, count, filled.subject, &out);
	buf_printf(&out, "Content-Type: multipart/mixed; boundary=\"=_%s\"\r\n\r\n--=_%s\r\n", random, random);
	buf_add_str(&out, STR("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"));
	add_lines(&out, filled.body);
	buf_add_str(&out, STR("\r\n"));
	add_findings(&judgement->routing, &out);
	buf_printf(&out,
	           "\r\n--=_%s\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n"
	           "Content-Disposition: attachment\r\n\r\n",
	           random);
	mail->head = arena_copy(arena, buf_str(&out));
	buf_free(&out);
	mail->original = true;
	mail->tail = arena_printf(arena, "\r\n--=_%s--\r\n", random);
}
