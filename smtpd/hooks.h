/*
 * smtpd/hooks: where the administrator's script smtpsvr.lua has a say (05, SMTP server script; 09-5.5).
 *
 * One Lua state a session. A function that the script lacks, or that fails, means the default; so does an answer that
 * is no reply of the protocol, or one of another kind than the command's own: that is told in luaerrors.log. A script
 * that is not there as the session begins is not looked for again.
 *
 * Globals are set before each call, and read after it where scripts may change them. A script can take rights away
 * (ValidClientAddress, LocalClientAddress, AllowedUsers, AuthenticationRequired) but give none: the right to relay is
 * a token that the listener or authd makes.
 *
 * Files: hooks.c connection and commands; hooks_rbl.c DNS blacklists; hooks_message.c messages; hooks_recipients.c who
 * gets them.
 */
#ifndef POSTROOM_SMTPD_HOOKS_H
#define POSTROOM_SMTPD_HOOKS_H

#include "common/script/script.h"
#include "common/smtp/command.h"
#include "common/spool/spool.h"

#define HOOKS_SCRIPT "smtpsvr"

enum { HOOKS_USERS_MAX = 1000 };

/* What a script says to a question that the settings answer too. */
enum hooks_choice { HOOKS_AS_SET, HOOKS_NO, HOOKS_YES };

/* What it says about DNS blacklists. */
struct hooks_rbl {
	struct arena arena;      /* of the texts here, as long as the session */
	bool has_lists;          /* Start left the two that follow in place of those of the settings */
	struct str servers;      /* as in smtp.rbl-servers */
	struct str whitelist;    /* as in smtp.rbl-whitelist */
	enum hooks_choice check; /* are clients of this session asked about? */
	struct str refusal;      /* the whole reply; "": the usual one */
	struct str field;        /* the line in place of X-RBLFound; "": that */
};

struct session;
struct message;

/* What a script changed of the connection. */
struct hooks {
	struct script script;
	struct str instead;          /* in command_arena: what is answered in place of the command's own reply */
	int64_t max_size;            /* octets of a message, 0: any; -1: as the settings say */
	int64_t max_messages;        /* of the session; -1: as the settings say */
	int64_t max_recipients;      /* of a message; -1: as the settings say */
	int64_t max_sessions;        /* of this client at a time; -1, 0: as the settings say */
	int64_t max_line;            /* octets of a message's line; -1: as the settings say */
	bool no_relay;               /* the address may send nowhere else without a login */
	bool needs_login;            /* nothing is taken before a login */
	enum hooks_choice collect;   /* whom the user writes to is remembered */
	char users[HOOKS_USERS_MAX]; /* who may log in, separated by blanks; "": whoever may otherwise */
	struct hooks_rbl rbl;
};

/* What ProcessMessage decided. */
struct hooks_actions {
	bool ignore;
	bool keeps_recipients;
	const struct str *recipients; /* more of them, or in place of the original ones */
	size_t recipient_count;
};

/* In the session's process, before its sandbox. */
void hooks_open(struct session *session);

/*
 * Start, LoadLimits and GetMaxMessageSize, before the banner. False: the script gave another banner, which is sent; a
 * refusal closes the session.
 */
bool hooks_at_start(struct session *session);

/*
 * A command is about to run, or a MAIL, RCPT or DATA about to be accepted: ask the function of that name. False: it
 * refused, and the client was told. Another reply than the usual one is kept for reply().
 */
bool hooks_permit(struct session *session, const char *function, struct str argument);
/* An unknown command. False: the script answered it. */
bool hooks_unrecognised(struct session *session, struct str line);

/* GetMaxMessageSize, at HELO and EHLO. */
void hooks_at_helo(struct session *session);
/* The lines of EHLO, one for each capability, as the script leaves them; it can hide some, not add any. */
struct str hooks_capabilities(struct session *session, struct str lines);

/* May a user of that name log in? */
bool hooks_allow_user(const struct session *session, const char *user);

/* What the lists of the DNS say of a client. */
struct hooks_listing {
	struct str zone;                    /* the list that has it; "": none */
	struct str refusal, field;          /* what would be said of that: the whole reply, the line in a message */
	const struct script_field *answers; /* of each list, by its name: addresses, separated by blanks; "": not there */
	size_t count;
};

/* Around Start: its tables RBLServers and RBLWhitelist; and around all functions what else is said in hooks.rbl. */
void hooks_offer_lists(struct session *session);
void hooks_take_lists(struct session *session);
/* Is there a function RBLResults, which wants the answers of all lists? */
bool hooks_wants_listing(struct session *session);
/* RBLResults. Returns the zone as the script leaves it; the texts that it gives are in hooks.rbl then. */
struct str hooks_at_listing(struct session *session, const struct hooks_listing *listing);

/* Parts that the files have in common. */

/* Ask a function for one value, with globals before and after. False: there is none, and the default applies. */
bool hooks_ask(struct session *session, const char *function, const struct script_value *argument, size_t count,
               struct script_value *result);
/* A reply of one line with its code, as RFC 5321 4.2 has it? One of 4xx or 5xx? */
bool hooks_is_reply(struct str text);
bool hooks_is_refusal(struct str reply);
/* Send such a reply. */
void hooks_send(struct session *session, struct str text);

/*
 * The whole message is there: StartMessage, MessageLineRaw, MessageLine, EndMessage. They may change its lines. NULL,
 * or how it is refused.
 */
const struct smtp_refusal *hooks_at_lines(struct session *session, struct message *message);
/* ProcessMessage, after all checks: fields on top of the message, and what becomes of it, into actions. */
void hooks_at_message(struct session *session, struct message *message, struct hooks_actions *actions);
/* Carry that out on the envelope. No recipients are left where the message is discarded. */
void hooks_address(struct session *session, const struct hooks_actions *actions, struct spool_envelope *envelope);

/* CheckRecipients: those whom it does not name get nothing, and LogRecipientsBlocked hears of them. The refusal where
 * nobody is left, or NULL. */
const struct smtp_refusal *hooks_check_recipients(struct session *session);
/* MonitorBcc, where the header of the message does not name all recipients: who gets it, too, is added to the actions.
 */
void hooks_monitor(struct session *session, struct str header, struct hooks_actions *actions);
/* LogRecipients, when the message is stored. */
void hooks_stored(struct session *session, const struct spool_envelope *envelope);

/* End, when the session is over. */
void hooks_at_end(struct session *session);

#endif
