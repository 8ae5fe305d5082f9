/* mail/export: a folder as one download (02-15); a handler of the API, for this folder alone. */
#ifndef POSTROOM_WEBADMIN_MAIL_EXPORT_H
#define POSTROOM_WEBADMIN_MAIL_EXPORT_H

#include "webadmin/http.h"

/* ?form=eml: a ZIP with a file for each message, as it is stored; ?form=mbox: a ZIP with one file, in the form mboxrd:
 * ">" before lines of messages that begin with "From ", or with such marks before it. */
web_handler mail_export;

#endif
