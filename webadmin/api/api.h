/*
 * api: the administration as JSON over HTTP, below /api/v1.
 *
 * What calls there are stands in table.h; openapi.json describes them. A collection is {"items": [...], "total": N,
 * "more": true where there is more than was looked at}, and takes filters (rows.h); with format=csv it is a table. What
 * can be changed carries an ETag; a change with If-Match is refused (412) where somebody else was faster (look.h). A
 * call that is made for many answers what became of each.
 *
 * Security stance: rights are brokerd's; here is nothing that a session may not have.
 */
#ifndef POSTROOM_WEBADMIN_API_API_H
#define POSTROOM_WEBADMIN_API_API_H

#include "webadmin/http.h"

#define API_BASE "/api/v1"

extern const struct web_part api_part;

#endif
