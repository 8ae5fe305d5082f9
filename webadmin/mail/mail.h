/*
 * mail: webmail's part of the API: folders, messages, writing, what a user may set for himself.
 *
 * Each process of a connection holds at most one imapd session, opened with a ticket of authd at the first request that
 * needs it, over a pair of sockets; webmail is an IMAP client of it like any other, so what it changes other clients
 * see at once, and quotas, shared folders and the recycle bin are as everywhere. A draft is a message in the folder for
 * drafts, its attachments included: nothing of webmail is kept outside of the mailbox. Mail that is sent goes into
 * webadmin's drop with authd's token, as a submission does.
 *
 * Security: messages are strangers' bytes and are taken apart here, in the connection's sandbox (common/mime), never by
 * a process that has a right. HTML is given to the browser as it is, as text in JSON; pages/mail cleans it and shows it
 * in a frame that runs nothing. Parts are downloads, never shown by this origin. Every number, name and address of the
 * browser is looked at here or by imapd; who the user is only authd's session says.
 */
#ifndef POSTROOM_WEBADMIN_MAIL_MAIL_H
#define POSTROOM_WEBADMIN_MAIL_MAIL_H

#include "webadmin/http.h"

extern const struct web_part mail_part;

#endif
