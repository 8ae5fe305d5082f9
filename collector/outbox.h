/*
 * outbox: what sessions parked in the drop, and when it is let go.
 *
 * The order that must hold: mail parked and synced, by the session < its name in the table committed, with what became
 * of the messages < mail moved into new/ < its name removed from the table, with the next commit. At start the table
 * says what is to be moved; the rest of tmp/ was never committed.
 */
#ifndef POSTROOM_COLLECTOR_OUTBOX_H
#define POSTROOM_COLLECTOR_OUTBOX_H

#include "collector/collector.h"

/* In a transaction: forget what was let go before. */
int outbox_begin(struct collectord *collectord, struct err *err);
/* In the same: this name of tmp/ is to be let go when it is committed. -1: ERR_SYNTAX (no id of this drop), db's. */
int outbox_add(struct collectord *collectord, struct str id, struct err *err);
/* After the commit: move all into new/. -1: ERR_SYSTEM; the next call does the rest. */
int outbox_release(struct collectord *collectord, struct err *err);

/* While no session runs: remove what nobody committed. */
void outbox_sweep(struct collectord *collectord);

#endif
