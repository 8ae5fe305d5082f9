/* Fuzz target: a packet as it comes over a channel, from the header on. */
#include "common/ipc/ipc.h"

#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ends[2] = {-1, -1};
	struct ipc_message message;
	struct str key, value;
	size_t position = 0;
	uint32_t sequence;
	int64_t number;
	struct err err;

	if (ends[0] < 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
		return 0;
	if (size == 0 || send(ends[0], data, size, MSG_DONTWAIT) < 0)
		return 0;
	ipc_message_init(&message);
	if (ipc_receive(ends[1], &message, &sequence, 100, &err) == 1) {
		while (ipc_next(&message, &position, &key, &value))
			;
		ipc_get_number(&message, "count", 0, INT64_MAX, &number);
	}
	ipc_message_free(&message);
	return 0;
}
