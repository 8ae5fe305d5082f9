/*
 * imapd/fields: the header fields of many messages, as the store keeps them (cached.h), or out of the messages.
 *
 * What had to be read is given to the store to keep, so that the next search, sort or thread is quick.
 */
#ifndef POSTROOM_IMAPD_FIELDS_H
#define POSTROOM_IMAPD_FIELDS_H

#include "common/mime/mime.h"
#include "imapd/imapd.h"

/* fields: a header with at least the fields of cached_has_field; valid while visit runs. It must not call the store. */
typedef void fields_visit(size_t i, struct str fields, void *context);

/*
 * Visit the messages with these UIDs (rising) of the selected folder, in no order; those that went are left out. Tells
 * progress. -1: the store failed (err); ERR_CLOSED: the client left; ERR_TIMEOUT:
 * it is not its turn, which is noted.
 */
int fields_each(struct session *session, const uint32_t *uids, size_t count, fields_visit *visit, void *context,
                struct err *err);

/* Open a message as a source, *fd_out to be closed. 1; 0: it went; -1: err. */
int fields_open_message(struct session *session, uint32_t uid, struct mime_source *source, int *fd_out,
                        struct err *err);

#endif
