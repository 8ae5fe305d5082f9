#include "authd/recent.h"

#include "common/base/memory.h"

static struct recent_login *find(const struct recent *recent, const char *peer)
{
	for (size_t i = 0; i < recent->count; i++)
		if (strcmp(recent->list[i].peer, peer) == 0)
			return &recent->list[i];
	return NULL;
}

static struct recent_login *make_room(struct recent *recent)
{
	struct recent_login *oldest = recent->list;

	if (recent->count < RECENT_MAX)
		return &recent->list[recent->count++];
	for (size_t i = 1; i < recent->count; i++)
		if (recent->list[i].at_ms < oldest->at_ms)
			oldest = &recent->list[i];
	return oldest;
}

void recent_add(struct recent *recent, const char *peer, int64_t now_ms)
{
	struct recent_login *login;

	if (recent->list == NULL)
		recent->list = memory_get(RECENT_MAX * sizeof *recent->list);
	login = find(recent, peer);
	if (login == NULL) {
		login = make_room(recent);
		if (!str_copy(str_of(peer), login->peer, sizeof login->peer))
			login->peer[0] = '\0'; /* no address is that long */
	}
	login->at_ms = now_ms;
}

bool recent_has(const struct recent *recent, const char *peer, int64_t duration_ms, int64_t now_ms)
{
	const struct recent_login *login = find(recent, peer);

	return login != NULL && now_ms - login->at_ms < duration_ms;
}

void recent_free(struct recent *recent)
{
	memory_free(recent->list);
	*recent = (struct recent){0};
}
