/* Replies of SMTP servers, several in a row, as the client reads them from a connection. */
#include "common/net/smtp_reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct smtp_reply *reply, struct arena *arena)
{
	struct str words = smtp_reply_words(reply, arena);
	struct smtp_extensions extensions;

	if (reply->code < 200 || reply->code > 599 || words.len > SMTP_REPLY_WORDS_MAX || !str_is_utf8(words))
		abort();
	for (size_t i = 0; i < words.len; i++)
		if ((unsigned char)words.data[i] < ' ' || words.data[i] == 0x7f)
			abort();
	if (reply->enhanced[0] != '\0' && reply->enhanced[0] != '0' + smtp_reply_class(reply))
		abort();
	smtp_reply_extensions(reply, &extensions);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = str_from((const char *)data, size);
	struct smtp_reply reply;
	struct arena arena;
	struct err err;

	smtp_reply_init(&reply);
	arena_init(&arena);
	while (rest.data != NULL) {
		int result = smtp_reply_add_line(&reply, str_cut(&rest, '\n'), &err);

		if (result == 0)
			check(&reply, &arena);
		if (result != 1)
			smtp_reply_reset(&reply);
		arena_reset(&arena);
	}
	smtp_reply_free(&reply);
	arena_free(&arena);
	return 0;
}
