/*
 * transcript: what is said in a session, for its protocol's log (05 Session logging).
 *
 * Where the administrator wants it, a session opens a channel to historyd before its sandbox and tells all that the
 * client and the server say, as it is inside TLS and compression. Passwords are hidden: from a command that logs in
 * until its answer, whatever the client sends is written as "***", and so is what the server asks meanwhile.
 *
 * historyd puts time, process, service and client before each line itself, and knows by the channel which log is
 * meant; so a session can tell nonsense of its own conversation, and nothing of another's. Where historyd is away, or
 * does not take what it is told within a second, the session goes on without.
 *
 *     transcript_begin(&session->transcript, &session->conn, settings, TRANSCRIPT_SMTP, "smtpd");
 *     ... transcript_end(&session->transcript);
 *
 * A session without one pays a comparison with NULL at each read and write. Where this server is the client of another
 * the channel is opened before the sandbox, too, and the connection comes later:
 *
 *     transcript_open(&transcript, settings, TRANSCRIPT_POP3, "collector", "MyISP", "192.0.2.1");
 *     ... transcript_attach(&transcript, &conn); ... transcript_end(&transcript);
 */
#ifndef POSTROOM_STATUS_TRANSCRIPT_H
#define POSTROOM_STATUS_TRANSCRIPT_H

#include "common/ipc/ipc.h"
#include "common/net/conn.h"
#include "common/settings/settings.h"

enum transcript_protocol { TRANSCRIPT_SMTP, TRANSCRIPT_POP3, TRANSCRIPT_IMAP, TRANSCRIPT_WEB };

enum { TRANSCRIPT_LINE_MAX = 2000 }; /* octets of a line that are told; "..." stands for the rest */

struct transcript {
	struct ipc_channel channel;
	struct conn *conn;
	enum transcript_protocol protocol;
	bool is_ours;       /* the client is this server */
	bool hiding;        /* a login is on its way */
	bool silent;        /* this connection is not to be told of */
	bool cuts_messages; /* what the client sends in data is left out */
	bool in_data;       /* the client sends a message: no line of it is a command */
	struct buf in, out; /* lines that are not complete yet */
	struct ipc_message packet;
};

/*
 * Begin where the protocol's setting (smtp.log, pop3.log, imap.log, web.log) is on and log.clients means the
 * connection's peer; else nothing happens, and all other calls do nothing. The service is the one in use of settings.
 * program: a caller of historyd. Call before the sandbox. The transcript must stay where it is for as long as the
 * connection.
 */
void transcript_begin(struct transcript *transcript, struct conn *conn, const struct settings *settings,
                      enum transcript_protocol protocol, const char *program);
/*
 * For a session in which this server is the client, and whose log is wanted: peer is the server's address, which
 * log.clients has to mean; name is what the log shows. transcript_attach may be called for one connection after
 * another; where nothing was opened it does nothing.
 */
void transcript_open(struct transcript *transcript, const struct settings *settings, enum transcript_protocol protocol,
                     const char *program, const char *name, const char *peer);
void transcript_attach(struct transcript *transcript, struct conn *conn);
/*
 * For such a process with one server after another, which are not known yet: only the channel is opened. Then, before
 * each connection, whose it is (name NULL: nobody's, it is not told of), with its messages or without.
 */
void transcript_reserve(struct transcript *transcript, const struct settings *settings,
                        enum transcript_protocol protocol, const char *program);
void transcript_about(struct transcript *transcript, const struct settings *settings, const char *name,
                      const char *peer, bool with_messages);
/*
 * For HTTP, which another library reads and writes: what was asked and what was answered, a line each, in our words.
 */
void transcript_note(struct transcript *transcript, struct str asked, struct str answered);
/* Tell the rest. Also for one that never began, if zeroed. */
void transcript_end(struct transcript *transcript);

/* What transcript_begin and its connection do, for tests: an empty one without a channel; what is said is added to its
 * packet, which begins anew when it is full; and back to nothing. */
void transcript_init(struct transcript *transcript, enum transcript_protocol protocol);
void transcript_take(struct transcript *transcript, bool by_client, struct str bytes);
void transcript_free(struct transcript *transcript);

#endif
