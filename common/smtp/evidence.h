/*
 * smtp/evidence: what a message that comes in says itself of who signed it and who passed it on (DKIM, ARC), as results
 * for Authentication-Results (RFC 8601); for all who take messages.
 *
 *     evidence_remove_forged(&message, id)
 *     evidence_read(&evidence, &message, arena, &list, &err)
 *     evidence_add_dkim(&evidence, &dns, says_none, &list)
 *     evidence_add_arc(&evidence, &dns, client, &list)
 *     evidence_close(&evidence)
 *
 * The standards are in common/mailauth. Nothing here decides what follows from a result.
 * Security stance: a field that claims to be this server's own is taken out; none that a stranger wrote is believed.
 */
#ifndef POSTROOM_SMTP_EVIDENCE_H
#define POSTROOM_SMTP_EVIDENCE_H

#include "common/mailauth/arc/arc.h"
#include "common/mailauth/results/results.h"
#include "common/smtp/message.h"

struct evidence {
	struct arena *arena;
	struct dkim_message message;
	struct arc_chain chain;
	struct dkim_results signatures; /* by evidence_add_dkim */
	enum arc_state arc;             /* by evidence_add_arc */
};

/* RFC 8601 5: nobody else speaks in this server's name. */
void evidence_remove_forged(struct message *message, struct str authserv_id);

/*
 * Find the signatures and hash the body for them; all lives in arena. A header that cannot be looked at has none, which
 * list tells. -1: ERR_SYSTEM, the message cannot be read. In any case evidence_close gives everything back.
 */
int evidence_read(struct evidence *evidence, const struct message *message, struct arena *arena,
                  struct results_list *list, struct err *err);
void evidence_close(struct evidence *evidence);

/* A result for each signature; for a message without any where says_none. */
void evidence_add_dkim(struct evidence *evidence, const struct mailauth_dns *dns, bool says_none,
                       struct results_list *list);

/* RFC 8617 6; nothing where there is no chain. client: the address it came from, as readers may know it, or "". */
void evidence_add_arc(struct evidence *evidence, const struct mailauth_dns *dns, struct str client,
                      struct results_list *list);

#endif
