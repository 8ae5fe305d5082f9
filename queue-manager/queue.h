/*
 * queue-manager: takes mail from the drops, has it delivered, sent on or reported as failed, and only then removes it.
 *
 * One process, one event loop, in turns: events change messages in memory; at the end of a turn all changes are
 * committed to state/queue/queue.db together, and what needs durable ground (a remote attempt, a report, the removal
 * of a file) happens after that commit. A message for local users alone gets no row: deliver knows by (message id,
 * user) what it stored already, so doing it again is harmless. Whatever may not be done twice has a row first.
 *
 * Order that must hold, so that a crash between any two steps loses nothing and repeats only what its receiver
 * recognises: file in active/ (synced) < row < remote attempt < result in the row < report in the drop < "reported" in
 * the row < file removed (synced) < row removed.
 *
 * Mail that is made out of a message (reports here, forwards by deliver, posts by listd) lies in its maker's drop under
 * an id derived from parent and step before that step is settled, and leaves the drop only after: see made.c.
 *
 * It parses envelopes, never messages; it never runs scripts nor waits for a peer.
 */
#ifndef POSTROOM_QUEUE_MANAGER_QUEUE_H
#define POSTROOM_QUEUE_MANAGER_QUEUE_H

#include "common/db/db.h"
#include "common/ipc/loop.h"
#include "common/notice/notice.h"
#include "common/settings/settings.h"
#include "common/spool/spool.h"
#include "common/spool/token.h"

enum {
	QUEUE_ACTIVE_MAX = 2000,  /* messages in memory; the rest waits on disk */
	QUEUE_RETRIES_MAX = 1000, /* of these, at most so many from the table: new mail always finds a place */
	/*
	 * A message that is in hand when this process ends uncleanly gets points; at the limit it is held. So three crashes
	 * of our own hold it; kill -9 and power cuts, which no message causes, must come thirty times.
	 */
	QUEUE_POINTS_CRASH = 10,
	QUEUE_POINTS_KILL = 1,
	QUEUE_POINTS_MAX = 30,
	QUEUE_DROPS_MAX = 8,
	QUEUE_AWAITED_MAX = 64, /* messages that made mail in drops waits for, each by itself */
	QUEUE_ISSUERS_MAX = 2,
	QUEUE_OFFICES = 3,
	QUEUE_WAYS = 2,
	QUEUE_RETRY_MAX = 64, /* entries of sender.retry */
};

#define QUEUE_NEVER INT64_MAX

/* Where a target is. The table holds these numbers. */
enum delivery_kind {
	DELIVERY_UNRESOLVED,
	DELIVERY_LOCAL,  /* a user's mailbox: deliver */
	DELIVERY_REMOTE, /* an address elsewhere: sender */
	DELIVERY_LIST,   /* a mailing list, or (number 0) the one who answers commands about them: listd */
	DELIVERY_LAN,    /* a server of the LAN forwarding rules: lfwd */
	DELIVERY_NOBODY, /* taken and dropped */
	DELIVERY_HANDED, /* a copy that an administrator gives a user: deliver (hand.c) */
};

enum delivery_state {
	DELIVERY_PENDING, /* to be tried from `next` on */
	DELIVERY_PARKED,  /* waits until its destination has time */
	DELIVERY_DONE,
	DELIVERY_FAILED,
	DELIVERY_REFUSED, /* a remote recipient without the right to relay: forged */
};

/* Is a message that goes to other servers signed (sign.c)? */
enum signing { SIGNING_UNKNOWN, SIGNING_ASKED, SIGNING_SETTLED };

enum report_kind {
	REPORT_NONE,
	REPORT_FAILED,
	REPORT_DELAYED,
	REPORT_DELIVERED,
	REPORT_RELAYED,
	REPORT_UNREACHABLE, /* failed, because nobody could be reached; told to the administrator (a setting) */
	REPORT_KINDS,
};

/* Has filterd been asked for other forms of a message (prepare.c)? */
enum preparing { PREPARING_UNKNOWN, PREPARING_ASKED, PREPARING_SETTLED };

/* What it said, as the table keeps it. */
enum prepared {
	PREPARED = 1,
	PREPARED_INTERNAL = 2, /* another form for users, lists and the LAN: active/<id>.in */
	PREPARED_OUTGOING = 4, /* one for other servers: active/<id>.out */
	PREPARED_RECEIPT = 8,  /* filterd wants to hear when it has been sent */
	PREPARED_URGENT = 16,
	PREPARED_FROM = 32, /* other servers get another reverse-path */
};

enum form { FORM_INTERNAL, FORM_OUTGOING };

/* A message in a file. */
struct form_file {
	bool is_there;
	int fd;
	int64_t offset, size;
};

/* One target of one recipient; its place in message->deliveries never changes. */
struct delivery {
	unsigned recipient; /* index in the envelope */
	enum delivery_kind kind;
	enum delivery_state state;
	int64_t uid;            /* number of the user, list or LAN rule */
	struct str target;      /* name of the user or list, or an address */
	struct str destination; /* of a parked one, and of any of the LAN; of a handed one the folder, as xtext */
	int64_t rank;           /* of a parked one: its place among those that wait for the same, small ones first */
	int64_t sender;         /* whom it was given to last since it is in memory; 0: nobody */
	unsigned attempts;
	int64_t next;      /* queue time, ms */
	struct str answer; /* last answer: enhanced code TAB host TAB words; host is empty where we say so ourselves */
	enum report_kind report; /* due and not made yet */
	bool busy;               /* asked for; the answer is to come */
	bool dirty;              /* differs from its row */
};

struct queue;
struct verdict;

struct patience {
	int64_t retry_ms[QUEUE_RETRY_MAX]; /* until the second, third ... attempt; the last one repeats */
	size_t retry_count;
	int64_t warn_ms, fail_ms; /* age of a message when its sender is told, and when it is given up; 0: never told */
	bool reports;             /* its sender is told then, too */
};

struct message {
	struct queue *queue;
	char id[SPOOL_ID_MAX];
	struct arena arena;
	struct buf text; /* the envelope's bytes */
	struct spool_envelope envelope;
	size_t offset; /* of the message in the file */
	int64_t size;  /* of the message */
	int fd;
	struct delivery *deliveries;
	size_t delivery_count, delivery_room;
	size_t resolve_from; /* no unresolved delivery lies before this one */
	unsigned resolving;  /* questions on their way */
	unsigned jobs;       /* deliveries handed out, not answered */
	unsigned away;       /* times in a row that a local daemon did not answer */
	int64_t born;        /* queue time */
	int64_t row;         /* key in the table, 0: none */
	int64_t written_row; /* key it has once the commit succeeds */
	bool from_table;     /* counts among the retries */
	bool dirty;          /* waits for the commit */
	bool leaving;        /* to be put out of memory after the commit */
	bool trying;         /* marked in the row: a crash now is counted */
	bool is_stored;      /* stored.c: it may be tried once */
	bool held, deleted, warned;
	unsigned summed;          /* items of summary.log that it was counted for by its sender, or-ed (summary.c) */
	bool entering;            /* outmessage.lua is asked (outgoing.c) */
	bool final;               /* the next attempt of what goes to other servers is the last */
	int64_t priority;         /* 1 to 9, small ones first; 0: not looked at yet (outgoing.c) */
	int64_t hold_until;       /* queue time, 0: not held on a timer */
	int64_t release;          /* seconds since 1970 when it is to go (scheduled.c); 0: at any time */
	int64_t expires;          /* queue time: what is not sent then is deleted; 0: never */
	struct verdict *verdicts; /* of senders' scripts; in arena */
	unsigned crashes;         /* points, see QUEUE_POINTS_MAX */
	unsigned reports;         /* made so far */
	enum preparing preparing;
	unsigned prepared; /* enum prepared, or-ed */
	struct form_file forms[2];
	struct str outgoing_from;
	enum signing signing;
	struct str signatures;                  /* fields that go on top of it to other servers; empty: none */
	int64_t again;                          /* queue time to look again, 0: not waiting */
	bool ready;                             /* in the list of those to be advanced this turn */
	bool reporting;                         /* in the list of those with a report to make */
	struct remote_destination *fetched_for; /* to stand in its line; NULL: it came there, or was not fetched */
	struct message *next, **link;           /* all in memory */
	struct message *next_ready, *next_dirty, *next_report;
};

struct drop {
	char name[24];
	int folder; /* spool/<name>/new */
	int watch;
	uid_t owner;
	void *scan;     /* DIR, while a scan goes on */
	bool rescan;    /* something may be there that was not seen */
	bool postponed; /* an entry waits until the step of its parent that made it is settled */
	int64_t again;  /* queue time to scan it again, since an entry could not be read or moved; 0: none */
};

struct issuer {
	const char *name;
	struct token_key key;
};

struct table;
struct remote;
struct remote_destination;
struct senders;

struct queue {
	struct event_base *base;
	const struct instance *instance;
	struct settings settings;
	struct patience patience, lan_patience;

	int active_folder, corrupt_folder;
	bool removals_unsynced;                        /* names left active/ since it was synced */
	char awaited[QUEUE_AWAITED_MAX][SPOOL_ID_MAX]; /* made.c */
	unsigned awaited_count;
	bool awaits_more; /* than are named */
	struct drop drops[QUEUE_DROPS_MAX];
	size_t drop_count;
	int inotify;
	struct spool_drop own_drop;
	struct issuer issuers[QUEUE_ISSUERS_MAX];

	struct table *table;
	struct remote *ways[QUEUE_WAYS]; /* to other servers: remote.h */
	struct senders *senders;         /* senders.h */
	struct notices *notices;
	struct trace *trace; /* trace.h */
	struct ipc_client *resolver, *signer, *filterd;
	bool wants_internal, wants_incoming, wants_outgoing; /* prepare.c */
	struct buf lan_matched;                    /* numbers of rules, int64_t each, to be counted with the next commit */
	struct ipc_client *offices[QUEUE_OFFICES]; /* local.c */

	struct message *messages;
	unsigned message_count, retry_messages; /* in memory; of these from the table */
	struct message *ready, **ready_last;
	struct message *reporting, **reporting_last;
	int64_t due;        /* queue time; no row is due earlier */
	int64_t look_again; /* queue time; the table could not be read, and is not before */
	struct event *due_timer;
	bool doomed;          /* rows are left that doom_turn is to remove */
	int64_t doomed_after; /* it has come so far */
	bool stopping;
	bool turn_again; /* something is left to do without waiting for an event */
};

/* clock.c: queue time. Milliseconds that neither jump with the wall clock nor stand still in suspend; they go on after
 * a reboot where they were last saved. */
int64_t queue_now(void);
void queue_clock_continue(int64_t offset);
int64_t queue_clock_offset(void);
/* The kernel's name of this boot into out (at least 64 bytes). */
void queue_boot_id(char *out, size_t size);

/* intake.c: from the drops into active/. */
int intake_open(struct queue *queue, struct err *err); /* folders, watches; scans come with the first turn */
void intake_turn(struct queue *queue);                 /* go on with scans as far as there is room */
void intake_look_again(struct queue *queue);           /* at entries that had to wait */
unsigned intake_count(struct queue *queue);            /* entries in all drops */

/* made.c: mail that was made out of a message. */
/* Does this producer make mail out of messages that were allowed already? Then it needs no right to relay of its own.
 */
bool made_by_us(struct str producer);
/*
 * May an entry of a drop be taken? Not before the step that made it ("<id>/<step>[/<number>]") is settled: the
 * deliveries that could make it again are known to be done in the table, or their message is gone for good. Until then
 * it stays in the drop, where making it again after a crash finds it, so that it goes out once.
 */
bool made_is_settled(struct queue *queue, const struct drop *drop, struct str parent);
/* This message was written to the table, or has left active/. */
void made_parent_changed(struct queue *queue, const char *id);

/* message.c: messages in memory. */
/* Make one from the open spool file; fd is owned from now on. NULL with err: the envelope is no good (fd is closed). */
struct message *message_new(struct queue *queue, const char *id, int fd, struct err *err);
void message_free(struct message *message);
/*
 * Make one from its file in active/ and its row, which is marked as taken into memory. -1: it is out of the queue;
 * 1: it cannot be read now, the row is to be put off.
 */
int message_load(struct queue *queue, const char *id, int64_t row);
struct message *message_find(struct queue *queue, struct str id);
struct delivery *message_add_delivery(struct message *message, unsigned recipient);
void message_add_recipients(struct message *message); /* each of the envelope's, unresolved */
const struct spool_recipient *message_recipient(const struct message *message, const struct delivery *delivery);
/* Its address for logs and people: without the password that a target "SMTP:..." may hold. */
struct str message_shown_recipient(struct message *message, const struct delivery *delivery);
void message_set_answer(struct message *message, struct delivery *delivery, const char *code, struct str host,
                        struct str words);
void message_change(struct message *message, struct delivery *delivery); /* its row is to be written */
/* Add what scripts are told of a message: id, from, user, peer, time, attempts. */
void message_describe(const struct message *message, struct ipc_message *request, unsigned attempts);
void message_touch(struct message *message); /* look at it at the end of this turn */
/* Move active/<id> to corrupt/, never removing anything. why goes to the log. */
void message_set_aside(struct queue *queue, const char *id, const char *why);
void message_left_active(struct queue *queue, const char *id); /* its name is not there any more */

/* advance.c: what is next for a message. */
void advance_all(struct queue *queue);  /* every message that was touched */
void advance_tick(struct queue *queue); /* once a second: those that wait for a local daemon */

/* rule_targets.c. Does an SMTP rule send messages to this address? 1 = yes, 0 = no, -1 = cannot say now (logged). */
int rule_targets_have(const struct queue *queue, struct str address);

/* resolve.c. Ask for the targets of what is unresolved and due. */
void resolve_ask(struct message *message);
/* Was the message allowed to go to other servers? Ours are; others carry a token of who allowed it. */
bool message_may_relay(const struct message *message);

/*
 * sign.c. Is it settled with which signatures the message goes to other servers? Where it is not, signer is asked, and
 * the message touched when the answer is there.
 */
bool sign_is_settled(struct message *message);

/* prepare.c: mail that leaves in another form than it stays inside. */
void prepare_settings(struct queue *queue); /* settings have changed */
/*
 * Is it settled in which form the message goes to whom? Where it is not, filterd is asked as soon as all recipients are
 * resolved, and the message touched when the answer is there.
 */
bool prepare_is_settled(struct message *message, bool all_resolved);
/* The form for a target of that kind. */
struct form_file message_form(const struct message *message, enum delivery_kind kind);
/* These deliveries were taken over by another server now. */
void prepare_tell_sent(const struct message *message, const unsigned *deliveries, size_t count, bool lan);
/* Is this a name in active/ of another form, and of which message? */
bool form_is_name(const char *name, char id[SPOOL_ID_MAX]);
int forms_load(struct message *message, struct err *err); /* those that its row tells of. -1: cannot be read now */
void forms_close(struct message *message);
void forms_remove(struct queue *queue, const char *id);

/*
 * return_path.c. The reverse-path by which a message goes to other servers: as its sender (senders.h; NULL: none) wants
 * it, and tagged where the settings want that and it is one of ours (07, BATV). Lives as long as the message.
 */
struct sender;
struct str return_path(struct message *message, const struct sender *sender);

/* outgoing.c: what holds for a message to other servers, by its user and the settings. */
/* Its priority, until when it is held, when it is deleted unsent; where outmessage.lua is not to say. */
void outgoing_settle(struct message *message);
/* Is that settled? Where it is not, the script is asked, and the message touched when it has answered. */
bool outgoing_is_settled(struct message *message);
/* Is its time over? What is not being sent fails then; whether anything did. */
bool outgoing_expire(struct message *message);
void outgoing_look_for_expired(struct queue *queue); /* in the table */

/*
 * scheduled.c: mail whose sender said when it is to go (RFC 4865). Nothing is done with it before that time by the
 * clock on the wall, whatever the time in the queue says; then, if its sender still is a user who may log in, it is as
 * if it had just come.
 */
void scheduled_settle(struct message *message); /* put off what is open, or end its waiting */
/* May it go to other servers? 1 = yes, 0 = its sender may not any more, -1 = cannot say now (logged). */
int scheduled_may_leave(const struct message *message);
void scheduled_look_for_due(struct queue *queue); /* in the table, after the clock was set or the machine was off */
/* What users ask about theirs: "scheduled", "scheduled-send", "scheduled-cancel". Returns false where it is none. */
bool scheduled_handle(struct queue *queue, const struct ipc_message *request, struct ipc_message *reply,
                      int *result_out, struct err *err);

/*
 * stored.c: mail that waits in an Inbox until another server has it. May it be tried now? Where that is not known,
 * deliver is asked, and the message touched when the answer is there.
 */
bool stored_is_settled(struct message *message);
/* A server has it. */
void stored_sent(struct message *message);

/* local.c. Hand what is due for users to deliver, for lists to listd. */
void local_open(struct queue *queue);
bool local_has(enum delivery_kind kind); /* is it for one of these? */
struct ipc_client *local_client(const struct queue *queue, enum delivery_kind kind);
void local_dispatch(struct message *message);

/* patience.c */
void patience_read(struct queue *queue); /* settings have changed */
/* What a sender has of its own: its retry list (empty: none), warn and fail in seconds (below 0, 0: none). */
void patience_read_sender(const struct queue *queue, const char *retry, int64_t warn, int64_t fail,
                          struct patience *patience_out);
/* That of the sender that a delivery was given to; where that is not known, of all. */
const struct patience *patience_for(const struct queue *queue, const struct delivery *delivery);
/* How long until the attempt after `attempts`, ms. */
int64_t patience_delay(const struct patience *patience, unsigned attempts);

/* lan.c. A target in the resolver's words, "<rule id> <address>" or "0 SMTP:...". False: there is no such rule. */
bool lan_set_target(struct message *message, struct delivery *delivery, int64_t rule, const struct str *from,
                    struct str target);
/* Count what rules matched, in the commit that is being made. */
int lan_write_matches(struct queue *queue, struct err *err);

/* outcome.c: the result of an attempt, and when the next one is. */
void outcome_delivered(struct message *message, struct delivery *delivery, bool dsn_passed);
void outcome_failed(struct message *message, struct delivery *delivery);
void outcome_discarded(struct message *message, struct delivery *delivery); /* its target is nobody */
void outcome_deferred(struct message *message, struct delivery *delivery);
/* A local daemon did not answer: again in seconds, no attempt counted. */
void outcome_away(struct message *message, struct delivery *delivery);

/* remote.h: destinations and the sessions to them. */
bool remote_has(enum delivery_kind kind); /* is it for one of the ways to other servers? */
int remote_open(struct queue *queue, struct err *err);
void remote_settings(struct queue *queue); /* settings have changed */
void remote_dispatch(struct message *message);
void remote_turn(struct queue *queue); /* give sessions to destinations in turn; end idle ones */
void remote_note_parked(struct queue *queue, struct str destination);
void remote_forget_trouble(struct queue *queue); /* `retry`: try now what was put off together */
unsigned remote_busy(const struct queue *queue);
/* Whom it was fetched for gets it, or never will. */
void remote_fetched(struct message *message);
/* Does anything stand in line for a sender's destinations, or is parked for them? */
bool remote_waits_for(const struct queue *queue, int64_t sender);

/* table.c: queue.db. */
int table_open(struct queue *queue, struct err *err);
void table_close(struct queue *queue);
void table_write(struct message *message);           /* with the next commit */
void table_forget(struct queue *queue, int64_t row); /* with a later commit, after active/ was synced */
void table_flush(struct queue *queue);               /* commit; messages written are touched, leaving ones freed */
void table_minute(struct queue *queue);              /* save the clock; make the reserve again */
struct db *table_db(struct queue *queue);
/* Read what the row says into a message made from its file. */
int table_read(struct message *message, int64_t row, struct err *err);

/* past.c: what was sent to other servers, or failed, as long as queue.past-days says. */
int64_t past_days(const struct queue *queue);
void past_prune(struct queue *queue);
int past_answer(struct queue *queue, const struct ipc_message *request, struct ipc_message *reply, struct err *err);

/*
 * crash.c. Leave a mark where this process ends by a fault of its own, and say whether the last one did (points to
 * give). Before the sandbox.
 */
int crash_watch(const struct queue *queue, unsigned *points_out, struct err *err);

/* recover.c: at start, bring table and active/ together; what was in hand gets points. */
int recover(struct queue *queue, unsigned points, struct err *err);

/* schedule.c: rows whose time has come. */
int schedule_open(struct queue *queue, struct err *err);
void schedule_turn(struct queue *queue);
void schedule_at(struct queue *queue, int64_t when); /* a row may be due then */

/* report.c: reports to senders. */
void report_want(struct message *message);
void report_turn(struct queue *queue); /* make some of those wanted */

/* Take a message from the table into memory, though it is held or its time has not come. -1: ERR_NOT_FOUND, or that. */
int schedule_take(struct queue *queue, struct str id, struct err *err);

/*
 * hand.c. `move` and `copy`: give a message that waits to a user, into a folder, past his rules, also where it is held.
 * Moved, it goes to nobody else any more, and its sender hears nothing of it. It is a delivery of its own, so a crash
 * anywhere leaves one copy. -1: ERR_NOT_FOUND, ERR_SYNTAX, ERR_DENIED (it is being sent), ERR_TEMPORARY.
 */
int hand_to_user(struct queue *queue, const struct ipc_message *request, struct err *err);
void hand_resume(struct queue *queue); /* at start, after recover */

/* control.c: what `postroom queue` asks. */
void control_handle(struct ipc_incoming *incoming, void *queue);
/*
 * doom.c. Messages that an administrator deleted while they were not in memory: their rows say so at once (held = 2),
 * their files go a few in each turn, because removing a hundred thousand takes a minute.
 */
void doom_begin(struct queue *queue); /* there are some, or may be */
void doom_turn(struct queue *queue);
/* control_bulk.c: retry, final, hold, release, delete. */
struct control_changed {
	int64_t messages;
	int64_t recipients; /* of `retry`: that are tried now */
};
int control_change(struct queue *queue, const struct ipc_message *request, struct control_changed *changed,
                   struct err *err);
/* The same of one message, for its sender. name: as the request; id: a valid one. */
int control_change_one(struct queue *queue, const char *name, struct str id, struct control_changed *changed,
                       struct err *err);
/* An urgent message has come: all that waits is tried now, as by "retry" of all. */
int control_send_all(struct queue *queue, struct err *err);

#endif
