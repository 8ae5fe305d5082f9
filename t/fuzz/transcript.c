/* What is logged of a session: no password of a command that logs in, however what is said is cut. */
#include "common/status/transcript.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool begins_with(struct str line, const char *words)
{
	return str_starts_nocase(line, str_of(words));
}

/* A line told of the client; what stands behind a command's name, where it is a secret, must not. */
static void check_line(enum transcript_protocol protocol, bool in_data, struct str line)
{
	static const char hidden[] = " ***";

	if (protocol == TRANSCRIPT_POP3 && begins_with(line, "PASS ") && !str_equal(str_skip(line, 4), str_of(hidden)))
		abort();
	if (protocol == TRANSCRIPT_SMTP && begins_with(line, "AUTH PLAIN ") && !in_data &&
	    !str_equal(str_skip(line, 10), str_of(hidden)))
		abort();
}

static void check_told(const struct transcript *transcript, enum transcript_protocol protocol)
{
	struct str key, value;
	bool in_data = false;

	if (transcript->packet.fields.len == 0)
		return;
	for (size_t position = 0; ipc_next(&transcript->packet, &position, &key, &value);) {
		if (str_equal(key, STR("client")))
			check_line(protocol, in_data, value);
		else if (str_equal(key, STR("server")))
			in_data = str_starts(value, STR("354"));
	}
}

/* The first octet is the protocol and how what follows is cut; who speaks changes at each NUL. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum transcript_protocol protocol;
	struct transcript transcript;
	bool by_client = false;
	struct str rest;
	size_t step;

	if (size < 2 || size > 16384) /* less than a packet, which begins anew when it is full */
		return 0;
	protocol = (enum transcript_protocol)(data[0] % 3);
	step = 1 + data[0] / 3;
	rest = str_from((const char *)data + 1, size - 1);
	transcript_init(&transcript, protocol);
	while (rest.data != NULL) {
		struct str words = str_cut(&rest, '\0');

		for (size_t at = 0; at < words.len; at += step)
			transcript_take(&transcript, by_client, str_sub(words, at, step));
		by_client = !by_client;
	}
	check_told(&transcript, protocol);
	transcript_free(&transcript);
	return 0;
}
