/*
 * imapd/uses: what folders may be for (RFC 6154): said at CREATE, and the entry "/private/specialuse" of their
 * metadata.
 */
#ifndef POSTROOM_IMAPD_USES_H
#define POSTROOM_IMAPD_USES_H

#include "imapd/imapd.h"

/* Attributes separated by spaces, in any case, as LIST writes them, each once: in the session's arena. False: one is
 * not known. */
bool uses_normalise(struct session *session, struct str *uses);

#endif
