/*
 * script_rules: what a script has to say in a run of rules; for rules alone.
 *
 * A function gets (data, size, position, lines, rule name) and answers with up to ten values (specification 05, "Rule
 * script"). What it answers is believed no more than a rule's texts are: addresses, header lines and keywords are held
 * to their syntax, and an answer that breaks it is reported (luaerrors.log) and counts as none.
 */
#ifndef POSTROOM_RULES_SCRIPT_RULES_H
#define POSTROOM_RULES_SCRIPT_RULES_H

#include "common/rules/rules.h"

/*
 * The functions First (or Start), Last, and the one that a rule names. True: the answer ends the run, and result says
 * how. False: nothing was answered, or that the run goes on.
 */
bool script_rules_first(const struct rules_run *run, struct rules_result *result);
bool script_rules_last(const struct rules_run *run, struct rules_result *result);
bool script_rules_call(const struct rules_run *run, const struct rule *rule, struct rules_result *result);

#endif
