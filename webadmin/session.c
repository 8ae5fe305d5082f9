#include "common/base/io.h"
#include "common/base/log.h"
#include "common/login/shovel.h"
#include "webadmin/http_run.h"
#include "webadmin/webadmin.h"

#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	MEMORY_MAX = 512 << 20,
	CPU_SECONDS = 3600,
	DESCRIPTORS_MAX = 64,
	TLS_HANDSHAKE = 0x16, /* the first octet of TLS (RFC 8446 5.1) */
};

enum session_kind session_kind(enum service_encryption encryption, bool has_tls, unsigned char first_octet)
{
	bool is_tls = first_octet == TLS_HANDSHAKE;

	switch (encryption) {
	case SERVICE_CLEAR:
		return SESSION_HTTP;
	case SERVICE_OPTIONAL:
		return is_tls && has_tls ? SESSION_TLS : SESSION_HTTP;
	default:
		return is_tls ? SESSION_TLS : SESSION_REDIRECT;
	}
}

/* Wait for the client's first octet, which stays where it is. -1: it has gone, or says nothing: browsers connect before
 * they know what to ask for. */
static int first_octet(const struct webadmin *webadmin, int fd)
{
	int timeout_ms = (int)settings_number(&webadmin->settings, SETTING_WEB_TIMEOUT) * 1000;
	struct pollfd wait = {.fd = fd, .events = POLLIN};
	unsigned char octet;

	return poll(&wait, 1, timeout_ms) == 1 && recv(fd, &octet, 1, MSG_PEEK) == 1 ? octet : -1;
}

/* The process with the keys: TLS with the client, bytes in clear to and from the one that parses. */
static int carry(struct webadmin *webadmin, int fd, int pair)
{
	int timeout_ms = (int)settings_number(&webadmin->settings, SETTING_WEB_TIMEOUT) * 1000;
	struct conn conn;
	struct err err;
	int result = 0;

	conn_init(&conn, fd, timeout_ms);
	conn.deadline_ms = io_now_ms() + timeout_ms; /* of the handshake; later the other process looks after the time */
	access_leave(&webadmin->access);
	if (sandbox_limit(MEMORY_MAX, CPU_SECONDS, DESCRIPTORS_MAX, &err) != 0 ||
	    sandbox_enter(&webadmin->carrier_sandbox, &err) != 0) {
		log_error("%s", err.text);
		result = 1;
	} else if (conn_accept_tls(&conn, webadmin->tls.context, &err) != 0) {
		log_info("TLS did not begin, peer=%s: %s", conn.peer, err.text);
	} else {
		conn.deadline_ms = 0;
		shovel_run(&conn, pair);
	}
	close(pair);
	conn_close(&conn);
	return result;
}

/* Fork the carrier. Returns our end of what it carries, -1: it could not be. */
static int fork_carrier(struct webadmin *webadmin, int fd, pid_t *carrier_out)
{
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	*carrier_out = fork();
	if (*carrier_out == 0) {
		close(pair[0]);
		daemon_follow_parent(parent);
		exit(carry(webadmin, fd, pair[1]));
	}
	close(pair[1]);
	close(fd);
	if (*carrier_out > 0)
		return pair[0];
	close(pair[0]);
	return -1;
}

/* A crash of the carrier is one of the session: the listener has to hear of it. */
static int follow_carrier(pid_t carrier, int result)
{
	int status;

	if (carrier > 0 && waitpid(carrier, &status, 0) == carrier && WIFSIGNALED(status))
		raise(WTERMSIG(status));
	return result;
}

/* Open all that will be needed, then give up the right to open anything. Where a daemon is away the handler says so. */
static int open_all(struct webadmin *webadmin, struct web *web, struct conn *conn, struct err *err)
{
	const struct {
		const char *callee;
		struct ipc_channel *channel;
	} callees[] = {{"authd", &web->authd}, {"brokerd", &web->broker}, {"imapd", &web->imapd}, {"smtpd", &web->smtpd}};
	struct err unreachable;

	for (size_t i = 0; i < sizeof callees / sizeof callees[0]; i++)
		if (ipc_connect(callees[i].channel, web->instance, callees[i].callee, "webadmin", &unreachable) != 0)
			log_info("%s", unreachable.text);
	status_begin(&web->status, web->instance, "webadmin", "web", web->peer, web->tls);
	transcript_begin(&web->transcript, conn, web->settings, TRANSCRIPT_WEB, "webadmin");
	access_leave(&webadmin->access);
	web->certificates = webadmin->certificates = tls_server_certificates(&webadmin->tls);
	tls_server_close(&webadmin->tls); /* the keys are the carrier's alone */
	if (sandbox_limit(MEMORY_MAX, CPU_SECONDS, DESCRIPTORS_MAX, err) != 0)
		return -1;
	return sandbox_enter(&webadmin->sandbox, err);
}

static int serve(struct webadmin *webadmin, int fd, struct conn *conn, enum session_kind kind)
{
	struct web web = {.instance = &webadmin->daemon.instance,
	                  .settings = &webadmin->settings,
	                  .peer = conn->peer,
	                  .port = conn->local_port,
	                  .tls = kind == SESSION_TLS,
	                  .to_https = kind == SESSION_REDIRECT,
	                  .authd = {.fd = -1},
	                  .broker = {.fd = -1},
	                  .imapd = {.fd = -1},
	                  .smtpd = {.fd = -1},
	                  .pace = webadmin->pace,
	                  .scratch = webadmin->scratch,
	                  .pages = webadmin->pages,
	                  .status = {{.fd = -1}},
	                  .access = &webadmin->decision};
	struct err err;
	int result = 0;

	if (open_all(webadmin, &web, conn, &err) != 0) {
		log_error("the session could not begin, peer=%s: %s", web.peer, err.text);
		close(fd);
		return 1;
	}
	if (http_run(&web, fd, &err) != 0) {
		log_error("%s", err.text);
		result = 1;
	}
	ipc_close(&web.authd);
	ipc_close(&web.broker);
	ipc_close(&web.imapd);
	ipc_close(&web.smtpd);
	sk_X509_pop_free(webadmin->certificates, X509_free);
	transcript_end(&web.transcript);
	status_end(&web.status);
	return result;
}

int session_run(struct webadmin *webadmin, int fd, const struct listen_origin *origin)
{
	const struct service *service = settings_service(&webadmin->settings, origin->service);
	/* a service that was deleted meanwhile takes nothing in clear any more */
	enum service_encryption encryption = service != NULL ? service->encryption : SERVICE_TLS;
	struct conn conn; /* for the addresses alone */
	enum session_kind kind;
	pid_t carrier = 0;
	int octet;

	conn_init(&conn, fd, 0);
	octet = gate_is_shut(&webadmin->known, &webadmin->daemon.instance, "webadmin", conn.peer)
	            ? -1
	            : first_octet(webadmin, fd);
	kind = octet < 0 ? SESSION_ENDED : session_kind(encryption, webadmin->tls.context != NULL, (unsigned char)octet);
	if (kind == SESSION_TLS && webadmin->tls.context == NULL)
		kind = SESSION_ENDED; /* there is no certificate */
	if (kind == SESSION_TLS && (fd = fork_carrier(webadmin, fd, &carrier)) < 0) {
		log_error("no process for TLS could be made, peer=%s", conn.peer);
		return 1;
	}
	if (kind == SESSION_ENDED || (kind == SESSION_TLS && first_octet(webadmin, fd) < 0)) {
		close(fd);
		return follow_carrier(carrier, 0);
	}
	return follow_carrier(carrier, serve(webadmin, fd, &conn, kind));
}
