/*
 * connectors: connections, senders and collectors (common/settings/connectors.h; specification 04).
 *
 * A sender is added to the connection of its name; where there is none yet, one is made that is continuous. It has the
 * connection's number, and authd keeps its password as "sender/<number>", a collector's as "collector/<number>". What
 * names a connection (fallbacks, schedule items, settings) follows where it is renamed or deleted.
 */
#ifndef POSTROOM_CONFIGD_CONNECTORS_H
#define POSTROOM_CONFIGD_CONNECTORS_H

#include "configd/object_settings.h"

#include "common/settings/connectors.h"

/* connections.c */

/* Make one; the first is the default. Its number is the next of those reserved. -1: ERR_LIMIT, ERR_EXISTS ... */
int connection_add(struct change *change, struct str name, struct object *object_out, struct err *err);
/* With its sender. -1: ERR_DENIED where a collector would be left without any. */
int connection_delete(struct change *change, struct str name, struct err *err);
/* Before the commit: is everything there that names connections, does each collector have one? */
int check_connectors(struct config *config, struct err *err);
/* Does anything that is set name `from`? It names `to` from now on, or nothing (empty). */
int connection_follow(struct change *change, struct str from, struct str to, struct err *err);

int op_connection_reserve(struct change *change, struct err *err);
int op_connection_add(struct change *change, struct err *err);
int op_connection_delete(struct change *change, struct err *err);
int op_connection_rename(struct change *change, struct err *err);
int op_connection_set(struct change *change, struct err *err);
int op_connection_unset(struct change *change, struct err *err);
int op_connection_list(struct change *change, struct err *err);
int op_connection_show(struct change *change, struct err *err);

/* What op_..._set does with "key" and "value", any number of them; how many there were. */
int connector_take_settings(struct change *change, const struct object *object, object_store *store, int *count_out,
                            struct err *err);
/* authd's name for a password: "sender/7". */
void connector_add_secret(struct ipc_message *request, const char *kind, int64_t id);

/* senders.c */
struct sender {
	int64_t id; /* 0: not stored yet */
	struct str name, method, servers, encryption, username;
	bool verify, has_password;
};
void sender_defaults(struct sender *sender, struct str name);
int sender_find(struct change *change, struct str name, struct sender *sender_out, struct err *err);
/* Check; the normal forms are written to *sender. */
int sender_check(struct change *change, struct sender *sender, struct err *err);
/* Check and store, new or changed; a new one's connection is made where it is missing. */
int sender_store(struct change *change, struct sender *sender, struct err *err);
int sender_delete(struct change *change, struct str name, struct err *err);
int op_sender_add(struct change *change, struct err *err);
int op_sender_set(struct change *change, struct err *err);
int op_sender_unset(struct change *change, struct err *err);
int op_sender_delete(struct change *change, struct err *err);
int op_sender_list(struct change *change, struct err *err);
int op_sender_show(struct change *change, struct err *err);

/* collectors.c */

/* Make one; it belongs to all connections that there are. */
int collector_add(struct change *change, struct str name, struct object *object_out, struct err *err);
/* Those that it belongs to, by their names, separated by commas. */
int collector_set_connections(struct change *change, const struct object *object, struct str names, struct err *err);
int collector_connections(struct change *change, const struct object *object, struct str *names_out, struct err *err);
int collector_delete(struct change *change, struct str name, struct err *err);
int collector_set_password(struct change *change, const struct object *object, struct str password, struct err *err);
int op_collector_reserve(struct change *change, struct err *err);
int op_collector_add(struct change *change, struct err *err);
int op_collector_delete(struct change *change, struct err *err);
int op_collector_rename(struct change *change, struct err *err);
int op_collector_set(struct change *change, struct err *err);
int op_collector_unset(struct change *change, struct err *err);
int op_collector_list(struct change *change, struct err *err);
int op_collector_show(struct change *change, struct err *err);

/* collector_import.c */
int op_collector_import_reserve(struct change *change, struct err *err);
int op_collector_import(struct change *change, struct err *err);

/* connectors_text.c: the text of export and import. */
int connectors_export(struct change *change, struct buf *out, struct err *err);
int connectors_import(struct change *change, const struct text *text, struct err *err);

#endif
