/*
 * imap-login: an IMAP session until its login (RFC 9051 section 3.1: the not authenticated state).
 *
 * One process for each connection. It greets, does TLS, asks authd about names and passwords, and hands the connection
 * to imapd with authd's ticket. It reaches neither passwords nor mailboxes: taking it over yields one connection. All
 * that it needs is open before it reads the client's first byte; then the sandbox lets it open nothing more.
 */
#ifndef POSTROOM_IMAPD_LOGIN_LOGIN_H
#define POSTROOM_IMAPD_LOGIN_LOGIN_H

#include "common/daemon/daemon.h"
#include "common/imap/hooks.h"
#include "common/imap/parser.h"
#include "common/login/sasl.h"
#include "common/net/conn.h"
#include "common/net/listen.h"
#include "common/net/sandbox.h"
#include "common/net/tls.h"
#include "common/policy/access.h"
#include "common/policy/event.h"
#include "common/policy/gate.h"
#include "common/settings/settings.h"
#include "common/status/status.h"
#include "common/status/transcript.h"

/* What the listener has, and each session inherits. */
struct login_service {
	struct daemon daemon;
	struct settings settings;
	struct tls_server tls;
	struct sandbox sandbox;
	struct access access;
	struct access_decision decision; /* of the access list, on the connection that is forked next */
	struct known known;              /* addresses that policyd has to be asked about */
};

/* One session. */
struct login {
	struct login_service *service;
	int64_t service_id;
	struct conn conn;
	struct imap_parser parser;
	struct arena arena; /* of the command that runs; may hold its password */
	struct str tag;     /* of that command */
	struct ipc_channel authd;
	struct sasl sasl;
	struct ipc_channel imapd; /* where the session goes on after the login */
	struct status status;
	struct transcript transcript;
	struct script script; /* imap4svr.lua */
	enum service_encryption encryption;
	bool encrypted_auth; /* setting imap.require-encrypted-auth: no password in clear */
	bool anonymise;
	bool ended;            /* no further command is read */
	long failures;         /* failed logins so far */
	unsigned mistakes;     /* commands that made no sense so far */
	struct buf mechanisms; /* as authd named them, once asked */
};

/* A whole session on fd. Returns the exit status. */
int login_session(int fd, const struct listen_origin *origin, void *context);
/* Tell a client that a limit keeps out, without waiting for it. */
void login_refuse(int fd, const struct listen_origin *origin, bool per_address, void *context);

/* The tagged answer to the command: status "OK", "NO", "BAD"; code without brackets, or NULL. */
void login_answer(struct login *login, const char *status, const char *code, const char *text);
/* The command's grammar was broken: BAD, as the parser says. */
void login_refuse_command(struct login *login);
/* What the client may use now, beginning with "IMAP4rev1"; in the arena. */
struct str login_capabilities(struct login *login);
/* May a password be given in clear (LOGIN, PLAIN)? May anything be tried? */
bool login_is_open(const struct login *login);
bool login_plain_is_open(const struct login *login);

/* The commands (commands.c, authenticate.c): each parses its arguments and answers the client. */
void login_authenticate(struct login *login);
void login_capability(struct login *login);
void login_id(struct login *login);
void login_login(struct login *login);
void login_logout(struct login *login);
void login_noop(struct login *login);
void login_starttls(struct login *login);

#endif
