#include "queue-manager/queue.h"

#include "common/base/io.h"

#include <time.h>

static int64_t clock_offset;

int64_t queue_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return clock_offset + (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void queue_clock_continue(int64_t offset)
{
	clock_offset = offset;
}

int64_t queue_clock_offset(void)
{
	return clock_offset;
}

void queue_boot_id(char *out, size_t size)
{
	struct buf text;

	buf_init(&text, 256);
	io_read_file("/proc/sys/kernel/random/boot_id", &text, NULL);
	str_copy(str_trim(buf_str(&text)), out, size);
	buf_free(&text);
}
