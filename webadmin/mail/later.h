/*
 * mail/later: letters that go at a time their writer named; handlers of the API.
 *
 * smtpd takes them as it takes any other, with the time (RFC 4865), and queue-manager keeps them until then: whether
 * they go, and that they go once, is its business alone. What the user sees of it is a copy in his folder for such mail
 * (\Scheduled), which says on top of it as what the message waits and until when. The copy goes to what was sent when
 * somebody looks at webmail after that time, and back to the drafts where the user wants it back before. Who deletes
 * the copy by a mail program does not stop the message.
 */
#ifndef POSTROOM_WEBADMIN_MAIL_LATER_H
#define POSTROOM_WEBADMIN_MAIL_LATER_H

#include "webadmin/mail/compose.h"

#define LATER_FIELD "X-Postroom-Scheduled"

/* GET: the letters that wait, the next one first; those that have gone leave the folder. */
web_handler mail_later_list;
/* POST .../{id}/send: now. DELETE .../{id}: not at all -> {"folder", "uidvalidity", "uid"} of the draft it is again.
 * 409: it has gone already. */
web_handler mail_later_send, mail_later_cancel;

/* Keep the copy of a letter that smtpd has taken; words: of its answer, which name the message. False: the reply says
 * why. */
bool later_keep(struct mail *mail, struct letter *letter, struct str words, struct web_reply *reply);

#endif
