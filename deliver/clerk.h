/*
 * clerk: a process beside the writer that has messages looked at.
 *
 *     writer  --order-->  clerk  --forks-->  carrier  --forks-->  decider
 *             <------------- decisions ---------'     <-- decisions --'
 *
 * The clerk forks a carrier for each message, and knows the settings for them. The carrier forks the decider, which
 * parses the message, runs the users' rules and scripts, and says what is to become of it; the carrier checks that,
 * writes mail that is made of it into deliver's drop, and tells the writer the rest.
 *
 * Security stance: the decider parses a stranger's message; it can read settings and scripts, and say its decision,
 * nothing else. The carrier parses nothing of the message: it writes to remote addresses only where the settings, or
 * the message's sender, name them (check.h), since mail in deliver's drop may go anywhere. Neither reaches a mailbox.
 */
#ifndef POSTROOM_DELIVER_CLERK_H
#define POSTROOM_DELIVER_CLERK_H

#include "deliver/decision.h"
#include "deliver/deliver.h"

struct clerk;

/* Start the process; before the sandbox. -1: ERR_SYSTEM, or as settings_open. */
int clerk_start(struct clerk **clerk_out, const struct daemon *daemon, struct event_base *base, struct err *err);

/* Look whether settings changed; then: has this user anything to decide? */
void clerk_look(struct clerk *clerk);
bool clerk_is_wanted(const struct clerk *clerk, int64_t uid);

/*
 * Have a message looked at for those addressees that are not decided yet. decided is called once, later: with what was
 * decided, or with err; decisions live during the call.
 */
typedef void clerk_decided(void *context, void *job, const struct decision *decisions, size_t count,
                           const struct err *err);
void clerk_ask(struct clerk *clerk, struct job *job, clerk_decided *decided, void *context);

#endif
