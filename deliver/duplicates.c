/* carrier: messages that come again. */
#include "common/base/io.h"
#include "common/base/log.h"
#include "deliver/carrier.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

const char *duplicates_folder(char *out, size_t size, const struct instance *instance)
{
	return instance_path(out, size, instance->state, "mail/_duplicates");
}

int duplicates_prepare(const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	return io_make_folder(duplicates_folder(path, sizeof path, instance), 0700, err);
}

static int copy(const struct order *order, int file, struct err *err)
{
	char part[65536];
	int64_t at = order->offset, end = order->offset + order->size;

	while (at < end) {
		ssize_t count = pread(order->fd, part, end - at < (int64_t)sizeof part ? (size_t)(end - at) : sizeof part, at);

		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return err_system(err, "cannot read the message");
		if (io_write_all(file, part, (size_t)count, err) != 0)
			return -1;
		at += count;
	}
	return fsync(file) == 0 ? 0 : err_system(err, "cannot sync a duplicate");
}

/* One file, whichever of its users have it already. */
static int save(const struct desk *desk, const struct order *order, struct err *err)
{
	char folder[INSTANCE_PATH_MAX + 128], path[INSTANCE_PATH_MAX + 300];
	int file, result;

	snprintf(path, sizeof path, "%s/%.*s.eml", duplicates_folder(folder, sizeof folder, desk->instance),
	         STR_ARG(order->id));
	file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return errno == EEXIST ? 0 : err_system(err, "cannot make %s", path);
	result = copy(order, file, err);
	close(file);
	if (result != 0)
		unlink(path);
	return result;
}

void duplicate_look(struct desk *desk, const struct order *order, struct decision *decision)
{
	struct err err;
	int known;

	if (decision->deferred.len > 0 || decision->fingerprint.len == 0)
		return;
	known = account_is_duplicate(desk, order, decision, &err);
	if (known == 1 && settings_flag(&desk->settings, SETTING_DUPLICATES_SAVE) && save(desk, order, &err) != 0)
		known = -1;
	if (known < 0)
		log_error("id=%.*s is delivered, whether it is a duplicate or not: %s", STR_ARG(order->id), err.text);
	if (known != 1)
		return;
	log_info("id=%.*s is a duplicate of what user uid=%lld has got already", STR_ARG(order->id),
	         (long long)decision->uid);
	decision->folder_count = decision->made_count = 0;
	decision->matched = 0;
}
