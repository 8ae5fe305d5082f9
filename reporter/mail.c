#include "reporter/reporter.h"

#include "common/addr/addr.h"
#include "common/base/base64.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/mime/encode.h"

#include <stdio.h>
#include <time.h>
#include <zlib.h>

enum {
	GZIP = 15 + 16, /* windowBits of zlib for a gzip of the usual size */
	LINE = 57,      /* octets that make a line of base64 of 76, RFC 2045 6.8 */
};

int report_compress(struct str text, struct buf *out, struct err *err)
{
	z_stream stream = {0};
	char *room;
	int result;

	if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(err, ERR_SYSTEM, "zlib does not begin");
	stream.next_in = (Bytef *)(uintptr_t)text.data;
	stream.avail_in = (uInt)text.len;
	stream.avail_out = (uInt)deflateBound(&stream, text.len);
	room = buf_reserve(out, stream.avail_out);
	stream.next_out = (Bytef *)room;
	result = room != NULL ? deflate(&stream, Z_FINISH) : Z_MEM_ERROR;
	out->len += result == Z_STREAM_END ? stream.total_out : 0;
	deflateEnd(&stream);
	return result == Z_STREAM_END ? 0 : err_set(err, ERR_SYSTEM, "the report cannot be compressed");
}

/* RFC 7489 7.2.1.1, RFC 8460 5.1: who reports, whose domain, from when to when. */
static void add_file_name(const struct report *report, struct buf *out)
{
	long long begin = (long long)report->day * REPORT_DAY_S;

	buf_printf(out, "%.*s!%.*s!%lld!%lld.%s.gz", STR_ARG(report->host), STR_ARG(report->domain), begin,
	           begin + REPORT_DAY_S - 1, report->kind->extension);
}

static void add_header(const struct report *report, const char *id, const struct report_target *targets, size_t count,
                       struct buf *out)
{
	buf_add_str(out, STR("From:"));
	if (report->contact_name.len > 0) {
		buf_add_char(out, ' ');
		mime_encode_phrase(report->contact_name, out->len, out);
	}
	buf_printf(out, " <%.*s>\r\nTo:", STR_ARG(report->contact));
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%s <%.*s>", i > 0 ? ",\r\n" : "", STR_ARG(targets[i].text));
	buf_printf(out, "\r\nSubject: Report Domain: %.*s\r\n Submitter: %.*s\r\n Report-ID: <%.*s>\r\nDate: ",
	           STR_ARG(report->domain), STR_ARG(report->host), STR_ARG(report->id));
	mime_format_date(time(NULL), out);
	buf_printf(out, "\r\nMessage-ID: <%s@%.*s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n", id,
	           STR_ARG(report->host));
	/* RFC 8460 5.3; and 3: what is wrong with a domain's TLS must not keep the news of it from the domain. */
	if (report->kind->names_domain)
		buf_printf(out, "TLS-Report-Domain: %.*s\r\nTLS-Report-Submitter: %.*s\r\nTLS-Required: No\r\n",
		           STR_ARG(report->domain), STR_ARG(report->host));
	buf_printf(out, "Content-Type: multipart/%s; boundary=\"%s\"\r\n\r\n", report->kind->multipart, id);
}

static void add_parts(const struct report *report, const char *id, struct str packed, struct buf *out)
{
	buf_printf(out, "--%s\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n", id);
	buf_printf(out, "This is an aggregate report of %s,\r\nmade by %.*s for %.*s.\r\n", report->kind->about,
	           STR_ARG(report->host), STR_ARG(report->domain));
	buf_printf(out, "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: base64\r\n", id, report->kind->media);
	buf_add_str(out, STR("Content-Disposition: attachment;\r\n filename=\""));
	add_file_name(report, out);
	buf_add_str(out, STR("\"\r\n\r\n"));
	for (; packed.len > 0; packed = str_skip(packed, LINE)) {
		base64_encode(str_sub(packed, 0, LINE), out);
		buf_add_str(out, STR("\r\n"));
	}
	buf_printf(out, "--%s--\r\n", id);
}

/* The addresses that take a message of that size (RFC 7489 6.2). */
static size_t choose(const struct report *report, const struct report_target *targets, size_t count, uint64_t size,
                     struct report_target *chosen)
{
	size_t taken = 0;

	for (size_t i = 0; i < count; i++)
		if (targets[i].is_web)
			continue;
		else if (targets[i].size_max == 0 || size <= targets[i].size_max)
			chosen[taken++] = targets[i];
		else
			log_info("the %s report of %.*s is too large for <%.*s>", report->kind->name, STR_ARG(report->domain),
			         STR_ARG(targets[i].text));
	return taken;
}

static int store(const struct reporter *reporter, const struct report *report, struct spool_file *file,
                 struct str parent, const struct report_target *targets, size_t count, struct str text, struct err *err)
{
	struct spool_recipient recipients[REPORT_TARGETS_MAX] = {{.notify = 0}};
	struct spool_envelope envelope = {
	    .id = str_of(file->id),
	    .time_us = (int64_t)time(NULL) * 1000000,
	    .producer = str_of(reporter->drop.producer),
	    .service = STR("report"),
	    .from = report->contact,
	    .protocol = STR("local"),
	    .parent = parent,
	    .hold_until = report->hold_until,
	    .expires = report->expires,
	    .recipients = recipients,
	    .recipient_count = count,
	};

	for (size_t i = 0; i < count; i++)
		recipients[i] = (struct spool_recipient){.address = targets[i].text, .notify = SPOOL_NOTIFY_NEVER};
	if (spool_begin(file, &reporter->drop, &envelope, err) != 0)
		return -1;
	if (spool_write(file, text, err) == 0)
		return spool_commit(file, err);
	spool_abort(file);
	return -1;
}

int report_send(const struct reporter *reporter, const struct report *report, struct str packed,
                const struct report_target *targets, size_t count, struct err *err)
{
	struct report_target chosen[REPORT_TARGETS_MAX];
	char parent[ADDR_DOMAIN_MAX + 64];
	struct spool_file file;
	struct buf text;
	int result = 0;

	snprintf(parent, sizeof parent, "%s/%lld/%.*s", report->kind->prefix, (long long)report->day,
	         STR_ARG(report->domain));
	spool_make_id(&file, reporter->drop.producer, str_of(parent));
	buf_init(&text, 2 * REPORT_TEXT_MAX);
	count = choose(report, targets, count, packed.len, chosen);
	if (count > 0) {
		add_header(report, file.id, chosen, count, &text);
		add_parts(report, file.id, packed, &text);
		result = store(reporter, report, &file, str_of(parent), chosen, count, buf_str(&text), err);
	}
	for (size_t i = 0; result == 0 && i < count; i++)
		log_info("id=%s %s report of %.*s to=<%.*s>", file.id, report->kind->name, STR_ARG(report->domain),
		         STR_ARG(chosen[i].text));
	buf_free(&text);
	return result == 0 ? (int)count : -1;
}
