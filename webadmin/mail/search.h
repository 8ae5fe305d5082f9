/*
 * mail/search: what people write into a search field, as IMAP's search keys.
 *
 *     invoice from:anna is:unread since:2026-01-31 "new offer" -draft larger:2M
 *
 * Words are looked for in the whole message; all of them have to be true; "-" before one turns it round. Nothing is
 * refused: what is not known as a key is a word. For this folder alone.
 */
#ifndef POSTROOM_WEBADMIN_MAIL_SEARCH_H
#define POSTROOM_WEBADMIN_MAIL_SEARCH_H

#include "common/net/imap_talk.h"

enum { SEARCH_TERMS_MAX = 50 }; /* what is behind them is passed over */

/* Write the keys into the command that is being made, "ALL" where there are none. */
void search_write(struct imap_talk *talk, struct str text);

#endif
