/*
 * mail/own: what a user sees and changes of himself, by way of brokerd and always for himself, also where he is an
 * administrator; handlers of the API. What he may, configd decides.
 */
#ifndef POSTROOM_WEBADMIN_MAIL_OWN_H
#define POSTROOM_WEBADMIN_MAIL_OWN_H

#include "webadmin/http.h"

/* GET: {"user", "attributes": {key: text}, "default_from", "links", "move_to": [user, ...], ...}; PATCH {key: text,
 * ...} */
web_handler mail_own_show, mail_own_change;
/* POST {"password"}: where the user gave his present one within ten minutes, else 403 "confirm". */
web_handler mail_own_password;
/* {kind}: message-rule, autoresponder, autoresponder-rule, autoresponder-filter, prune-rule. Fields as doc/ipc.md. */
web_handler mail_items_list, mail_items_add, mail_items_change, mail_items_delete;
/* GET ?q=: addresses that the user wrote to, the latest first: [{"address"}]; DELETE .../{address} */
web_handler mail_contacts, mail_contact_delete;

/* Is that attribute of the user on? Where that cannot be said, no. */
bool own_may(struct web *web, const struct web_request *request, const char *attribute);

#endif
