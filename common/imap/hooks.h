/*
 * imap/hooks: where the administrator's script imap4svr.lua has a say (05-services, IMAP4 service, Script).
 *
 *     DoCapability(ipaddr, capabilities) -> capabilities
 *     DoListResult(folder, attributes, extended) -> show, attributes, extended
 *     GetEncryption(clientip, localip, localport, mode) -> "none/starttls", "starttls", "ssl" or nil
 *
 * Each asks the script that its caller opened as IMAP_SCRIPT (common/script/script.h), within its sandbox. Without a
 * script nothing is changed, nor allocated. What a script answers goes to clients, so it is held against the protocol's
 * grammar first; an answer that is none is told in luaerrors.log, and the default stands.
 */
#ifndef POSTROOM_IMAP_HOOKS_H
#define POSTROOM_IMAP_HOOKS_H

#include "common/net/conn.h"
#include "common/script/script.h"
#include "common/settings/services.h"

#define IMAP_SCRIPT "imap4svr"

/*
 * What CAPABILITY announces to peer: those of the given words that the script leaves, in its order. It can hide words,
 * not add any: nothing implements them. Without IMAP4rev1 or IMAP4rev2 it is no answer (RFC 9051 6.1.1). Returns
 * capabilities, or a text in arena.
 */
struct str imap_hook_capabilities(struct script *script, const char *peer, struct str capabilities,
                                  struct arena *arena);

/*
 * A line of LIST: folder is its name in UTF-8; attributes ("\HasChildren \Sent") and extended (empty, or as
 * ` ("CHILDINFO" ("SUBSCRIBED"))` with the space before it) are what the script may change, into arena. False: the line
 * is not shown.
 */
bool imap_hook_list(struct script *script, struct str folder, struct str *attributes, struct str *extended,
                    struct arena *arena);

/*
 * How a connection is encrypted, before its first byte; usual: as the service is set. The script's words are "none"
 * (TLS is not offered), "none/starttls", "starttls" (no login before it), "ssl" (TLS from the first byte).
 */
enum service_encryption imap_hook_encryption(struct script *script, const struct conn *conn,
                                             enum service_encryption usual, struct arena *arena);

#endif
