/* mail/folders: the folders of the mailbox; handlers of the API, for this folder alone. */
#ifndef POSTROOM_WEBADMIN_MAIL_FOLDERS_H
#define POSTROOM_WEBADMIN_MAIL_FOLDERS_H

#include "webadmin/http.h"

web_handler mail_folders_list, mail_folders_create, mail_folders_change, mail_folders_delete, mail_folders_empty;

#endif
