/*
 * decide: what becomes of a message that somebody sent to a list (specification 03, Posting).
 *
 * One pure function, in the specification's order: loop, banned, size, who may post, spam, moderation. What it is told
 * of the message comes from a process that read it and may be anybody's by now; so nothing that is decided here gives
 * more than some message of a stranger could have had.
 */
#ifndef POSTROOM_LISTS_DECIDE_H
#define POSTROOM_LISTS_DECIDE_H

#include "common/base/str.h"
#include "common/settings/list_settings.h"

struct post_facts {
	bool null_sender;  /* the envelope's sender is <> */
	bool has_marker;   /* this list distributed it already */
	bool is_automatic; /* an automatic answer: Auto-Submitted: auto-replied, Precedence of bulk, list or junk */
	bool from_listd;   /* another list's post: it may say Precedence */
	bool is_banned;    /* its sender is */
	int64_t size;      /* octets */
	bool is_member;    /* the sender, by From or by the login */
	bool is_moderator; /* the same */
	bool has_score;
	int64_t score; /* of the spam filter, in hundredths */
};

enum verdict {
	VERDICT_DISTRIBUTE,
	VERDICT_HOLD,
	VERDICT_REFUSE,  /* with a report to the sender */
	VERDICT_DISCARD, /* with a line in the log */
	VERDICT_SPAM,    /* to the addresses of spam-redirect, if any */
};

/* why_out: a sentence part for log and report, beginning with an enhanced status code where it may become a report. */
enum verdict decide_post(const struct list_settings *settings, const struct post_facts *facts, const char **why_out);

#endif
