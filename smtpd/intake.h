/*
 * smtpd/intake: a message being taken in, by DATA or in chunks, up to its place in the spool and the one answer.
 *
 * What comes is kept (smtpd/message.h) as long as nothing stands against it: a size, a line end, a limit. From then on
 * it is read and dropped. At the end all checks are asked, and only what they let through is written and synced.
 */
#ifndef POSTROOM_SMTPD_INTAKE_H
#define POSTROOM_SMTPD_INTAKE_H

#include "common/smtp/data.h"
#include "common/smtp/message.h"
#include "smtpd/smtpd.h"

enum { INTAKE_SLICE = 64 * 1024 }; /* octets taken at once */

struct intake {
	struct session *session;
	struct spool_file file; /* begun when everything is decided */
	struct message message;
	struct smtp_data data;
	struct buf out; /* octets of the message that are to be passed on */
	bool header_begun;
	uint64_t line; /* octets of the present line, in what was passed on */
	struct hooks_actions actions;
	const struct smtp_refusal *refusal; /* why it will be refused */
};

extern const struct smtp_refusal intake_storage_full;

/* Give the message its id. intake_end gives back what it took. */
void intake_begin(struct intake *intake, struct session *session, bool is_chunked);
void intake_end(struct intake *intake);

/*
 * Take the next octets, INTAKE_SLICE at most, to the message's end (intake->data.ended) or all of them. taken_out: how
 * many. Whether it is refused, intake->refusal says.
 */
void intake_take(struct intake *intake, struct str bytes, size_t *taken_out);
/* The last chunk was taken. */
void intake_take_end(struct intake *intake);

/* The message will not be taken; what is still to come is dropped. */
void intake_refuse(struct intake *intake, const struct smtp_refusal *refusal);
/* Tell the client, and whom it concerns. */
void intake_answer_refusal(const struct intake *intake);

/* The whole message is there: ask all checks, store it, answer. */
void intake_finish(struct intake *intake);

#endif
