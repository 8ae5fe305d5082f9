/*
 * authd/translate: usermanager.lua, by which people log in with other names than their own (specification 09-5.7).
 *
 * TranslateUsername(protocol, submitted) gives the name that is looked up; protocol is POP3, IMAP4, SMTP or WEBMAIL.
 * Without the script or the function, or where it fails or gives nothing, the name stays. Methods that prove a password
 * without sending it (SCRAM, CRAM-MD5, APOP) are bound to the name as it was given and are not asked about. Runs in the
 * worker processes.
 */
#ifndef POSTROOM_AUTHD_TRANSLATE_H
#define POSTROOM_AUTHD_TRANSLATE_H

#include "authd/hash.h"
#include "common/script/script.h"

/* Is there such a script? Costs a stat(2); for the loop. */
bool translate_is_wanted(const struct instance *instance);
/* What it calls the protocol of a caller of authd's; NULL: its names are not asked about. */
const char *translate_protocol(const char *caller);
/* Do a job of the kind HASH_NAME. */
void translate_name(const struct instance *instance, const struct hash_request *request, struct hash_reply *reply);

#endif
