/*
 * record: a notice on its way, as fields of ipc; between noticed and its writer, too.
 */
#ifndef POSTROOM_NOTICE_RECORD_H
#define POSTROOM_NOTICE_RECORD_H

#include "common/ipc/ipc.h"
#include "common/notice/notice.h"

/* Add the notice's fields to a message. */
void notice_write(const struct notice *notice, struct ipc_message *message);
/*
 * Read them. Views into message, as they came; target is copied into `target`. What is missing, unknown or too long
 * takes its default or is cut: an error of component misc, to the main administrator.
 */
void notice_read(struct ipc_message *message, char target[NOTICE_WORD_MAX], struct notice *notice_out);

#endif
