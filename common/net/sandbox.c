#include "common/net/sandbox.h"

#include "common/base/memory.h"
#include "common/net/sandbox_parts.h"

#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BASE_VARIABLE "POSTROOM_SANDBOX_BASE"

#ifdef POSTROOM_SANITIZED
/*
 * LeakSanitizer looks at the process from a helper that traces it, which a sandbox forbids; it asks this function (of
 * its interface, hence the name) before it tries.
 */
static bool inside;

int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return inside;
}
#endif

int sandbox_init(struct sandbox *sandbox, unsigned rights, struct err *err)
{
	*sandbox = (struct sandbox){.rights = rights};
	return sandbox_landlock_create(sandbox, err);
}

int sandbox_allow(struct sandbox *sandbox, const char *path, enum sandbox_path access, struct err *err)
{
	if (access == SANDBOX_ADD) {
		if (sandbox->filter != NULL)
			return err_set(err, ERR_DENIED, "%s: the sandbox is compiled already", path);
		sandbox->adds = true;
	}
	return sandbox_landlock_add(sandbox, path, access, err);
}

int sandbox_prepare(struct sandbox *sandbox, struct err *err)
{
	return sandbox_seccomp_compile(sandbox, err);
}

/* A listener keeps the right to low ports for bindings added later; its sessions have no use for it. */
static int drop_capabilities(struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {0}, held[2];

	/* within a sandbox that was entered before there is nothing to give up, and no call for it */
	if (syscall(SYS_capget, &header, held) == 0 && memcmp(held, none, sizeof held) == 0)
		return 0;
	if (syscall(SYS_capset, &header, none) != 0)
		return err_system(err, "cannot give capabilities up");
	return 0;
}

/* What is closed to every profile, compiled once; whether this process is in it, by itself or by inheritance. */
static struct sandbox base;
static bool in_base;

static int enter_base(struct err *err)
{
#ifdef POSTROOM_SANITIZED
	inside = true;
#endif
	if (in_base)
		return 0;
	if (base.filter == NULL && sandbox_seccomp_compile_base(&base, err) != 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_system(err, "cannot set no_new_privs");
	if (sandbox_seccomp_enter(&base, err) != 0)
		return -1;
	in_base = true;
	return 0;
}

int sandbox_enter_base(struct err *err)
{
	const char *who = getenv(BASE_VARIABLE);
	char self[16];

	/* It outlives exec: a listener that executed itself again, with the same process id, is in it already. */
	snprintf(self, sizeof self, "%d", (int)getpid());
	in_base = in_base || (who != NULL && strcmp(who, self) == 0);
	setenv(BASE_VARIABLE, self, 1);
	return enter_base(err);
}

int sandbox_enter(const struct sandbox *sandbox, struct err *err)
{
	if (enter_base(err) != 0 || drop_capabilities(err) != 0 || sandbox_landlock_enter(sandbox, err) != 0)
		return -1;
	return sandbox_seccomp_enter(sandbox, err);
}

void sandbox_free(struct sandbox *sandbox)
{
	if (sandbox->ruleset >= 0)
		close(sandbox->ruleset);
	sandbox->ruleset = -1;
	for (size_t i = 0; i < sandbox->rule_count; i++)
		close(sandbox->rules[i].folder);
	sandbox->rule_count = 0;
	memory_free(sandbox->filter);
	sandbox->filter = NULL;
}

static int set_limit(int what, rlim_t value, const char *name, struct err *err)
{
	struct rlimit limit = {.rlim_cur = value, .rlim_max = value};

	if (setrlimit((__rlimit_resource_t)what, &limit) != 0)
		return err_system(err, "cannot limit %s", name);
	return 0;
}

int sandbox_limit(size_t memory_bytes, unsigned cpu_seconds, unsigned descriptors, struct err *err)
{
#ifdef POSTROOM_SANITIZED
	memory_bytes = 0; /* the sanitizer's shadow takes terabytes of addresses */
#endif
	if (set_limit(RLIMIT_CORE, 0, "core files", err) != 0)
		return -1;
	if (memory_bytes != 0 && set_limit(RLIMIT_AS, memory_bytes, "memory", err) != 0)
		return -1;
	if (cpu_seconds != 0 && set_limit(RLIMIT_CPU, cpu_seconds, "CPU time", err) != 0)
		return -1;
	if (descriptors != 0 && set_limit(RLIMIT_NOFILE, descriptors, "descriptors", err) != 0)
		return -1;
	return 0;
}
