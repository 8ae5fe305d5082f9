/*
 * mailauth/srs: return paths for mail that is passed on, which the servers of its sender's domain allow to come from
 * here (SPF), and by which reports find their way back (Sender Rewriting Scheme, in the form of libsrs2).
 *
 * kate@a.test becomes SRS0=HHHH=TT=a.test=kate@<our domain>: TT the day, HHHH the first four characters of the base64
 * of HMAC-SHA1 by the secret over TT, domain and local part in lower case. What another server rewrote before,
 * SRS0=...@b.test, becomes SRS1=HHHH=b.test==...@<our domain>, by which a report skips all servers in between.
 *
 * Security stance: 24 bits and a day keep strangers from using this server as a relay by addresses that they made up;
 * who asks for an original takes reports alone. Whoever gets such a return path may send reports to it until it
 * expires.
 */
#ifndef POSTROOM_MAILAUTH_SRS_H
#define POSTROOM_MAILAUTH_SRS_H

#include "common/addr/addr.h"

enum { SRS_DAYS = 21 }; /* that a return path is good for */

/*
 * The form of an address, which has a domain, at our domain; now: seconds since 1970. What would be too long (its local
 * part over ADDR_LOCAL_MAX) is returned as it is, as with an empty secret. Lives in arena, or is address->text.
 */
struct str srs_rewrite(struct str secret, const struct addr *address, struct str domain, int64_t now,
                       struct arena *arena);

/* Is it of this form, whoever made it? */
bool srs_is(const struct addr *address);

/*
 * The address before the last step, where srs_rewrite made this one with the same secret, not longer than SRS_DAYS ago
 * (of SRS1 the server that comes next knows the day). False: it did not. *original_out lives in arena.
 */
bool srs_reverse(struct str secret, const struct addr *address, int64_t now, struct arena *arena,
                 struct str *original_out);

#endif
