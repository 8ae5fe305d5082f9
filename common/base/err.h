/*
 * err: what went wrong, for code (a code) and for people (a sentence).
 *
 * A function that can fail returns 0 or -1 and takes a struct err as its last parameter. The sentence says what was
 * tried and why it failed, without a final full stop, and never holds a password.
 */
#ifndef POSTROOM_BASE_ERR_H
#define POSTROOM_BASE_ERR_H

/* Codes every module may use; a module's own codes begin at a hundred of its own, named in its header. */
enum err_code {
	ERR_NONE = 0,
	ERR_SYSTEM,    /* a system call failed; the sentence ends with strerror's words */
	ERR_SYNTAX,    /* the input does not follow its grammar */
	ERR_LIMIT,     /* a size, count or time limit was exceeded */
	ERR_NOT_FOUND, /* the thing named does not exist */
	ERR_EXISTS,    /* it exists already */
	ERR_DENIED,    /* not allowed */
	ERR_TIMEOUT,   /* the peer did not answer in time */
	ERR_CLOSED,    /* the peer closed the connection */
	ERR_TEMPORARY, /* cannot be done now, may be tried again */
	ERR_CORRUPT,   /* data at rest is damaged */
	ERR_PROTOCOL,  /* the peer broke the protocol */
	ERR_CONFLICT,  /* somebody else changed it meanwhile */
};

enum { ERR_TEXT_MAX = 320 };

struct err {
	int code;
	int sys; /* errno where code is ERR_SYSTEM, else 0 */
	char text[ERR_TEXT_MAX];
};

/* Set code and sentence (printf-like). err may be NULL. Always returns -1, so that "return err_set(...)" reads well. */
int err_set(struct err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Set ERR_SYSTEM and the sentence followed by ": " and strerror(errno). Always returns -1; errno is kept. */
int err_system(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put "context: " before the sentence that is there. Always returns -1. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
