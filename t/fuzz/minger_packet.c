/* Datagrams of Minger: questions are answered about the address that they name, and by that form; answers are read. */
#include "common/minger/minger.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str packet = str_from((const char *)data, size);
	enum minger_status status;
	struct minger_query query;
	struct arena arena;
	struct buf answer;
	struct err err;

	arena_init(&arena);
	buf_init(&answer, 2 * MINGER_PACKET_MAX);
	if (minger_query_parse(packet, &arena, &query, &err) == 0) {
		minger_query_is_from(&query, STR("secret"));
		minger_answer_format(&query, MINGER_UNKNOWN, &answer);
		if (answer.len > size + 4 ||
		    (answer.len <= MINGER_PACKET_MAX &&
		     (minger_answer_parse(buf_str(&answer), query.text, &status, &err) != 0 || status != MINGER_UNKNOWN)))
			abort();
	} else if (query.text.len > 0) {
		abort();
	}
	if (minger_answer_parse(packet, STR("a@b.test"), &status, &err) == 0 && status > MINGER_VALID)
		abort();
	buf_free(&answer);
	arena_free(&arena);
	return 0;
}
