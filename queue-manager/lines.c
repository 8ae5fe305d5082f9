#include "queue-manager/remote.h"

#include "common/base/memory.h"

void remote_job_put(struct remote_destination *destination, struct remote_job *job)
{
	struct remote_job **link = &destination->first;

	while (*link != NULL && (*link)->rank <= job->rank)
		link = &(*link)->next;
	job->destination = destination;
	job->next = *link;
	*link = job;
	destination->waiting++;
}

void remote_fetched(struct message *message)
{
	if (message->fetched_for != NULL)
		message->fetched_for->coming--;
	message->fetched_for = NULL;
}

struct remote_job *remote_job_take(struct remote_destination *destination)
{
	struct remote_job *job = destination->first;

	destination->first = job->next;
	destination->waiting--;
	return job;
}

void remote_job_end(struct remote_job *job)
{
	job->message->jobs--;
	message_touch(job->message);
	memory_free(job);
}

void remote_job_defer(struct remote_job *job, const char *code, struct str host, struct str words)
{
	for (size_t i = 0; i < job->count; i++) {
		struct delivery *delivery = &job->message->deliveries[job->parts[i].delivery];

		delivery->busy = false;
		message_set_answer(job->message, delivery, code, host, words);
		outcome_deferred(job->message, delivery);
	}
	remote_job_end(job);
}

static bool is_wanted(const struct remote_job *job)
{
	return !job->message->held && !job->message->deleted;
}

void remote_job_withdraw(struct remote_job *job)
{
	for (size_t i = 0; i < job->count; i++)
		job->message->deliveries[job->parts[i].delivery].busy = false;
	remote_job_end(job);
}

void remote_line_drop_unwanted(struct remote_destination *destination)
{
	while (destination->first != NULL && !is_wanted(destination->first))
		remote_job_withdraw(remote_job_take(destination));
}

bool remote_line_make_room(const struct remote *remote, struct remote_destination *destination, int64_t rank)
{
	struct remote_job **last = &destination->first;

	if (standing_room(remote, destination, queue_now()) > 0)
		return true;
	if (destination->first == NULL)
		return false;
	while ((*last)->next != NULL)
		last = &(*last)->next;
	if ((*last)->rank <= rank)
		return false;
	remote_job_withdraw(*last);
	*last = NULL;
	destination->waiting--;
	return true;
}

void remote_line_share_trouble(struct remote_destination *destination)
{
	while (destination->first != NULL) {
		struct remote_job *job = remote_job_take(destination);
		struct str rest = str_of(destination->trouble), code = str_cut(&rest, '\t'), host = str_cut(&rest, '\t');
		char status[16];

		str_copy(code, status, sizeof status);
		remote_job_defer(job, status, host, rest.data != NULL ? rest : STR(""));
	}
}

void remote_line_shorten(struct remote_destination *destination, unsigned keep)
{
	struct remote_job **link = &destination->first;

	for (unsigned i = 0; i < keep && *link != NULL; i++)
		link = &(*link)->next;
	while (*link != NULL) {
		struct remote_job *job = *link;

		*link = job->next;
		destination->waiting--;
		remote_job_withdraw(job);
	}
}
