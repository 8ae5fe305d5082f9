#include "queue-manager/remote.h"

/*
 * Destinations that took nothing lately, or took it slowly, are of poor standing. Each of them costs a session as any
 * other does, for longer, and leads to nothing; a hundred of them would have all sessions and, by their lines, all of
 * the memory. So where others wait they get an eighth of the sessions together, and no less. One of which nothing is
 * known may turn out to be such, and a thousand of these may come at once: a quarter of the sessions is kept for those
 * that are proven. The memory is shared out likewise: each standing has its part of the jobs in line, so that a
 * thousand destinations do not have one job each there, of which none but a hundred can begin: what is parked comes
 * back when a session is to be had, and then several at once.
 *
 * On the LAN servers are few and known, and have limits of their own: there all stand alike.
 */

enum {
	SLOW_MS = 3000,     /* a job that takes longer */
	POOR_MS = 300000,   /* how long that is remembered */
	PROVEN_MS = 600000, /* the opposite */
	PROVEN_SHARE = 4,   /* a quarter of all sessions */
	POOR_SHARE = 8,
};

/* Jobs in all lines of a standing; where there are half as many each line is short. */
static const unsigned waiting_max[STANDINGS] = {
    [STANDING_UNKNOWN] = QUEUE_RETRIES_MAX / 3,
    [STANDING_PROVEN] = QUEUE_RETRIES_MAX / 3,
    [STANDING_POOR] = QUEUE_RETRIES_MAX / 6,
};

enum standing standing_of(const struct remote_destination *destination, int64_t now)
{
	return destination->standing_until > now ? destination->standing : STANDING_UNKNOWN;
}

bool standing_is_poor(const struct remote_destination *destination, int64_t now)
{
	return standing_of(destination, now) == STANDING_POOR;
}

/* A relay is who its sender sends to, however it stands. */
static bool is_judged(const struct remote *remote, const struct remote_destination *destination)
{
	const struct sender *sender = senders_find(remote->queue, destination->sender);

	return remote->way->has_senders && !(sender != NULL && sender->is_relay);
}

void standing_learn(struct remote *remote, struct remote_destination *destination, bool settled, int64_t took_ms)
{
	bool proven = settled && took_ms <= SLOW_MS;

	if (!is_judged(remote, destination))
		return;
	destination->standing = proven ? STANDING_PROVEN : STANDING_POOR;
	destination->standing_until = queue_now() + (proven ? PROVEN_MS : POOR_MS);
	if (proven)
		return;
	remote_line_shorten(destination, remote->waiting[STANDING_POOR] < waiting_max[STANDING_POOR] ? 1 : 0);
	remote->waiting[STANDING_POOR] += destination->waiting;
}

static void count_one(struct standings *standings, bool unproven, bool poor)
{
	standings->unproven += unproven;
	standings->poor += poor;
}

static void count(struct remote *remote, const struct remote_destination *destination, bool slow, int64_t now)
{
	struct sender *sender = senders_find(remote->queue, destination->sender);
	enum standing standing = standing_of(destination, now);
	bool poor = slow || standing == STANDING_POOR, unproven = poor || standing == STANDING_UNKNOWN;

	count_one(&remote->standings, unproven, poor);
	if (sender != NULL)
		count_one(&sender->standings, unproven, poor);
}

/* One of which nothing is known, and whose first job takes long: its line need not wait for the end of that. */
static void suspect(struct remote *remote, const struct remote_session *session, int64_t now)
{
	if (now - session->began > SLOW_MS && standing_of(session->destination, now) == STANDING_UNKNOWN)
		standing_learn(remote, session->destination, false, now - session->began);
}

void standing_survey(struct remote *remote, int64_t now)
{
	struct senders *senders = remote->queue->senders;

	remote->standings = (struct standings){0};
	memset(remote->waiting, 0, sizeof remote->waiting);
	for (size_t i = 0; i < senders->count; i++)
		senders->list[i].standings = (struct standings){0};
	for (const struct remote_destination *destination = remote->ring; destination != NULL;
	     destination = destination->next_in_ring)
		remote->waiting[standing_of(destination, now)] += destination->waiting + destination->coming;
	for (const struct remote_session *session = remote->sessions; session != NULL; session = session->next) {
		if (session->job == NULL)
			continue;
		suspect(remote, session, now);
		count(remote, session->destination, now - session->began > SLOW_MS, now);
	}
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
	enum standing standing = standing_of(destination, now);
	bool poor = standing == STANDING_POOR, yields = poor && remote->others_wait;

	if (!is_judged(remote, destination))
		return true;
	if (!poor && remote->poor_wait && remote->total > 1 &&
	    remote->busy - remote->standings.poor >= remote->total - share(remote->total, POOR_SHARE))
		return false;
	if (standing == STANDING_PROVEN)
		return true;
	return is_within(&remote->standings, remote->total, yields) &&
	       (sender == NULL || sender->threads == 0 || is_within(&sender->standings, sender->threads, yields));
}

void standing_begun(struct remote *remote, const struct remote_destination *destination, int64_t now)
{
	count(remote, destination, false, now);
}

/* Jobs that its line may have. */
static unsigned longest(const struct remote *remote, const struct remote_destination *destination, int64_t now)
{
	enum standing standing = standing_of(destination, now);
	unsigned all = remote->waiting[standing], most = waiting_max[standing];

	if (!is_judged(remote, destination))
		return REMOTE_LINE_MAX;
	if (standing == STANDING_PROVEN && destination->sessions > 0)
		return all < most ? REMOTE_LINE_MAX : REMOTE_LINE_HELD;
	if (all >= most)
		return 0;
	return standing == STANDING_POOR || all >= most / 2 ? REMOTE_LINE_SHORT : REMOTE_LINE_MAX;
}

unsigned standing_room(const struct remote *remote, const struct remote_destination *destination, int64_t now)
{
	unsigned taken = destination->waiting + destination->coming, most = longest(remote, destination, now);

	return taken < most ? most - taken : 0;
}
