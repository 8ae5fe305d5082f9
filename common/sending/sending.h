/*
 * sending: giving messages to other servers by SMTP, message after message, for each program that does (sender, lfwd).
 *
 * A program is a listener of queue-manager's connections; each is a process of its own (session.h) for one destination.
 * What is the same for all stands here: the request, the way over hosts and addresses, TLS and login, who is decided by
 * what. What a program alone knows it says by these functions: what a destination means, and where its servers are.
 */
#ifndef POSTROOM_SENDING_SENDING_H
#define POSTROOM_SENDING_SENDING_H

#include "common/net/sandbox.h"
#include "common/sending/route.h"

struct attempt;
struct security;

/* What a program wants otherwise at one server. */
struct host_details {
	int encryption;  /* enum route_encryption, or -1: as it is. What DANE or a policy demands stays at least */
	int verify;      /* 0 or 1, or -1: as it is */
	struct str helo; /* empty: as it is */
	struct str from; /* address of ours to connect from; empty: any */
};

/* How TLS went with a host: of a session that came about, or of one that did not, for the want of it. */
struct tls_story {
	const struct route *route;
	const struct route_host *host;
	const struct security *security;
	const char *address;       /* of the host; empty: it was not connected to */
	const struct err *failure; /* NULL: the session is under TLS */
};

struct sending {
	const char *program; /* as dnsd and authd know it */
	bool by_mx;          /* policies of domains are asked for, and reported of: fetchd and policyd know it, too */
	/* Is filterd asked, which knows it then? By the settings. NULL: never. */
	bool (*uses_filter)(const struct settings *settings);
	/* What sessions may read beside the settings, told before they begin. NULL: nothing. */
	int (*allow)(struct sandbox *sandbox, const struct instance *instance, struct err *err);
	bool connects_from; /* it may choose the address that connections come from */
	/* Is any session logged, by the settings (attempt->log_name)? NULL: none ever is. */
	bool (*logs)(struct settings *settings);
	/* Open channels of its own, before the sandbox. NULL: it has none. */
	void (*connect)(const struct instance *instance);
	/* Answer a question other than `send`; false: there is none of that name. NULL: there are none. */
	bool (*answer)(struct route_sources *sources, struct ipc_message *request, struct ipc_message *reply,
	               struct arena *arena);
	/* Before the servers are looked for: as whom, and by which reverse-path it is sent. NULL: as it was asked for. */
	void (*begin)(struct attempt *attempt, struct delivery *delivery, struct arena *arena);
	/* Before a server is looked up and connected to: how. NULL: as the route says. */
	void (*prepare)(struct delivery *delivery, struct route_host *host, struct host_details *details,
	                struct arena *arena);
	/* The first message may be sent to it now. NULL: nobody wants to know. */
	void (*connected)(const struct delivery *delivery, const char *host);
	/* How TLS went. NULL: nobody wants to know. */
	void (*tell_tls)(struct attempt *attempt, const struct tls_story *story, struct arena *arena);
	/*
	 * Understand delivery->destination: set is_relay and needs_secrets, and what else of the delivery follows from it.
	 * Called before any connection is used. -1: ERR_PROTOCOL, ERR_SYNTAX.
	 */
	int (*accept)(struct delivery *delivery, struct arena *arena, struct err *err);
	/* Find the servers; arena's texts. 0; -1 where there are none: then every recipient is decided. */
	int (*find_route)(struct route_sources *sources, struct delivery *delivery, struct arena *arena,
	                  struct route *route);
	/* Say in the log that a relay did not do its work; may be NULL. name: as the route has it. */
	void (*report_trouble)(const struct delivery *delivery, const char *name, struct str words);
};

#endif
