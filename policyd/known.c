#include "policyd/policyd.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MODE = 0644 }; /* it tells hashes of bad addresses, to all daemons of this machine */

int known_create(struct policyd *policyd, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	void *mapped = MAP_FAILED;
	int fd = open(instance_path(path, sizeof path, policyd->daemon.instance.state, "policy/known"),
	              O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);

	if (fd < 0)
		return err_system(err, "cannot open %s", path);
	if (fchmod(fd, FILE_MODE) == 0 && ftruncate(fd, sizeof *policyd->known) == 0)
		mapped = mmap(NULL, sizeof *policyd->known, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		err_system(err, "cannot map %s", path);
	close(fd);
	if (mapped == MAP_FAILED)
		return -1;
	policyd->known = mapped;
	return 0;
}

static void mark(const struct cidr *key, void *context)
{
	struct known_file *file = context;
	size_t bit = known_bit(key);

	file->bits[bit / 8] |= (unsigned char)(1U << bit % 8);
}

void known_mark(struct policyd *policyd, const struct cidr *key)
{
	mark(key, policyd->known);
}

static void mark_block(const struct cidr *network, struct known_file *file)
{
	struct cidr key = cidr_from_octets(network->address, network->is_ipv6, network->is_ipv6 ? 64 : 32);

	if (cidr_holds(&key, network))
		mark(&key, file);
	else
		file->networks++;
}

void known_mark_block(struct policyd *policyd, const struct cidr *network)
{
	mark_block(network, policyd->known);
}

/* Octet by octet: a reader in between sees an old or a new one, and in both a bad address is marked. */
void known_rebuild(struct policyd *policyd)
{
	struct known_file *fresh = memory_get(sizeof *fresh);
	volatile unsigned char *bits = policyd->known->bits;
	struct err err;

	for (size_t i = 0; i < policyd->blocks.count; i++)
		mark_block(&policyd->blocks.list[i].network, fresh);
	if (events_each_key(policyd, policyd_time() - events_period(policyd), mark, fresh, &err) != 0) {
		log_error("the file of known addresses stays as it is: %s", err.text);
	} else {
		*(volatile uint64_t *)&policyd->known->networks = fresh->networks;
		for (size_t i = 0; i < sizeof fresh->bits; i++)
			if (bits[i] != fresh->bits[i])
				bits[i] = fresh->bits[i];
	}
	memory_free(fresh);
}
