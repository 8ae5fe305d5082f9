/*
 * pop3-login: a POP3 session until its login (RFC 1939 section 4: the AUTHORIZATION state).
 *
 * One process for each connection. It greets, does TLS, asks authd about names and passwords, and hands the connection
 * to pop3d with authd's ticket. It reaches neither passwords nor mailboxes: taking it over yields one connection. All
 * that it needs is open before it reads the client's first byte; then the sandbox lets it open nothing more.
 */
#ifndef POSTROOM_POP3D_LOGIN_LOGIN_H
#define POSTROOM_POP3D_LOGIN_LOGIN_H

#include "common/daemon/daemon.h"
#include "common/login/handover.h"
#include "common/login/sasl.h"
#include "common/net/conn.h"
#include "common/net/listen.h"
#include "common/net/sandbox.h"
#include "common/net/tls.h"
#include "common/policy/access.h"
#include "common/policy/event.h"
#include "common/policy/gate.h"
#include "common/pop3/command.h"
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
	struct ipc_channel authd;
	struct sasl sasl;
	struct ipc_channel pop3d; /* where the session goes on after the login */
	struct status status;
	struct transcript transcript;
	enum service_encryption encryption;
	bool anonymise;
	bool ended;            /* no further command is read */
	long failures;         /* failed logins so far */
	struct buf user;       /* of USER, for the next PASS; empty: none */
	struct buf mechanisms; /* as authd named them, once asked */
	struct buf usable;     /* those of them that may be used now */
	bool encrypted_auth;   /* setting pop3.require-encrypted-auth: no password in clear */
	bool has_challenge;    /* the greeting had one, and APOP was not tried yet */
};

/* A whole session on fd. Returns the exit status. */
int login_session(int fd, const struct listen_origin *origin, void *context);
/* Tell a client that a limit keeps out, without waiting for it. */
void login_refuse(int fd, const struct listen_origin *origin, bool per_address, void *context);

/* The commands (commands.c). Each answers the client; *command is valid during the call. */
void login_apop(struct login *login, const struct pop3_command *command);
void login_auth(struct login *login, const struct pop3_command *command);
void login_capa(struct login *login, const struct pop3_command *command);
void login_pass(struct login *login, const struct pop3_command *command);
void login_quit(struct login *login, const struct pop3_command *command);
void login_stls(struct login *login, const struct pop3_command *command);
void login_user(struct login *login, const struct pop3_command *command);

/* May the client log in now, or must it ask for TLS first? May a password cross in clear (PASS, PLAIN, LOGIN)? */
bool login_is_open(const struct login *login);
bool login_plain_is_open(const struct login *login);

#endif
