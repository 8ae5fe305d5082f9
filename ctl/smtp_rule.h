/*
 * smtp_rule: what the files of "postroom smtp-rule" share.
 */
#ifndef POSTROOM_CTL_SMTP_RULE_H
#define POSTROOM_CTL_SMTP_RULE_H

#include "ctl/ctl.h"

#include <jansson.h>

#define SMTP_RULE_TEST_ARGUMENTS                                                                 \
	"FILE [--service NAME] [--from ADDRESS] [--to ADDRESS]... [--client ADDRESS] [--user NAME] " \
	"[--time TIME] [--json]"

/*
 * Ask configd for the rules of a service, by name or number (NULL: the first), as an array of the objects that
 * doc/ipc.md describes; the caller releases it. Returns CTL_DONE, or the exit status after the reason was printed.
 */
int smtp_rules_fetch(struct ctl *ctl, const char *service, json_t **rules_out, int64_t *service_out);

/* Run a message file through rules and script, and tell of each rule what it would do. */
int smtp_rule_test(struct ctl *ctl, int argc, char **argv);

#endif
