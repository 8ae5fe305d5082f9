/*
 * imapd/thread_records: what threading needs of each message of the selected folder, kept by the store in blocks
 * (common/store/blocks.h), so that THREAD of a hundred thousand messages reads some megabytes and no header.
 *
 * Texts are kept as hashes of 64 bits: only whether two are equal counts. That two different ones of a folder have the
 * same is less likely than that the disk says something else; and who makes such a pair on purpose gets no more than by
 * writing the other's id or subject.
 *
 * Messages that no block tells of are read and their records kept; records of messages that went are passed over, and
 * dropped when they are too many. So the answer is always that of reading every message of the view.
 */
#ifndef POSTROOM_IMAPD_THREAD_RECORDS_H
#define POSTROOM_IMAPD_THREAD_RECORDS_H

#include "imapd/imapd.h"

struct thread_record {
	uint32_t uid;
	uint16_t reference_count;
	uint8_t is_reply;  /* or forward */
	uint8_t is_absent; /* there was nothing to be read: it is in no thread */
	int64_t date;      /* when it was sent */
	uint64_t id;       /* thread_hash of its Message-ID; 0: none */
	uint64_t subject;
	uint64_t references[]; /* its ancestors' ids, the nearest last; or In-Reply-To's one */
};

/*
 * The records of all messages of the view, by position, in the session's arena; NULL may be where VIEW_GONE is set. -1:
 * the store failed (err), or as fields_each.
 */
int thread_records_get(struct session *session, const struct thread_record ***records_out, struct err *err);

#endif
