/* mail/list: the messages of a folder, page by page; handlers of the API, for this folder alone. */
#ifndef POSTROOM_WEBADMIN_MAIL_LIST_H
#define POSTROOM_WEBADMIN_MAIL_LIST_H

#include "webadmin/mail/session.h"

enum { LIST_PAGE_MAX = 500 }; /* messages at once */

/*
 * ?offset=&limit=&sort=&search=&threads=1. Without sort the newest first by their place in the folder, which
 * takes no longer for a hundred thousand messages than for ten.
 */
web_handler mail_list;

/* The addresses of an ENVELOPE's field, or of a header's, as JSON: [{"name": ..., "address": ...}]. */
json_t *mail_json_envelope_addresses(const struct imap_value *list, struct arena *arena);

#endif
