#include "filterd/filterd.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <sys/stat.h>

/* The file that came with the request: its envelope, its size. */
static int read_file(struct job *job, struct err *err)
{
	struct stat status;
	size_t length;

	if (fstat(job->message, &status) != 0)
		return err_system(err, "cannot look at the message");
	if (!S_ISREG(status.st_mode))
		return err_set(err, ERR_SYNTAX, "the message is no file");
	if (spool_envelope_read(job->message, &job->text, &job->arena, &job->envelope, &length, err) != 0)
		return -1;
	job->offset = (int64_t)length;
	job->size = (int64_t)status.st_size - job->offset;
	job->made = job->envelope.parent.len != 0 || str_equal(job->envelope.producer, STR("queue-manager"));
	return 0;
}

/* "user <uid> <name>", "remote <address>"; lists and LAN servers get what stays inside. */
static void take_target(struct job *job, struct str target)
{
	struct str kind = str_cut_word(&target);
	uint64_t uid;

	if (str_equal(kind, STR("remote"))) {
		job->has_outside = true;
		job->outside[job->outside_count++] = str_trim(target);
		return;
	}
	job->has_inside = true;
	if (str_equal(kind, STR("user")) && str_to_u64(str_cut_word(&target), INT64_MAX, &uid)) {
		job->users[job->user_count] = (int64_t)uid;
		job->user_names[job->user_count++] = str_trim(target);
	}
}

static int take_targets(struct job *job, const struct ipc_message *request, struct err *err)
{
	struct str key, value;
	size_t count = 0;

	for (size_t position = 0; ipc_next(request, &position, &key, &value);)
		count += str_equal(key, STR("target"));
	if (count > ASKED_MAX)
		return err_set(err, ERR_LIMIT, "more than %d targets", ASKED_MAX);
	job->users = arena_get(&job->arena, (count + 1) * sizeof *job->users);
	job->user_names = arena_get(&job->arena, (count + 1) * sizeof *job->user_names);
	job->outside = arena_get(&job->arena, (count + 1) * sizeof *job->outside);
	for (size_t position = 0; ipc_next(request, &position, &key, &value);)
		if (str_equal(key, STR("target")))
			take_target(job, value);
	return 0;
}

/* What both requests have. */
static int read_message(struct job *job, struct err *err)
{
	const struct ipc_message *request = &job->incoming->message;
	int64_t offset;

	job->message = ipc_take_fd(&job->incoming->message, 0);
	if (job->message < 0)
		return err_set(err, ERR_SYNTAX, "a message is missing");
	if (!ipc_get_text(request, "id", job->id, sizeof job->id) || !spool_id_is_valid(str_of(job->id)) ||
	    !ipc_get_number(request, "offset", 0, INT64_MAX, &offset))
		return err_set(err, ERR_SYNTAX, "id or offset is missing, or is none");
	if (read_file(job, err) != 0)
		return -1;
	if (!str_equal(job->envelope.id, str_of(job->id)) || job->offset != offset)
		return err_set(err, ERR_SYNTAX, "the file is another message's");
	return 0;
}

static int read_prepare(struct job *job, struct err *err)
{
	const struct ipc_message *request = &job->incoming->message;
	int64_t own;

	if (read_message(job, err) != 0)
		return -1;
	if (!ipc_get_number(request, "own", 0, 1, &own))
		return err_set(err, ERR_SYNTAX, "own is missing, or is none");
	job->own = own == 1;
	return take_targets(job, request, err);
}

static int read_sent(struct job *job, struct err *err)
{
	const struct ipc_message *request = &job->incoming->message;
	struct str key, value;
	int64_t lan;
	size_t count = 0;

	if (read_message(job, err) != 0)
		return -1;
	if (!ipc_get_number(request, "lan", 0, 1, &lan))
		return err_set(err, ERR_SYNTAX, "lan is missing, or is none");
	job->lan = lan == 1;
	for (size_t position = 0; ipc_next(request, &position, &key, &value);)
		count += str_equal(key, STR("address"));
	if (count > ASKED_MAX)
		return err_set(err, ERR_LIMIT, "more than %d addresses", ASKED_MAX);
	job->outside = arena_get(&job->arena, (count + 1) * sizeof *job->outside);
	for (size_t position = 0; ipc_next(request, &position, &key, &value);)
		if (str_equal(key, STR("address")))
			job->outside[job->outside_count++] = arena_copy(&job->arena, value); /* it is answered at once */
	return 0;
}

/* A message out of a mailbox: it has no envelope any more, and gets an id for what is made of it. */
static int read_read(struct job *job, struct err *err)
{
	struct ipc_message *request = &job->incoming->message;
	struct str user = ipc_get(request, "user");
	struct spool_file id;
	struct stat status;

	settings_refresh(&job->filterd->settings);
	job->message = ipc_take_fd(request, 0);
	if (job->message < 0 || user.len == 0)
		return err_set(err, ERR_SYNTAX, "a message or its user is missing");
	if (fstat(job->message, &status) != 0 || !S_ISREG(status.st_mode))
		return err_set(err, ERR_SYNTAX, "the message is no file");
	spool_make_id(&id, "filterd", STR(""));
	str_copy(str_of(id.id), job->id, sizeof job->id);
	job->size = (int64_t)status.st_size;
	job->reader = arena_copy(&job->arena, user); /* it is answered at once */
	return 0;
}

/* A message that a program is to see: not out of the spool's file, so all that is known comes with it. */
static int read_program(struct job *job, struct err *err)
{
	struct ipc_message *request = &job->incoming->message;
	struct str key, value, from = ipc_get(request, "from");
	struct stat status;
	size_t count = 0;

	settings_refresh(&job->filterd->settings);
	job->message = ipc_take_fd(request, 0);
	if (job->message < 0 || from.data == NULL)
		return err_set(err, ERR_SYNTAX, "a message or its sender is missing");
	if (!ipc_get_text(request, "id", job->id, sizeof job->id) ||
	    !ipc_get_number(request, "offset", 0, INT64_MAX, &job->offset))
		return err_set(err, ERR_SYNTAX, "id or offset is missing, or is none");
	if (fstat(job->message, &status) != 0 || !S_ISREG(status.st_mode))
		return err_set(err, ERR_SYNTAX, "the message is no file");
	job->envelope.from = from;
	for (size_t position = 0; ipc_next(request, &position, &key, &value);)
		count += str_equal(key, STR("recipient"));
	if (count > ASKED_MAX)
		return err_set(err, ERR_LIMIT, "more than %d recipients", ASKED_MAX);
	job->envelope.recipients = arena_get(&job->arena, (count + 1) * sizeof *job->envelope.recipients);
	for (size_t position = 0; ipc_next(request, &position, &key, &value);)
		if (str_equal(key, STR("recipient")))
			job->envelope.recipients[job->envelope.recipient_count++] = (struct spool_recipient){.address = value};
	return 0;
}

static struct job *job_new(struct filterd *filterd, struct ipc_incoming *incoming)
{
	struct job *job = memory_get(sizeof *job);

	job->filterd = filterd;
	job->incoming = incoming;
	job->message = job->replaced = job->internal = job->outgoing = -1;
	for (int way = 0; way < WAYS; way++)
		job->copies[way] = -1;
	arena_init(&job->arena);
	buf_init(&job->text, SPOOL_ENVELOPE_MAX + 1);
	return job;
}

static bool is_among(const char *const callers[], const char *caller)
{
	while (*callers != NULL && strcmp(*callers, caller) != 0)
		callers++;
	return *callers != NULL;
}

void requests_take(struct ipc_incoming *incoming, void *context)
{
	static const struct {
		const char *op, *callers[3]; /* callers: who may ask it */
		int (*read)(struct job *job, struct err *err);
		void (*start)(struct job *job);
	} operations[] = {{"prepare", {"queue-manager"}, read_prepare, job_start},
	                  {"sent", {"queue-manager"}, read_sent, receipts_start},
	                  {"read", {"pop3d", "imapd"}, read_read, receipts_start_read},
	                  {"route", {"collector"}, read_program, programs_start_route},
	                  {"relay", {"sender"}, read_program, programs_start_relay}};
	struct job *job;
	struct err err;

	err_set(&err, ERR_PROTOCOL, "filterd knows no such request");
	for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
		if (!ipc_is(&incoming->message, operations[i].op) || !is_among(operations[i].callers, incoming->caller))
			continue;
		job = job_new(context, incoming);
		if (operations[i].read(job, &err) == 0) {
			operations[i].start(job);
			return;
		}
		log_warning("a request of %s is refused: %s", incoming->caller, err.text);
		job_free(job);
		break;
	}
	ipc_answer_error(incoming, &err);
}
