/*
 * smtp_client_turn: asking a server for the mail that it holds for us: ETRN (RFC 1985), ATRN (RFC 2645).
 *
 * After smtp_client_hello, and for ATRN after the login.
 */
#ifndef POSTROOM_NET_SMTP_CLIENT_TURN_H
#define POSTROOM_NET_SMTP_CLIENT_TURN_H

#include "common/net/smtp_client.h"

/*
 * Have the server send what it has for node (a domain, or as the server calls it) to our own SMTP service. 250 to 253
 * are success. -1: SMTP_CLIENT_LACKS (ETRN is not offered, nothing was sent), SMTP_CLIENT_REFUSED, ERR_SYNTAX, or the
 * connection is lost.
 */
int smtp_client_etrn(struct smtp_client *client, struct str node, struct err *err);

/*
 * Turn the connection round: after 0 the server speaks as a client, and waits for our greeting. *has_mail_out: false
 * (0, too) where it said 453, no mail; the connection is as before then. domains: separated by commas, may be empty.
 * -1: SMTP_CLIENT_REFUSED, ERR_SYNTAX, or the connection is lost.
 */
int smtp_client_atrn(struct smtp_client *client, struct str domains, bool *has_mail_out, struct err *err);

#endif
