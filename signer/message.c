#include "signer/message.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/mailauth/dkim/key_file.h"
#include "common/mime/header.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

enum {
	SLICE = 64 * 1024,
	FIELDS_MAX = SIGNER_KEYS_MAX * DKIM_FIELD_MAX + SIGNER_SET_MAX,
};

/* A message that is being signed. */
struct job {
	const struct ipc_message *request;
	struct ipc_channel *keeper;
	struct arena arena;
	struct str id;
	int fd;
	off_t offset, end;
	struct buf header;
	size_t header_len; /* octets of header, with the empty line behind it */
	struct dkim_message message;
	struct str domain; /* the author's */
	struct chosen_keys keys;
	struct buf fields;
};

/* Add the octets of the message from `at` on to text, at most SLICE. Returns how many, 0 at its end, -1: ERR_SYSTEM. */
static ssize_t read_slice(const struct job *job, off_t at, struct buf *text, struct err *err)
{
	size_t want = job->end - at < SLICE ? (size_t)(job->end - at) : SLICE;
	char *room = want > 0 ? buf_reserve(text, want) : NULL;
	ssize_t count;

	if (room == NULL)
		return 0;
	do
		count = pread(job->fd, room, want, at);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		return err_system(err, "cannot read the message %.*s", STR_ARG(job->id));
	text->len += (size_t)count;
	return count;
}

/* Octets of header with its empty line; 0: its end is not in text. */
static size_t header_length(struct str text)
{
	ptrdiff_t end = str_find(text, STR("\r\n\r\n"));

	if (str_starts(text, STR("\r\n")))
		return strlen("\r\n");
	return end >= 0 ? (size_t)end + strlen("\r\n\r\n") : 0;
}

/* All of the header, and what came with it of the body. A message without an empty line is a header alone. */
static int read_header(struct job *job, struct err *err)
{
	ssize_t count;

	do {
		count = read_slice(job, job->offset + (off_t)job->header.len, &job->header, err);
		if (count < 0)
			return -1;
		job->header_len = header_length(buf_str(&job->header));
	} while (job->header_len == 0 && count > 0);
	if (job->header_len == 0 && job->offset + (off_t)job->header.len < job->end)
		return err_set(err, ERR_LIMIT, "the header is too long");
	if (job->header_len == 0)
		job->header_len = job->header.len;
	return 0;
}

static int feed_body(struct job *job, struct err *err)
{
	struct buf slice;
	off_t at = job->offset + (off_t)job->header.len;
	ssize_t count;

	dkim_message_body(&job->message, str_skip(buf_str(&job->header), job->header_len));
	buf_init(&slice, SLICE);
	while ((count = read_slice(job, at, &slice, err)) > 0) {
		dkim_message_body(&job->message, buf_str(&slice));
		at += count;
		buf_reset(&slice);
	}
	buf_free(&slice);
	return count < 0 ? -1 : 0;
}

/* The domain of the only author; false: there is none, or one that can have no key. */
static bool find_author(struct job *job)
{
	const struct dkim_field *from = NULL;
	struct mime_addresses addresses;
	struct err err;

	for (size_t i = 0; i < job->message.fields.count; i++)
		if (dkim_field_is(&job->message.fields.list[i], STR("From")))
			from = &job->message.fields.list[i];
	if (from == NULL || dkim_fields_count(&job->message.fields, STR("From")) != 1)
		return false;
	mime_parse_addresses(dkim_field_value(from), &job->arena, &addresses);
	for (size_t i = 0; i < addresses.count; i++)
		if (addresses.list[i].kind == MIME_ADDRESS)
			return addr_normalise_domain(addresses.list[i].host, &job->arena, &job->domain, &err) == 0;
	return false;
}

/* With the author's domain: which keys sign? */
static int choose_keys(struct job *job, struct err *err)
{
	int64_t is_wanted = 0;

	job->keys.count = 0;
	if (!ipc_get_number(job->request, "dkim", 0, 1, &is_wanted) || is_wanted == 0)
		return 0;
	if (!find_author(job)) {
		log_info("id=%.*s not signed: it has not one author with a domain", STR_ARG(job->id));
		return 0;
	}
	if (questions_keys(job->keeper, job->domain, ipc_get(job->request, "selectors"), &job->arena, &job->keys, err) != 0)
		return -1;
	if (job->keys.count == 0)
		log_info("id=%.*s not signed: there is no key of %.*s", STR_ARG(job->id), STR_ARG(job->domain));
	return 0;
}

/* Without what could not be made, unless the keeper has gone: another one will be asked. */
static int take_result(struct job *job, int result, size_t before, const char *what, const struct dkim_signer *signer,
                       const struct err *err)
{
	if (result == 0) {
		log_info("id=%.*s %s d=%.*s s=%.*s", STR_ARG(job->id), what, STR_ARG(signer->domain),
		         STR_ARG(signer->selector));
		return 0;
	}
	job->fields.len = before;
	if (job->keeper->fd < 0)
		return -1;
	log_error("id=%.*s not %s by %.*s: %s", STR_ARG(job->id), what, STR_ARG(signer->selector), err->text);
	return 0;
}

static int add_signature(struct job *job, const struct dkim_signer *signer, const struct dkim_signing *signing,
                         struct err *err)
{
	size_t before = job->fields.len;
	int result = dkim_sign(&job->message, signer, signing, &job->fields, err);

	return take_result(job, result, before, "signed", signer, err);
}

static int add_seal(struct job *job, const struct seal *seal, struct err *err)
{
	size_t before = job->fields.len;
	int result = seal_add(&job->message, seal, &job->fields, err);

	return take_result(job, result, before, "sealed", &seal->signer, err);
}

/* With the header in memory and taken apart. The body is read once for all. */
static int sign_message(struct job *job, struct err *err)
{
	struct dkim_signing signings[SIGNER_KEYS_MAX] = {{0}};
	struct dkim_signer signers[SIGNER_KEYS_MAX];
	int64_t now = time(NULL);
	struct seal seal;

	if (choose_keys(job, err) != 0)
		return -1;
	for (size_t i = 0; i < job->keys.count; i++) {
		signers[i] = questions_signer(job->keeper, job->domain, &job->keys.list[i], now);
		if (dkim_sign_begin(&job->message, &signers[i], &signings[i], err) != 0)
			return -1;
	}
	if (seal_begin(job->request, job->keeper, &job->message, &seal, err) != 0)
		return -1;
	if ((job->keys.count > 0 || seal.is_wanted) && feed_body(job, err) != 0)
		return -1;
	for (size_t i = 0; i < job->keys.count; i++)
		if (add_signature(job, &signers[i], &signings[i], err) != 0)
			return -1;
	return seal.is_wanted ? add_seal(job, &seal, err) : 0;
}

static int run_job(struct job *job, struct err *err)
{
	int result = read_header(job, err);

	if (result == 0)
		result = dkim_message_open(&job->message, str_sub(buf_str(&job->header), 0, job->header_len), &job->arena, err);
	if (result == 0) {
		result = sign_message(job, err);
		dkim_message_close(&job->message);
	} else if (err->code == ERR_LIMIT) {
		log_warning("id=%.*s not signed: %s", STR_ARG(job->id), err->text);
		result = 0;
	}
	return result;
}

int message_sign(struct ipc_message *request, struct ipc_channel *keeper, struct ipc_message *reply, struct err *err)
{
	struct job job = {.request = request, .keeper = keeper, .id = ipc_get(request, "id")};
	int64_t offset, size;
	int result;

	if (!ipc_is(request, "sign"))
		return err_set(err, ERR_PROTOCOL, "the signer knows no such request");
	if (!ipc_get_number(request, "offset", 0, INT64_MAX / 2, &offset) ||
	    !ipc_get_number(request, "size", 0, INT64_MAX / 2, &size))
		return err_set(err, ERR_PROTOCOL, "sign needs offset and size");
	job.fd = ipc_take_fd(request, 0);
	if (job.fd < 0)
		return err_set(err, ERR_PROTOCOL, "sign needs the message's descriptor");
	job.offset = (off_t)offset;
	job.end = (off_t)(offset + size);
	arena_init(&job.arena);
	buf_init(&job.header, DKIM_HEADER_MAX + SLICE);
	buf_init(&job.fields, FIELDS_MAX);
	result = run_job(&job, err);
	if (result == 0) {
		ipc_reply_ok(reply);
		ipc_add(reply, "fields", buf_str(&job.fields));
	}
	buf_free(&job.header);
	buf_free(&job.fields);
	arena_free(&job.arena);
	close(job.fd);
	return result;
}
