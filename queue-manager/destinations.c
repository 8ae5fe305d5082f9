#include "queue-manager/remote.h"

#include "common/base/memory.h"

/*
 * All destinations that there is anything to know about, by name. Those that there is something to do for are in a
 * ring, which is gone round at each turn; what is known of the others stays, so that the next message to a domain that
 * took its mail minutes ago need not prove it again.
 */

enum {
	KNOWN_MAX = 5000, /* some 300 octets each; beyond that what is not in the ring is forgotten at once */
	FORGET_MS = 60000,
};

static unsigned bucket_of(struct str name)
{
	uint32_t hash = 2166136261u; /* FNV-1a: names are strangers', but a long chain costs only time, and lines are few */

	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (unsigned char)name.data[i]) * 16777619u;
	return hash % REMOTE_BUCKETS;
}

/* The number at the end of a name: "relay 2", "mx example.com 2". */
static int64_t sender_of(struct str name)
{
	ptrdiff_t blank = str_find_last_char(name, ' ');
	uint64_t id;

	return blank >= 0 && str_to_u64(str_skip(name, (size_t)blank + 1), INT64_MAX, &id) ? (int64_t)id : 0;
}

static struct remote_destination *find(const struct remote *remote, struct str name)
{
	struct remote_destination *destination = remote->buckets[bucket_of(name)];

	while (destination != NULL && !str_equal(name, str_of(destination->name)))
		destination = destination->next_in_bucket;
	return destination;
}

static struct remote_destination *make(struct remote *remote, struct str name)
{
	struct remote_destination *destination = memory_get(sizeof *destination);
	struct remote_destination **bucket = &remote->buckets[bucket_of(name)];

	destination->name = memory_text(name);
	destination->sender = remote->way->has_senders ? sender_of(name) : 0;
	destination->window = remote_window_first(remote);
	destination->server = memory_text(lan_destination_server(name));
	destination->next_in_bucket = *bucket;
	*bucket = destination;
	remote->destination_count++;
	return destination;
}

struct remote_destination *remote_destination_get(struct remote *remote, struct str name)
{
	struct remote_destination *destination = find(remote, name);

	if (destination == NULL)
		destination = make(remote, name);
	if (!destination->in_ring) {
		destination->in_ring = true;
		destination->next_in_ring = NULL;
		*remote->ring_last = destination;
		remote->ring_last = &destination->next_in_ring;
	}
	return destination;
}

static void release(struct remote *remote, struct remote_destination *destination)
{
	struct remote_destination **link = &remote->buckets[bucket_of(str_of(destination->name))];

	while (*link != destination)
		link = &(*link)->next_in_bucket;
	*link = destination->next_in_bucket;
	remote->destination_count--;
	memory_free(destination->name);
	memory_free(destination->server);
	memory_free(destination->trouble);
	memory_free(destination);
}

static bool is_known(const struct remote_destination *destination, int64_t now)
{
	return destination->rest_until > now || destination->standing_until > now;
}

void remote_destination_rest(struct remote *remote, struct remote_destination *destination, int64_t now)
{
	destination->in_ring = false;
	if (!is_known(destination, now) || remote->destination_count > KNOWN_MAX)
		release(remote, destination);
}

void remote_destinations_forget(struct remote *remote, int64_t now)
{
	if (now < remote->forget_at)
		return;
	remote->forget_at = now + FORGET_MS;
	for (size_t i = 0; i < REMOTE_BUCKETS; i++)
		for (struct remote_destination *destination = remote->buckets[i], *next; destination != NULL;
		     destination = next) {
			next = destination->next_in_bucket;
			if (!destination->in_ring && !is_known(destination, now))
				release(remote, destination);
		}
}

void remote_forget_trouble(struct queue *queue)
{
	for (size_t i = 0; i < QUEUE_WAYS; i++)
		for (size_t n = 0; n < REMOTE_BUCKETS; n++)
			for (struct remote_destination *destination = queue->ways[i]->buckets[n]; destination != NULL;
			     destination = destination->next_in_bucket)
				destination->rest_until = 0;
}

bool remote_waits_for(const struct queue *queue, int64_t sender)
{
	for (size_t i = 0; i < QUEUE_WAYS; i++)
		for (const struct remote_destination *destination = queue->ways[i]->ring; destination != NULL;
		     destination = destination->next_in_ring)
			if (destination->sender == sender && (destination->first != NULL || destination->parked))
				return true;
	return false;
}

unsigned remote_busy(const struct queue *queue)
{
	unsigned busy = 0;

	for (size_t i = 0; i < QUEUE_WAYS; i++)
		busy += queue->ways[i]->busy;
	return busy;
}
