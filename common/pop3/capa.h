/*
 * pop3/capa: the answer to CAPA (RFC 2449 section 5), the same list before and after the login.
 */
#ifndef POSTROOM_POP3_CAPA_H
#define POSTROOM_POP3_CAPA_H

#include "common/net/conn.h"

struct pop3_capabilities {
	bool stls;              /* may be used now: only ever before the login (RFC 2595 section 4) */
	bool login;             /* USER is accepted */
	const char *mechanisms; /* of AUTH, separated by spaces; "" = no AUTH */
	bool implementation;    /* name the product */
};

void pop3_write_capabilities(struct conn *conn, const struct pop3_capabilities *capabilities);

#endif
