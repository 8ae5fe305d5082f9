/*
 * lan_script: lanforwarding.lua, which changes the rules of LAN forwarding for one recipient (specification 07).
 *
 * PreprocessRules(returnpath, recipient, checkmode, collector, rcptlocal, rcptdomain, rules) is called where rules are
 * looked at; the table that it returns counts instead of them, for this recipient. Where one of them takes him and the
 * message is to be queued, GetReturnPath(returnpath, originalrecipient, targetrecipient, collector, targetserver,
 * ruleid, comment, extradata) may give another return path. Each recipient has a script of its own, with the globals
 * MessageType (message, internal, check) and MessageType2.
 *
 * Passwords of rules are shown as stars; a rule that still has them, and the same server and user, keeps its own. What
 * the script returns is checked like the settings: a rule that would not be allowed there is reported and left out.
 * Runs in a worker (scripted.h).
 */
#ifndef POSTROOM_RESOLVER_LAN_SCRIPT_H
#define POSTROOM_RESOLVER_LAN_SCRIPT_H

#include "common/lan/rules.h"
#include "common/script/script.h"

#define LAN_SCRIPT "lanforwarding"

struct lan_script {
	struct script script;
	const char *type;  /* MessageType */
	const char *stage; /* MessageType2 */
	struct str from;   /* the return path */
	bool is_queued;    /* the message is on its way: GetReturnPath is asked */
	struct lan_rules rules;
};

/* Does the rule's recipient go elsewhere than the rule of that number says; and what is said of it then. */
struct lan_script_way {
	bool has_from;
	struct str from;
};

/* The rules for one recipient, at address. Views into arena; own where the script has nothing to say. */
const struct lan_rules *lan_script_rules(struct lan_script *script, const struct lan_question *question,
                                         struct str address, const struct lan_rules *own, struct arena *arena);
/* After a rule took the recipient. */
struct lan_script_way lan_script_way(struct lan_script *script, const struct lan_rule *rule,
                                     const struct lan_question *question, struct str address, struct str target,
                                     struct arena *arena);

#endif
