#include "common/collecting/routing.h"

#include <stdlib.h>

#include "common/addr/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is asked for is an address; who it is the first octet of its local part says. */
static int ask_address(void *context, struct arena *arena, struct routing_address *answer, struct err *err)
{
	struct addr addr;

	(void)context;
	if (addr_parse_mailbox(answer->address, arena, &addr, err) != 0 || addr.domain.len == 0)
		abort();
	answer->standing = (enum routing_standing)((unsigned char)addr.local_part.data[0] % (ROUTING_FOREIGN + 1));
	return 0;
}

static int ask_author(void *context, struct str address, struct arena *arena, struct rule_targets *targets,
                      struct err *err)
{
	(void)context;
	if (address.len % 7 == 0)
		return targets_parse(STR("fred Customers, bob"), arena, targets, err);
	return 0;
}

/* "options NUL header": the first octet says method and readings, the rest of the options are special fields. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_from((const char *)data, size), rest = input, definitions;
	struct routing_options options = {.own_domain = STR("own.test"), .forward_address = STR("office@lan.test")};
	struct routing_asker asker = {.address = ask_address, .author = ask_author};
	struct routing routing;
	struct arena arena;
	struct err err;
	uint8_t choice;

	if (size < 2)
		return 0;
	choice = data[0];
	rest = str_skip(input, 1);
	definitions = str_cut(&rest, '\0');
	arena_init(&arena);
	options.method = (enum routing_method)(choice % (ROUTING_BY_SUBJECT + 1));
	options.read_special = options.read_received = (enum routing_reading)(choice / 8 % (ROUTING_READ_ALL + 1));
	options.ignore_from_line = (choice & 64) != 0;
	options.ignore_standard_names = options.ignore_received_names = (choice & 128) != 0;
	if (routing_parse_order(STR("special, standard, received"), options.order, &err) != 0 ||
	    regex_compile(STR("/for (\\S+)/"), &options.subject, &err) != 0)
		abort();
	if (rest.data != NULL && special_parse(definitions, &arena, &options.special, &err) == 0) {
		if (routing_find(&options, rest, &asker, true, &arena, &routing, &err) != 0)
			abort();
		for (size_t i = 0; i < routing.recipient_count; i++)
			if (routing.recipients[i].address.len == 0 || str_find_char(routing.recipients[i].address, '\n') >= 0)
				abort();
		if (routing.address_count > ROUTING_ADDRESSES_MAX)
			abort();
	}
	routing_options_free(&options);
	arena_free(&arena);
	return 0;
}
