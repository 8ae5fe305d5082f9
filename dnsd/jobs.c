#include "dnsd/jobs.h"

#include "common/addr/addr.h"
#include "common/base/io.h"
#include "common/base/memory.h"
#include "dnsd/records.h"

#include <ctype.h>

struct job;

typedef void job_step(struct job *job);

enum { LABEL_MAX = 63 }; /* octets, RFC 1035 2.3.4 */

/* One question to the DNS that belongs to a job. */
struct part {
	struct job *job;
	struct lookup_result result;
};

enum { IPV6, IPV4, PARTS };

struct job {
	struct jobs *jobs;
	struct ipc_incoming *incoming; /* NULL once answered */
	struct event *limit;
	int64_t limit_ms;
	struct arena arena;
	const char *name;
	struct str server; /* of test */
	unsigned type;     /* of query */
	bool mx_secure;    /* that there is no MX was validated */
	int64_t begun_ms;
	struct part parts[PARTS];
	unsigned open;
	job_step *next; /* when no part is open any more */
};

static void answer(struct job *job, const struct ipc_message *reply)
{
	if (job->incoming != NULL)
		ipc_answer(job->incoming, reply);
	job->incoming = NULL;
}

static void fail(struct job *job, int code, struct str reason)
{
	struct err err;

	err_set(&err, code, "%.*s", STR_ARG(reason));
	if (job->incoming != NULL)
		ipc_answer_error(job->incoming, &err);
	job->incoming = NULL;
}

static void job_free(struct job *job)
{
	job->jobs->count--;
	event_free(job->limit);
	arena_free(&job->arena);
	memory_free(job);
}

/* Go on, unless a part is open: a step may open new ones. An answered job ends with its last part. */
static void go_on(struct job *job)
{
	while (job->open == 0 && job->incoming != NULL) {
		job->open++; /* answers from the cache come while the step still runs */
		job->next(job);
		job->open--;
	}
	if (job->open == 0)
		job_free(job);
}

static void on_result(const struct lookup_result *result, void *context)
{
	struct part *part = context;

	part->result = *result;
	part->job->open--;
	go_on(part->job);
}

static void start_part(struct job *job, int index, unsigned type)
{
	job->parts[index] = (struct part){.job = job};
	job->open++;
	lookup_start(job->jobs->lookups, job->name, type, &job->arena, on_result, &job->parts[index]);
}

static void on_limit(evutil_socket_t fd, short what, void *context)
{
	struct job *job = context;

	(void)fd;
	(void)what;
	fail(job, ERR_TEMPORARY,
	     arena_printf(&job->arena, "DNS lookup of %s: no answer within %lld ms", job->name, (long long)job->limit_ms));
}

static struct str lookup_failure(struct job *job, const struct lookup_result *result)
{
	return arena_printf(&job->arena, "DNS lookup of %s: %.*s", job->name, STR_ARG(result->reason));
}

/* Both families: the addresses of either, else whether there can be none. Returns false where the job was failed. */
static bool addresses_exist(struct job *job)
{
	const struct lookup_result *v6 = &job->parts[IPV6].result, *v4 = &job->parts[IPV4].result;

	if (v6->state == LOOKUP_FOUND || v4->state == LOOKUP_FOUND)
		return true;
	if (v4->state == LOOKUP_FAILED || v6->state == LOOKUP_FAILED)
		fail(job, ERR_TEMPORARY, lookup_failure(job, v4->state == LOOKUP_FAILED ? v4 : v6));
	else if (v4->state == LOOKUP_MISSING)
		fail(job, ERR_NOT_FOUND, arena_printf(&job->arena, "%s does not exist (NXDOMAIN)", job->name));
	else
		fail(job, ERR_NOT_FOUND, arena_printf(&job->arena, "%s has no address", job->name));
	return false;
}

static void finish_address(struct job *job)
{
	struct str addresses[2 * JOB_ADDRESSES_MAX];
	const struct lookup_result *v6 = &job->parts[IPV6].result, *v4 = &job->parts[IPV4].result;
	struct ipc_message reply;
	size_t count;

	if (!addresses_exist(job))
		return;
	count = records_addresses(v6->rdata, v6->count, v4->rdata, v4->count, &job->arena, addresses,
	                          sizeof addresses / sizeof addresses[0]);
	if (count == 0) {
		fail(job, ERR_TEMPORARY, arena_printf(&job->arena, "%s has no address that can be reached", job->name));
		return;
	}
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	for (size_t i = 0; i < count; i++)
		ipc_add(&reply, "address", addresses[i]);
	ipc_add_number(&reply, "secure", v6->secure && v4->secure);
	answer(job, &reply);
	ipc_message_free(&reply);
}

static void start_addresses(struct job *job)
{
	start_part(job, IPV6, DNS_AAAA);
	start_part(job, IPV4, DNS_A);
}

static void begin_address(struct job *job)
{
	job->next = finish_address;
	start_addresses(job);
}

/* RFC 5321 5.1: without MX the domain is its own mail exchanger, where it has an address. */
static void finish_mx_by_address(struct job *job)
{
	struct ipc_message reply;

	if (!addresses_exist(job))
		return;
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add(&reply, "host", arena_printf(&job->arena, "0 %s", job->name));
	ipc_add_number(&reply, "secure", job->mx_secure);
	answer(job, &reply);
	ipc_message_free(&reply);
}

static void finish_mx(struct job *job)
{
	const struct lookup_result *result = &job->parts[0].result;
	struct record_mx hosts[JOB_HOSTS_MAX];
	struct ipc_message reply;
	bool null_mx;
	size_t count;

	if (result->state == LOOKUP_FAILED) {
		fail(job, ERR_TEMPORARY, lookup_failure(job, result));
		return;
	}
	if (result->state == LOOKUP_MISSING) {
		fail(job, ERR_NOT_FOUND, arena_printf(&job->arena, "The domain %s does not exist (NXDOMAIN)", job->name));
		return;
	}
	if (result->state == LOOKUP_EMPTY) {
		job->next = finish_mx_by_address;
		job->mx_secure = result->secure;
		start_addresses(job);
		return;
	}
	count = records_mx(result->rdata, result->count, &job->arena, hosts, JOB_HOSTS_MAX, &null_mx);
	if (count == 0 && !null_mx) {
		fail(job, ERR_TEMPORARY, arena_printf(&job->arena, "The mail exchangers of %s are no host names", job->name));
		return;
	}
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	for (size_t i = 0; i < count; i++)
		ipc_add(&reply, "host", arena_printf(&job->arena, "%u %.*s", hosts[i].preference, STR_ARG(hosts[i].name)));
	if (null_mx)
		ipc_add_number(&reply, "null-mx", 1);
	ipc_add_number(&reply, "secure", result->secure);
	answer(job, &reply);
	ipc_message_free(&reply);
}

static void begin_mx(struct job *job)
{
	job->next = finish_mx;
	start_part(job, 0, DNS_MX);
}

static void finish_query(struct job *job)
{
	const struct lookup_result *result = &job->parts[0].result;
	struct ipc_message reply;

	if (result->state == LOOKUP_FAILED) {
		fail(job, ERR_TEMPORARY, lookup_failure(job, result));
		return;
	}
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	for (size_t i = 0; i < result->count; i++)
		ipc_add(&reply, "rr", result->rdata[i]);
	ipc_add_number(&reply, "secure", result->secure);
	ipc_add_number(&reply, "rcode", result->rcode);
	answer(job, &reply);
	ipc_message_free(&reply);
}

static void begin_query(struct job *job)
{
	job->next = finish_query;
	start_part(job, 0, job->type);
}

/* How one of our servers does: what it answers for an address of that name, and how fast. */
static void finish_test(struct job *job)
{
	static const char *const states[] = {
	    [LOOKUP_FAILED] = "failed", [LOOKUP_MISSING] = "missing", [LOOKUP_EMPTY] = "empty", [LOOKUP_FOUND] = "found"};
	const struct lookup_result *result = &job->parts[0].result;
	struct str addresses[JOB_ADDRESSES_MAX];
	struct ipc_message reply;
	size_t count = records_addresses(NULL, 0, result->rdata, result->count, &job->arena, addresses, JOB_ADDRESSES_MAX);

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_text(&reply, "state", states[result->state]);
	ipc_add_number(&reply, "ms", io_now_ms() - job->begun_ms);
	for (size_t i = 0; i < count; i++)
		ipc_add(&reply, "address", addresses[i]);
	if (result->state == LOOKUP_FAILED)
		ipc_add(&reply, "reason", result->reason);
	answer(job, &reply);
	ipc_message_free(&reply);
}

static bool is_ours(const struct job *job)
{
	struct str list = buf_str(&job->jobs->servers->list), item;

	while ((item = str_cut_item(&list)).len != 0)
		if (str_equal(item, job->server))
			return true;
	return false;
}

static void begin_test(struct job *job)
{
	struct part *part = &job->parts[0];
	struct err err;

	if (!is_ours(job)) {
		fail(job, ERR_NOT_FOUND, STR("that is none of the DNS servers in use"));
		return;
	}
	job->next = finish_test;
	*part = (struct part){.job = job};
	job->open++;
	job->begun_ms = io_now_ms();
	if (lookup_start_at(job->jobs->lookups, job->server, job->name, DNS_A, &job->arena, on_result, part, &err) != 0) {
		job->open--;
		fail(job, err.code, str_of(err.text));
	}
}

static const struct question {
	const char *op;
	const char *field; /* that bears the name */
	job_step *begin;
} questions[] = {
    {"mx", "domain", begin_mx},
    {"address", "host", begin_address},
    {"query", "name", begin_query},
    {"test", "name", begin_test},
};

/* Which servers are asked, and whether the system named them: no question to the DNS. */
static void tell_servers(const struct jobs *jobs, struct ipc_incoming *incoming)
{
	struct str list = buf_str(&jobs->servers->list), item;
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	while ((item = str_cut_item(&list)).len != 0)
		ipc_add(&reply, "server", item);
	ipc_add_number(&reply, "detected", jobs->servers->detected);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

/*
 * A name of any octets, as it is asked for beyond hosts ("anna+x._spf.example.org", RFC 2181 11): labels of their
 * length, what could mean something else to libunbound escaped.
 */
static int escape_name(struct job *job, struct str name, struct err *err)
{
	struct buf escaped;
	int result = 0;

	buf_init(&escaped, (size_t)4 * DNS_NAME_MAX);
	for (struct str rest = name; rest.data != NULL && result == 0;) {
		struct str label = str_cut(&rest, '.');

		if (label.len == 0 || label.len > LABEL_MAX || name.len > DNS_NAME_MAX - 2)
			result = err_set(err, ERR_SYNTAX, "\"%.*s\" is no name for the DNS", STR_ARG(str_sub(name, 0, 100)));
		for (size_t i = 0; i < label.len; i++)
			buf_printf(&escaped, isalnum((unsigned char)label.data[i]) ? "%c" : "\\%03u", (unsigned char)label.data[i]);
		if (rest.data != NULL)
			buf_add_char(&escaped, '.');
	}
	job->name = arena_text(&job->arena, buf_str(&escaped));
	buf_free(&escaped);
	return result;
}

static int read_name(struct job *job, const struct question *question, struct str name, struct err *err)
{
	if (!addr_is_domain(name) && question->begin == begin_query)
		return escape_name(job, name, err);
	if (!addr_is_domain(name) || addr_normalise_domain(name, &job->arena, &name, err) != 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is no name for the DNS", STR_ARG(str_sub(name, 0, 100)));
	job->name = arena_text(&job->arena, name);
	return 0;
}

static int read_request(struct job *job, const struct ipc_message *message, struct err *err)
{
	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
		const struct question *question = &questions[i];
		struct str name;
		int64_t type = 0;

		if (!ipc_is(message, question->op))
			continue;
		name = ipc_get(message, question->field);
		if (name.data == NULL)
			return err_set(err, ERR_PROTOCOL, "%s needs a %s", question->op, question->field);
		if (question->begin == begin_query && !ipc_get_number(message, "type", 1, UINT16_MAX, &type))
			return err_set(err, ERR_PROTOCOL, "query needs the number of a type");
		if (question->begin == begin_query && ipc_get(message, "limit").data != NULL &&
		    !ipc_get_number(message, "limit", 1, JOB_LIMIT_MS, &job->limit_ms))
			return err_set(err, ERR_PROTOCOL, "the limit of a query is 1 to %d ms", JOB_LIMIT_MS);
		job->type = (unsigned)type;
		job->server = arena_copy(&job->arena, ipc_get(message, "server"));
		job->next = question->begin;
		return read_name(job, question, name, err);
	}
	return err_set(err, ERR_PROTOCOL, "dnsd knows no such request");
}

void jobs_take(struct jobs *jobs, struct ipc_incoming *incoming)
{
	struct timeval limit;
	struct job *job;
	struct err err;

	if (ipc_is(&incoming->message, "servers")) {
		tell_servers(jobs, incoming);
		return;
	}
	if (jobs->count >= JOBS_MAX) {
		err_set(&err, ERR_TEMPORARY, "more than %d DNS lookups are open", JOBS_MAX);
		ipc_answer_error(incoming, &err);
		return;
	}
	job = memory_get(sizeof *job);
	job->jobs = jobs;
	job->incoming = incoming;
	job->limit_ms = JOB_LIMIT_MS;
	arena_init(&job->arena);
	job->limit = evtimer_new(jobs->base, on_limit, job);
	jobs->count++;
	if (job->limit == NULL || read_request(job, &incoming->message, &err) != 0) {
		fail(job, job->limit != NULL ? err.code : ERR_TEMPORARY,
		     job->limit != NULL ? str_of(err.text) : STR("cannot make a timer"));
		job_free(job);
		return;
	}
	limit = (struct timeval){job->limit_ms / 1000, job->limit_ms % 1000 * 1000};
	event_add(job->limit, &limit);
	go_on(job);
}
