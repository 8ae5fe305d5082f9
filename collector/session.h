/*
 * session: one run of one collector, in a process of its own.
 *
 * Files: session.c its begin and end; keeper.c what it says to the daemon; login.c the way to a mailbox; mailbox.c
 * POP3; folders.c IMAP, folder by folder; watch.c staying there; copy.c a whole account; plan.c which messages there
 * are, and what is to be done with each; fetch.c fetching them; flow.c what comes of it; message.c one of them;
 * store.c into the drop; evidence.c who signed it; batch.c what is stored together; digests.c which were the same;
 * turn.c ETRN and ODMR.
 */
#ifndef POSTROOM_COLLECTOR_SESSION_H
#define POSTROOM_COLLECTOR_SESSION_H

#include "collector/dialogue.h"
#include "collector/digests.h"
#include "collector/judge.h"
#include "common/addr/server.h"
#include "common/collecting/folder.h"
#include "common/net/imap_client.h"
#include "common/net/pop3_client.h"
#include "common/sending/route.h"
#include "common/status/transcript.h"

enum {
	BATCH_MAILS_MAX = 64,
	BATCH_MESSAGES_MAX = 200,
	BATCH_OCTETS_MAX = 16 << 20,
	WINDOW_MAX = 16, /* messages that are asked for at once */
	ASKS_MAX = 2,
	ASKED_MAX = ASKS_MAX * (WINDOW_MAX + 1),
};

/* What is parked in the drop and not yet told to the daemon. */
struct batch {
	struct ipc_message request;
	/* flushed when a window is done, while messages of the next one may have come */
	int fds[BATCH_MAILS_MAX + 2 * WINDOW_MAX * (JUDGE_MAILS_MAX + 1)];
	size_t mail_count;
	uint64_t octets;
	size_t message_count;
	bool is_partial; /* mails of a message are in it, and what became of it is not */
};

enum item_state {
	ITEM_LEAVE,   /* nothing is to be done with it */
	ITEM_WANTED,  /* to be judged, and fetched */
	ITEM_DELETE,  /* to be deleted */
	ITEM_DELETED, /* the server said that it is, or will be */
};

/* A message at the server. */
struct item {
	uint32_t number; /* POP3's, or IMAP's UID */
	enum item_state state;
	uint64_t size;       /* as LIST has it; 0: not known */
	struct str identity; /* empty: the server has none for it alone, so a digest of it will be */
	bool is_listed;
	struct known known;
};

struct session;

/* What comes of what was asked for. */
enum coming_kind {
	COMING_MESSAGE, /* has to be read now */
	COMING_REFUSED, /* that message will not come */
	COMING_END,     /* of what was asked for first no more will come */
};

struct coming {
	enum coming_kind kind;
	uint32_t number; /* of the item; 0: not known */
	bool whole;      /* or the header alone */
	bool refused;    /* of COMING_END: the server says that something went wrong; its words are in err */
};

/* Where messages are fetched from. */
struct source {
	const char *protocol; /* for the Received field and the envelope */
	/* May more be asked for before the last answer has come? */
	bool (*pipelines)(const struct session *session);
	/* Ask for some messages, or for their headers: WINDOW_MAX at most, and ASKS_MAX times before all has come. */
	void (*ask)(struct session *session, struct item *const *items, size_t count, bool whole);
	/* What comes next; of different asks it may come mixed, their ends come in order. -1: the connection is lost. */
	int (*next)(struct session *session, struct coming *coming, struct err *err);
	/* The message, as pop3_client_read_message. -1: the connection is lost. */
	int (*read)(struct session *session, enum smtp_data_mode mode, uint64_t octets_max, mail_client_take *take,
	            void *context, struct err *err);
};

/* An answer that is to come; number 0: the end of an ask. */
struct asked {
	uint32_t number;
	bool whole;
};

struct session {
	const struct collectord *collectord;
	int channel;
	struct ipc_channel keeper, smtpd; /* smtpd: of ODMR alone */
	int nudge;                        /* readable: collect now (watch.c); -1: it does not stay */
	bool is_told;                     /* the result of what was done last */
	int storer;                       /* to whom an account is copied (copy.h); -1: it is collected */
	struct settings settings;
	struct collector_settings collector;
	struct spool_drop drop;
	struct status status;
	struct judge *judge;
	struct arena arena; /* until its end */
	struct route_sources sources;
	struct route route; /* its password */
	struct str addresses[ROUTE_ADDRESSES_MAX];
	size_t address_count;
	const struct source *source;
	const struct mail_client *server; /* that of client or imap, once it was called */
	struct pop3_client client;
	struct asked asked[ASKED_MAX]; /* of POP3: what is still to come, in order */
	size_t asked_count;
	struct imap_client imap;
	unsigned strays;                     /* messages that came, and nobody waits for */
	bool lacks_uids;                     /* IMAP's server says which message it was only when it has come */
	const struct collect_folder *folder; /* of IMAP: that is being collected */
	uint32_t left;                       /* messages in the first folder when it was collected last */
	struct transcript transcript;
	struct batch batch;
	struct digests seen;   /* of this session: identities that are digests, copies */
	struct digests copies; /* messages that are the same, with who got them */
	struct item *items;
	uint32_t item_count;
	int64_t now;             /* seconds since 1970, at its begin */
	bool lacks_top, has_top; /* the server refused TOP; it took it once */
	bool is_full;            /* the disk is: nothing more is fetched */
	bool is_fetching;        /* commands may be under way */
	unsigned put_off;        /* messages that could not be judged */
	struct run_result result;
};

/* What a session is for. */
struct session_task {
	int64_t collector, connection; /* connection 0: none */
	int storer;                    /* copy the account to whom that is (copy.h); -1: collect */
	int nudge;                     /* readable: one that stays connected is to collect now; -1: it does not stay */
};

/* The process. channel: the daemon's other end. Returns the exit status. */
int session_run(const struct collectord *collectord, const struct session_task *task, int channel);

/* The preparation of a connection (mail_client.h). context is the session. */
void session_attach_transcript(struct conn *conn, void *context);
/* Say as the result that all went well. */
void session_succeed(struct session *session);

/* What is set of the collector. */
static inline int64_t session_number(const struct session *session, enum collector_setting setting)
{
	return session->collector.numbers[setting];
}

static inline const char *session_text(const struct session *session, enum collector_setting setting)
{
	return session->collector.texts[setting];
}

/* keeper.c: see dialogue.h. -1: the daemon is away, or refuses; the session cannot go on. */
int keeper_see(struct session *session, struct item *const *items, size_t count, struct err *err);
int keeper_listed(struct session *session, struct err *err);
int keeper_deleted(struct session *session, struct err *err);
void keeper_notice(struct session *session, const char *target, const char *subject, struct str text);
void keeper_result(struct session *session);
/* The session collects once more, after a result with which it stayed. */
int keeper_begin(struct session *session, struct err *err);
/* It cannot, but another session could: one is begun, and this one killed. */
int keeper_leave(struct session *session, struct err *err);

/* mailbox.c: collect from a POP3 mailbox. -1: why the run failed. */
int mailbox_collect(struct session *session, struct err *err);

/* folders.c: likewise of an IMAP mailbox. */
int folders_collect(struct session *session, struct err *err);
/* The way to that mailbox. -1: why it failed. */
int folders_log_in(struct session *session, struct err *err);

/* folders.c: collect once, over the open connection. */
int folders_collect_once(struct session *session, struct err *err);

/* watch.c: after a run that went well, stay, and collect again whenever there is more. -1: a run failed. */
int watch_collect(struct session *session, struct err *err);

/* plan.c: read LIST and UIDL, ask what is known of each message, and decide. count: of STAT. */
int plan_make(struct session *session, uint32_t count, struct err *err);
/* Ask what is known of the items, each with an identity of its own, and decide what is to be done with each. */
int plan_ask(struct session *session, struct err *err);
/* What was fetched before is deleted when its time is over; all else is judged. */
enum item_state plan_decide(const struct session *session, const struct item *item);

/* fetch.c: fetch what is wanted. -1: the session cannot go on; what was stored is told all the same. */
int fetch_all(struct session *session, struct err *err);

/* What was decided of a message, while it is fetched. */
struct pick {
	struct item *item;
	struct judge_offer offer;
	struct judgement judgement;
	bool wants_header, wants_body;
	bool awaits;  /* it was asked for, and has not come */
	bool is_gone; /* it did not come */
};

/* message.c: read the answer to RETR, store the message. -1: the session cannot go on. */
int message_take_whole(struct session *session, struct pick *pick, struct arena *arena, struct err *err);
/* The header alone was read: store that, or what was made of it. -1: as above. */
int message_take_header(struct session *session, struct pick *pick, struct arena *arena, struct err *err);

/* batch.c */
void batch_init(struct batch *batch);
/* Say what became of a message; its mails are added before the next message is. */
void batch_add_message(struct batch *batch, const struct fate *fate);
void batch_add_answerer(struct batch *batch, struct str address);
/* Park a mail that is written. -1: ERR_SYSTEM. */
int batch_add_mail(struct session *session, struct spool_file *file, struct err *err);
/* Have it committed where it is large enough, or in any case. -1: it is not. */
int batch_flush(struct session *session, bool in_any_case, struct err *err);

/* turn.c: as mailbox_collect. */
int etrn_collect(struct session *session, struct err *err);
int odmr_collect(struct session *session, struct err *err);

#endif
