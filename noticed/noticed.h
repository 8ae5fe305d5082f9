/*
 * noticed: tells administrators and users, by mail, what daemons have to say (common/notice/notice.h).
 *
 * Two processes. The first takes notices from the daemons, answers at once, and hands them on. The second, the writer,
 * works them off one after another, in sequence: the controls say whether this has been said often enough, the script
 * errorhandler.lua may decide otherwise, the settings say who is told, and the message goes into noticed's drop like
 * anybody else's mail. What was not said is kept for a day, for `postroom notice suppressed`. It is a process of its
 * own because no event loop runs scripts; where it falls behind, notices wait in its socket, and beyond that are in the
 * log alone.
 *
 * Security stance: what notices say may come from strangers (a remote server's words). It is cleaned of control
 * characters before it becomes a header field or a line. The writer reads settings and scripts, writes
 * state/notices/notices.db and its drop, and connects to nobody but statusd, for errors of the script.
 */
#ifndef POSTROOM_NOTICED_NOTICED_H
#define POSTROOM_NOTICED_NOTICED_H

#include "common/daemon/daemon.h"
#include "common/db/db.h"
#include "common/ipc/ipc.h"
#include "common/notice/control.h"
#include "common/settings/settings.h"
#include "common/spool/spool.h"

enum { NOTICED_KEPT_MS = 24 * 60 * 60 * 1000 }; /* what was suppressed */

/*
 * writer.c. All that the writer does in its life. Requests come by fd: "notice", which has no answer, and "suppressed",
 * which has one.
 */
void writer_run(const struct instance *instance, int fd) __attribute__((noreturn));

/* memory.c: notices.db, what was said and what was not. */
int memory_open(struct db *db, const struct instance *instance, struct err *err);
/* What is known of the same event under that control; zero: nothing. Then what is known from now on. */
int memory_read(struct db *db, const struct control *control, const struct notice *notice,
                struct control_state *state_out, struct err *err);
int memory_keep(struct db *db, const struct control *control, const struct notice *notice,
                const struct control_state *state, struct err *err);
/* Note one that was not said; and forget those of more than a day ago, and states that are over. */
int memory_suppress(struct db *db, const struct notice *notice, int64_t now, struct err *err);
/* Add "notice" fields (JSON) to reply, the newest first. */
int memory_list(struct db *db, int64_t now, struct ipc_message *reply, struct err *err);

/*
 * mail.c. Write the message into the drop, to the address. from: who it says it is from; empty: the mailer daemon. -1:
 * as spool_commit.
 */
int mail_write(const struct spool_drop *drop, const struct settings *settings, const struct notice *notice,
               struct str from, struct str address, struct err *err);

#endif
