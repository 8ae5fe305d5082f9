/*
 * bell_packet: what goes over a line of the bell, both ways; for the files of bell alone.
 */
#ifndef POSTROOM_NET_BELL_PACKET_H
#define POSTROOM_NET_BELL_PACKET_H

#include <stdint.h>

enum bell_kind {
	BELL_CLAIM = 1, /* session to listener: mailbox is mine */
	BELL_RING,      /* either way; from who claimed BELL_ANY with the mailbox to ring at */
	BELL_FORK,      /* session to listener, with a descriptor: another session on it */
};

struct bell_packet {
	uint32_t kind; /* enum bell_kind */
	uint32_t zero;
	int64_t mailbox;
};

#endif
