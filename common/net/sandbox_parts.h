/*
 * sandbox_parts: what the files of sandbox share; for nobody else.
 */
#ifndef POSTROOM_NET_SANDBOX_PARTS_H
#define POSTROOM_NET_SANDBOX_PARTS_H

#include "common/net/sandbox.h"

/* Landlock, from what the running kernel offers. -1: ERR_SYSTEM, ERR_LIMIT. */
int sandbox_landlock_create(struct sandbox *sandbox, struct err *err);
int sandbox_landlock_add(struct sandbox *sandbox, const char *path, enum sandbox_path access, struct err *err);
int sandbox_landlock_enter(const struct sandbox *sandbox, struct err *err);

/* seccomp: compile the filter of a profile, and the one of the base; install it. -1: ERR_SYSTEM. */
int sandbox_seccomp_compile_base(struct sandbox *sandbox, struct err *err);
int sandbox_seccomp_compile(struct sandbox *sandbox, struct err *err);
int sandbox_seccomp_enter(const struct sandbox *sandbox, struct err *err);

/* The calls that a profile closes; name and right are of sandbox_calls.c. */
struct sandbox_calls {
	unsigned opened_by;       /* any of these rights opens them, 0: none does */
	const char *const *names; /* NULL at the end */
};

extern const struct sandbox_calls sandbox_calls[]; /* names of NULL at the end */

#endif
