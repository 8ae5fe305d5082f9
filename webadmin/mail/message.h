/* mail/message: one message; handlers of the API, for this folder alone. */
#ifndef POSTROOM_WEBADMIN_MAIL_MESSAGE_H
#define POSTROOM_WEBADMIN_MAIL_MESSAGE_H

#include "common/mime/mime.h"
#include "webadmin/mail/session.h"

enum { MESSAGE_TEXT_MAX = 4 << 20 }; /* octets of text, and of HTML, that are shown; the part itself is whole */

/* GET: what a person reads of it, and which parts there are. .../source, .../parts/{part}: downloads. */
web_handler mail_message_show, mail_message_source, mail_message_part;
/* PATCH: {"flags": {"add": [...], "remove": [...]}, "move": folder, "copy": folder}; DELETE: into the trash, from there
 * for good. The same for many messages of a folder: PATCH of .../messages with "uids". */
web_handler mail_message_change, mail_message_delete, mail_messages_change;

/* A part by its number in IMAP's way ("2.1"); NULL where there is none. */
const struct mime_part *message_find_part(struct mime_part *root, struct str number);
/* The name that a part is to be saved by, without path; in arena. */
struct str message_file_name(const struct mime_part *part, struct arena *arena);

/* read.c: bodies and parts of a parsed message, added to its JSON. -1: the file could not be read. */
int message_describe_parts(const struct mime_source *source, struct mime_part *root, struct arena *arena, json_t *json,
                           struct err *err);

#endif
