/*
 * authd/keeper: the processes behind the pool: a keeper that forks the workers again when they die, and the workers.
 *
 * A worker reads a struct hash_request from its socket (SOCK_SEQPACKET), answers a struct hash_reply, and does nothing
 * else, ever. It may read the administrator's scripts, one of which has a say in new passwords, and no other file.
 */
#ifndef POSTROOM_AUTHD_KEEPER_H
#define POSTROOM_AUTHD_KEEPER_H

#include "common/daemon/daemon.h"

/*
 * Fork the keeper, which forks a worker for each of count pairs of sockets. sockets: the workers' ends, of which the
 * caller closes its copies; others: the caller's ends, when these close all processes end. Sockets handed to the daemon
 * are closed in the keeper. Returns the keeper's pid, -1: ERR_SYSTEM.
 */
pid_t keeper_start(const struct daemon *daemon, const int *sockets, const int *others, int count, struct err *err);

/* What the keeper says in place of a worker that died: a reply of this sequence number, result HASH_FAILED. */
enum { KEEPER_WORKER_DIED = 0 };

#endif
