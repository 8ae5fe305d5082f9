/*
 * smtpd: takes mail by SMTP and submission.
 *
 * Services: those of type smtp (common/settings/services.h), and local, a Unix socket for the sendmail command. The
 * listener makes the token that a client's address has a right to, and forks a process for the connection, which
 * forgets the key that makes tokens, opens its channels to resolver, authd, dnsd and policyd, enters its sandbox, and
 * only then reads. From there on it can add files to its drop, read published settings, and ask its channels; it can
 * neither make sockets nor see other mail.
 *
 * Promises: 250 to the end of a message is given when that is on disk under its name; a message ends at CRLF "." CRLF
 * only; nobody relays without a token, which this process cannot make.
 *
 * Files: session.c the conversation and its commands; greeting.c, mail.c, data.c, auth.c, tls.c one family each;
 * relay.c who may send where; permissions.c what users may; send_quota.c how much they may send; mailbox_quota.c
 * whether a full mailbox forbids it; vrfy.c who exists; intake.c a message being taken in;
 * rules.c the SMTP rules; sender_auth.c, auth_results.c whether it is from whom it says;
 * greylist.c who has to come again; rbl.c who is on a DNS blacklist; batv.c reports that come back; dmarc_note.c what
 * DMARC reports tell; collect.c whom users write to; backlog.c whether too much waits in the queue; disk.c free space;
 * handed.c connections of ODMR and of webmail; received.c what is put on top of a message; reply.c the replies;
 * hooks.c what a script
 * says.
 */
#ifndef POSTROOM_SMTPD_SMTPD_H
#define POSTROOM_SMTPD_SMTPD_H

#include "common/daemon/daemon.h"
#include "common/ipc/ipc.h"
#include "common/mailauth/dns/channel.h"
#include "common/mailauth/dns/memory.h"
#include "common/mailauth/spf/spf.h"
#include "common/net/conn.h"
#include "common/net/listen.h"
#include "common/net/sandbox.h"
#include "common/net/tls.h"
#include "common/policy/bandwidth.h"
#include "common/policy/event.h"
#include "common/policy/gate.h"
#include "common/settings/settings.h"
#include "common/smtp/command.h"
#include "common/spool/spool.h"
#include "common/spool/token.h"
#include "common/status/status.h"
#include "common/status/transcript.h"
#include "smtpd/hooks.h"
#include "smtpd/permissions.h"
#include "smtpd/relay.h"
#include "smtpd/rules.h"

#define SMTP_LOCAL "local"

enum {
	HELO_MAX = 256, /* octets of a client's name kept, with the NUL */
	USER_MAX = 256, /* octets of who logged in, with the NUL */
	MECHANISMS_MAX = 256,
	MAX_ERRORS = 20, /* commands a client may get wrong in a session */
};

/* What the listener has; a session works on its copy of it. */
struct smtpd {
	const struct daemon *daemon;
	struct settings settings;
	struct tls_server tls;
	struct spool_drop drop;
	struct access access;
	struct token_key key;
	struct sandbox sandbox;
	struct smtpd_rules rules;
	struct known known;   /* addresses that policyd has to be asked about */
	bool has_send_quotas; /* a user has one */
	bool has_mailbox_quotas;
	char mechanisms[MECHANISMS_MAX]; /* what authd offers, strongest first, separated by spaces */
};

/* A mail transaction, from MAIL to the end of DATA (RFC 5321 3.3). */
struct transaction {
	bool open;
	struct smtp_mail mail;
	struct spool_recipient *recipients;
	size_t count, capacity;
	size_t remote_count; /* recipients that are elsewhere */
	bool lacks_tag;      /* from <>, and a recipient has no tag that he should have (smtpd/batv.h) */
	struct rules_state rules;
	struct spf_outcome spf; /* where it was checked (smtpd/sender_auth.h) */
	bool spf_is_known;
	struct str arc, results; /* of the envelope, where it may be sealed (smtpd/sender_auth.h) */
	struct intake *intake;   /* begun by BDAT (smtpd/intake.h); NULL before */
	bool chunks_failed;      /* one was refused: RSET has to come (RFC 3030 2) */
};

struct session {
	struct smtpd *smtpd;
	const char *service; /* a word for logs: the label of the service, or SMTP_LOCAL */
	int64_t service_id;  /* its number; 0: local */
	enum service_encryption encryption;
	bool is_local;      /* a program of this machine, by the Unix socket */
	bool is_submission; /* the service is for mail programs (RFC 6409), not for other servers */
	bool is_handed;     /* another daemon handed the connection over (smtpd/handed.h) */
	struct conn conn;
	char peer[64];                                                             /* the client's address, or "local" */
	struct ipc_channel resolver, authd, dnsd, policyd, queue_manager, deliver; /* fd -1: not open */
	struct mailauth_channel dns;                                               /* questions to dnsd */
	struct mailauth_memory answers; /* of dnsd, for what one message after the other needs */
	struct status status;
	struct transcript transcript;
	struct bandwidth bandwidth;
	struct script rules_script; /* smtprules_<service>.lua */
	struct hooks hooks;         /* smtpsvr.lua */
	struct {
		bool looked;    /* the lists were asked */
		char zone[256]; /* of the first that has the client; "": none */
	} rbl;

	char helo[HELO_MAX];           /* as the client named itself, harmless characters alone; "" before */
	bool is_extended;              /* by EHLO */
	struct relay relay;            /* what its address is allowed */
	char address_token[TOKEN_MAX]; /* the right to relay that the client's address has; "" without */
	char user[USER_MAX];           /* who logged in; "" before */
	int64_t uid;                   /* of that user */
	char login_token[TOKEN_MAX];
	struct permissions permissions; /* of who sends */
	unsigned failed_logins, errors;
	unsigned messages; /* that came, taken or not */
	unsigned queued;   /* that were taken */

	struct transaction transaction;
	struct arena command_arena, transaction_arena;
	char stray;   /* this octet, where it comes before the next command, belongs to the end of the message; or NUL */
	bool closing; /* no further command is read */
};

/*
 * In the listener: begin the session of a connection that was just accepted, with the right to relay that its client's
 * address has (relay.h). What the one before it was given is gone then.
 */
void session_prepare(struct session *session, struct smtpd *smtpd, int fd, const struct listen_origin *origin);
/*
 * In its process: begin the session of a connection that was handed over, without any right to relay. peer: the other
 * side's address.
 */
void session_prepare_handed(struct session *session, struct smtpd *smtpd, int fd, const struct listen_origin *origin,
                            const char *peer);
/* In its process: the whole conversation. Returns the exit status. */
int session_run(struct session *session);
/* Must somebody log in before mail is taken? */
bool session_login_is_needed(const struct session *session);
/* Largest message, octets; 0: any. */
/* How many seconds ahead the client may say when a message goes (RFC 4865); 0: not at all. */
int64_t session_future_release(const struct session *session);
uint64_t session_max_size(const struct session *session);
/* May this session send to other domains: by its address, or since somebody logged in? */
bool session_may_relay(const struct session *session);
/* The domain for a local part alone: the default domain for programs of this machine, for everybody else none. */
struct str session_default_domain(const struct session *session);
/* The name this server goes by. */
const char *session_host(const struct session *session);

/*
 * Answer. enhanced is NULL where RFC 2034 has none (greetings, EHLO, 3xx). Replies of 500 to 504 and 555 count as
 * errors of the client. reply_line begins or goes on with a reply of several lines.
 */
void reply(struct session *session, int code, const char *enhanced, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void reply_line(struct session *session, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
void reply_refusal(struct session *session, const struct smtp_refusal *refusal);

/* Commands; argument is what follows the verb. Each answers once. */
void command_helo(struct session *session, struct str argument);
void command_ehlo(struct session *session, struct str argument);
void command_noop(struct session *session, struct str argument);
void command_rset(struct session *session, struct str argument);
void command_quit(struct session *session, struct str argument);
void command_help(struct session *session, struct str argument);
void command_vrfy(struct session *session, struct str argument);
void command_expn(struct session *session, struct str argument);
void command_http(struct session *session, struct str argument);
void command_starttls(struct session *session, struct str argument);
void command_auth(struct session *session, struct str argument);
void command_mail(struct session *session, struct str argument);
void command_rcpt(struct session *session, struct str argument);
void command_data(struct session *session, struct str argument);
void command_bdat(struct session *session, struct str argument);

/* BDAT may not be used now: read its chunk away, then answer. */
void chunk_refuse(struct session *session, struct str argument, const struct smtp_refusal *refusal);

/* Forget the transaction, if there is one. */
void transaction_reset(struct session *session);

/* Is TLS wanted before anything else is done here, and is it not on yet? */
bool tls_is_needed(const struct session *session);
/* Can STARTTLS be used now? */
bool tls_is_offered(const struct session *session);
/* The handshake, answers nothing. -1: the session cannot go on. */
int tls_begin(struct session *session);

/* The mechanisms this session may use now, separated by spaces; empty where AUTH is not offered. */
struct str auth_mechanisms(struct session *session);
/* In the listener: learn the mechanisms from authd, unless they are known. */
void auth_learn_mechanisms(struct smtpd *smtpd);

/*
 * Is there room on the spool's file system, as one of the settings smtp.disk-connect and smtp.disk-message wants? A
 * system that does not say has room: writing will tell.
 */
bool disk_has_room(const struct session *session, enum setting setting);

/* The Received field (RFC 5321 4.4) of a message of this session, with its line ends. */
struct str received_field(struct session *session, const char *id);
/* What a submitted message lacks of Date and Message-ID (RFC 6409 8), as fields with their line ends. */
struct str missing_fields(struct session *session, const char *id, bool date, bool message_id);
/* "SMTP", "ESMTPSA" ...: how the message came (RFC 3848, RFC 6531 4.3). */
const char *session_protocol(const struct session *session);

#endif
