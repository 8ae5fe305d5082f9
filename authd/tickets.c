#include "authd/tickets.h"

#include "common/base/io.h"
#include "common/base/memory.h"

void tickets_init(struct tickets *tickets)
{
	TAILQ_INIT(&tickets->by_age);
	for (size_t i = 0; i < TICKET_BUCKETS; i++)
		LIST_INIT(&tickets->buckets[i]);
	tickets->count = 0;
}

static void forget(struct tickets *tickets, struct ticket *ticket)
{
	TAILQ_REMOVE(&tickets->by_age, ticket, by_age);
	LIST_REMOVE(ticket, bucket);
	tickets->count--;
	memory_wipe(ticket, sizeof *ticket);
	memory_free(ticket);
}

static void forget_expired(struct tickets *tickets, int64_t now_ms)
{
	struct ticket *oldest;

	while ((oldest = TAILQ_FIRST(&tickets->by_age)) != NULL && oldest->expires_ms <= now_ms)
		forget(tickets, oldest);
}

void tickets_free(struct tickets *tickets)
{
	forget_expired(tickets, INT64_MAX);
}

/* The digits are random, so the first three are as good as any hash. */
static struct ticket_bucket *bucket_of(struct tickets *tickets, const char *text)
{
	unsigned index = 0;

	for (int i = 0; i < 3; i++)
		index = index * 16 + (unsigned)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10) % 16;
	return &tickets->buckets[index % TICKET_BUCKETS];
}

int tickets_issue(struct tickets *tickets, const char *redeemer, struct str service, const struct ticket_right *right,
                  int64_t now_ms, char *text_out, struct err *err)
{
	struct ticket *ticket;

	forget_expired(tickets, now_ms);
	if (tickets->count >= TICKETS_MAX)
		return err_set(err, ERR_TEMPORARY, "too many logins wait for their session");
	ticket = memory_get(sizeof *ticket);
	io_random_hex(ticket->text, TICKET_LEN);
	ticket->expires_ms = now_ms + TICKET_LIFETIME_MS;
	ticket->right = *right;
	if (!str_copy(str_of(redeemer), ticket->redeemer, sizeof ticket->redeemer) ||
	    !str_copy(service, ticket->service, sizeof ticket->service)) {
		memory_free(ticket);
		return err_set(err, ERR_LIMIT, "the name of a service is too long");
	}
	TAILQ_INSERT_TAIL(&tickets->by_age, ticket, by_age);
	LIST_INSERT_HEAD(bucket_of(tickets, ticket->text), ticket, bucket);
	tickets->count++;
	memcpy(text_out, ticket->text, sizeof ticket->text);
	return 0;
}

static struct ticket *find(struct tickets *tickets, struct str text)
{
	struct ticket *ticket;

	if (text.len != TICKET_LEN)
		return NULL;
	LIST_FOREACH (ticket, bucket_of(tickets, text.data), bucket)
		if (io_equal_secret(str_of(ticket->text), text))
			return ticket;
	return NULL;
}

int tickets_redeem(struct tickets *tickets, const char *redeemer, struct str service, struct str text, int64_t now_ms,
                   struct ticket_right *right_out, struct err *err)
{
	struct ticket *ticket;
	bool fits;

	forget_expired(tickets, now_ms);
	ticket = find(tickets, text);
	fits = ticket != NULL && strcmp(ticket->redeemer, redeemer) == 0 && str_equal(str_of(ticket->service), service);
	if (fits)
		*right_out = ticket->right;
	if (ticket != NULL)
		forget(tickets, ticket);
	return fits ? 0 : err_set(err, ERR_DENIED, "no such ticket");
}
