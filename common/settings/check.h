/*
 * settings/check: which values types of settings allow; for this folder alone. check.c has the simple ones, and
 * setting_check; check_mail.c those about messages.
 */
#ifndef POSTROOM_SETTINGS_CHECK_H
#define POSTROOM_SETTINGS_CHECK_H

#include "common/settings/settings.h"

/* Add the normal form of a value to normal. -1: ERR_SYNTAX, ERR_LIMIT with a sentence that names the key. */
typedef int check_function(const struct setting_definition *definition, struct str value, struct buf *normal,
                           struct err *err);

check_function check_lines, check_fields, check_modifiers, check_domain_map, check_targets, check_rewrite,
    check_tls_demands;

#endif
