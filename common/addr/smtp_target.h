/*
 * smtp_target: "SMTP:<address>@[<user>:<password>@]<server>[:<port>]", which sends mail for an address straight to a
 * server (specification 07, LAN forwarding). It may stand wherever the settings want an address.
 *
 *     SMTP:bob@example.com@192.0.2.1
 *     SMTP:bob@example.com@fred:mypass@[2001:db8::1]:587
 *
 * The server is what follows the last "@", user and password what stands between the second and the last. It holds a
 * password: never log or show it but as smtp_target_show gives it.
 */
#ifndef POSTROOM_ADDR_SMTP_TARGET_H
#define POSTROOM_ADDR_SMTP_TARGET_H

#include "common/addr/server.h"

enum {
	SMTP_TARGET_MAX = 900,     /* octets of the whole */
	SMTP_TARGET_USER_MAX = 256 /* of user and password, each */
};

struct smtp_target {
	struct str address;        /* canonical, as struct addr.text */
	struct str user, password; /* empty: no login */
	struct server server;      /* port 25 where none is written */
};

/* Does text claim to be one, by its beginning? */
bool smtp_target_is(struct str text);
/* -1: ERR_SYNTAX, with a sentence that says what is wrong. Views into text and arena. */
int smtp_target_parse(struct str text, struct arena *arena, struct smtp_target *target_out, struct err *err);
/* The normal form, by which targets are stored and compared. */
struct str smtp_target_format(const struct smtp_target *target, struct arena *arena);
/* The same with the password as stars, for people and logs; what is no target comes back as it is. */
struct str smtp_target_show(struct str text, struct arena *arena);

#endif
