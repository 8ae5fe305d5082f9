/*
 * imapd: serves one user's mailbox by IMAP (RFC 9051, RFC 3501), after the login.
 *
 * imap-login hands over a connection with a ticket; a process for each session redeems it, enters a sandbox in which
 * there is this one mailbox and nothing else, and only then reads what the client sends. It holds channels that were
 * opened before: to authd (bound to its user there), to statusd, and the bell to its listener (common/net/bell.h), by
 * which sessions of one mailbox tell each other of changes.
 *
 * A command is parsed (common/imap/parser.h), acted upon, answered: its function writes untagged responses, and says
 * how it ended by imap_ok, imap_no or imap_bad; the loop in session.c then lets the view follow the mailbox, writes
 * what is new to the client, and the tagged line last. Nothing else writes tagged lines.
 *
 * Files: main.c the listener; begin.c from the ticket to the greeting; session.c the loop; commands.c the table of
 * commands and in which states each is allowed; capability.c; find.c from what a client names to folders and messages;
 * view*.c what the client believes of the selected folder, follow.c telling it what happened there; select.c, resync.c
 * (QRESYNC), idle.c, notify*.c, flags.c (STORE), copy.c, expunge.c; append.c, upload.c, catenate.c; fetch*.c, url*.c;
 * search*.c, sort.c, thread.c; list.c, folders.c, uses.c, status.c, metadata.c, quota.c, acl.c; shared.c other users'
 * folders.
 */
#ifndef POSTROOM_IMAPD_IMAPD_H
#define POSTROOM_IMAPD_IMAPD_H

#include "common/daemon/daemon.h"
#include "common/imap/hooks.h"
#include "common/imap/parser.h"
#include "common/imap/sequence.h"
#include "common/imap/text.h"
#include "common/ipc/ipc.h"
#include "common/net/conn.h"
#include "common/net/listen.h"
#include "common/net/sandbox.h"
#include "common/policy/bandwidth.h"
#include "common/settings/settings.h"
#include "common/status/status.h"
#include "common/status/transcript.h"
#include "common/store/changes.h"
#include "common/store/folders.h"
#include "common/store/receipts.h"
#include "common/store/store.h"

#include "imapd/view.h"

enum {
	IMAP_WAIT_MS = 20000, /* for the mailbox's lock */
	IMAP_USER_MAX = 256,
	IMAP_BAD_MAX = 50, /* commands in a row that are none, before the connection ends */
};

/* What the listener has; a session works on its copy of it. */
struct imapd {
	struct daemon daemon;
	struct settings settings;
	struct sandbox sandbox;
	uid_t login_user, web_user; /* who may hand connections over */
};

/* What the client has enabled (RFC 9051 6.3.1). */
struct imap_enabled {
	bool rev2;      /* IMAP4rev2 */
	bool utf8;      /* UTF8=ACCEPT */
	bool condstore; /* also by use: FETCH MODSEQ, STATUS HIGHESTMODSEQ, SELECT (CONDSTORE), ... */
	bool qresync;   /* implies condstore; VANISHED instead of EXPUNGE */
};

enum imap_status {
	IMAP_OK,
	IMAP_NO,
	IMAP_BAD_COMMAND,
};

struct session {
	struct imapd *imapd;
	struct conn conn;
	struct imap_parser parser;
	struct arena arena; /* of the command that runs */

	char user[IMAP_USER_MAX];
	int64_t uid;
	struct mailbox *mailbox;
	int64_t quota;            /* of the mailbox, octets; 0: none */
	struct ipc_channel authd; /* fd -1: not there */
	struct status statusd;
	struct receipts receipts; /* of reading */
	struct transcript transcript;
	struct bandwidth bandwidth;
	struct script script; /* imap4svr.lua */
	int bell;             /* common/net/bell.h */
	bool waiting;         /* for the next command: the arena holds nothing */
	bool rang;            /* the mailbox changed and the others were not told yet */

	struct imap_enabled enabled;
	struct view *view;         /* the selected folder; NULL: none */
	struct sequence saved;     /* "$" (RFC 5182), UIDs; its ranges are the session's */
	struct notify *notify;     /* RFC 5465; NULL: not in use */
	bool has_search_turn;      /* a slot of statusd is held (search.c) */
	int64_t indexed_ms;        /* when the indexer was started last; io_now_ms() (indexer.c) */
	struct contexts *contexts; /* searches that are kept up to date (RFC 5267); NULL: none */
	struct guest *guest;       /* whom this session serves in its owner's mailbox (guest.h); NULL: the owner */
	struct shared *shared;     /* sessions in other users' mailboxes (shared.h); NULL: none */

	const struct command *command; /* that runs; NULL: none that there is */
	struct str tag;
	enum imap_status status; /* how it ended */
	struct str code, text;   /* "[...]" without brackets, or empty; the human part */
	bool by_uid;             /* the command is a UID one: responses name UIDs */
	bool keep_sequence;  /* FETCH, STORE, SEARCH, SORT, THREAD by number: no EXPUNGE before its end (RFC 9051 7.5.1) */
	bool answered;       /* the tagged line is written: by the session in another user's mailbox */
	bool told_all;       /* the command has just told all there is of the folder: news are for the next one */
	bool ended;          /* no further command is read */
	bool is_web;         /* the client is webadmin, with a browser behind it */
	bool hides_idle;     /* the script keeps IDLE back from this client */
	bool compress;       /* both directions are, from behind the tagged answer to COMPRESS on */
	unsigned bad_count;  /* commands in a row that ended with BAD */
	int64_t progress_ms; /* when session_progress last said something; io_now_ms() */
};

typedef void imap_command(struct session *session);

enum command_state {
	AUTHENTICATED, /* allowed in the selected state too */
	SELECTED,
};

/* A line of the table in commands.c. */
struct command {
	const char *name; /* "FETCH", "UID FETCH" */
	imap_command *run;
	enum command_state state;
	bool keep_sequence;                                /* as in struct session */
	const char *capabilities;                          /* words that are announced because of it, NULL: none */
	bool (*is_offered)(const struct session *session); /* NULL: always */
};
extern const struct command commands[]; /* ends with a name of NULL */
/* NULL: there is none of that name. */
const struct command *session_find_command(struct str name);

/* A whole session (begin.c); fd is the connection of one login process. Returns the exit status. */
int imap_session(int fd, const struct listen_origin *origin, void *context);
/* Make a session of a request, for the connection (taken over) that commands come by; and its end. */
struct session *session_new(struct imapd *imapd, int fd, const struct ipc_message *request, const char *service);
void session_free(struct session *session);
/* Redeem the ticket (of a guest where session->guest is set, and otherwise of none), enter the sandbox, open the
 * mailbox. */
int session_open(struct session *session, struct str ticket, struct err *err);
/* The client is silent: bring to disk what is not there yet, and give memory back. */
void session_rest(struct session *session);
/* Make the folders that a user has from the start, where that was not done yet (defaults.c). A failure is logged. */
void session_make_defaults(struct session *session);
/* Was the session told to end, by its listener or an administrator (SIGTERM)? */
bool session_has_to_end(void);
/* Take commands until the session ends (session.c). */
void session_converse(struct session *session);
/* Take the next one, act, answer. */
void session_take_command(struct session *session);
/* What CAPABILITY announces, without the word itself; in the arena (capability.c). */
struct str session_capabilities(struct session *session);

/* May strings to this client hold UTF-8 in quotes, and names be UTF-8? */
bool session_utf8(const struct session *session);

/* How the command ended. code may be NULL; text is printf-like. They only note it; the last one counts. */
void imap_ok(struct session *session, const char *code, const char *text, ...) __attribute__((format(printf, 3, 4)));
void imap_no(struct session *session, const char *code, const char *text, ...) __attribute__((format(printf, 3, 4)));
void imap_bad(struct session *session, const char *text, ...) __attribute__((format(printf, 2, 3)));
/* NO for a failure of the store: [UNAVAILABLE], [INUSE], [NONEXISTENT], [OVERQUOTA], [LIMIT] as its code says; logged
 * where the administrator has to know. */
void imap_no_store(struct session *session, const struct err *err);
/* BAD or NO as the parser failed: for a command whose grammar was broken. */
void imap_refuse(struct session *session);

/*
 * Find a folder by the name the client gave. Notes NO [NONEXISTENT] and returns -1 where there is none or it may not be
 * seen. rights: letters of RFC 4314 that are needed, "" for any of them; NO [NOPERM] otherwise.
 */
int session_find_folder(struct session *session, struct str name, const char *rights, struct mailbox_folder *folder);
/* The same, with all that the session may do there (enum right). */
int session_find_with_rights(struct session *session, struct str name, const char *rights,
                             struct mailbox_folder *folder, unsigned *rights_out);
/* A name as the client gave it to one of this mailbox; false, noted: it is none. */
bool session_local_name(struct session *session, struct str *name);
/* May a folder of that name be made (RFC 4314 section 4, CREATE)? False: noted. */
bool session_may_create(struct session *session, struct str name);
/* May the selected folder be changed, with all these rights (enum right)? False: noted. */
bool session_may_change(struct session *session, unsigned rights);
/* Is that a level above folders of others that imap.fake-access opens as if it were an empty folder? */
bool session_is_fake(struct session *session, struct str name);
/* No folder is selected any more. */
void session_leave(struct session *session);

/* Tell the other sessions (and search's indexer) that the mailbox changed: as soon as the client is waited for, so that
 * the changes of pipelined commands ring once, or a command says that it takes long. */
void session_ring(struct session *session);
/* The same at once. */
void session_ring_now(struct session *session);
/* Take the rings of others; anyway: something may have changed even if there were none. */
void session_hear(struct session *session, bool anyway);
/* What is new, in the selected folder and elsewhere, for a client that waits; -1 as session_follow, the BYE is said. */
int session_news(struct session *session);
/* In a command that takes long: after a second, and then every five, tell the client how far it is (RFC 9585). goal 0:
 * not known. Cheap where there is nothing to tell. */
void session_progress(struct session *session, uint64_t done, uint64_t goal);
/* End the session: "* BYE ..." and no further command. */
void session_bye(struct session *session, const char *text);

/* CONDSTORE is enabled from here on (RFC 7162 3.1), by ENABLE or by use. */
void session_enable_condstore(struct session *session);
/* "HIGHESTMODSEQ n" of the selected folder as a code for imap_ok; NULL where the client did not enable QRESYNC. */
const char *session_modseq_code(struct session *session);
/* A folder's object id (RFC 8474): "F12". Returns out. */
enum { IMAP_ID_MAX = 24 };
const char *imap_mailbox_id(char out[IMAP_ID_MAX], int64_t folder);

/* Let the view follow the mailbox and write what is new (follow.c): EXPUNGE or VANISHED (unless keep_sequence), EXISTS,
 * RECENT, FETCH FLAGS. -1: the folder is gone or cannot be read; the BYE is said. */
int session_follow(struct session *session);
/* The same at once, then "completed" with the MODSEQ that is told now (RFC 7162 3.2.7): for commands that remove. */
void session_tell_now(struct session *session);
/* Who may write takes \Recent from the sessions that come later (RFC 3501 2.3.2). */
void session_take_recent(struct session *session);
/* Remove what is marked \Deleted, of these UIDs (NULL: all), without saying so. Notes the NO where it returns -1. */
int session_expunge(struct session *session, const struct sequence *only);
/* "* FLAGS (...)": what occurs in the selected folder. */
void session_write_words(struct session *session);
/* "* OK [PERMANENTFLAGS ...]": what may be changed in the selected folder. */
void session_write_permanent_flags(struct session *session);
/* "* n FETCH (FLAGS ...)" of one message in the view, with UID and MODSEQ as the client has enabled them. */
void session_tell_flags(struct session *session, size_t at, bool with_flags);

/* Parse "(" flags ")" or flags: system flags into *flags, keywords (checked, joined by spaces) into *keywords. */
bool session_parse_flags(struct session *session, unsigned *flags, struct str *keywords);
/* "(\Seen \Flagged $Junk)" */
void session_write_flags(struct session *session, unsigned flags, struct str keywords, bool recent);

/*
 * The UIDs that a sequence set names in the view, rising: numbers or UIDs by session->by_uid; "$" is the saved result.
 * In the arena. Numbers past the end are BAD (noted; false). UIDs that are not there are passed over; so are numbers of
 * messages that went, and OK [EXPUNGEISSUED] is noted (RFC 5530).
 */
bool session_uids(struct session *session, struct str set, uint32_t **uids, size_t *count);
/* The same with messages that are gone and the client was not told so: it may read them (RFC 2180 4.1). */
bool session_uids_told(struct session *session, struct str set, uint32_t **uids, size_t *count);

bool session_offers_idle(const struct session *session);

/* The commands; each parses its arguments, acts, notes its result ("<name> completed" where it notes nothing). */
imap_command command_capability, command_noop, command_logout, command_id, command_enable, command_namespace;
imap_command command_select, command_examine, command_close, command_unselect, command_check, command_idle;
imap_command command_notify, command_compress;
imap_command command_store, command_copy, command_move, command_expunge;
imap_command command_append, command_replace;
imap_command command_fetch, command_genurlauth, command_urlfetch, command_resetkey;
imap_command command_search, command_sort, command_thread, command_cancelupdate;
imap_command command_list, command_lsub, command_status, command_create, command_delete, command_rename;
imap_command command_subscribe, command_unsubscribe;
imap_command command_getquota, command_getquotaroot, command_setquota;
imap_command command_setacl, command_deleteacl, command_getacl, command_listrights, command_myrights;
imap_command command_getmetadata, command_setmetadata;

#endif
