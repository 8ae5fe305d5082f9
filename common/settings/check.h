/*
 * settings/check: which values types of settings allow; for this folder alone. check.c has the simple ones, and
 * setting_check; check_mail.c those about messages; check_net.c those about servers, networks and bandwidth.
 */
#ifndef POSTROOM_SETTINGS_CHECK_H
#define POSTROOM_SETTINGS_CHECK_H

#include "common/settings/settings.h"

/* Add the normal form of a value to normal. -1: ERR_SYNTAX, ERR_LIMIT with a sentence that names the key. */
typedef int check_function(const struct setting_definition *definition, struct str value, struct buf *normal,
                           struct err *err);

check_function check_lines, check_fields, check_modifiers, check_domain_map, check_targets, check_rewrite,
    check_tls_demands;
check_function check_senders, check_networks, check_host, check_servers, check_zones, check_pools, check_bandwidth,
    check_ceilings, check_smtp_target;

enum { CHECK_ITEMS_MAX = 100 /* of a list of settings */ };

/* A value's part in a sentence, short enough for a line. */
#define SHOWN(value) STR_ARG(str_sub(value, 0, 80))

#endif
