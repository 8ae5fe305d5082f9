/*
 * openapi: the description of the API for other programs (OpenAPI 3.1), made from the table.
 */
#ifndef POSTROOM_WEBADMIN_API_OPENAPI_H
#define POSTROOM_WEBADMIN_API_OPENAPI_H

#include <jansson.h>

/* The whole document, a new object. */
json_t *openapi_make(void);
/* Print it as doc/openapi.json has it. 0, or -1: standard output cannot be written. */
int openapi_print(void);

#endif
