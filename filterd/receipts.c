/* receipts: what tells a sender that his message was sent (specification 06 "Receipts"). The parent writes it. */
#include "filterd/filterd.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/db/query.h"
#include "common/mime/encode.h"
#include "common/mime/header.h"
#include "common/settings/texts.h"

#include <stdio.h>
#include <time.h>

enum { ADDRESSES_MAX = 5, TEXT_MAX = 512 * 1024, STEP_MAX = 400 };

/* Is it one of ours? */
static bool is_local(struct job *job, const struct addr *address)
{
	struct err err;
	struct str domain;
	struct db objects;
	int row;

	if (addr_normalise_domain(address->domain, &job->arena, &domain, NULL) != 0 ||
	    settings_open_snapshot(&job->filterd->settings, &objects, &err) != 0)
		return false;
	row = db_query_number(&objects, NULL, &err, "SELECT 1 FROM domain WHERE name = ?", "t", domain);
	db_close(&objects);
	return row == 1;
}

/* The addresses that a worker found, of those that may get one. */
static size_t take_addresses(struct job *job, const struct ipc_message *found, struct str to[ADDRESSES_MAX])
{
	bool local_only = settings_flag(&job->filterd->settings,
	                                job->reader.len != 0 ? SETTING_RECEIPT_READ_LOCAL : SETTING_RECEIPT_SENT_LOCAL);
	struct str key, value;
	size_t count = 0;

	for (size_t position = 0; ipc_next(found, &position, &key, &value) && count < ADDRESSES_MAX;) {
		struct addr address;

		if (str_equal(key, STR("address")) && addr_parse_mailbox(value, &job->arena, &address, NULL) == 0 &&
		    address.domain.len != 0 && (!local_only || is_local(job, &address)))
			to[count++] = address.text;
	}
	return count;
}

static void add_field(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, "%s: ", name);
	mime_encode_text(text, strlen(name) + 2, out);
	buf_add_str(out, STR("\r\n"));
}

static void write_text(struct job *job, const struct ipc_message *found, struct str to, struct buf *out)
{
	const struct settings *settings = &job->filterd->settings;
	struct text_value values[] = {
	    {"subject", ipc_get(found, "subject")}, {"recipients", STR("")}, {"username", job->reader}};
	struct str message_id = ipc_get(found, "message-id");
	struct text_filled words;

	for (size_t i = 0; i < job->outside_count; i++)
		values[1].value = arena_printf(&job->arena, "%.*s%s%.*s", STR_ARG(values[1].value), i != 0 ? ", " : "",
		                               STR_ARG(job->outside[i]));
	text_fill(settings_text(settings, job->reader.len != 0 ? SETTING_TEXT_RECEIPT_READ : SETTING_TEXT_RECEIPT), values,
	          3, &job->arena, &words);
	buf_add_str(out, STR("Date: "));
	mime_format_date((int64_t)time(NULL), out);
	buf_printf(out, "\r\nFrom: Mail System <%.*s>\r\nTo: %.*s\r\n",
	           STR_ARG(settings_server_address(settings, &job->arena)), STR_ARG(to));
	add_field(out, "Subject", words.subject);
	buf_printf(out, "Message-ID: <%s.sent@%s>\r\n", job->id, settings_host_name(settings));
	if (message_id.len != 0)
		add_field(out, "In-Reply-To", message_id);
	buf_add_str(out, STR("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
	                     "Content-Type: text/plain; charset=utf-8\r\n"
	                     "Content-Transfer-Encoding: quoted-printable\r\n\r\n"));
	mime_encode_quoted(words.body, out);
}

static int make(struct job *job, const struct ipc_message *found, struct err *err)
{
	struct str to[ADDRESSES_MAX];
	char step[STEP_MAX];
	struct made_mail mail = {.step = step, .to = to, .file = -1};
	struct buf text;
	int result;

	mail.to_count = take_addresses(job, found, to);
	if (mail.to_count == 0)
		return 0;
	/* one for each time that somebody took it over */
	if (job->reader.len == 0)
		snprintf(step, sizeof step, "sent/%.*s", STR_ARG(str_sub(job->outside[0], 0, STEP_MAX / 2)));
	else
		snprintf(step, sizeof step, "read");
	buf_init(&text, TEXT_MAX);
	write_text(job, found, to[0], &text);
	mail.text = buf_str(&text);
	result = made_write(job, &mail, err);
	buf_free(&text);
	return result;
}

/* It is a courtesy: what goes wrong is in the log. */
static void looked(struct ipc_message *reply, const struct err *err, void *context)
{
	struct job *job = context;
	struct err why = *err;

	if (reply == NULL || make(job, reply, &why) != 0)
		log_warning("id=%s no receipt was made: %s", job->id, why.text);
	job_free(job);
}

void receipts_start(struct job *job)
{
	bool unwanted = job->lan && settings_flag(&job->filterd->settings, SETTING_RECEIPT_SENT_NO_LAN);

	ipc_answer_ok(job->incoming);
	if (unwanted || job->outside_count == 0 || job->made || job->envelope.from.len == 0)
		job_free(job);
	else
		job_run(job, receipt_run, looked);
}

void receipts_start_read(struct job *job)
{
	ipc_answer_ok(job->incoming);
	if (settings_text(&job->filterd->settings, SETTING_RECEIPT_READ_FIELDS)[0] == '\0')
		job_free(job);
	else
		job_run(job, receipt_run, looked);
}
