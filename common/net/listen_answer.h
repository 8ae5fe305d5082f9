/*
 * listen_answer: what every listener of sessions answers to the command line: how many there are, and the end of one.
 */
#ifndef POSTROOM_NET_LISTEN_ANSWER_H
#define POSTROOM_NET_LISTEN_ANSWER_H

/*
 * Serve one connection of the socket "from-postroom" until the caller leaves: ops "sessions" and "end" (doc/ipc.md). To
 * be called from listen_run's session function, in no sandbox but the base. Returns the exit status.
 */
int listen_answer(int fd);

#endif
