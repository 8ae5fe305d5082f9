/*
 * lan: what the commands for LAN forwarding share.
 */
#ifndef POSTROOM_CTL_LAN_H
#define POSTROOM_CTL_LAN_H

#include "ctl/ctl.h"

#include <jansson.h>

/*
 * lan_table.c: rules as a table (CSV), and what is asked for them. All return an exit status.
 */
/* All values of a key in an answer, JSON objects as an array, which is there also where nothing was answered. */
int lan_fetch(struct ctl *ctl, const char *callee, const struct ipc_message *request, const char *wanted,
              json_t **list_out);
int lan_fetch_rules(struct ctl *ctl, json_t **rules_out);
/* A text of a JSON object; "" where it has none. */
const char *lan_text(const json_t *object, const char *key);

/* Passwords are written as stars: authd keeps them. */
int lan_export(struct ctl *ctl);
/* Each bad line is told; the good ones are added, or nothing where all must be good. */
int lan_import(struct ctl *ctl, const char *path, bool strict);
/* For another server: all addresses of this one, by the name of this server that is given. */
int lan_print_own(struct ctl *ctl, const char *server);

#endif
