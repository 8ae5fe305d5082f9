/*
 * tls_settings: a listener's certificates and what its clients may use of TLS, kept as files and settings say.
 */
#ifndef POSTROOM_NET_TLS_SETTINGS_H
#define POSTROOM_NET_TLS_SETTINGS_H

#include "common/net/tls.h"
#include "common/settings/settings.h"

/* tls_server_open for the instance's etc/tls, by the settings tls.*. */
int tls_settings_open(struct tls_server *server, const struct settings *settings, struct err *err);
/* In a listener, before each fork: look at files and settings again (tls_server_refresh, tls_server_set_policy). */
void tls_settings_refresh(struct tls_server *server, const struct settings *settings);

#endif
