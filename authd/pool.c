#include "authd/pool.h"

#include "authd/keeper.h"
#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DISTRUSTED = 1024 };

struct job {
	STAILQ_ENTRY(job) link;
	struct hash_request request;
	pool_wanted *wanted;
	pool_done *done;
	void *context;
};

/* The waiting jobs of one address. It is in the ring exactly while it has one. */
struct lane {
	TAILQ_ENTRY(lane) link;
	char address[64];
	STAILQ_HEAD(job_list, job) jobs;
	unsigned count;
};

struct worker {
	struct pool *pool;
	int fd;
	struct event *event;
	struct job *job; /* what it works on, NULL: idle */
};

struct pool {
	struct event_base *base;
	struct worker workers[POOL_WORKERS_MAX];
	int worker_count;
	TAILQ_HEAD(lane_ring, lane) ring;
	unsigned waiting;
	/* Until when an address is distrusted, at a place by its hash; who comes to the same place takes it over. */
	struct {
		uint64_t hash;
		int64_t until_ms;
	} distrusted[DISTRUSTED];
	uint32_t sequence;
	bool broken;
};

/* Start a keeper with so many workers behind those that there are. */
static int add_workers(struct pool *pool, const struct daemon *daemon, int count, bool distrusted, struct err *err)
{
	int ours[POOL_WORKERS_MAX] = {0}, theirs[POOL_WORKERS_MAX] = {0};
	struct keeper_start start = {.daemon = daemon, .sockets = theirs, .others = ours};
	pid_t keeper = -1;

	if (distrusted) {
		start.nice = POOL_NICE;
		start.rests = POOL_RESTS;
	}
	while (start.count < count && pool->worker_count < POOL_WORKERS_MAX) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
			err_system(err, "cannot make a pair of sockets");
			break;
		}
		pool->workers[pool->worker_count++] = (struct worker){.pool = pool, .fd = pair[0]};
		theirs[start.count++] = pair[1];
	}
	for (int i = 0; i < pool->worker_count; i++)
		ours[start.other_count++] = pool->workers[i].fd;
	if (start.count > 0)
		keeper = keeper_start(&start, err);
	for (int i = 0; i < start.count; i++)
		close(theirs[i]);
	return keeper < 0 ? -1 : 0;
}

int pool_start(struct pool **pool_out, const struct daemon *daemon, int workers, struct err *err)
{
	struct pool *pool = memory_get(sizeof *pool);
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	if (workers == 0)
		workers = processors < 2 ? 2 : (int)processors;
	if (workers > POOL_WORKERS_MAX - 1)
		workers = POOL_WORKERS_MAX - 1;
	TAILQ_INIT(&pool->ring);
	if (add_workers(pool, daemon, workers, false, err) != 0 || add_workers(pool, daemon, 1, true, err) != 0) {
		pool_free(pool);
		return -1;
	}
	*pool_out = pool;
	return 0;
}

static void job_finish(struct job *job, const struct hash_reply *reply)
{
	job->done(reply, job->context);
	memory_wipe(&job->request, sizeof job->request);
	memory_free(job);
}

/* The name of an address's lane: IPv6 by the 64 bits that one customer has, anything else as it stands. */
static void lane_name(struct str address, char *out, size_t size)
{
	unsigned char bytes[16];

	if (!str_copy(address, out, size) || inet_pton(AF_INET6, out, bytes) != 1)
		return;
	if (IN6_IS_ADDR_V4MAPPED((struct in6_addr *)bytes))
		return;
	memset(bytes + 8, 0, 8);
	inet_ntop(AF_INET6, bytes, out, (socklen_t)size);
}

/* FNV-1a */
static uint64_t hash_of(const char *lane)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *lane != '\0'; lane++)
		hash = (hash ^ (unsigned char)*lane) * 0x100000001b3;
	return hash;
}

static bool is_distrusted(const struct pool *pool, const char *lane)
{
	uint64_t hash = hash_of(lane);

	return pool->distrusted[hash % DISTRUSTED].hash == hash &&
	       pool->distrusted[hash % DISTRUSTED].until_ms > io_now_ms();
}

/* The last one is for the distrusted, and for nobody else. */
static bool is_for_distrusted(const struct worker *worker)
{
	return worker == &worker->pool->workers[worker->pool->worker_count - 1];
}

static struct lane *next_lane(const struct worker *worker)
{
	bool distrusted = is_for_distrusted(worker);
	struct lane *lane;

	TAILQ_FOREACH (lane, &worker->pool->ring, link)
		if (is_distrusted(worker->pool, lane->address) == distrusted)
			break;
	return lane;
}

/* Its first job. The lane goes to the end of the ring, or away. */
static struct job *take_job(struct pool *pool, struct lane *lane)
{
	struct job *job = STAILQ_FIRST(&lane->jobs);

	STAILQ_REMOVE_HEAD(&lane->jobs, link);
	TAILQ_REMOVE(&pool->ring, lane, link);
	pool->waiting--;
	if (--lane->count > 0)
		TAILQ_INSERT_TAIL(&pool->ring, lane, link);
	else
		memory_free(lane);
	return job;
}

static void pool_break(struct pool *pool, const char *reason)
{
	log_error("the workers for passwords are gone: %s", reason);
	pool->broken = true;
	event_base_loopbreak(pool->base);
}

static void give(struct worker *worker)
{
	static const struct hash_reply unwanted = {.result = HASH_FAILED};
	struct pool *pool = worker->pool;
	struct lane *lane;

	while (worker->job == NULL && (lane = next_lane(worker)) != NULL) {
		struct job *job = take_job(pool, lane);

		if (!job->wanted(job->context)) {
			job_finish(job, &unwanted);
			continue;
		}
		worker->job = job;
		if (++pool->sequence == KEEPER_WORKER_DIED)
			pool->sequence++;
		job->request.sequence = pool->sequence;
		if (send(worker->fd, &job->request, sizeof job->request, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			pool_break(pool, strerror(errno));
	}
}

/* Whose job it is may have changed since it came: all are asked. */
static void give_all(struct pool *pool)
{
	for (int i = 0; i < pool->worker_count && pool->waiting > 0; i++)
		give(&pool->workers[i]);
}

static void on_reply(evutil_socket_t fd, short what, void *context)
{
	struct worker *worker = context;
	struct job *job = worker->job;
	struct hash_reply reply;
	ssize_t size = recv(fd, &reply, sizeof reply, MSG_DONTWAIT);

	(void)what;
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size != (ssize_t)sizeof reply) {
		pool_break(worker->pool, size < 0 ? strerror(errno) : "closed");
		return;
	}
	/* An answer to a job that was given up when its worker died, or the news of the death of an idle worker. */
	if (job == NULL || (reply.sequence != job->request.sequence && reply.sequence != KEEPER_WORKER_DIED))
		return;
	worker->job = NULL;
	job_finish(job, &reply);
	memory_wipe(&reply, sizeof reply);
	give_all(worker->pool);
}

int pool_attach(struct pool *pool, struct event_base *base, struct err *err)
{
	pool->base = base;
	for (int i = 0; i < pool->worker_count; i++) {
		struct worker *worker = &pool->workers[i];

		worker->event = event_new(base, worker->fd, EV_READ | EV_PERSIST, on_reply, worker);
		if (worker->event == NULL || event_add(worker->event, NULL) != 0)
			return err_set(err, ERR_SYSTEM, "libevent cannot watch a worker");
	}
	return 0;
}

bool pool_is_broken(const struct pool *pool)
{
	return pool->broken;
}

static struct lane *lane_find(struct pool *pool, struct str address)
{
	char name[sizeof((struct lane *)NULL)->address];
	struct lane *lane;

	lane_name(address, name, sizeof name);
	TAILQ_FOREACH (lane, &pool->ring, link)
		if (strcmp(lane->address, name) == 0)
			return lane;
	lane = memory_get(sizeof *lane);
	memcpy(lane->address, name, sizeof name);
	STAILQ_INIT(&lane->jobs);
	return lane;
}

int pool_submit(struct pool *pool, struct str address, const struct hash_request *request, pool_wanted *wanted,
                pool_done *done, void *context, struct err *err)
{
	struct lane *lane;
	struct job *job;

	if (pool->waiting >= POOL_WAITING_MAX)
		return err_set(err, ERR_TEMPORARY, "too many logins wait");
	lane = lane_find(pool, address);
	if (lane->count >= POOL_WAITING_PER_ADDRESS_MAX)
		return err_set(err, ERR_TEMPORARY, "too many logins from one address wait");
	job = memory_get(sizeof *job);
	*job = (struct job){.request = *request, .wanted = wanted, .done = done, .context = context};
	STAILQ_INSERT_TAIL(&lane->jobs, job, link);
	if (lane->count++ == 0)
		TAILQ_INSERT_TAIL(&pool->ring, lane, link);
	pool->waiting++;
	give_all(pool);
	return 0;
}

static void set_distrust(struct pool *pool, struct str address, int64_t until_ms)
{
	char name[sizeof((struct lane *)NULL)->address];
	uint64_t hash;

	lane_name(address, name, sizeof name);
	hash = hash_of(name);
	if (until_ms == 0 && pool->distrusted[hash % DISTRUSTED].hash != hash)
		return;
	pool->distrusted[hash % DISTRUSTED].hash = hash;
	pool->distrusted[hash % DISTRUSTED].until_ms = until_ms;
	give_all(pool);
}

void pool_distrust(struct pool *pool, struct str address)
{
	set_distrust(pool, address, io_now_ms() + POOL_DISTRUST_MS);
}

void pool_trust(struct pool *pool, struct str address)
{
	set_distrust(pool, address, 0);
}

static void job_drop(struct job *job)
{
	memory_wipe(&job->request, sizeof job->request);
	memory_free(job);
}

void pool_free(struct pool *pool)
{
	struct lane *lane;

	while ((lane = TAILQ_FIRST(&pool->ring)) != NULL)
		job_drop(take_job(pool, lane));
	for (int i = 0; i < pool->worker_count; i++) {
		struct worker *worker = &pool->workers[i];

		if (worker->event != NULL)
			event_free(worker->event);
		if (worker->job != NULL)
			job_drop(worker->job);
		close(worker->fd);
	}
	memory_free(pool);
}
