/*
 * mime/vcard: contacts as people exchange them, text/vcard (RFC 6350; 2.1 and 3.0 are read, too).
 *
 * A card is taken apart into what an address book shows; what it has beside that is kept as it came, so that a contact
 * that was changed here still has it. Anything that looks like a card is read as far as it goes: others write worse
 * ones than the RFC allows. Reads nothing but the text, and keeps no state.
 */
#ifndef POSTROOM_MIME_VCARD_H
#define POSTROOM_MIME_VCARD_H

#include "common/base/arena.h"
#include "common/base/buf.h"

enum {
	VCARD_VALUES_MAX = 20,    /* of each kind; more are left out */
	VCARD_MAX = 48 << 10,     /* octets of a card that is read */
	VCARD_TEXT_MAX = 4 << 10, /* of one value */
};

struct vcard_values {
	struct str list[VCARD_VALUES_MAX];
	size_t count;
};

struct vcard {
	struct str uid, name, organization, title, note;
	struct vcard_values addresses; /* of mail */
	struct vcard_values phones;
	struct vcard_values places; /* where somebody lives or works, one line each */
	struct vcard_values groups; /* CATEGORIES */
	struct str rest;            /* all other properties, as they came, with their line ends */
};

/*
 * Cut the next card out of a text with any number of them. False: there is none any more. One that is longer than
 * VCARD_MAX, or has neither a name nor an address, is passed over and counted in *bad.
 */
bool vcard_next(struct str *text, struct arena *arena, struct vcard *card_out, size_t *bad);

/* Write one as version 4.0: CRLF, lines folded at 75 octets. */
void vcard_format(const struct vcard *card, struct buf *out);

/* Add a value, where there is room and it is not there yet. */
void vcard_add(struct vcard_values *values, struct str value);

#endif
