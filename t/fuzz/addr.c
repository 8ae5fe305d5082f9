/* Addresses in all their places; what the parser accepts must parse again to the same. */
#include "common/addr/addr.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct addr *addr, struct arena *arena)
{
	struct addr again;

	if (addr->is_null || addr->domain.len == 0)
		return;
	if (addr_parse_mailbox(addr->text, arena, &again, NULL) != 0 || !str_equal(addr->text, again.text) ||
	    !addr_equal(addr, &again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = str_from((const char *)data, size);
	struct addr_list list;
	struct arena arena;
	struct addr addr;
	struct str rest, plain, again;

	arena_init(&arena);
	if (addr_parse_path(input, &arena, &addr, &rest, NULL) == 0)
		check_again(&addr, &arena);
	if (addr_parse_mailbox(input, &arena, &addr, NULL) == 0)
		check_again(&addr, &arena);
	if (addr_parse_list(input, &arena, &list, NULL) == 0)
		for (size_t i = 0; i < list.count; i++)
			check_again(&list.entries[i].addr, &arena);
	if (addr_normalise_domain(input, &arena, &plain, NULL) == 0 &&
	    (addr_normalise_domain(plain, &arena, &again, NULL) != 0 || !str_equal(plain, again)))
		abort();
	if (addr_xtext_decode(addr_xtext_encode(input, &arena), &arena, &plain, NULL) != 0 || !str_equal(plain, input))
		abort();
	addr_xtext_decode(input, &arena, &plain, NULL);
	arena_free(&arena);
	return 0;
}
