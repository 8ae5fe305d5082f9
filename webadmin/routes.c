#include "webadmin/routes.h"

const struct web_part *const web_parts[] = {
    &login_part,
    &discover_part,
    &pages_part,
    NULL,
};
