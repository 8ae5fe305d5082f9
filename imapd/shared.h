/*
 * imapd/shared: other users' folders, "#users/<owner>/<name>", in the session of the one who sees them.
 *
 * Each owner's folders are served by a session of their own in the owner's mailbox (guest.h), which the listener forks
 * when they are first needed and which ends when they were not for a minute. A command about such a folder is handed on
 * as it came, with its literals; what comes back goes to the client as it is, and the channel beside it, not the text,
 * says where it ends. A folder that is selected there is the client's selected folder.
 *
 * This session never looks into the other mailbox, and the other one never into this: messages go between them as
 * unnamed files, put only where the client's own command says. Which rights there are is decided there.
 */
#ifndef POSTROOM_IMAPD_SHARED_H
#define POSTROOM_IMAPD_SHARED_H

#include "imapd/imapd.h"

struct upload;
struct stored;

enum {
	SHARED_MAX = 16,           /* sessions in other mailboxes at a time */
	SHARED_OWNERS_MAX = 10000, /* told of by LIST */
	SHARED_NAMES_MAX = 20000,  /* of one owner */
};

struct remote {
	char owner[IMAP_USER_MAX]; /* "": not in use */
	int control, stream;
	uint32_t sequence;
	int64_t used_ms; /* io_now_ms() */
};

struct shared {
	struct remote remotes[SHARED_MAX];
	struct remote *selected; /* has the selected folder; NULL: none has */
	struct str copy_target;  /* where the command that runs there may put messages; else empty */
};

/* "#users", or below it? */
bool shared_is_name(struct str name);
/* "#users/karen/Sales" in its parts; rest: empty where there is none. False: no owner is named. */
bool shared_split(struct str name, struct str *owner, struct str *rest);

/* Does a session in another mailbox deal with the command? Then all is said, or noted (shared_route.c). */
bool shared_take_command(struct session *session, const struct command *command);

/*
 * Is it a command that sessions in other mailboxes deal with at all? They run no other: what a session that was taken
 * over sends them is not believed, and the others know nothing of rights.
 */
bool shared_is_handed_on(const struct command *command);

/* The session in an owner's mailbox, opened where there is none. NULL: the NO is noted. */
struct remote *shared_open(struct session *session, struct str owner);
/*
 * Ask it, let what it writes go to the client. input: what the client says goes there (IDLE). -1: it is gone, the NO is
 * noted (where it had the selected folder, the BYE is said).
 */
int shared_ask(struct session *session, struct remote *remote, const struct ipc_message *request,
               struct ipc_message *reply, bool input);

/* Which has the selected folder; NULL: none. */
struct remote *shared_selected(const struct session *session);
/* The folder is selected there no more. */
void shared_leave(struct session *session);
/* End all of them. */
void shared_close(struct session *session);

/* As target_find and target_store, for a name in #users. -1: noted. */
int shared_find_target(struct session *session, struct str name);
int shared_store(struct session *session, struct str name, struct upload *upload, struct stored *stored);

/* REPLACE in the selected folder there. Notes how it ended. */
void shared_replace(struct session *session, struct str set, struct str name, struct upload *upload);

/* Call visit for each folder of others that the user may see, with its full name. Owners who cannot be asked are left
 * out. */
void shared_names_each(struct session *session, void (*visit)(struct str name, void *context), void *context);
/* Write STATUS of one (items of status.h), where it may be read. */
void shared_write_status(struct session *session, struct str name, unsigned items);
/* "#users", or "#users/<owner>" of one who shares something? */
bool shared_is_level(struct session *session, struct str name);

#endif
