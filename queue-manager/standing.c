#include "queue-manager/remote.h"

/*
 * Destinations that took nothing lately, or took it slowly, are of poor standing. Each of them costs a session as any
 * other does, for longer, and leads to nothing; a hundred of them would have all sessions and, by their lines, all of
 * the memory. So where others wait they get an eighth of the sessions together, and no less. One of which nothing is
 * known may turn out to be such, and a thousand of these may come at once: a quarter of the sessions is kept for those
 * that are proven.
 *
 * On the LAN servers are few and known, and have limits of their own: there all stand alike.
 */

enum {
	SLOW_MS = 3000,   /* a job that takes longer */
	POOR_MS = 300000, /* how long that is remembered */
	PROVEN_SHARE = 4, /* a quarter of all sessions */
	POOR_SHARE = 8,
	POOR_WAITING_MAX = QUEUE_RETRIES_MAX / 4, /* in all lines of poor standing */
};

bool standing_is_poor(const struct remote_destination *destination, int64_t now)
{
	return destination->poor_until > now;
}

/* A relay is who its sender sends to, however it stands. */
static bool is_judged(const struct remote *remote, const struct remote_destination *destination)
{
	const struct sender *sender = senders_find(remote->queue, destination->sender);

	return remote->way->has_senders && !(sender != NULL && sender->is_relay);
}

void standing_learn(struct remote *remote, struct remote_destination *destination, bool settled, int64_t took_ms)
{
	if (!is_judged(remote, destination))
		return;
	destination->proven = settled && took_ms <= SLOW_MS;
	destination->poor_until = destination->proven ? 0 : queue_now() + POOR_MS;
	if (!destination->proven)
		remote_line_shorten(destination, REMOTE_LINE_POOR);
}

static void count_one(struct standings *standings, bool unproven, bool poor)
{
	standings->unproven += unproven;
	standings->poor += poor;
}

static void count(struct remote *remote, const struct remote_destination *destination, bool slow, int64_t now)
{
	struct sender *sender = senders_find(remote->queue, destination->sender);
	bool poor = slow || standing_is_poor(destination, now), unproven = poor || !destination->proven;

	count_one(&remote->standings, unproven, poor);
	if (sender != NULL)
		count_one(&sender->standings, unproven, poor);
}

void standing_survey(struct remote *remote, int64_t now)
{
	struct senders *senders = remote->queue->senders;

	remote->standings = (struct standings){0};
	remote->poor_waiting = 0;
	for (size_t i = 0; i < senders->count; i++)
		senders->list[i].standings = (struct standings){0};
	for (const struct remote_session *session = remote->sessions; session != NULL; session = session->next)
		if (session->job != NULL)
			count(remote, session->destination, now - session->began > SLOW_MS, now);
	for (const struct remote_destination *destination = remote->ring; destination != NULL;
	     destination = destination->next_in_ring)
		if (standing_is_poor(destination, now))
			remote->poor_waiting += destination->waiting;
}

static unsigned share(unsigned sessions, unsigned of)
{
	return sessions / of > 0 ? sessions / of : 1;
}

static bool is_within(const struct standings *standings, unsigned sessions, bool poor_yields)
{
	return (sessions == 1 || standings->unproven < sessions - share(sessions, PROVEN_SHARE)) &&
	       (!poor_yields || standings->poor < share(sessions, POOR_SHARE));
}

bool standing_may_begin(const struct remote *remote, const struct remote_destination *destination, int64_t now)
{
	const struct sender *sender = senders_find(remote->queue, destination->sender);
	bool poor = standing_is_poor(destination, now), yields = poor && remote->others_wait;

	if (!is_judged(remote, destination))
		return true;
	if (!poor && remote->poor_wait && remote->total > 1 &&
	    remote->busy - remote->standings.poor >= remote->total - share(remote->total, POOR_SHARE))
		return false;
	if (destination->proven)
		return true;
	return is_within(&remote->standings, remote->total, yields) &&
	       (sender == NULL || sender->threads == 0 || is_within(&sender->standings, sender->threads, yields));
}

void standing_begun(struct remote *remote, const struct remote_destination *destination, int64_t now)
{
	count(remote, destination, false, now);
}

bool standing_has_room(const struct remote *remote, const struct remote_destination *destination, int64_t now)
{
	if (!standing_is_poor(destination, now))
		return destination->waiting < REMOTE_LINE_MAX;
	return destination->waiting < REMOTE_LINE_POOR && remote->poor_waiting < POOR_WAITING_MAX;
}
