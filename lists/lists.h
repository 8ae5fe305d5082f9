/*
 * listd: mailing lists: who may post, what members get and when, who joins and leaves by mail; and what users tell the
 * server itself by mail.
 *
 * queue-manager hands over each message to a list, to the ListServer, or to the mailer daemon. A process forked for
 * that message alone reads it and writes what members are to get into a file (reader.h); it can reach nothing but that
 * message and that file. listd decides by what it reports (decide.h), and answers when the post and what is left to do
 * with it are in state/lists/lists.db. From there posts go out in portions, so that a list of any length neither blocks
 * the others nor fills memory.
 *
 * Everything that listd sends is parked in its drop, noted in the same transaction as what it belongs to, and released
 * after the commit (outbox.c): a crash at any point neither loses nor doubles anything.
 *
 * Security stance: what a message says is believed as far as any stranger's word: addresses, subjects and commands that
 * come from its reader are checked for their form before use. Envelopes of posts name members of the settings, those of
 * answers the address that wrote. From is easily forged, so whatever a command changes is confirmed by a token that was
 * sent to the address concerned, unless the list was told to do without. Members change through configd, which lets
 * listd change those of lists alone whose settings allow it. Settings of users change there, too, within what each may
 * change himself; who he is, the login tells that sent the message, or a password that authd looks at.
 *
 * Files: requests.c what is asked; posts.c a message from its arrival to the table; reader*.c the process that reads
 * it; expand.c from the table to the members; held.c moderation; listserver*.c commands; control.c and
 * mailer_daemon.c those of users; tokens.c; archive.c and
 * digest.c; bounces.c whose mail comes back; source*.c members from databases; lists.c lists as the settings have them;
 * table.c the database; outbox.c, mail.c what is sent.
 */
#ifndef POSTROOM_LISTS_LISTS_H
#define POSTROOM_LISTS_LISTS_H

#include "common/daemon/daemon.h"
#include "common/db/query.h"
#include "common/ipc/loop.h"
#include "common/ipc/worker.h"
#include "common/net/sandbox.h"
#include "common/notice/notice.h"
#include "common/settings/list_settings.h"
#include "common/spool/spool.h"

enum {
	LIST_NAME_MAX = 64,        /* octets */
	LIST_MODERATORS_MAX = 100, /* of one list */
	LIST_NESTING_MAX = 20,     /* lists within lists */
	POST_SUBJECT_MAX = 200,    /* octets that are kept of a subject */
	HELD_DAYS = 7,             /* then a post that nobody decided about is dropped */
	HELD_MAX = 1000,           /* posts of one list that may wait for its moderators */
	DONE_DAYS = 7,             /* how long a post is known after it was distributed */
	TOKEN_LEN = 32,            /* hexadecimal digits */
	TOKEN_DAYS = 3,
	OUTBOX_MAX = 64,         /* mails that are synced together */
	SOURCE_RETRY_HOURS = 72, /* of a database that does not answer */
};

enum { DAY_SECONDS = 24 * 3600 };

struct sources;

struct listd {
	struct daemon daemon;
	struct event_base *base;
	struct settings settings; /* with the objects kept open */
	struct db db;
	struct spool_drop drop;
	int mail_folder; /* state/lists/mail, the messages that are kept */
	struct sandbox reader_sandbox;
	struct notices *notices;
	struct ipc_client *configd, *authd, *collector;
	struct worker_pool *readers; /* reader.h */
	struct sources *sources;
	struct event *expand_timer;
	int64_t gathering;      /* key of the post whose members a source is asked for, 0: none */
	int parked[OUTBOX_MAX]; /* files of mails in the outbox that are not synced yet */
	size_t parked_count;
	bool is_parked; /* there are mails in the outbox that the next commit releases */
	bool released;  /* all others are released; the next transaction forgets them */
};

/* Seconds, milliseconds since 1970. */
int64_t listd_time(void);
int64_t listd_time_ms(void);

/* A list, as the settings are now. Texts live in the arena that it was loaded with. */
struct list {
	int64_t id;
	struct str name;
	bool is_database;
	struct list_settings settings;
	struct str domain;  /* the server's default domain */
	struct str address; /* NAME@domain */
};

/* lists.c: all of these read the snapshot. */

/* 1 = found, 0 = there is no mailing list or database list of that number or name (any more), -1 = error. */
int list_load(struct listd *listd, int64_t id, struct arena *arena, struct list *list_out, struct err *err);
int list_find(struct listd *listd, struct str name, struct arena *arena, struct list *list_out, struct err *err);
/* Call for each mailing and database list in the order of names, until visit returns other than 0, which is returned.
 */
int list_each(struct listd *listd, struct arena *arena,
              int (*visit)(const struct list *list, void *context, struct err *err), void *context, struct err *err);
/* Is the address a member, itself or through a list that is one? 1, 0, -1. */
int list_has_member(struct listd *listd, const struct list *list, struct str address, struct err *err);
/* The same without the lists within it. */
int list_has_own_member(struct listd *listd, const struct list *list, struct str address, struct err *err);
/* The addresses of its moderators; none where the settings want that nobody is told. */
int list_moderators(struct listd *listd, const struct list *list, struct arena *arena, struct str *moderators,
                    size_t *count_out, struct err *err);
int list_is_moderator(struct listd *listd, const struct list *list, struct str address, struct err *err);
/*
 * Who sent a message, for the settings: From, and the login of who logged in. A From of ours that is not his is not
 * believed. Sets whether that is a member, a moderator. -1: error.
 */
struct list_sender {
	struct str from, user; /* an address, a name; "" where there is none */
	bool is_member, is_moderator;
};
int list_judge_sender(struct listd *listd, const struct list *list, struct list_sender *sender, struct err *err);
/* What %M stands for: the moderator's address, or that of the distribution list of moderators; "": nobody. */
struct str list_moderator_address(struct listd *listd, const struct list *list, struct arena *arena);
/* Where reports about posts go; "": nowhere. */
struct str list_return_address(struct listd *listd, const struct list *list, struct arena *arena);
/* The address of the ListServer that the list belongs to. */
struct str list_server_address(struct listd *listd, const struct list *list, struct arena *arena);
/* The address of a member, also of one with a name alone: it gets the default domain. */
struct str list_member_address(const struct listd *listd, struct str member, struct arena *arena);
/* The same as it is shown: "SMTP:a@b@server" is a@b. */
struct str list_show_address(const struct listd *listd, struct str member, struct arena *arena);
/* The form by which addresses are compared: as a member is stored, the domain normalised, or "" where it is none. */
struct str list_normal_address(struct str address, struct arena *arena);

/* table.c: lists.db. */

enum post_state {
	POST_HELD = 1, /* waits for a moderator */
	POST_GATHER,   /* its members are to be found out */
	POST_SEND,     /* members are left in post_member */
	POST_DONE,     /* known, so that it is not posted again; its message is kept where it is archived */
};

struct post {
	int64_t key;
	struct str id; /* the message's, in the spool */
	int64_t list;
	enum post_state state;
	int64_t time;       /* when it came, or was approved; milliseconds since 1970 */
	struct str origin;  /* the sender's address */
	struct str subject; /* UTF-8, one line */
	int64_t size;       /* octets of the file */
	int64_t to_at;      /* where the To field belongs in it, that slow posting adds */
	bool is_8bit, is_utf8;
	bool is_archived;
	int64_t next;            /* HELD: when it expires; GATHER, SEND: when to go on, milliseconds since 1970 */
	int64_t trouble;         /* GATHER: since when its source does not answer; 0: it does */
	struct str token;        /* HELD */
	struct str arc, results; /* of the envelope (common/spool/spool.h) */
};

int table_open(struct listd *listd, struct err *err);
/* A transaction: what was parked in the outbox meanwhile is released after the commit. Not within one another. */
int table_begin(struct listd *listd, struct err *err);
int table_commit(struct listd *listd, struct err *err);
void table_rollback(struct listd *listd);

/* Add a post; post->key is set. */
int table_add_post(struct listd *listd, struct post *post, struct err *err);
/* Posts that `where` (SQL, with ? as in query.h) finds; then each in turn: 1, 0 = no more, -1. To be finalized. */
int table_posts(struct listd *listd, struct db_statement *query, struct err *err, const char *where, const char *types,
                ...);
int table_next_post(struct db_statement *query, struct arena *arena, struct post *post_out, struct err *err);
/* The first of those, where has two places: a text and a number. 1, 0, -1. */
int table_get_post(struct listd *listd, struct arena *arena, struct post *post_out, struct err *err, const char *where,
                   struct str text, int64_t number);
/* Its state, next, trouble and token. */
int table_set_post(struct listd *listd, const struct post *post, struct err *err);

/* archive.c: the messages of posts, files of mail_folder. */

/* An unnamed file for a message. -1: ERR_SYSTEM. */
int archive_create(struct listd *listd, struct err *err);
/* Sync it and give it the name of a post, within a transaction. */
int archive_keep(struct listd *listd, int fd, int64_t key, struct err *err);
/* Open the message of a post for reading. -1: ERR_SYSTEM. */
int archive_open(struct listd *listd, int64_t key, struct err *err);
void archive_remove(struct listd *listd, int64_t key);
/* At start: remove files that no post has. Each day: posts that are kept no longer. */
void archive_sweep(struct listd *listd);
void archive_prune(struct listd *listd, int64_t now);

/* outbox.c */

/* Begin a mail; file is written with spool_write and given to outbox_add or spool_abort. envelope lacks id, time and
 * producer. */
int outbox_begin(struct listd *listd, struct spool_file *file, struct spool_envelope *envelope, struct err *err);
/* Park it, within a transaction; the commit releases it. */
int outbox_add(struct listd *listd, struct spool_file *file, struct err *err);
/* Copy size octets of a message from offset on. */
int outbox_copy(struct spool_file *file, int fd, int64_t offset, int64_t size, struct err *err);
/* table.c's: before and after a commit, after a rollback, and at start. */
int outbox_sync(struct listd *listd, struct err *err);
void outbox_release(struct listd *listd);
int outbox_recover(struct listd *listd, struct err *err);
void outbox_forget(struct listd *listd);
/* Messages of ours that queue-manager has not taken yet. */
unsigned outbox_waiting(const struct listd *listd);

/* mail.c: what listd writes itself. */
struct mail {
	const char *name;             /* who writes; NULL: the ListServer */
	struct str server;            /* and his address */
	struct str to;                /* an address */
	struct str reply_to;          /* empty: none */
	struct str subject;           /* UTF-8 */
	struct str text;              /* UTF-8, lines end with LF */
	struct str parent;            /* what it was made from: "<id>/listserver", or empty */
	bool is_answer;               /* Auto-Submitted: auto-replied, else auto-generated */
	int attached;                 /* a message that goes with it, -1: none */
	int64_t attached_size, to_at; /* to_at as in struct post; attached_to: what To says there */
	struct str attached_to;
};
/* Write and park it, within a transaction. -1: as spool_park. */
int mail_send(struct listd *listd, const struct mail *mail, struct err *err);

/* posts.c: queue-manager's request "post" for a list. */
void posts_take(struct listd *listd, struct ipc_incoming *incoming);
/* The answer to it: "delivered", "deferred" or "failed", and why. Frees incoming. */
void posts_answer(struct ipc_incoming *incoming, const char *word, const char *text);

/* listserver.c: the same for the ListServer. */
void listserver_take(struct listd *listd, struct ipc_incoming *incoming);

/* mailer_daemon.c: the same for the server's own address. Is it that one? */
void mailer_daemon_take(struct listd *listd, struct ipc_incoming *incoming);
bool mailer_daemon_is(const struct listd *listd, struct str address);

/* tokens.c. All within a transaction. */
struct token {
	char token[TOKEN_LEN + 1];
	int64_t list;
	struct str action;    /* "subscribe", "unsubscribe", "add", "remove" */
	struct str address;   /* whom it is about */
	struct str moderator; /* of add and remove: who wants it */
};
/* Make one, which sets token->token. -1: ERR_EXISTS: the same was asked for within the last hour. */
int token_make(struct listd *listd, struct token *token, struct err *err);
/* 1 = found, 0 = no such token (any more). */
int token_find(struct listd *listd, struct str text, struct arena *arena, struct token *token_out, struct err *err);
int token_delete(struct listd *listd, const struct token *token, struct err *err);

/* expand.c */
int expand_open(struct listd *listd, struct err *err);
/* There is something to do. */
void expand_wake(struct listd *listd);

/* held.c */
/* Hold a post whose message is fd, and tell the moderators; within a transaction. -1: ERR_LIMIT: too many wait. */
int held_add(struct listd *listd, const struct list *list, struct post *post, int fd, struct err *err);
/* Decide; within a transaction. */
int held_decide(struct listd *listd, struct post *post, bool approve, struct err *err);
/* Drop those that nobody decided about in time. */
void held_prune(struct listd *listd, int64_t now);

/* digest.c */
/* Make those that are due; now in seconds. */
void digest_run(struct listd *listd, int64_t now);
/* Make the digest of a list now, of all that came since the last one; count_out: how many messages are in it. */
int digest_make(struct listd *listd, const struct list *list, int64_t *count_out, struct err *err);
/* When the next digest after `last` is due: 00:05 local time, `days` days later. */
int64_t digest_next(int64_t last, int64_t days);

/* requests.c: ipc_handler. */
void requests_take(struct ipc_incoming *incoming, void *context);

#endif
