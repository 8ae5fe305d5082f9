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

/* Where a key is in the table, or may be: a place whose block is over. NULL: there is no room. */
static struct known_block *find_place(struct known_file *file, const struct cidr *key, int64_t now)
{
	struct known_block *free_place = NULL;

	for (size_t i = 0; i < KNOWN_PROBES; i++) {
		struct known_block *place = &file->blocks[(known_place(key) + i) % KNOWN_BLOCKS];

		if (known_is_of(place, key))
			return place;
		if (free_place == NULL && place->expires <= now)
			free_place = place;
	}
	return free_place;
}

static void set_place(volatile struct known_block *place, const struct known_block *block)
{
	if (place->expires == block->expires && place->is_ipv6 == block->is_ipv6 &&
	    memcmp((const void *)place->address, block->address, sizeof block->address) == 0)
		return;
	place->expires = 0;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	for (size_t i = 0; i < sizeof block->address; i++)
		place->address[i] = block->address[i];
	place->is_ipv6 = block->is_ipv6;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	place->expires = block->expires;
}

static void mark_block(const struct policyd *policyd, const struct block *block, struct known_file *file)
{
	const struct cidr *network = &block->network;
	struct cidr key = cidr_from_octets(network->address, network->is_ipv6, network->is_ipv6 ? 64 : 32);
	struct known_block entry = {.is_ipv6 = key.is_ipv6, .expires = block->expires};
	struct known_block *place;

	if (!cidr_holds(&key, network)) {
		file->networks++;
		return;
	}
	mark(&key, file);
	place = blocks_never(policyd, &key) ? NULL : find_place(file, &key, policyd_time());
	if (place == NULL || (known_is_of(place, &key) && place->expires >= block->expires))
		return;
	memcpy(entry.address, key.address, sizeof entry.address);
	set_place(place, &entry);
}

void known_mark_block(struct policyd *policyd, const struct block *block)
{
	mark_block(policyd, block, policyd->known);
}

/* Octet by octet: a reader in between sees an old or a new one, and in both a bad address is marked. */
void known_rebuild(struct policyd *policyd)
{
	struct known_file *fresh = memory_get(sizeof *fresh);
	volatile unsigned char *bits = policyd->known->bits;
	struct err err;

	for (size_t i = 0; i < policyd->blocks.count; i++)
		if (policyd->blocks.list[i].expires > policyd_time())
			mark_block(policyd, &policyd->blocks.list[i], fresh);
	if (events_each_key(policyd, policyd_time() - events_period(policyd), mark, fresh, &err) != 0) {
		log_error("the file of known addresses stays as it is: %s", err.text);
	} else {
		*(volatile uint64_t *)&policyd->known->networks = fresh->networks;
		for (size_t i = 0; i < sizeof fresh->bits; i++)
			if (bits[i] != fresh->bits[i])
				bits[i] = fresh->bits[i];
		for (size_t i = 0; i < KNOWN_BLOCKS; i++)
			set_place(&policyd->known->blocks[i], &fresh->blocks[i]);
	}
	memory_free(fresh);
}
