#include "queue-manager/trace.h"

#include "common/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	RESCAN_S = 60,
	TROUBLE_MS = 5000,    /* until a drop with an entry that could not be read or moved is looked at again */
	NAMES_PER_TURN = 200, /* so that answers are heard between two handfuls of new mail */
};

static bool has_room(const struct queue *queue)
{
	return !queue->stopping && queue->message_count - queue->retry_messages < QUEUE_ACTIVE_MAX - QUEUE_RETRIES_MAX;
}

static int open_folder(const struct queue *queue, const char *name, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	int fd;

	instance_path(path, sizeof path, queue->instance->spool, name);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		err_system(err, "cannot open %s", path);
	return fd;
}

/* Move an entry of a drop aside under a name of our own choosing; what it is called there may be anything. */
static void refuse(struct queue *queue, struct drop *drop, const char *name, const char *why)
{
	static unsigned count;
	char aside[96];

	snprintf(aside, sizeof aside, "%s.%lld.%u", drop->name, (long long)queue_now(), ++count);
	if (renameat2(drop->folder, name, queue->corrupt_folder, aside, RENAME_NOREPLACE) != 0) {
		if (errno != ENOENT)
			log_error("spool/%s/new/%s is refused (%s) and cannot be moved: %s", drop->name, name, why,
			          strerror(errno));
		return;
	}
	log_error("id=%s set aside as spool/corrupt/%s: %s", name, aside, why);
}

static bool name_is_of_drop(const char *name, const struct drop *drop)
{
	size_t length = strlen(drop->name);

	/* 13 digits, "-", producer, "-", 8 digits */
	return spool_id_is_valid(str_of(name)) && strlen(name) == length + 23 && memcmp(name + 14, drop->name, length) == 0;
}

/* A regular file of the producer's with one name: nobody else can change it or hold it by another name. */
static const char *objection(const struct drop *drop, const char *name, int fd)
{
	struct stat status;

	if (!name_is_of_drop(name, drop))
		return "its name is not an id of this drop";
	if (fstat(fd, &status) != 0)
		return "cannot be looked at";
	if (!S_ISREG(status.st_mode))
		return "not a regular file";
	if (status.st_uid != drop->owner)
		return "does not belong to the drop's owner";
	if (status.st_nlink != 1)
		return "has more than one name";
	return NULL;
}

/* The machine cannot, for now; the entry stays where it is. */
static void put_off(struct drop *drop, const char *name, const char *why)
{
	log_error("id=%s waits in the drop: %s", name, why);
	drop->again = queue_now() + TROUBLE_MS;
}

/* Into active/, where its name is ours. -1: it is not there. */
static int move(struct queue *queue, struct drop *drop, const char *name, bool is_made)
{
	if (renameat2(drop->folder, name, queue->active_folder, name, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EEXIST && is_made) { /* again, after a crash: the id says that it is the same */
		log_info("id=%s is in the queue already", name);
		unlinkat(drop->folder, name, 0);
	} else if (errno == EEXIST) {
		refuse(queue, drop, name, "its id is in the queue already");
	} else if (errno != ENOENT) {
		put_off(drop, name, strerror(errno));
	}
	return -1;
}

/* Read its envelope and move it: not the other way round, so that what cannot be read now is found again. */
static void start(struct queue *queue, struct drop *drop, const char *name, int fd)
{
	struct message *message;
	struct err err;
	bool is_made;

	message = message_new(queue, name, fd, &err);
	if (message == NULL && err.code == ERR_SYSTEM) {
		put_off(drop, name, err.text);
		return;
	}
	if (message != NULL && !str_equal(message->envelope.producer, str_of(drop->name))) {
		message_free(message);
		message = NULL;
		err_set(&err, ERR_CORRUPT, "the envelope names another producer");
	}
	is_made = message != NULL && message->envelope.parent.len != 0;
	if (is_made && !made_is_settled(queue, drop, message->envelope.parent)) {
		drop->postponed = true;
		message_free(message);
		return;
	}
	if (move(queue, drop, name, is_made) != 0) {
		if (message != NULL)
			message_free(message);
		return;
	}
	if (message == NULL) {
		message_set_aside(queue, name, err.text);
		return;
	}
	message_add_recipients(message);
	trace_begin(message);
	log_info("id=%s taken from %s, from=<%.*s>, size=%lld, recipients=%zu", name, drop->name,
	         STR_ARG(message->envelope.from), (long long)message->size, message->envelope.recipient_count);
	message_touch(message);
}

void intake_look_again(struct queue *queue)
{
	for (size_t i = 0; i < queue->drop_count; i++) {
		if (!queue->drops[i].postponed)
			continue;
		queue->drops[i].postponed = false;
		queue->drops[i].rescan = true;
		queue->turn_again = true;
	}
}

static void take(struct queue *queue, struct drop *drop, const char *name)
{
	int fd = openat(drop->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const char *why;

	if (fd < 0) {
		if (errno == ELOOP || errno == EACCES || errno == ENXIO)
			refuse(queue, drop, name, strerror(errno));
		else if (errno != ENOENT)
			put_off(drop, name, strerror(errno));
		return;
	}
	why = objection(drop, name, fd);
	if (why == NULL) {
		start(queue, drop, name, fd);
		return;
	}
	refuse(queue, drop, name, why);
	close(fd);
}

static void on_names(evutil_socket_t fd, short what, void *context)
{
	char events[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct queue *queue = context;
	ssize_t count = read(fd, events, sizeof events);

	(void)what;
	for (ssize_t at = 0; at + (ssize_t)sizeof(struct inotify_event) <= count;) {
		const struct inotify_event *event = (const struct inotify_event *)(events + at);

		at += (ssize_t)(sizeof *event + event->len);
		for (size_t i = 0; i < queue->drop_count; i++) {
			struct drop *drop = &queue->drops[i];

			if ((event->mask & IN_Q_OVERFLOW) != 0)
				drop->rescan = true;
			else if (drop->watch != event->wd || event->len == 0 || event->name[0] == '.')
				continue;
			else if (has_room(queue))
				take(queue, drop, event->name);
			else
				drop->rescan = true;
		}
	}
}

static void on_minute(evutil_socket_t fd, short what, void *context)
{
	struct queue *queue = context;

	(void)fd, (void)what;
	for (size_t i = 0; i < queue->drop_count; i++)
		queue->drops[i].rescan = true;
}

static void begin_scan(struct drop *drop)
{
	int fd = openat(drop->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	drop->rescan = false;
	drop->scan = fd >= 0 ? fdopendir(fd) : NULL;
	if (drop->scan == NULL) {
		log_error("cannot read spool/%s/new: %s", drop->name, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
}

void intake_turn(struct queue *queue)
{
	unsigned names = 0;

	for (size_t i = 0; i < queue->drop_count; i++) {
		struct drop *drop = &queue->drops[i];

		if (drop->again != 0 && drop->again <= queue_now()) {
			drop->again = 0;
			drop->rescan = true;
		}
		if (drop->scan == NULL && drop->rescan && has_room(queue))
			begin_scan(drop);
		while (drop->scan != NULL && has_room(queue) && names < NAMES_PER_TURN) {
			const struct dirent *entry = readdir(drop->scan);

			if (entry == NULL) {
				closedir(drop->scan);
				drop->scan = NULL;
			} else if (entry->d_name[0] != '.') {
				names++;
				take(queue, drop, entry->d_name);
			}
		}
		if ((drop->scan != NULL || drop->rescan) && has_room(queue))
			queue->turn_again = true;
	}
}

unsigned intake_count(struct queue *queue)
{
	unsigned count = 0;

	for (size_t i = 0; i < queue->drop_count; i++) {
		int fd = openat(queue->drops[i].folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		DIR *names = fd >= 0 ? fdopendir(fd) : NULL;

		for (const struct dirent *entry; names != NULL && (entry = readdir(names)) != NULL;)
			count += entry->d_name[0] != '.';
		if (names != NULL)
			closedir(names);
		else if (fd >= 0)
			close(fd);
	}
	return count;
}

static int add_drop(struct queue *queue, const char *name, struct err *err)
{
	struct drop *drop = &queue->drops[queue->drop_count];
	char path[64], whole[INSTANCE_PATH_MAX + 128];
	struct stat status;

	if (queue->drop_count == QUEUE_DROPS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d drops", QUEUE_DROPS_MAX);
	str_copy(str_of(name), drop->name, sizeof drop->name);
	snprintf(path, sizeof path, "%s/new", name);
	drop->folder = open_folder(queue, path, err);
	if (drop->folder < 0)
		return -1;
	if (fstat(drop->folder, &status) != 0)
		return err_system(err, "cannot look at spool/%s", path);
	drop->owner = status.st_uid;
	instance_path(whole, sizeof whole, queue->instance->spool, path);
	drop->watch = inotify_add_watch(queue->inotify, whole, IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
	if (drop->watch < 0)
		return err_system(err, "cannot watch %s", whole);
	drop->rescan = true; /* what is there already, read after the watch is on */
	queue->drop_count++;
	return 0;
}

int intake_open(struct queue *queue, struct err *err)
{
	static const struct timeval minute = {RESCAN_S, 0};
	struct event *names, *timer;

	queue->active_folder = open_folder(queue, "active", err);
	if (queue->active_folder < 0)
		return -1;
	queue->corrupt_folder = open_folder(queue, "corrupt", err);
	if (queue->corrupt_folder < 0 || spool_drop_open(&queue->own_drop, queue->instance, "queue-manager", err) != 0)
		return -1;
	queue->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (queue->inotify < 0)
		return err_system(err, "cannot watch the spool");
	for (const struct program *program = programs; program->name != NULL; program++)
		if (program->drop != NULL && add_drop(queue, program->drop, err) != 0)
			return -1;
	names = event_new(queue->base, queue->inotify, EV_READ | EV_PERSIST, on_names, queue);
	timer = event_new(queue->base, -1, EV_PERSIST, on_minute, queue);
	event_add(names, NULL);
	event_add(timer, &minute);
	return 0;
}
