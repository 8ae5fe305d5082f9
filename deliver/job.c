#include "deliver/decision.h"
#include "deliver/deliver.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ADDRESS_MAX = 1000 }; /* octets, whatever the syntax allows */

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
static struct str make_prefix(struct job *job, const struct addressee *addressee)
{
	if (addressee == NULL)
		return arena_printf(&job->arena, "Return-Path: <%.*s>\r\n", STR_ARG(job->from));
	return arena_printf(&job->arena, "Return-Path: <%.*s>\r\nDelivered-To: %.*s\r\n", STR_ARG(job->from),
	                    STR_ARG(addressee->address));
}

static int read_from(struct job *job, const struct ipc_message *request, struct err *err)
{
	struct str from = ipc_get(request, "from");

	if (from.data == NULL || from.len > ADDRESS_MAX || !is_one_line(from))
		return err_set(err, ERR_SYNTAX, "the reverse-path is missing, too long or not one line");
	job->from = from;
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
	size_t position = 0, at = 0, addresses = 0;
	uint64_t uid;

	while (ipc_next(request, &position, &key, &value)) {
		if (str_equal(key, STR("address"))) {
			if (value.len > ADDRESS_MAX || !is_one_line(value))
				return err_set(err, ERR_SYNTAX, "an address is too long or not one line");
			job->addressees[addresses++].address = value;
		}
		if (!str_equal(key, STR("uid")))
			continue;
		if (!str_to_u64(value, INT64_MAX, &uid) || uid < 1)
			return err_set(err, ERR_PROTOCOL, "\"%.*s\" is not the number of a user", STR_ARG(str_sub(value, 0, 40)));
		job->addressees[at++].uid = (int64_t)uid;
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

	while (at < job->addressee_count && ipc_next(request, &position, &key, &value)) {
		struct addressee *addressee = &job->addressees[at];

		if (!str_equal(key, STR("folder")))
			continue;
		if (addr_xtext_decode(value, &job->arena, &addressee->folder, NULL) != 0)
			addressee->folder = STR("");
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
	job = memory_get(sizeof *job);
	job->incoming = incoming;
	job->source.fd = -1;
	arena_init(&job->arena);
	job->addressee_count = count;
	job->addressees = arena_get(&job->arena, count * sizeof *job->addressees);
	job->room = count;
	job->deliveries = arena_get(&job->arena, count * sizeof *job->deliveries);
	if (!ipc_get_text(request, "id", job->id, sizeof job->id) || job->id[0] == '\0') {
		err_set(err, ERR_PROTOCOL, "a delivery has an id");
		goto failed;
	}
	job->source.id = str_of(job->id);
	if (take_file(job, &incoming->message, err) != 0 || read_uids(job, request, err) != 0 ||
	    read_from(job, request, err) != 0)
		goto failed;
	read_folders(job, request);
	job->source.prefix = make_prefix(job, count == 1 ? &job->addressees[0] : NULL);
	return job;

failed:
	job_free(job);
	return NULL;
}

static struct delivery *add_delivery(struct job *job, struct addressee *addressee)
{
	struct delivery *delivery;

	if (job->count == job->room) {
		struct delivery *longer = arena_get(&job->arena, 2 * job->room * sizeof *longer);

		memcpy(longer, job->deliveries, job->count * sizeof *longer);
		job->deliveries = longer;
		job->room *= 2;
	}
	delivery = &job->deliveries[job->count++];
	*delivery = (struct delivery){.addressee = addressee, .source = &job->source, .keywords = job->keywords};
	addressee->is_decided = true;
	return delivery;
}

void job_add_plain(struct job *job, struct addressee *addressee)
{
	add_delivery(job, addressee)->folder = addressee->folder;
}

/*
 * A mailbox takes one copy of an id. The copy where the message would have gone anyhow has the message's own, so that
 * an attempt before a rule was made is recognised; those in other folders have one that follows from the name.
 */
static struct str copy_id(struct job *job, const struct addressee *addressee, struct str folder)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];

	if (str_equal(folder, addressee->folder))
		return str_of(job->id);
	SHA256((const unsigned char *)folder.data, folder.len, hash);
	return arena_printf(&job->arena, "%s-%02x%02x%02x%02x", job->id, hash[0], hash[1], hash[2], hash[3]);
}

/* The message for one folder of a user: with another header if that was decided. */
static const struct store_source *make_source(struct job *job, const struct addressee *addressee,
                                              const struct decision *decision, struct str folder)
{
	struct store_source *source = arena_get(&job->arena, sizeof *source);

	*source = job->source;
	source->id = copy_id(job, addressee, folder);
	if (decision->header.data == NULL)
		return source;
	source->offset += decision->body_at;
	source->size -= decision->body_at;
	source->prefix = make_prefix(job, addressee);
	source->prefix = arena_printf(&job->arena, "%.*s%.*s", STR_ARG(source->prefix), STR_ARG(decision->header));
	return source;
}

/* Keywords of the envelope and of the user's rules. */
static struct str join_keywords(struct job *job, struct str more)
{
	if (more.len == 0)
		return job->keywords;
	return arena_printf(&job->arena, "%.*s%s%.*s", STR_ARG(job->keywords), job->keywords.len > 0 ? " " : "",
	                    STR_ARG(more));
}

int job_add_decided(struct job *job, struct addressee *addressee, const struct decision *decision, struct err *err)
{
	bool plain = decision->header.data == NULL;

	if (decision->body_at > job->source.size)
		return err_set(err, ERR_PROTOCOL, "a decision's body begins behind the message");
	addressee->is_decided = true;
	for (size_t i = 0; i < decision->folder_count; i++) {
		struct str folder = arena_copy(&job->arena, decision->folders[i]);
		struct delivery *delivery = add_delivery(job, addressee);

		delivery->folder = folder;
		delivery->flags = decision->flags & (STORE_SEEN | STORE_FLAGGED);
		delivery->keywords = join_keywords(job, decision->keywords);
		if (!plain || !str_equal(folder, addressee->folder))
			delivery->source = make_source(job, addressee, decision, folder);
	}
	if (decision->folder_count == 0)
		log_info("id=%s goes into no folder of user uid=%lld", job->id, (long long)addressee->uid);
	return 0;
}

void job_defer(struct job *job, struct addressee *addressee, struct str why)
{
	addressee->is_decided = true;
	addressee->failed = arena_text(&job->arena, why);
}

void job_end(struct job *job, struct delivery *delivery, const struct store_append *append)
{
	struct addressee *addressee = delivery->addressee;
	long long uid = addressee->uid;

	delivery->ended = true;
	job->ended++;
	switch (append->result) {
	case STORE_ADDED:
		log_info("id=%s delivered to user uid=%lld, folder=%lld message=%u size=%lld", job->id, uid,
		         (long long)append->folder, append->uid,
		         (long long)delivery->source->prefix.len + (long long)delivery->source->size);
		addressee->stored = arena_printf(
		    &job->arena, "%.*s%s%.*s UID %u", STR_ARG(addressee->stored), addressee->stored.len > 0 ? ", " : "",
		    STR_ARG(append->folder == STORE_INBOX ? STR("INBOX") : delivery->folder), append->uid);
		break;
	case STORE_DUPLICATE:
		log_info("id=%s was delivered to user uid=%lld before", job->id, uid);
		break;
	case STORE_FAILED:
		if (append->err.code == DELIVER_NO_USER) {
			addressee->is_gone = true;
			addressee->failed = "5.1.1 Recipient not recognised";
			log_info("id=%s not delivered, as user uid=%lld was deleted", job->id, uid);
			break;
		}
		/* The text may reach the sender in a report; paths are for the log. */
		addressee->failed =
		    append->err.code == STORE_BUSY ? "the mailbox is locked" : "the mailbox cannot be written now";
		log_warning("id=%s deferred for user uid=%lld: %s", job->id, uid, append->err.text);
		break;
	}
}

void job_answer(struct job *job, struct ipc_message *reply)
{
	ipc_reply_ok(reply);
	for (size_t i = 0; i < job->addressee_count; i++) {
		const struct addressee *addressee = &job->addressees[i];

		if (addressee->failed == NULL)
			ipc_add(reply, "result", arena_printf(&job->arena, "delivered %.*s", STR_ARG(addressee->stored)));
		else
			ipc_add(reply, "result",
			        arena_printf(&job->arena, "%s %s", addressee->is_gone ? "failed" : "deferred", addressee->failed));
	}
	ipc_answer(job->incoming, reply);
	job_free(job);
}
