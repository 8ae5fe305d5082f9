#include "queue-manager/remote.h"

enum {
	LINE_LOW = 5,             /* jobs in line for each session at which parked messages are fetched */
	FETCH = REMOTE_LINE_HELD, /* so many at a time for each session */
	FETCH_SESSIONS = 4,       /* as if for so many at most */
	FETCH_UNKNOWN = 2,
	AHEAD = 10, /* lines filled for sessions that will be free */
	REFILL_POOR_MS = 1000,
};

/* Jobs that stand in its line, or will in a moment. */
static unsigned in_line(const struct remote_destination *destination)
{
	return destination->waiting + destination->coming;
}

/* One of poor standing: a few, when it may be served. */
static unsigned want_poor(struct remote *remote, struct remote_destination *destination, int64_t now)
{
	remote->poor_wait = true;
	if (in_line(destination) > 0 || now < destination->refill_from || !standing_may_begin(remote, destination, now))
		return 0;
	destination->refill_from = now + REFILL_POOR_MS; /* it takes a while until they stand in line */
	return REMOTE_LINE_SHORT;
}

/* How many of its parked messages? *ahead: lines that may still be filled for sessions that are not there. */
static unsigned want(struct remote *remote, struct remote_destination *destination, unsigned *ahead, int64_t now)
{
	unsigned sessions = destination->sessions < FETCH_SESSIONS ? destination->sessions : FETCH_SESSIONS;

	if (!destination->parked || destination->rest_until > now || !remote_is_open(remote, destination))
		return 0;
	if (standing_is_poor(destination, now))
		return want_poor(remote, destination, now);
	if (sessions > 0)
		return in_line(destination) < sessions * LINE_LOW ? sessions * FETCH : 0;
	if (in_line(destination) > 0 || *ahead == 0 || !standing_may_begin(remote, destination, now))
		return 0;
	--*ahead;
	return standing_of(destination, now) == STANDING_PROVEN ? FETCH : FETCH_UNKNOWN;
}

/* As many as its line has room for, so that none is fetched to be parked again; their places are taken from here on. */
static unsigned reserve(struct remote *remote, const struct remote_destination *destination, unsigned count,
                        int64_t now)
{
	unsigned room = standing_room(remote, destination, now);

	count = count < room ? count : room;
	remote->waiting[standing_of(destination, now)] += count;
	return count;
}

size_t remote_wants(struct queue *queue, struct remote_want *wants, size_t most)
{
	int64_t now = queue_now();
	size_t count = 0;

	for (size_t i = 0; i < QUEUE_WAYS; i++) {
		struct remote *remote = queue->ways[i];
		unsigned free = remote->busy < remote->total ? remote->total - remote->busy : 0;
		unsigned ahead = AHEAD + (free < AHEAD ? free : AHEAD);
		bool poor = false; /* one of these in a turn */

		for (struct remote_destination *destination = remote->ring;
		     destination != NULL && count < most && !remote->paused; destination = destination->next_in_ring) {
			bool is_poor = standing_is_poor(destination, now);

			if (is_poor && poor)
				continue;
			wants[count].destination = destination;
			wants[count].count = reserve(remote, destination, want(remote, destination, &ahead, now), now);
			poor |= is_poor && wants[count].count > 0;
			count += wants[count].count > 0;
		}
	}
	return count;
}
