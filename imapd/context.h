/*
 * imapd/context: searches whose results are kept up to date (RFC 5267 4.3).
 *
 * SEARCH or SORT RETURN (UPDATE ...) leaves its program here. Each time the view follows the mailbox, messages that
 * came or changed are held against it again, and what enters or leaves the result is told: REMOVEFROM before EXPUNGE,
 * everything else behind EXISTS and FETCH. A context ends with CANCELUPDATE or with the selected folder.
 */
#ifndef POSTROOM_IMAPD_CONTEXT_H
#define POSTROOM_IMAPD_CONTEXT_H

#include "imapd/search.h"
#include "imapd/sort.h"

enum { CONTEXTS_MAX = 16 }; /* of a session; more are refused (NOUPDATE) */

struct context;

/* A context in the making: its arena is where the program belongs. NULL: there are too many. */
struct context *context_begin(struct session *session);
struct arena *context_arena(struct context *context);
/* The search is answered: keep it up to date from here on. sort NULL: in the folder's order. attributes: what to FETCH
 * of new messages that match ("(UID)"), or empty. */
void context_add(struct session *session, struct context *context, const struct search_program *program,
                 const struct sort_program *sort, struct str attributes, const struct search_result *result);
/* It came to nothing. NULL is allowed. */
void context_drop(struct context *context);
/* Is the running command's tag that of a context? */
bool contexts_have_tag(const struct session *session, struct str tag);

/* For session_follow: before messages that are marked VIEW_GONE leave the view; after everything else was told. */
void contexts_before_expunge(struct session *session);
void contexts_after(struct session *session);
/* The folder is not selected any more. */
void contexts_close(struct session *session);

#endif
