/*
 * media: files that autoresponders send along: state/mail/_media/<uid>/<name>, 0 for those of the server's definitions.
 *
 * A definition names files (common/items/responder.h); what is not there any more is left out of the answer. The writer
 * adds and deletes them for `postroom user media`; carriers read them and put them into the answer, so that who parses
 * the message to be answered never has one open.
 *
 * Security stance: a name is one name of one folder, never a path; links are not followed.
 */
#ifndef POSTROOM_DELIVER_MEDIA_H
#define POSTROOM_DELIVER_MEDIA_H

#include "common/ipc/loop.h"
#include "common/spool/spool.h"
#include "deliver/decision.h"

enum {
	MEDIA_FILE_MAX = 10 << 20,   /* octets of a file */
	MEDIA_FILES_MAX = 100,       /* of an owner */
	MEDIA_ANSWER_MAX = 20 << 20, /* octets of files in one answer; what is beyond is left out */
};

/* The folder; it is made where it is missing, at start. -1: ERR_SYSTEM. */
const char *media_folder(char *out, size_t size, const struct instance *instance);
int media_prepare(const struct instance *instance, struct err *err);

/* The writer's: answer "media-list", "media-get", "media-add" and "media-delete"; false: it is none of these. cache:
 * who is meant by a name. */
struct cache;
bool media_handle(struct ipc_incoming *incoming, const struct instance *instance, struct cache *cache);

/* Remove all files of a user. found_out: there was something. -1: ERR_SYSTEM. */
int media_discard(const struct instance *instance, int64_t owner, bool *found_out, struct err *err);

/*
 * The carrier's: write the files of an answer as parts of its multipart body (RFC 2046 5.1). uid: of the user whose
 * answer it is; others' files are not sent. -1: as spool_write.
 */
int media_write(const struct instance *instance, const struct made *made, int64_t uid, struct spool_file *file,
                struct err *err);

#endif
