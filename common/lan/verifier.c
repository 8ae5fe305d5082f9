#include "common/lan/verifier.h"

#include "common/items/kinds.h"

int lan_verifiers_load(struct db *db, struct arena *arena, struct lan_verifiers *verifiers_out, struct err *err)
{
	struct items items;

	if (items_load(db, ITEM_LAN_VERIFIER, ITEM_SERVER, arena, &items, err) != 0)
		return -1;
	*verifiers_out = (struct lan_verifiers){.list = arena_get(arena, (items.count + 1) * sizeof *verifiers_out->list),
	                                        .count = items.count};
	for (size_t i = 0; i < items.count; i++)
		verifiers_out->list[i] = item_lan_verifier(&items.list[i]);
	return 0;
}

const struct lan_verifier *lan_verifiers_find(const struct lan_verifiers *verifiers, const struct server *server,
                                              struct arena *arena)
{
	struct str wanted = server_key(server, arena);
	const struct lan_verifier *found = NULL;
	struct server own;

	for (size_t i = 0; i < verifiers->count; i++) {
		const struct lan_verifier *verifier = &verifiers->list[i];

		if (server_parse(verifier->server, LAN_PORT, arena, &own, NULL) == 0 &&
		    str_equal(server_key(&own, arena), wanted) && (found == NULL || verifier->is_minger))
			found = verifier;
	}
	return found;
}
