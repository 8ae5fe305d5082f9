// parts: authd/exchange.c authd/scram.c authd/scram_server.c
/* SASL exchanges of every mechanism, and SCRAM keys as text. */
#include "authd/exchange.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int find_keys(struct str name, struct scram_keys *keys_out, void *context)
{
	static const unsigned char secret[SCRAM_KEY_LEN] = {1};

	(void)context;
	scram_fake(secret, name, keys_out);
	return name.len == 13 ? -1 : 0;
}

static int find_secret(struct str name, struct buf *secret, void *context)
{
	(void)context;
	buf_add_str(secret, STR("nobody knows this"));
	return name.len == 13 ? -1 : 0;
}

static const struct exchanges exchanges = {find_keys, find_secret, NULL};

/* The first byte chooses the mechanism; the rest is the client's messages, separated by LF; an empty one is none. */
static void converse(struct str input)
{
	static const struct exchange_terms terms = {
	    .bindings = {.exporter = "exporter", .exporter_len = 8, .endpoint = "endpoint", .endpoint_len = 8},
	    .challenges = true,
	    .host = "mail.example.test"};
	const char *mechanism = exchange_offered((unsigned char)input.data[0] % 6);
	struct exchange *exchange = mechanism != NULL ? exchange_begin(&exchanges, str_of(mechanism), &terms, NULL)
	                                              : exchange_begin_apop(&exchanges, &terms, NULL);
	enum exchange_state state = EXCHANGE_CONTINUE;
	struct buf challenge;

	buf_init(&challenge, 16384);
	input = str_skip(input, 1);
	while (state == EXCHANGE_CONTINUE && input.data != NULL) {
		struct str message = str_cut(&input, '\n');

		state = exchange_step(exchange, message.len > 0 ? message : (struct str){NULL, 0}, &challenge);
	}
	if (state == EXCHANGE_PROVED) /* no proof fits what the two functions give */
		abort();
	if (state == EXCHANGE_PASSWORD && (exchange_name(exchange).len == 0 || exchange_password(exchange).len == 0))
		abort();
	exchange_end(exchange);
	buf_free(&challenge);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_from((const char *)data, size);
	struct scram_keys keys;
	char text[SCRAM_TEXT_MAX];

	if (scram_parse(input, &keys, NULL) == 0) {
		scram_format(&keys, text);
		if (scram_parse(str_of(text), &keys, NULL) != 0)
			abort();
	}
	if (size > 0)
		converse(input);
	return 0;
}
