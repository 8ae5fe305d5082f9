/*
 * imap_client: the client's side of IMAP (RFC 3501, RFC 9051), one connection, in sequence, as far as collecting needs
 * it.
 *
 *     imap_client_init(&client, timeouts);
 *     imap_client_connect(&client, &target, &err)                 TCP, greeting, CAPABILITY
 *     imap_client_start_tls(&client, tls, true, &err)             where wanted
 *     imap_client_login(&client, &login, &err)
 *     imap_client_select(&client, "INBOX", &selected, &err)
 *     imap_client_sizes(&client, visit, context, &err)            UID and size of each message
 *     imap_client_ask(&client, uids, count, IMAP_CLIENT_WHOLE);
 *     imap_client_next_message(...), imap_client_read_message(...)    its answers, until there is none
 *     imap_client_move(...) or imap_client_delete(...)
 *     imap_client_logout(&client); imap_client_close(&client)
 *
 * The server is a stranger: lines, literals, their number and the octets of a message are limited, and see
 * mail_client.h; nothing that was read in clear counts after TLS began. A password is sent in clear only by the methods
 * that say so.
 */
#ifndef POSTROOM_NET_IMAP_CLIENT_H
#define POSTROOM_NET_IMAP_CLIENT_H

#include "common/base/arena.h"
#include "common/imap/reply.h"
#include "common/login/sasl_client.h"
#include "common/net/mail_client.h"
#include "common/smtp/data.h"

enum {
	IMAP_CLIENT_MESSAGES_MAX = 1000000, /* in one folder */
	IMAP_CLIENT_UIDS_MAX = 700,         /* in one command, so that it stays below 8192 octets (RFC 7162 section 4) */
};

struct imap_client {
	struct mail_client mail;
	unsigned offered;        /* enum imap_offer, of the last CAPABILITY */
	unsigned mechanisms;     /* enum sasl_client_mechanism, of the same */
	unsigned sent, answered; /* commands; their number is their tag */
	struct buf reply;        /* the line that is read, literals left out */
	uint64_t literal;        /* octets of the message that are to be read now */
	bool has_inline;         /* or it came as a quoted string */
	unsigned ended_early;    /* the second of two FETCHes, which has ended before the first; 0: none */
	struct str quoted;
	bool keeps_literals; /* of replies, as they came over the wire (imap/value.h) */
	uint32_t exists;     /* messages in the selected folder, as the server said last */
	bool has_more;       /* they became more since it was selected */
};

struct imap_client_login {
	bool by_command; /* LOGIN, not AUTHENTICATE */
	struct sasl_client_login sasl;
};

struct imap_client_selected {
	uint32_t exists;
	uint32_t uidvalidity;
};

enum imap_client_part { IMAP_CLIENT_HEADER, IMAP_CLIENT_WHOLE };

void imap_client_init(struct imap_client *client, struct mail_client_timeouts timeouts);

/* Connect, read the greeting, ask what is offered. -1: as mail_client_connect; MAIL_CLIENT_REFUSED; closed then. */
int imap_client_connect(struct imap_client *client, const struct mail_client_target *target, struct err *err);

/* STARTTLS, the handshake, CAPABILITY again (RFC 9051 6.2.1). -1: MAIL_CLIENT_REFUSED (usable in clear), or lost. */
int imap_client_start_tls(struct imap_client *client, SSL_CTX *tls, bool verify, struct err *err);

/*
 * -1: MAIL_CLIENT_LACKS (LOGINDISABLED, no mechanism in common), MAIL_CLIENT_REFUSED, ERR_SYNTAX (a name or password
 * that the method cannot carry), ERR_PROTOCOL (no proof that the server knows the password), or lost.
 */
int imap_client_login(struct imap_client *client, const struct imap_client_login *login, struct err *err);

/* folder: its name in UTF-8. -1: MAIL_CLIENT_REFUSED, or lost. */
int imap_client_select(struct imap_client *client, struct str folder, struct imap_client_selected *selected,
                       struct err *err);
/* The same, for reading only: nothing changes there. */
int imap_client_examine(struct imap_client *client, struct str folder, struct imap_client_selected *selected,
                        struct err *err);

/* What a folder is for, as the server says (RFC 6154, or the words that XLIST has for it). */
enum imap_client_use {
	IMAP_CLIENT_USE_NONE,
	IMAP_CLIENT_USE_SENT,
	IMAP_CLIENT_USE_DRAFTS,
	IMAP_CLIENT_USE_JUNK,
	IMAP_CLIENT_USE_TRASH,
	IMAP_CLIENT_USE_ARCHIVE,
	IMAP_CLIENT_USE_VIEW, /* it shows messages of other folders: \All, \Flagged, \Important */
};

struct imap_client_folder {
	struct str name; /* UTF-8, as imap_client_select takes it */
	char delimiter;  /* between the levels of its name; '\0': it has none */
	bool selectable;
	enum imap_client_use use;
};

/*
 * What the names of the user's own folders begin with, as "INBOX." (RFC 2342), in arena; empty: nothing, or the server
 * does not say. -1: as imap_client_select.
 */
int imap_client_namespace(struct imap_client *client, struct arena *arena, struct str *prefix_out, struct err *err);

/* Sees each folder; its views last for the call. -1: no more is wanted (its err); the connection is closed. */
typedef int imap_client_visit_folder(const struct imap_client_folder *folder, void *context, struct err *err);
/* All folders, with what they are for where the server knows that. -1: as imap_client_select, ERR_LIMIT. */
int imap_client_list(struct imap_client *client, imap_client_visit_folder *visit, void *context, struct err *err);

/* What is known of a message beside its octets. */
struct imap_client_detail {
	uint32_t uid;
	uint64_t size;
	int64_t date;            /* INTERNALDATE, seconds since 1970; 0: not told */
	const struct str *flags; /* "\Seen", "$Forwarded", "work"; views for the call */
	size_t flag_count;
};

typedef void imap_client_visit_detail(const struct imap_client_detail *detail, void *context);
/* The details of all messages of the folder. -1: as imap_client_sizes. */
int imap_client_details(struct imap_client *client, imap_client_visit_detail *visit, void *context, struct err *err);

typedef void imap_client_visit(uint32_t uid, uint64_t size, void *context);
/* UID and RFC822.SIZE of all messages, in the order in which the server tells them. -1: as imap_client_select. */
int imap_client_sizes(struct imap_client *client, imap_client_visit *visit, void *context, struct err *err);

/* What comes of a FETCH. */
struct imap_client_coming {
	uint32_t uid; /* 0: the server says which it is only behind its octets */
	enum imap_client_part part;
};

/*
 * Put a FETCH of some messages into the buffer, which leaves their flags alone. A second one may be put there before
 * the first has ended, and no third: RFC 9051 5.5 lets their answers come mixed.
 */
void imap_client_ask(struct imap_client *client, const uint32_t *uids, size_t count, enum imap_client_part part);
/*
 * The next answer up to the octets of a message, which imap_client_read_message has to read then, in whatever order the
 * server likes. 1 = a message; 0 = that was all of the first FETCH that had not ended; -1: MAIL_CLIENT_REFUSED (that
 * one has ended, too), or lost.
 */
int imap_client_next_message(struct imap_client *client, struct imap_client_coming *coming, struct err *err);
/*
 * The message itself, with CRLF at the end of each line (mode: what else ends one). What is more than octets_max is
 * ERR_LIMIT. -1: the connection is closed.
 */
int imap_client_read_message(struct imap_client *client, enum smtp_data_mode mode, uint64_t octets_max,
                             mail_client_take *take, void *context, struct err *err);

/*
 * Wait until the selected folder has more messages than it had when it was selected (IDLE, RFC 2177), wait_ms at most,
 * which has to be less than the half hour after which servers end the connection. 1: it has, or other_fd (-1: none) is
 * readable; 0: the time is over; -1: MAIL_CLIENT_REFUSED, or lost. The command has ended in the first two cases.
 */
int imap_client_idle(struct imap_client *client, int other_fd, int wait_ms, struct err *err);

/* Delete messages (UID STORE, UID EXPUNGE, or EXPUNGE where there is no UIDPLUS). -1: MAIL_CLIENT_REFUSED, or lost. */
int imap_client_delete(struct imap_client *client, const uint32_t *uids, size_t count, struct err *err);
/* Move them to another folder: UID MOVE, or UID COPY and the above. -1: likewise. */
int imap_client_move(struct imap_client *client, const uint32_t *uids, size_t count, struct str folder,
                     struct err *err);

/* LOGOUT and its answer. */
int imap_client_logout(struct imap_client *client, struct err *err);
/* Close without a word. */
void imap_client_close(struct imap_client *client);

#endif
