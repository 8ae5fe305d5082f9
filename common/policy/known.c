#include "common/policy/known.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { IPV6_KEY_BITS = 64 };

int known_open(struct known *known, const struct instance *instance, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct stat info;
	void *mapped = MAP_FAILED;
	int fd = open(instance_path(path, sizeof path, instance->state, "policy/known"), O_RDONLY | O_CLOEXEC);

	known->file = NULL;
	if (fd < 0)
		return err_system(err, "cannot open %s", path);
	if (fstat(fd, &info) == 0 && info.st_size == sizeof *known->file)
		mapped = mmap(NULL, sizeof *known->file, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped == MAP_FAILED)
		return err_set(err, ERR_CORRUPT, "%s cannot be mapped", path);
	known->file = mapped;
	return 0;
}

static struct cidr key_of(const struct cidr *address)
{
	return address->is_ipv6 ? cidr_from_octets(address->address, true, IPV6_KEY_BITS) : *address;
}

bool policy_key(struct str peer, struct cidr *key_out)
{
	struct cidr address;

	if (cidr_parse(peer, &address, NULL, NULL) != 0 || !cidr_is_host(&address))
		return false;
	*key_out = key_of(&address);
	return true;
}

/* FNV-1a: quick, and an attacker who finds equal bits only makes policyd be asked. */
static uint64_t hash_of(const struct cidr *key)
{
	size_t octets = key->is_ipv6 ? IPV6_KEY_BITS / 8 : 4;
	uint64_t hash = 14695981039346656037U;

	for (size_t i = 0; i < octets; i++)
		hash = (hash ^ key->address[i]) * 1099511628211U;
	return hash ^ hash >> 32;
}

size_t known_bit(const struct cidr *key)
{
	return (size_t)(hash_of(key) % KNOWN_BITS);
}

size_t known_place(const struct cidr *key)
{
	return (size_t)(hash_of(key) >> 8) % KNOWN_BLOCKS;
}

bool known_is_of(const volatile struct known_block *block, const struct cidr *key)
{
	for (size_t i = 0; i < (key->is_ipv6 ? 16 : 4); i++)
		if (block->address[i] != key->address[i])
			return false;
	return (block->is_ipv6 != 0) == key->is_ipv6;
}

bool known_is_blocked(const struct known *known, const struct cidr *client)
{
	struct cidr key = key_of(client);
	struct timespec now;
	size_t place = known_place(&key);

	if (known->file == NULL)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	for (size_t i = 0; i < KNOWN_PROBES; i++) {
		const volatile struct known_block *block = &known->file->blocks[(place + i) % KNOWN_BLOCKS];

		if (block->expires > (int64_t)now.tv_sec * 1000 && known_is_of(block, &key))
			return true;
	}
	return false;
}

bool known_has(const struct known *known, const char *peer)
{
	struct cidr key;
	size_t bit;

	if (!policy_key(str_of(peer), &key))
		return false;
	if (known->file == NULL || known->file->networks != 0)
		return true;
	bit = known_bit(&key);
	return (known->file->bits[bit / 8] >> bit % 8 & 1) != 0;
}
