/*
 * conn: one connection of a line protocol, read and written in sequence: plain, under TLS, or over a pipe.
 *
 * What is read goes through a buffer, so that pipelined commands wait there; what is written is collected until
 * conn_flush, or until the buffer is full, so that answers to pipelined commands leave together. Every wait has a
 * limit; after the first failure all further calls fail at once, so that a session can look once. One exception: after
 * a read that timed out a last word ("421 ...") still goes out, if the peer takes it at once.
 *
 * Writing to a peer that left needs SIGPIPE ignored, as daemon_start does. No buffer exists before its first use, and
 * while a session waits long for its peer all of them are given back: an idle connection costs next to nothing.
 */
#ifndef POSTROOM_NET_CONN_H
#define POSTROOM_NET_CONN_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

#include <openssl/types.h>
#include <sys/types.h>

struct conn_deflate;
struct tlsa_set;

/* Who vouches for the certificate of a server. */
enum conn_trust {
	CONN_TRUST_NONE,    /* nobody */
	CONN_TRUST_CA,      /* a CA that this machine knows, for the host's name */
	CONN_TRUST_DANE_TA, /* a TLSA record that names a CA of the server's */
	CONN_TRUST_DANE_EE, /* a TLSA record of the certificate */
};

/* What is told to conn->trace. */
enum conn_traced {
	CONN_TRACE_IN,   /* bytes of the peer, as they are consumed */
	CONN_TRACE_OUT,  /* bytes for the peer, as they are written */
	CONN_TRACE_WAIT, /* none: the next thing is a wait for the peer */
};

struct conn {
	int fd;
	SSL *ssl;                     /* NULL while in clear */
	struct conn_deflate *deflate; /* NULL while not compressed */
	struct buf in;                /* read, not yet consumed from in_used on */
	size_t in_used;
	struct buf out;
	int timeout_ms;           /* limit of each wait for the peer */
	int64_t deadline_ms;      /* io_now_ms() at which the session ends whatever it does; 0 = none */
	int failed;               /* 0, or the err_code of the first failure */
	bool read_timed_out;      /* it was a read that waited too long: a last word may be written */
	bool idle;                /* buffers were given back since the last input */
	int64_t waiting_since_ms; /* for input, io_now_ms() */
	int receive_timeout_ms;   /* as set on the socket (SO_RCVTIMEO); 0 = none yet */
	struct err failure;       /* the first failure in words */
	char peer[64];            /* address as text, "" for a local socket */
	unsigned peer_port;
	char local[64];
	unsigned local_port;
	bool tls_active;
	long refused_certificate;       /* X509_V_ERR_..., where the last handshake failed for it; 0: it did not */
	void (*on_wait)(void *context); /* called before each wait for input, all output being sent; or NULL */
	void (*on_idle)(void *context); /* called when buffers are given back: the session may give back more; or NULL */
	void *context;                  /* of both */
	/* Sees all that is said, without TLS and compression; or NULL. Calls nothing of conn. */
	void (*trace)(enum conn_traced what, struct str bytes, void *context);
	void *trace_context;
	const char *hidden; /* a secret of ours that nobody is to see, should the peer repeat it; or NULL */
	/* May wait: how many of so many octets may be moved now, at least one; called before writing, after reading; or
	 * NULL. */
	size_t (*throttle)(size_t wanted, void *context);
	void *throttle_context;
};

enum { CONN_BINDING_MAX = 64 }; /* octets of channel binding data */

/* What conn_wait_input saw, or-ed. */
enum conn_event {
	CONN_INPUT = 1, /* something to read, or the peer's end */
	CONN_OTHER = 2, /* the other descriptor is readable */
};

/* Take fd over (closed by conn_close). peer and local are filled in from the socket where it has addresses. */
void conn_init(struct conn *conn, int fd, int timeout_ms);
/* Flush nothing, end TLS politely where possible, close, free buffers. What the peer sent and nobody read is dropped,
 * so that the last answer is not lost in a reset. */
void conn_close(struct conn *conn);
/* End without touching the connection itself, in clear only: for a descriptor that another process goes on with.
 * Returns the descriptor, now the caller's. */
int conn_detach(struct conn *conn);

/*
 * Read one line. Flushes what waits to be written before it waits itself. *line is without its end, valid until the
 * next read. A line ends with CRLF; where bare_lf is allowed, with LF too.
 * Returns 0; -1 with ERR_CLOSED, ERR_TIMEOUT, ERR_SYSTEM; ERR_LIMIT where it is longer than limit octets with its end
 * (then the rest of it has been read away and the connection is still good; past 1 MB it has failed).
 */
int conn_read_line(struct conn *conn, size_t limit, bool bare_lf, struct str *line_out, struct err *err);

/*
 * The bytes that are there, at least one, waiting where there are none; valid until the next read. conn_consume takes
 * the first count of them away. -1 as conn_read_line.
 */
int conn_read_some(struct conn *conn, struct str *bytes_out, struct err *err);
void conn_consume(struct conn *conn, size_t count);
/*
 * Wait until the peer sends or other_fd (-1: none) is readable, timeout_ms at most whatever the connection's own limit;
 * nothing is taken from the input, but lines read before are no longer valid. What waits to be written is flushed
 * first. Compressed octets that bring nothing to read do not end the wait. Returns events of enum conn_event, 0 where
 * the time is over, -1 as conn_read_line.
 */
int conn_wait_input(struct conn *conn, int other_fd, int timeout_ms, struct err *err);
/* Is there unread input in the buffer (pipelining)? After conn_start_tls there must be none (command injection). */
bool conn_has_input(const struct conn *conn);
void conn_drop_input(struct conn *conn);

/* Collect for writing; errors show at conn_flush. Answers longer than the buffer are sent in between. */
void conn_write(struct conn *conn, struct str bytes);
void conn_printf(struct conn *conn, const char *format, ...) __attribute__((format(printf, 2, 3)));
int conn_flush(struct conn *conn, struct err *err);

/*
 * Send len bytes of a file from offset on (sendfile in clear). With dot_stuff: as POP3 and SMTP data, a dot added
 * before each leading dot, the end CRLF completed where missing, without the final dot line.
 * A file that is shorter or cannot be read fails the connection (ERR_CORRUPT, ERR_SYSTEM): the peer must not take a
 * part for the whole.
 */
int conn_send_file(struct conn *conn, int file, off_t offset, off_t len, bool dot_stuff, struct err *err);

/*
 * The server's and the client's side of a TLS handshake on the open connection (RFC 3207 section 4.2: input read before
 * it is dropped). The client gives the name for SNI and, where verify, for the certificate check; a host that is an
 * address is checked as such. -1: ERR_PROTOCOL with OpenSSL's words, ERR_TIMEOUT, ERR_CLOSED.
 */
int conn_accept_tls(struct conn *conn, SSL_CTX *context, struct err *err);
int conn_connect_tls(struct conn *conn, SSL_CTX *context, const char *host, bool verify, struct err *err);
/*
 * The client's side where the server's certificate is to match a TLSA record (RFC 7672): host is the name that they are
 * of, domain the one that mail is for (either may stand in the certificate where the record names a CA). Without a
 * record that OpenSSL understands nothing is checked. -1: as above.
 */
int conn_connect_dane(struct conn *conn, SSL_CTX *context, const char *host, const char *domain,
                      const struct tlsa_set *set, struct err *err);
/*
 * What is known of the server's certificate after conn_connect_tls or conn_connect_dane, also where nothing depended on
 * it. reason: why a CA does not vouch for it; valid for good.
 */
enum conn_trust conn_tls_trust(const struct conn *conn, const char **reason);
/*
 * Channel binding data of our side of TLS: tls-exporter (RFC 9266), tls-server-end-point (RFC 5929). Returns the
 * octets, 0 where there are none.
 */
size_t conn_tls_exporter(const struct conn *conn, unsigned char out[CONN_BINDING_MAX]);
size_t conn_tls_endpoint(const struct conn *conn, unsigned char out[CONN_BINDING_MAX]);
/* "TLSv1.3 TLS_AES_256_GCM_SHA384", for logs and Received; "" in clear. */
const char *conn_tls_text(const struct conn *conn, struct arena *arena);

/*
 * Compress both directions from here on (RFC 4978, raw deflate), once a connection; what was written before is flushed
 * as it is. Each flush sends all that there is. -1: as conn_flush.
 */
int conn_compress(struct conn *conn, struct err *err);

/* Connect to an address (IPv4 or IPv6 as text, no names) and port. On failure (ERR_SYNTAX, ERR_TIMEOUT, ERR_SYSTEM)
 * there is nothing to close, but conn_close does no harm. */
int conn_connect(struct conn *conn, const char *address, unsigned port, int connect_timeout_ms, int timeout_ms,
                 struct err *err);
/* The same from an address of this machine, at any port; NULL or empty: as the system has it. In a sandbox: with
 * SANDBOX_CONNECT_FROM. */
int conn_connect_from(struct conn *conn, const char *from, const char *address, unsigned port, int connect_timeout_ms,
                      int timeout_ms, struct err *err);

/*
 * For clients: what err says of a connection that failed, in a sentence for people. shown: the command that was not
 * answered, without its secrets. Returns -1.
 */
int conn_explain_loss(const char *shown, struct err *err);

#endif
