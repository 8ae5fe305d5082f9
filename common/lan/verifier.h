/*
 * verifier: which servers of LAN forwarding are asked whether a recipient exists before mail for him is taken
 * (specification 07, "Address verification for wildcard rules"). They are items of the kind lan-verifier.
 */
#ifndef POSTROOM_LAN_VERIFIER_H
#define POSTROOM_LAN_VERIFIER_H

#include "common/addr/server.h"
#include "common/items/item.h"

enum { LAN_VERIFIERS_MAX = 500 };

struct lan_verifier {
	struct str server; /* as rules have it */
	bool is_minger;    /* by Minger (common/minger); else by call-forward, with an SMTP session */
	struct str secret; /* a reference into authd; empty: none */
};

struct lan_verifiers {
	struct lan_verifier *list;
	size_t count;
};

/* From a snapshot. -1: as the database fails. */
int lan_verifiers_load(struct db *db, struct arena *arena, struct lan_verifiers *verifiers_out, struct err *err);
/* The one for a server, Minger before call-forward; NULL: recipients there are not verified. */
const struct lan_verifier *lan_verifiers_find(const struct lan_verifiers *verifiers, const struct server *server,
                                              struct arena *arena);

#endif
