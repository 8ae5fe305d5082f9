/* mail/events: what happens in the mailbox, as it happens; a handler of the API, for this folder alone. */
#ifndef POSTROOM_WEBADMIN_MAIL_EVENTS_H
#define POSTROOM_WEBADMIN_MAIL_EVENTS_H

#include "webadmin/http.h"

/*
 * Server-sent events, until the browser leaves: "folder" with {"name", "messages", "unseen", "uidnext"} where something
 * in a folder changed, "folders" where there are others. imapd's NOTIFY (RFC 5465) tells them.
 */
web_handler mail_events;

#endif
