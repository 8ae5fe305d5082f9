/*
 * remote: where mail for other servers goes, and who has a session when.
 *
 * There are two ways there, each with its own program, limits and settings: by sender, where a destination is "mx
 * <domain> <sender id>" or "relay <sender id>", and by lfwd, where it is a server of the LAN
 * (common/lan/destination.h). Each destination has a line of jobs (one message, up to 100 recipients) and some
 * sessions: connections to sender, of which each is a process of its own. Sessions are given round robin, so that a
 * slow destination delays nobody else, and each is held for some seconds while its line lasts: a session costs several
 * times what a message does. A destination whose line is full has further mail parked in the table; it is fetched as
 * the destination comes to have sessions. A new destination begins with few sessions and earns more by success; one
 * that cannot be reached rests for a while, and what comes meanwhile shares its fate without a try of its own. One that
 * was slow, or took nothing, is of poor standing for some minutes: it gets only a share of all sessions and a short
 * line, so that many of them, dead, slow or greylisting, leave room for the others (standing.c).
 */
#ifndef POSTROOM_QUEUE_MANAGER_REMOTE_H
#define POSTROOM_QUEUE_MANAGER_REMOTE_H

#include "common/lan/destination.h"
#include "common/settings/ceilings.h"
#include "queue-manager/senders.h"

enum {
	REMOTE_LINE_MAX = 100,       /* jobs in one line; then messages are parked */
	REMOTE_LINE_HELD = 20,       /* where many wait, of one that has a session */
	REMOTE_LINE_SHORT = 4,       /* then, of one without, and always of one of poor standing */
	REMOTE_HOLD_MS = 5000,       /* so long a session stays a destination's, before others */
	REMOTE_RECIPIENTS_MAX = 100, /* of one transaction, RFC 5321 4.5.3.1.8 */
	REMOTE_PARTS_MAX = 400,      /* deliveries in one job: several may be for one recipient */
	REMOTE_BUCKETS = 1024,
	REMOTE_NAME_MAX = LAN_DESTINATION_MAX,
	REMOTE_ID_MAX = 24, /* octets of a sender's number at the end of a name */
};

struct remote_job {
	struct message *message;
	int64_t rank;     /* its place in the line, small ones first */
	bool final;       /* what is deferred fails */
	int64_t brief_ms; /* standing_patience, when it began */
	struct remote_destination *destination;
	struct remote_job *next;
	size_t count, recipients;
	struct {
		unsigned delivery;
		unsigned place; /* among the recipients that are named */
	} parts[REMOTE_PARTS_MAX];
};

enum standing {
	STANDING_UNKNOWN,
	STANDING_PROVEN, /* it took what it was given, and soon */
	STANDING_POOR,   /* it took nothing, or it took it slowly */
	STANDINGS,
};

struct remote_destination {
	char *name;
	struct remote_destination *next_in_bucket;
	struct remote_destination *next_in_ring; /* those that there is anything to do for, in the order they are served */
	bool in_ring;
	int64_t sender;           /* whose it is; 0: of the LAN */
	struct remote_job *first; /* in line, by rank */
	unsigned waiting;         /* jobs in line */
	unsigned coming;          /* messages fetched from the table that do not stand in line yet */
	unsigned sessions;        /* open, busy or idle */
	unsigned window;          /* sessions that it may have */
	enum standing standing;   /* of the job that ended last: standing_of */
	int64_t standing_until;   /* queue time; then it is forgotten */
	bool was_slow;            /* that job took long */
	int64_t refill_from;      /* queue time; its line is not filled from the table before */
	char *server;             /* "host:port" of the LAN, which other destinations may share; else empty */
	bool parked;              /* messages wait in the table */
	int64_t rest_until;       /* queue time; could not be reached */
	char *trouble;            /* the answer then */
};

struct remote_session {
	struct remote *remote;
	struct remote_destination *destination;
	struct remote_job *job; /* NULL: idle */
	struct ipc_client *client;
	int64_t began;                 /* queue time; its job, or being idle */
	int64_t held_from;             /* queue time; since its destination got it in turn */
	unsigned messages, recipients; /* that it was given */
	bool broken;
	struct remote_session *next;
};

struct remote;

/* What is different by the one way and by the other. */
struct remote_way {
	enum delivery_kind kind;
	const char *program;
	const char *prefix;    /* of the names of its destinations */
	unsigned window_first; /* sessions to a destination of which nothing is known; 0: as many as it may have ever */
	void (*read_settings)(struct remote *remote);
	bool has_senders; /* senders.h says who sends, and whether anybody does */
	/* The destination of a delivery in name, by a sender where the way has any; false: its address is no good. */
	bool (*name)(struct message *message, const struct delivery *delivery, const struct sender *sender, char *name);
	/* Is the message ready to go this way? Where it is not, it is touched when it is. NULL: it always is. */
	bool (*is_settled)(struct message *message);
};

struct remote {
	struct queue *queue;
	const struct remote_way *way;
	struct remote_destination *buckets[REMOTE_BUCKETS];
	struct remote_destination *ring, **ring_last;
	unsigned destination_count; /* in the ring or not */
	int64_t forget_at;          /* queue time */
	struct remote_session *sessions;
	unsigned session_count, busy;
	unsigned concurrency, total;
	bool may_exceed; /* settings were read since all sessions were known to be within them */
	int64_t rest_ms;
	struct standings standings;
	unsigned waiting[STANDINGS]; /* jobs in line or coming */
	bool others_wait;            /* for sessions: destinations of better standing */
	bool poor_wait;              /* destinations of poor standing, since the last turn */
	int64_t poor_began;          /* queue time; a job of these, the last */
	unsigned others_begun;       /* jobs of others, for which these may begin some */
	bool paused;                 /* nothing begins; what comes is parked */
	struct remote_ceiling {
		char server[SERVER_TEXT_MAX]; /* "host:port" */
		unsigned most;
	} ceilings[CEILINGS_MAX];
	size_t ceiling_count;
};

/* sessions.c */
/* Sessions of a sender, to all its destinations. */
unsigned remote_sessions_by(const struct remote *remote, int64_t sender);
void remote_session_start(struct remote *remote, struct remote_destination *destination, struct remote_job *job);
struct remote_session *remote_session_idle(struct remote *remote, const struct remote_destination *destination);
void remote_session_close_idle(struct remote *remote, int64_t now);
/*
 * After a limit was lowered: close idle sessions, whatever they wait for, until there are no more than settings allow
 * in all, for each sender and for each server. What is at work ends its message first and is looked at in a later turn.
 */
void remote_session_keep_within(struct remote *remote);
/*
 * Close the session idle for longest, to make room for another destination; server: of those to it, NULL: of all;
 * sender: of this sender's, 0: of all. False: all are busy.
 */
bool remote_session_make_room(struct remote *remote, const char *server, int64_t sender);
/* Open sessions to a server, of all its destinations. */
unsigned remote_sessions_of(const struct remote *remote, const char *server);

/* destinations.c */
/* By name, and into the ring; it is made if need be. */
struct remote_destination *remote_destination_get(struct remote *remote, struct str name);
/* It is out of the ring, and nothing is to be done for it: what is known of it stays for a while. */
void remote_destination_rest(struct remote *remote, struct remote_destination *destination, int64_t now);
/* Once a minute: forget what is known of those that there is nothing to do for, when its time is over. */
void remote_destinations_forget(struct remote *remote, int64_t now);

/* standing.c */
enum standing standing_of(const struct remote_destination *destination, int64_t now);
bool standing_is_poor(const struct remote_destination *destination, int64_t now);
/* How a job went: did the destination take anything of it, or refuse it for good, and how long did that take? */
void standing_learn(struct remote *remote, struct remote_destination *destination, bool settled, int64_t took_ms);
/* At the begin of a turn: count what the following look at. */
void standing_survey(struct remote *remote, int64_t now);
/* May one of its jobs begin, as far as other destinations have to be thought of? */
bool standing_may_begin(const struct remote *remote, const struct remote_destination *destination, int64_t now);
/*
 * How long a server may take to greet, ms, where its session is wanted by others of which nothing is known either; 0:
 * as the settings say.
 */
int64_t standing_patience(const struct remote *remote, const struct remote_destination *destination, int64_t now);
/* One begins. */
void standing_begun(struct remote *remote, const struct remote_destination *destination, int64_t now);
/* For how many jobs more its line has room. */
unsigned standing_room(const struct remote *remote, const struct remote_destination *destination, int64_t now);

/* ways.c */
extern const struct remote_way remote_ways[QUEUE_WAYS];
/* Where does a destination's server have a limit of its own? Else the limit of all. */
unsigned remote_ceiling(const struct remote *remote, const char *server);

/* wants.c */
/* Messages that are parked for a destination and are to stand in its line. */
struct remote_want {
	struct remote_destination *destination;
	unsigned count;
};
/* Who wants any now, up to `most`: those whose line is short and who have a session, or could have one. */
size_t remote_wants(struct queue *queue, struct remote_want *wants, size_t most);

/* lines.c */
void remote_job_put(struct remote_destination *destination, struct remote_job *job); /* by its rank */
struct remote_job *remote_job_take(struct remote_destination *destination);          /* the first, which is there */
void remote_job_defer(struct remote_job *job, const char *code, struct str host, struct str words);
void remote_job_end(struct remote_job *job);
void remote_job_withdraw(struct remote_job *job); /* not in line: it goes back as it came */
/* Has a line room for a job of this rank? In a full one the last gives way to one that comes before it. */
bool remote_line_make_room(const struct remote *remote, struct remote_destination *destination, int64_t rank);
/* Jobs at the front whose messages are no longer to be sent go back as they came. */
void remote_line_drop_unwanted(struct remote_destination *destination);
/* What is in line goes back, so that it is parked; the first `keep` stay. */
void remote_line_shorten(struct remote_destination *destination, unsigned keep);
/* What was in line when the destination turned out to be unreachable. */
void remote_line_share_trouble(struct remote_destination *destination);

/* remote.c */
/* Is its sender sending? */
bool remote_is_open(const struct remote *remote, const struct remote_destination *destination);
/* Sessions that a destination may have of which nothing is known. */
unsigned remote_window_first(const struct remote *remote);

#endif
