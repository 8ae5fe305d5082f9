/*
 * authd/keeper: the processes behind the pool: a keeper that forks the workers again when they die, and the workers.
 *
 * A worker reads a struct hash_request from its socket (SOCK_SEQPACKET), answers a struct hash_reply, and does nothing
 * else, ever. It may read the administrator's scripts, one of which has a say in new passwords, and no other file.
 */
#ifndef POSTROOM_AUTHD_KEEPER_H
#define POSTROOM_AUTHD_KEEPER_H

#include "common/daemon/daemon.h"

/* What a keeper is started with. */
struct keeper_start {
	const struct daemon *daemon;
	const int *sockets; /* the workers' ends, of which the caller closes its copies */
	int count;
	const int *others; /* the caller's ends, of this keeper and those before it; when these close all processes end */
	int other_count;
	int nice;  /* of its workers */
	int rests; /* each rests that many times as long as its last job took; 0: not at all */
};

/*
 * Fork a keeper, which forks a worker for each of its sockets. Sockets handed to the daemon are closed in it. Returns
 * its pid, -1: ERR_SYSTEM.
 */
pid_t keeper_start(const struct keeper_start *start, struct err *err);

/* What the keeper says in place of a worker that died: a reply of this sequence number, result HASH_FAILED. */
enum { KEEPER_WORKER_DIED = 0 };

#endif
