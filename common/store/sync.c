#include "common/store/append.h"

#include "common/base/io.h"

#include <unistd.h>

enum {
	FILES_MIN = 4,        /* below that single syncs are as quick */
	SLOW_MS = 250,        /* somebody else writes a lot */
	PAUSE_MS = 60 * 1000, /* for how long single syncs are used then */
};

static int64_t slow_until;

bool sync_prefers_whole(size_t files)
{
	return files >= FILES_MIN && io_now_ms() >= slow_until;
}

int sync_whole(int fd, struct err *err)
{
	int64_t begin = io_now_ms(), end;
	int result = syncfs(fd);

	end = io_now_ms();
	if (end - begin > SLOW_MS)
		slow_until = end + PAUSE_MS;
	return result == 0 ? 0 : err_system(err, "cannot sync the file system");
}
