/*
 * imapd/resync: what a client has missed of a folder that it knew (RFC 7162 3.2.5, the QRESYNC parameter).
 *
 * Where the store does not remember far enough back, the client is told of every UID that is not there; that may name
 * UIDs that it never knew, which does no harm.
 */
#ifndef POSTROOM_IMAPD_RESYNC_H
#define POSTROOM_IMAPD_RESYNC_H

#include "imapd/imapd.h"

struct resync {
	bool wanted;
	uint64_t uidvalidity;
	int64_t modseq;                       /* the client knows what was until then */
	struct str known;                     /* UIDs that it knows, or empty: all */
	struct str match_numbers, match_uids; /* of some messages that it knows, the numbers and UIDs, or empty */
};

/* What stands behind the word QRESYNC. Noted in the parser where it fails. */
void resync_parse(struct session *session, struct resync *resync);
/* Write VANISHED (EARLIER) and FETCH of the selected folder. -1: as mailbox_changes. */
int resync_write(struct session *session, const struct resync *resync, struct err *err);

/*
 * What went since modseq, of the UIDs in `known` (NULL: all), as a set. Also for UID FETCH (CHANGEDSINCE n VANISHED).
 * Numbers that match_after names or precedes are known to be there still (0: none). -1: as mailbox_changes.
 */
int resync_vanished(struct session *session, int64_t modseq, const struct sequence *known, uint32_t match_after,
                    struct sequence_builder *vanished, struct err *err);

#endif
