/*
 * fetchd: the one that asks web servers: for the policies by which domains say what TLS their mail exchangers have
 * (MTA-STS, RFC 8461), and for access tokens, on behalf of authd (OAuth 2.0, RFC 6749, 8628); and gives reporter's
 * reports to those that take them (RFC 8460 5.2).
 *
 * The loop keeps the policies (state/fetch/policies.db) and takes questions; each errand to a web server is done by a
 * process of its own, which has nothing but the way to dnsd and to the network. authd connects to nobody: it is asked
 * for work, and told what came of it.
 *
 * Security stance: HTTPS alone, certificates are verified, no redirection is followed, what comes back is limited in
 * size and time and parsed in that process. Where an HTTP proxy is set all goes through it, under TLS from end to end.
 * A refresh token goes through here on its way to the server that it is for, and is kept nowhere. What a process
 * answers is checked again by who gets it.
 *
 * Files: main.c the loop; errand.c what the process does; web.c HTTPS; policies.c what is kept; tokens.c authd's work;
 * posts.c reporter's.
 */
#ifndef POSTROOM_FETCHD_FETCHD_H
#define POSTROOM_FETCHD_FETCHD_H

#include "common/db/db.h"
#include "common/ipc/loop.h"
#include "common/ipc/worker.h"
#include "common/mailauth/sts/sts.h"
#include "common/net/sandbox.h"
#include "common/notice/notice.h"
#include "common/settings/settings.h"

enum {
	WEB_ANSWER_MAX = STS_TEXT_MAX, /* octets */
	WEB_URL_MAX = 1024,
	WEB_BODY_MAX = 16 * 1024,
	WEB_POST_MAX = 8 << 20,
	WEB_TIMEOUT_MS = 45000,
	ERRAND_LIMIT_MS = 60000, /* the DNS, too */
	ERRANDS_AT_ONCE = 20,
};

struct fetchd {
	struct daemon daemon;
	struct event_base *base;
	struct settings settings;
	struct db policies;
	struct worker_pool *workers;
	struct sandbox worker_sandbox;
	struct ipc_client *authd;
	struct notices *notices;
	struct event *ask_again; /* authd for work */
};

/* web.c: one request. */
struct web_request {
	const char *url;             /* https://host[:port]/... */
	const char *host;            /* of it */
	unsigned port;               /* of it */
	struct str body;             /* posted; data NULL: GET */
	const char *type;            /* of the body; NULL: a form */
	const struct str *addresses; /* of the host, tried in turn; of the proxy, where there is one */
	size_t address_count;
	unsigned proxy_port; /* of a proxy that takes CONNECT; 0: there is none */
};

struct web_answer {
	long status;
	char type[128]; /* "text/plain", without parameters, lower case; "" where there is none */
	struct buf body;
};

/* Take host and port out of a URL. -1: ERR_SYNTAX: it is none by HTTPS. */
int web_parse_url(struct str url, char host[256], unsigned *port_out, struct err *err);
/* -1: ERR_TEMPORARY with libcurl's words, ERR_LIMIT. The body is to be freed in both cases. */
int web_ask(const struct web_request *request, struct web_answer *answer_out, struct err *err);

/* errand.c: an errand for a process of its own. */
enum errand_kind { ERRAND_POLICY, ERRAND_TOKEN, ERRAND_POST };

struct errand {
	enum errand_kind kind;
	struct fetchd *fetchd;
	char url[WEB_URL_MAX];
	struct buf body; /* of a token's, and of what is posted */
	char type[64];   /* of what is posted */
	/* In the loop, as worker_job.done; then the errand is freed. */
	void (*done)(struct errand *errand, struct ipc_message *reply, const struct err *err);
	struct ipc_incoming *incoming; /* who waits; not of a token's */
	char domain[256];
	char id[STS_ID_MAX + 1];
	int64_t work; /* of a token's: authd's number for it */
};

/* A new one; errand_start takes it over. */
struct errand *errand_new(struct fetchd *fetchd, enum errand_kind kind);
void errand_start(struct errand *errand);
void errand_free(struct errand *errand);
/* What the processes for errands read: the certificates of CAs. -1: as sandbox_allow. */
int errand_allow_files(struct sandbox *sandbox, struct err *err);
/* -1: ERR_SYSTEM. */
int errand_prepare(struct fetchd *fetchd, struct err *err);

/* policies.c */
int policies_open(struct fetchd *fetchd, struct err *err);
/* The request sts-policy (doc/ipc.md). */
void policies_take(struct fetchd *fetchd, struct ipc_incoming *incoming);

/* posts.c: the request post. */
void posts_take(struct fetchd *fetchd, struct ipc_incoming *incoming);

/* tokens.c: ask authd for work, from now on. */
void tokens_start(struct fetchd *fetchd);

#endif
