// parts: authd/exchange.c authd/scram.c
/* SASL exchanges of every mechanism, and SCRAM keys as text. */
#include "authd/exchange.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int lookup(struct str name, struct scram_keys *keys_out, void *context)
{
	static const unsigned char secret[SCRAM_KEY_LEN] = {1};

	(void)context;
	scram_fake(secret, name, keys_out);
	return name.len == 13 ? -1 : 0;
}

/* The first byte chooses the mechanism; the rest is the client's messages, separated by LF. */
static void converse(struct exchanges *exchanges, struct str input)
{
	const char *mechanism = exchange_offered((unsigned char)input.data[0] % 3);
	struct exchange *exchange = exchange_begin(exchanges, str_of(mechanism), NULL);
	enum exchange_state state = EXCHANGE_CONTINUE;
	struct buf challenge;

	buf_init(&challenge, 16384);
	input = str_skip(input, 1);
	while (state == EXCHANGE_CONTINUE && input.data != NULL)
		state = exchange_step(exchange, str_cut(&input, '\n'), &challenge);
	if (state == EXCHANGE_PROVED) /* no proof fits the keys that lookup gives */
		abort();
	if (state == EXCHANGE_PASSWORD && (exchange_name(exchange).len == 0 || exchange_password(exchange).len == 0))
		abort();
	exchange_end(exchange);
	buf_free(&challenge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct exchanges exchanges;
	struct str input = str_from((const char *)data, size);
	struct scram_keys keys;
	char text[SCRAM_TEXT_MAX];

	if (exchanges.library == NULL && exchanges_open(&exchanges, lookup, NULL, NULL) != 0)
		abort();
	if (scram_parse(input, &keys, NULL) == 0) {
		scram_format(&keys, text);
		if (scram_parse(str_of(text), &keys, NULL) != 0)
			abort();
	}
	if (size > 0)
		converse(&exchanges, input);
	return 0;
}
