#include "queue-manager/remote.h"

/*
 * Destinations that took nothing lately, or took it slowly, are of poor standing. Each of them costs a session as any
 * other does, for longer, and leads to nothing; a hundred of them would have all sessions and, by their lines, all of
 * the memory. So where others wait they get an eighth of the sessions together, and no less; and since those that say
 * "later" at once would have many of these one after another, one job begins for so many of others, and ten a second in
 * any case. Those that take long never have more than half of the sessions, whoever waits, so that others come to
 * theirs.
 *
 * One of which nothing is known may turn out to be such, and a thousand of these may come at once: a quarter of the
 * sessions is kept for those that are proven. Where more than half of the rest is busy with such as are not, the next
 * of which nothing is known have a few seconds to greet: who does not is of poor standing, and is tried again as these
 * are, with all the time that the settings give, before an attempt counts. So even beside a thousand dead ones it is
 * soon known who takes mail.
 *
 * The memory is shared out likewise: each standing has its part of the jobs in line, so that a thousand destinations do
 * not have one job each there, of which none but a hundred can begin: what is parked comes back when a session is to be
 * had, and then several at once.
 *
 * On the LAN servers are few and known, and have limits of their own: there all stand alike.
 */

enum {
	SLOW_MS = 3000,     /* a job that takes longer */
	POOR_MS = 300000,   /* how long that is remembered */
	PROVEN_MS = 600000, /* the opposite */
	PROVEN_SHARE = 4,   /* a quarter of all sessions */
	POOR_SHARE = 8,
	SLOW_SHARE = 2,    /* of all sessions, for those of them that take long */
	POOR_PACE = 64,    /* one job for so many of others that wait for sessions */
	POOR_GAP_MS = 100, /* and one after so long in any case */
	POOR_SAVED = 8,    /* so many may begin at once, for others that began before */
};

/* Jobs in all lines of a standing; where there are half as many each line is short. */
static const unsigned waiting_max[STANDINGS] = {
    [STANDING_UNKNOWN] = QUEUE_RETRIES_MAX / 6,
    [STANDING_PROVEN] = QUEUE_RETRIES_MAX / 3,
    [STANDING_POOR] = QUEUE_RETRIES_MAX / 12,
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
	bool slow = took_ms > SLOW_MS, proven = settled && !slow;

	if (!is_judged(remote, destination))
		return;
	if (settled && slow && !destination->was_slow && standing_of(destination, queue_now()) == STANDING_PROVEN)
		proven = true; /* once may be chance, or the fault of this machine */
	destination->was_slow = slow;
	destination->standing = proven ? STANDING_PROVEN : STANDING_POOR;
	destination->standing_until = queue_now() + (proven ? PROVEN_MS : POOR_MS);
	if (proven)
		return;
	remote_line_shorten(destination, remote->waiting[STANDING_POOR] < waiting_max[STANDING_POOR] ? 1 : 0);
	remote->waiting[STANDING_POOR] += destination->waiting;
}

static void count_one(struct standings *standings, bool unproven, bool poor, bool slow)
{
	standings->unproven += unproven;
	standings->poor += poor;
	standings->slow += slow;
}

static void count(struct remote *remote, const struct remote_destination *destination, bool slow, int64_t now)
{
	struct sender *sender = senders_find(remote->queue, destination->sender);
	enum standing standing = standing_of(destination, now);
	bool poor = slow || standing == STANDING_POOR, unproven = poor || standing == STANDING_UNKNOWN;

	slow |= standing == STANDING_POOR && destination->was_slow;
	count_one(&remote->standings, unproven, poor, slow);
	if (sender != NULL)
		count_one(&sender->standings, unproven, poor, slow);
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

/* Sessions that those who are not proven may have together. */
static unsigned unproven_share(unsigned sessions)
{
	return sessions == 1 ? 1 : sessions - share(sessions, PROVEN_SHARE);
}

/* Of so many sessions, is there one for a destination that is not proven? yields: to others that wait. */
static bool is_within(const struct standings *standings, unsigned sessions,
                      const struct remote_destination *destination, bool poor, bool yields)
{
	if (poor && yields && standings->poor >= share(sessions, POOR_SHARE))
		return false;
	if (poor && destination->was_slow && standings->slow >= share(sessions, yields ? POOR_SHARE * 2 : SLOW_SHARE))
		return false;
	return standings->unproven < unproven_share(sessions);
}

/* Quick ones, which say "later" at once, would else take by their number what slow ones take by their time. */
static bool is_in_pace(const struct remote *remote, int64_t now)
{
	return remote->others_begun >= POOR_PACE || now - remote->poor_began >= POOR_GAP_MS;
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
	return (!yields || is_in_pace(remote, now)) &&
	       is_within(&remote->standings, remote->total, destination, poor, yields) &&
	       (sender == NULL || sender->threads == 0 ||
	        is_within(&sender->standings, sender->threads, destination, poor, yields));
}

int64_t standing_patience(const struct remote *remote, const struct remote_destination *destination, int64_t now)
{
	bool pressed = remote->standings.unproven > unproven_share(remote->total) / 2;

	return pressed && is_judged(remote, destination) && standing_of(destination, now) == STANDING_UNKNOWN ? SLOW_MS : 0;
}

void standing_begun(struct remote *remote, const struct remote_destination *destination, int64_t now)
{
	count(remote, destination, false, now);
	if (!standing_is_poor(destination, now)) {
		remote->others_begun += remote->others_begun < POOR_PACE * POOR_SAVED;
		return;
	}
	remote->others_begun -= remote->others_begun < POOR_PACE ? remote->others_begun : POOR_PACE;
	remote->poor_began = now;
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
