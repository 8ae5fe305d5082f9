#include "common/net/tls_settings.h"

static void set_policy(struct tls_server *server, const struct settings *settings)
{
	const struct tls_policy policy = {
	    .only_tls13 = strcmp(settings_text(settings, SETTING_TLS_OLDEST), "1.3") == 0,
	    .ciphers = settings_text(settings, SETTING_TLS_CIPHERS),
	    .suites = settings_text(settings, SETTING_TLS_SUITES),
	};

	tls_server_set_policy(server, &policy);
}

int tls_settings_open(struct tls_server *server, const struct settings *settings, struct err *err)
{
	char folder[INSTANCE_PATH_MAX + 32];

	if (tls_server_open(server, instance_path(folder, sizeof folder, settings->instance->etc, "tls"), err) != 0)
		return -1;
	set_policy(server, settings);
	return 0;
}

void tls_settings_refresh(struct tls_server *server, const struct settings *settings)
{
	set_policy(server, settings);
	tls_server_refresh(server);
}
