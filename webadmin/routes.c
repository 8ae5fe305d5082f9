#include "webadmin/routes.h"

#include "webadmin/api/api.h"
#include "webadmin/mail/mail.h"

const struct web_part *const web_parts[] = {
    &login_part, &discover_part, &api_part, &mail_part, &pages_part, NULL,
};
