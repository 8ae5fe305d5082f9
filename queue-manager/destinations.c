#include "queue-manager/remote.h"

#include "common/base/memory.h"

/* All destinations that there is anything to know about: by name, and in a ring. */

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

struct remote_destination *remote_destination_get(struct remote *remote, struct str name)
{
	struct remote_destination **bucket = &remote->buckets[bucket_of(name)], *destination;

	for (destination = *bucket; destination != NULL; destination = destination->next_in_bucket)
		if (str_equal(name, str_of(destination->name)))
			return destination;
	destination = memory_get(sizeof *destination);
	str_copy(name, destination->name, sizeof destination->name);
	destination->sender = remote->way->has_senders ? sender_of(name) : 0;
	destination->window = remote_window_first(remote);
	str_copy(lan_destination_server(name), destination->server, sizeof destination->server);
	destination->next_in_bucket = *bucket;
	*bucket = destination;
	*remote->ring_last = destination;
	remote->ring_last = &destination->next_in_ring;
	return destination;
}

void remote_destination_free(struct remote *remote, struct remote_destination *destination)
{
	struct remote_destination **link = &remote->buckets[bucket_of(str_of(destination->name))];

	while (*link != destination)
		link = &(*link)->next_in_bucket;
	*link = destination->next_in_bucket;
	memory_free(destination->trouble);
	memory_free(destination);
}

void remote_forget_trouble(struct queue *queue)
{
	for (size_t i = 0; i < QUEUE_WAYS; i++)
		for (struct remote_destination *destination = queue->ways[i]->ring; destination != NULL;
		     destination = destination->next_in_ring)
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
