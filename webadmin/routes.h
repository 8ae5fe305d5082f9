/*
 * routes: the tables of all parts of webadmin.
 */
#ifndef POSTROOM_WEBADMIN_ROUTES_H
#define POSTROOM_WEBADMIN_ROUTES_H

#include "webadmin/http.h"

extern const struct web_part login_part;    /* login.c: sessions, the login page */
extern const struct web_part discover_part; /* discover.c: what mail clients ask for */
extern const struct web_part pages_part;    /* pages.c: files */

extern const struct web_part *const web_parts[]; /* NULL at the end */

#endif
