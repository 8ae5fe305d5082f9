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
	return 0;
}

static int read_request(struct job *job, struct err *err)
{
	const struct ipc_message *request = &job->incoming->message;
	int64_t own, offset;
	struct str key, value;
	size_t position = 0;

	job->message = ipc_take_fd(&job->incoming->message, 0);
	if (job->message < 0)
		return err_set(err, ERR_SYNTAX, "a message is missing");
	if (!ipc_get_text(request, "id", job->id, sizeof job->id) || !spool_id_is_valid(str_of(job->id)) ||
	    !ipc_get_number(request, "offset", 0, INT64_MAX, &offset) || !ipc_get_number(request, "own", 0, 1, &own))
		return err_set(err, ERR_SYNTAX, "id, offset or own is missing, or is none");
	job->own = own == 1;
	if (read_file(job, err) != 0)
		return -1;
	if (!str_equal(job->envelope.id, str_of(job->id)) || job->offset != offset)
		return err_set(err, ERR_SYNTAX, "the file is another message's");
	while (ipc_next(request, &position, &key, &value))
		if (str_equal(key, STR("target"))) {
			bool remote = str_starts(value, STR("remote "));

			job->has_outgoing |= remote;
			job->has_internal |= !remote;
		}
	return 0;
}

static void prepare(struct filterd *filterd, struct ipc_incoming *incoming)
{
	struct job *job = memory_get(sizeof *job);
	struct err err;

	job->filterd = filterd;
	job->incoming = incoming;
	job->message = job->internal = job->outgoing = job->channel = -1;
	arena_init(&job->arena);
	buf_init(&job->text, SPOOL_ENVELOPE_MAX + 1);
	if (read_request(job, &err) == 0) {
		job_start(job);
		return;
	}
	log_warning("a request of %s is refused: %s", incoming->caller, err.text);
	ipc_answer_error(incoming, &err);
	job_free(job);
}

void requests_take(struct ipc_incoming *incoming, void *context)
{
	struct err err;

	if (ipc_is(&incoming->message, "prepare")) {
		prepare(context, incoming);
		return;
	}
	err_set(&err, ERR_PROTOCOL, "filterd knows no such request");
	ipc_answer_error(incoming, &err);
}
