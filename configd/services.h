/*
 * services: the network services as objects (common/settings/services.h), and what every change of them checks: names
 * are given once, no two enabled services meet at an address and port, the listener can bind what is new.
 */
#ifndef POSTROOM_CONFIGD_SERVICES_H
#define POSTROOM_CONFIGD_SERVICES_H

#include "configd/configd.h"

struct service_object {
	int64_t id;
	const struct service_type *type;
	struct str name;
	bool enabled;
	enum service_encryption encryption;
};

struct binding_list {
	const char *address;
	int64_t port;
	struct binding_list *next;
};

/* By name or number. 1 = found, 0 = no such service, -1 = error; and with an error where there is none. */
int service_find(struct change *change, struct str name, struct service_object *service_out, struct err *err);
int service_need(struct change *change, struct str name, struct service_object *service_out, struct err *err);
/* type, name, enabled and encryption are set; it gets the next number that was reserved. */
int service_add(struct change *change, struct service_object *service, struct err *err);
int service_delete(struct change *change, struct str name, struct err *err);
int service_rename(struct change *change, struct service_object *service, struct str to, struct err *err);
int service_set(struct change *change, const struct service_object *service, bool enabled,
                enum service_encryption encryption, struct err *err);
/* The first services of SMTP and POP3. */
bool service_is_always_on(int64_t id);

/* The normal form of an address of a binding, in arena or static. -1: ERR_SYNTAX. */
int binding_normalise(struct change *change, struct str address, const char **address_out, struct err *err);
/* "ADDRESS:PORT,...", both ways; the list in arena. -1: ERR_SYNTAX. */
struct str service_bindings_text(struct change *change, const struct binding_list *list);
int service_bindings_parse(struct change *change, struct str text, struct binding_list **list_out, struct err *err);
int service_bindings(struct change *change, const struct service_object *service, struct binding_list **list_out,
                     struct err *err);
/* address in its normal form */
int service_bind(struct change *change, const struct service_object *service, const char *address, int64_t port,
                 struct err *err);
int service_unbind(struct change *change, const struct service_object *service, const char *address, int64_t port,
                   struct err *err);
/* Bind it there and nowhere else. */
int service_rebind(struct change *change, const struct service_object *service, const struct binding_list *list,
                   struct err *err);

/* Before the commit: ask its listener whether that can be bound. After: wait until it has followed the change. */
void service_ask_binding(struct change *change, const struct service_object *service, const char *address,
                         int64_t port);
void service_follow(struct change *change, const struct service_object *service);

/* What a service has instead of a general setting: store, remove. */
int service_setting_store(struct change *change, const struct service_object *service, struct str key, struct str value,
                          struct err *err);
int service_setting_remove(struct change *change, const struct service_object *service, struct str key,
                           struct err *err);

#endif
