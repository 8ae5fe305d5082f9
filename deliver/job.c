#include "deliver/deliver.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The value goes into a header line. */
static bool is_one_line(struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.data[i] < 0x20 || value.data[i] == 0x7f)
			return false;
	return true;
}

/*
 * RFC 5321 4.4: the delivering host adds Return-Path at the beginning. Delivered-To names the one recipient; where
 * there are several it is left out, so that all of them share one file (and none learns of another).
 */
static int make_prefix(struct job *job, const struct ipc_message *request, struct err *err)
{
	struct str from = ipc_get(request, "from"), address = ipc_get(request, "address");
	int len;

	if (from.data == NULL || !is_one_line(from) || !is_one_line(address))
		return err_set(err, ERR_SYNTAX, "the reverse-path or an address is missing or not one line");
	len = snprintf(job->prefix, sizeof job->prefix, "Return-Path: <%.*s>\r\n", STR_ARG(from));
	if (job->count == 1 && len > 0 && (size_t)len < sizeof job->prefix)
		len +=
		    snprintf(job->prefix + len, sizeof job->prefix - (size_t)len, "Delivered-To: %.*s\r\n", STR_ARG(address));
	if (len < 0 || (size_t)len >= sizeof job->prefix)
		return err_set(err, ERR_LIMIT, "the reverse-path or an address is too long");
	job->source.prefix = str_from(job->prefix, (size_t)len);
	return 0;
}

/* The descriptor must be a file, and the message begin within it. */
static int take_file(struct job *job, struct ipc_message *request, struct err *err)
{
	struct stat info;
	int64_t offset;

	job->source.fd = ipc_take_fd(request, 0);
	if (job->source.fd < 0)
		return err_set(err, ERR_PROTOCOL, "a delivery comes with a descriptor");
	if (fstat(job->source.fd, &info) != 0)
		return err_system(err, "cannot look at the message");
	if (!S_ISREG(info.st_mode))
		return err_set(err, ERR_PROTOCOL, "the descriptor is not one of a file");
	if (!ipc_get_number(request, "offset", 0, info.st_size, &offset))
		return err_set(err, ERR_PROTOCOL, "the message does not begin within the file");
	job->source.offset = offset;
	job->source.size = info.st_size - offset;
	return 0;
}

static size_t count_fields(const struct ipc_message *request, struct str wanted)
{
	struct str key, value;
	size_t position = 0, count = 0;

	while (ipc_next(request, &position, &key, &value))
		count += str_equal(key, wanted);
	return count;
}

static int read_uids(struct job *job, const struct ipc_message *request, struct err *err)
{
	struct str key, value;
	size_t position = 0, at = 0;
	uint64_t uid;

	while (ipc_next(request, &position, &key, &value)) {
		if (!str_equal(key, STR("uid")))
			continue;
		if (!str_to_u64(value, INT64_MAX, &uid) || uid < 1)
			return err_set(err, ERR_PROTOCOL, "\"%.*s\" is not the number of a user", STR_ARG(str_sub(value, 0, 40)));
		job->deliveries[at++].uid = (int64_t)uid;
	}
	return 0;
}

/*
 * The folder of each user, as the request may name one; it is one of a rule, and what is wrong with it is no reason to
 * keep a message from its user.
 */
static void read_folders(struct job *job, const struct ipc_message *request)
{
	struct str key, value;
	size_t position = 0, at = 0;

	while (at < job->count && ipc_next(request, &position, &key, &value)) {
		struct delivery *delivery = &job->deliveries[at];

		if (!str_equal(key, STR("folder")))
			continue;
		if (addr_xtext_decode(value, &job->arena, &delivery->folder, NULL) != 0)
			delivery->folder = STR("");
		at++;
	}
	job->keywords = ipc_get(request, "keywords");
	if (job->keywords.data == NULL)
		job->keywords = STR("");
}

static void job_free(struct job *job)
{
	if (job->source.fd >= 0)
		close(job->source.fd);
	arena_free(&job->arena);
	memory_free(job);
}

struct job *job_new(struct ipc_incoming *incoming, struct err *err)
{
	const struct ipc_message *request = &incoming->message;
	size_t count = count_fields(request, STR("uid"));
	struct job *job;

	if (count == 0 || count > RECIPIENTS_MAX || count_fields(request, STR("address")) != count) {
		err_set(err, ERR_PROTOCOL, "a delivery has 1 to %d users and as many addresses", RECIPIENTS_MAX);
		return NULL;
	}
	job = memory_get(sizeof *job + count * sizeof job->deliveries[0]);
	job->incoming = incoming;
	job->count = count;
	job->source.fd = -1;
	arena_init(&job->arena);
	if (!ipc_get_text(request, "id", job->id, sizeof job->id) || job->id[0] == '\0') {
		err_set(err, ERR_PROTOCOL, "a delivery has an id");
		goto failed;
	}
	job->source.id = str_of(job->id);
	if (take_file(job, &incoming->message, err) != 0 || read_uids(job, request, err) != 0 ||
	    make_prefix(job, request, err) != 0)
		goto failed;
	read_folders(job, request);
	return job;

failed:
	job_free(job);
	return NULL;
}

void job_end(struct job *job, struct delivery *delivery, const struct store_append *append)
{
	delivery->ended = true;
	delivery->result = append->result;
	job->ended++;
	switch (append->result) {
	case STORE_ADDED:
		log_info("id=%s delivered to user uid=%lld, folder=%lld message=%u size=%lld", job->id,
		         (long long)delivery->uid, (long long)append->folder, append->uid,
		         (long long)job->source.prefix.len + (long long)job->source.size);
		break;
	case STORE_DUPLICATE:
		log_info("id=%s was delivered to user uid=%lld before", job->id, (long long)delivery->uid);
		break;
	case STORE_FAILED:
		/* The text may reach the sender in a report; paths are for the log. */
		delivery->text = append->err.code == STORE_BUSY ? "the mailbox is locked" : "the mailbox cannot be written now";
		log_warning("id=%s deferred for user uid=%lld: %s", job->id, (long long)delivery->uid, append->err.text);
		break;
	}
}

void job_answer(struct job *job, struct ipc_message *reply)
{
	char text[80];

	ipc_reply_ok(reply);
	for (size_t i = 0; i < job->count; i++) {
		const struct delivery *delivery = &job->deliveries[i];

		if (delivery->result == STORE_FAILED)
			snprintf(text, sizeof text, "deferred %s", delivery->text);
		ipc_add_text(reply, "result", delivery->result == STORE_FAILED ? text : "delivered");
	}
	ipc_answer(job->incoming, reply);
	job_free(job);
}
