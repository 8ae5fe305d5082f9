/*
 * authd/approve: may a new password be set? The administrator's script passwordcheck.lua is asked, where there is one.
 *
 * Runs in worker processes only. The script is loaded for each password and thrown away with it, so that none stays in
 * its memory. One that fails refuses nothing, and the log has its error.
 */
#ifndef POSTROOM_AUTHD_APPROVE_H
#define POSTROOM_AUTHD_APPROVE_H

#include "authd/hash.h"
#include "common/script/script.h"

/* Check(username, password, minlength) of the script; false where it says so. */
bool approve_password(const struct instance *instance, const struct hash_request *request);

#endif
