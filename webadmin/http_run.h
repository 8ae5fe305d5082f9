/*
 * http_run: the whole of a connection in clear, in its sandbox already.
 */
#ifndef POSTROOM_WEBADMIN_HTTP_RUN_H
#define POSTROOM_WEBADMIN_HTTP_RUN_H

#include "webadmin/http.h"

/*
 * Serve requests on fd, which is closed at the end, until the client leaves or a limit ends it. -1: ERR_SYSTEM, it
 * could not begin.
 */
int http_run(struct web *web, int fd, struct err *err);

#endif
