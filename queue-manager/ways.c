#include "queue-manager/remote.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/lan/destination.h"
#include "common/settings/ceilings.h"

#include <stdio.h>

enum { REST_MAX_MS = 60000, WINDOW_FIRST = 1 };

static int64_t rest_after(int64_t retry_ms)
{
	return retry_ms / 2 < REST_MAX_MS ? retry_ms / 2 : REST_MAX_MS;
}

static void read_outside(struct remote *remote)
{
	const struct settings *settings = &remote->queue->settings;

	remote->concurrency = (unsigned)settings_number(settings, SETTING_SENDER_CONCURRENCY);
	remote->total = (unsigned)settings_number(settings, SETTING_SENDER_TOTAL);
	remote->rest_ms = rest_after(remote->queue->patience.retry_ms[0]);
}

static bool name_outside(struct message *message, const struct delivery *delivery, const struct sender *sender,
                         char *name)
{
	ptrdiff_t at = str_find_last_char(delivery->target, '@');
	struct str domain;
	struct err err;

	if (sender->is_relay) {
		snprintf(name, REMOTE_NAME_MAX, "relay %lld", (long long)sender->id);
		return true;
	}
	if (at < 0 ||
	    addr_normalise_domain(str_skip(delivery->target, (size_t)at + 1), &message->arena, &domain, &err) != 0)
		return false;
	snprintf(name, REMOTE_NAME_MAX, "mx %.*s %lld", STR_ARG(domain), (long long)sender->id);
	return true;
}

static void read_ceilings(struct remote *remote, struct str text)
{
	struct ceiling ceiling;
	struct arena arena;

	arena_init(&arena);
	remote->ceiling_count = 0;
	while (remote->ceiling_count < CEILINGS_MAX && ceiling_next(&text, &arena, &ceiling, NULL) == 1) {
		struct remote_ceiling *next = &remote->ceilings[remote->ceiling_count++];

		str_copy(server_key(&ceiling.server, &arena), next->server, sizeof next->server);
		next->most = ceiling.most;
	}
	arena_free(&arena);
}

static void read_lan(struct remote *remote)
{
	const struct settings *settings = &remote->queue->settings;

	remote->total = remote->concurrency = (unsigned)settings_number(settings, SETTING_LAN_THREADS);
	remote->rest_ms = rest_after(remote->queue->lan_patience.retry_ms[0]);
	remote->paused = settings_flag(settings, SETTING_LAN_PAUSED);
	read_ceilings(remote, str_of(settings_text(settings, SETTING_LAN_THREAD_RULES)));
}

static bool name_lan(struct message *message, const struct delivery *delivery, const struct sender *sender, char *name)
{
	(void)message, (void)sender;
	return str_copy(delivery->destination, name, REMOTE_NAME_MAX);
}

const struct remote_way remote_ways[QUEUE_WAYS] = {
    {
        .kind = DELIVERY_LAN,
        .program = "lfwd",
        .prefix = "lan ",
        .read_settings = read_lan,
        .name = name_lan,
    },
    {
        .kind = DELIVERY_REMOTE,
        .program = "sender",
        .prefix = "",
        .window_first = WINDOW_FIRST,
        .has_senders = true,
        .read_settings = read_outside,
        .name = name_outside,
        .is_settled = sign_is_settled,
    },
};

unsigned remote_ceiling(const struct remote *remote, const char *server)
{
	for (size_t i = 0; i < remote->ceiling_count; i++)
		if (strcmp(remote->ceilings[i].server, server) == 0)
			return remote->ceilings[i].most;
	return remote->total;
}
