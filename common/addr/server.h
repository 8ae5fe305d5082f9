/*
 * server: a server to connect to, as administrators write it: "mail.example.com", "192.0.2.1:587", "[2001:db8::1]:25".
 *
 * The host is a name or an address; IPv6 stands in brackets, so that its colons are none of a port. Nothing is looked
 * up. What is parsed has one written form, by which servers are compared.
 */
#ifndef POSTROOM_ADDR_SERVER_H
#define POSTROOM_ADDR_SERVER_H

#include "common/base/arena.h"
#include "common/base/err.h"

enum { SERVER_TEXT_MAX = 300 }; /* octets of the written form, with its end */

struct server {
	struct str host; /* name in its normal form, or address, without brackets */
	unsigned port;   /* 1 to 65535 */
	bool is_address;
	bool has_port; /* it was written */
};

/*
 * port: the one where none is written. Views into text and arena.
 * -1: ERR_SYNTAX, with a sentence that says what is wrong.
 */
int server_parse(struct str text, unsigned port, struct arena *arena, struct server *server_out, struct err *err);

/* "HOST" where the port was not written, else "HOST:PORT". */
struct str server_format(const struct server *server, struct arena *arena);
/* "HOST:PORT" always: the same for the same server. */
struct str server_key(const struct server *server, struct arena *arena);

#endif
