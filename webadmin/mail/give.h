/*
 * mail/give: a message that is another user's business goes to him (02-7, "Allow Message Move to"); a handler of the
 * API. Whom a user may move messages to web.move-to says. The message goes as it is, as mail that the user sends on;
 * once smtpd has taken it, it is removed here.
 */
#ifndef POSTROOM_WEBADMIN_MAIL_GIVE_H
#define POSTROOM_WEBADMIN_MAIL_GIVE_H

#include "webadmin/http.h"

/* POST {"to": user}; 403 where it is none of them. */
web_handler mail_give;
/* The names of the users whom the visitor may move messages to; the caller gives the array back. */
json_t *give_targets(struct web *web, const struct web_request *request);

#endif
