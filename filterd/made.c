#include "filterd/filterd.h"

#include "common/base/log.h"

#include <time.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

static int copy_file(struct spool_file *out, int file, off_t at, struct err *err)
{
	static char piece[PIECE];
	ssize_t size;

	while ((size = pread(file, piece, sizeof piece, at)) > 0) {
		if (spool_write(out, str_from(piece, (size_t)size), err) != 0)
			return -1;
		at += size;
	}
	return size == 0 ? 0 : err_system(err, "cannot read what is to be copied");
}

static void fill_envelope(const struct job *job, const struct made_mail *mail, struct arena *arena,
                          struct spool_envelope *envelope)
{
	struct spool_recipient *recipients = arena_get(arena, mail->to_count * sizeof *recipients);
	struct timespec now;

	for (size_t i = 0; i < mail->to_count; i++)
		recipients[i] = (struct spool_recipient){.address = mail->to[i], .notify = SPOOL_NOTIFY_NEVER};
	clock_gettime(CLOCK_REALTIME, &now);
	*envelope = (struct spool_envelope){
	    .time_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000,
	    .producer = STR("filterd"),
	    .from = STR(""), /* nobody is told where it cannot be delivered, and nobody answers */
	    .body = job->envelope.body,
	    .smtputf8 = job->envelope.smtputf8,
	    .requiretls = job->envelope.requiretls,
	    .parent = arena_printf(arena, "%s/%s", job->id, mail->step),
	    .keywords = mail->keywords,
	    .recipients = recipients,
	    .recipient_count = mail->to_count,
	};
}

int made_write(struct job *job, const struct made_mail *mail, struct err *err)
{
	struct spool_envelope envelope;
	struct spool_file file;
	int result;

	fill_envelope(job, mail, &job->arena, &envelope);
	spool_make_id(&file, "filterd", envelope.parent);
	envelope.id = str_of(file.id);
	if (spool_begin(&file, &job->filterd->drop, &envelope, err) != 0)
		return -1;
	result = mail->file >= 0 ? copy_file(&file, mail->file, mail->file_at, err) : spool_write(&file, mail->text, err);
	if (result != 0) {
		spool_abort(&file);
		return -1;
	}
	if (spool_commit(&file, err) != 0)
		return -1;
	job->found.made = true;
	log_info("id=%s made of id=%s: %s", file.id, job->id, mail->step);
	return 0;
}
