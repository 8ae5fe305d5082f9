/*
 * imapd/view_keywords: the table of combinations of keywords in a view, for the files of the view alone.
 */
#ifndef POSTROOM_IMAPD_VIEW_KEYWORDS_H
#define POSTROOM_IMAPD_VIEW_KEYWORDS_H

#include "imapd/view.h"

enum { VIEW_STORE_FLAGS = STORE_SEEN | STORE_ANSWERED | STORE_FLAGGED | STORE_DELETED | STORE_DRAFT };

/* The index of a combination, added where it is new. false: there are VIEW_KEYWORDS_MAX of them. */
bool view_find_keywords(struct view *view, struct str keywords, uint32_t *index);
/* Forget combinations that no message has any more, where there are many of them. */
void view_trim_keywords(struct view *view);
void view_free_keywords(struct view *view);

#endif
