/* sandbox: Landlock, by its system calls, with what the running kernel offers of it (landlock(7)). */
#include "common/net/sandbox_parts.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Debian 12's header ends with version 2; these are the kernel's numbers of later versions. The rule set's attributes
 * only ever grow at the end, and a kernel is given the size it knows.
 */
#define ACCESS_FS_TRUNCATE  (1ULL << 14) /* from version 3 */
#define ACCESS_FS_IOCTL_DEV (1ULL << 15) /* 5 */

struct ruleset_attributes {
	uint64_t access_fs;
	uint64_t access_net; /* 4 */
	uint64_t scoped;     /* 6 */
};

enum {
	LEAST_VERSION = 2, /* before it no file could be linked or renamed into another folder */
	ACCESS_NET_BIND_TCP = 1,
	ACCESS_NET_CONNECT_TCP = 2,
	SCOPE_ABSTRACT_UNIX_SOCKET = 1,
	SCOPE_SIGNAL = 2,
	RULE_NET_PORT = 2,
};

struct port_attributes {
	uint64_t access;
	uint64_t port; /* 0: one that the system chooses */
};

#define READ_ACCESS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ADD_ACCESS  (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER)
#define WRITE_ACCESS                                                                            \
	(READ_ACCESS | ADD_ACCESS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | ACCESS_FS_TRUNCATE)
#define FILE_ACCESS \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | ACCESS_FS_TRUNCATE)

int sandbox_landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version >= LEAST_VERSION ? (int)version : 0;
}

/* All that the kernel can forbid in the file system: what no rule allows is then denied. */
static uint64_t known_fs_access(int version)
{
	uint64_t access = LANDLOCK_ACCESS_FS_REFER * 2 - 1;

	if (version >= 3)
		access |= ACCESS_FS_TRUNCATE;
	if (version >= 5)
		access |= ACCESS_FS_IOCTL_DEV;
	return access;
}

static size_t attributes_size(int version)
{
	if (version >= 6)
		return sizeof(struct ruleset_attributes);
	return version >= 4 ? offsetof(struct ruleset_attributes, scoped) : offsetof(struct ruleset_attributes, access_net);
}

/* TCP is connected where the profile says so; a certain port of one's own is needed by nobody. */
static uint64_t known_net_access(unsigned rights)
{
	return (rights & SANDBOX_CONNECT) != 0 ? ACCESS_NET_BIND_TCP : ACCESS_NET_BIND_TCP | ACCESS_NET_CONNECT_TCP;
}

static int allow_any_port(const struct sandbox *sandbox, int version, struct err *err)
{
	const struct port_attributes any = {.access = ACCESS_NET_BIND_TCP, .port = 0};

	if (version < 4 || (sandbox->rights & SANDBOX_CONNECT_FROM) == 0 ||
	    syscall(SYS_landlock_add_rule, sandbox->ruleset, RULE_NET_PORT, &any, 0) == 0)
		return 0;
	return err_system(err, "cannot add a Landlock rule");
}

int sandbox_landlock_create(struct sandbox *sandbox, struct err *err)
{
	static bool warned;
	int version = sandbox_landlock_version();
	struct ruleset_attributes attributes = {
	    .access_fs = known_fs_access(version),
	    .access_net = known_net_access(sandbox->rights),
	    .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL,
	};

	sandbox->ruleset = -1;
	sandbox->owner = getpid();
	if (version == 0) {
		if (!warned)
			log_warning("this kernel has no Landlock: processes are not kept from files by it");
		warned = true;
		return 0;
	}
	sandbox->ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, attributes_size(version), 0);
	if (sandbox->ruleset < 0)
		return err_system(err, "cannot make a Landlock rule set");
	return allow_any_port(sandbox, version, err);
}

static int add_rule(int ruleset, const struct sandbox_rule *rule, struct err *err)
{
	struct landlock_path_beneath_attr beneath = {.allowed_access = rule->access, .parent_fd = rule->folder};

	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
		return err_system(err, "cannot add a Landlock rule");
	return 0;
}

/*
 * A descriptor of a rule set is the same rule set in every process: what a session allows itself must not become its
 * siblings' right. So a process that did not make it makes its own, with the same rules.
 */
static int own_ruleset(struct sandbox *sandbox, struct err *err)
{
	int inherited = sandbox->ruleset;

	if (sandbox->owner == getpid())
		return 0;
	if (sandbox_landlock_create(sandbox, err) != 0)
		return -1;
	close(inherited);
	for (size_t i = 0; i < sandbox->rule_count; i++)
		if (add_rule(sandbox->ruleset, &sandbox->rules[i], err) != 0)
			return -1;
	return 0;
}

static uint64_t access_bits(const struct sandbox *sandbox, enum sandbox_path access)
{
	switch (access) {
	case SANDBOX_ADD:
		/* An unnamed file is opened for writing "below" its folder. The filter sees to it that no other is. */
		return (sandbox->rights & SANDBOX_LOCK_OWNER) != 0 ? ADD_ACCESS : ADD_ACCESS | LANDLOCK_ACCESS_FS_WRITE_FILE;
	case SANDBOX_WRITE:
		return WRITE_ACCESS;
	default:
		return (sandbox->rights & SANDBOX_EXEC) != 0 ? READ_ACCESS | LANDLOCK_ACCESS_FS_EXECUTE : READ_ACCESS;
	}
}

int sandbox_landlock_add(struct sandbox *sandbox, const char *path, enum sandbox_path access, struct err *err)
{
	struct sandbox_rule rule = {.access = access_bits(sandbox, access)};
	struct stat status;

	if (sandbox->rule_count == SANDBOX_MAX_PATHS)
		return err_set(err, ERR_LIMIT, "more than %d paths in a sandbox", SANDBOX_MAX_PATHS);
	rule.folder = open(path, O_PATH | O_CLOEXEC);
	if (rule.folder < 0 || fstat(rule.folder, &status) != 0) {
		err_system(err, "cannot open %s for the sandbox", path);
		if (rule.folder >= 0)
			close(rule.folder);
		return -1;
	}
	if (!S_ISDIR(status.st_mode))
		rule.access &= FILE_ACCESS;
	rule.access &= known_fs_access(sandbox_landlock_version());
	if (sandbox->ruleset >= 0 && (own_ruleset(sandbox, err) != 0 || add_rule(sandbox->ruleset, &rule, err) != 0)) {
		close(rule.folder);
		return err_prefix(err, "%s", path);
	}
	sandbox->rules[sandbox->rule_count++] = rule;
	return 0;
}

int sandbox_landlock_enter(const struct sandbox *sandbox, struct err *err)
{
	if (sandbox->ruleset >= 0 && syscall(SYS_landlock_restrict_self, sandbox->ruleset, 0) != 0)
		return err_system(err, "cannot enter the Landlock rule set");
	return 0;
}
