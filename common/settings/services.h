/*
 * services: the network services of an instance, as configd keeps them and the listeners serve them (05-services).
 *
 * A service has a number that is never used again (the first SMTP service is 1; own ones from 100 on), a type, a name,
 * a mode of encryption, the places it is bound to, and settings of its own. Those that every instance has stand in
 * standard_services; they can be changed, not deleted. What is read here comes from a snapshot that configd made; it
 * is held against the catalogue again, and what does not fit is left out with a line in the log.
 */
#ifndef POSTROOM_SETTINGS_SERVICES_H
#define POSTROOM_SETTINGS_SERVICES_H

#include "common/base/arena.h"
#include "common/db/db.h"

enum {
	SERVICES_MAX = 1000,       /* of an instance */
	SERVICE_BINDINGS_MAX = 64, /* of a service */
	SERVICE_NAME_MAX = 64,     /* octets of a name */
	SERVICE_FIRST_OWN = 100,   /* numbers below are those of standard services */
	SERVICE_FIRST_SMTP = 1,    /* which cannot be disabled, as the first POP3 and web services */
	SERVICE_FIRST_POP3 = 4,
	SERVICE_FIRST_WEB = 8,
};

enum service_encryption {
	SERVICE_CLEAR,    /* "none": TLS is not offered */
	SERVICE_OPTIONAL, /* "optional": STARTTLS (STLS) is offered; web: HTTP and HTTPS on the same port */
	SERVICE_REQUIRED, /* "required": nothing of meaning before it */
	SERVICE_TLS,      /* "tls": from the first octet; web: HTTP is answered with the way to HTTPS */
	SERVICE_ENCRYPTIONS,
};

/* The word of a mode, and the mode of a word; -1: it is none. */
const char *service_encryption_word(enum service_encryption encryption);
int service_encryption_find(struct str word);

struct service_type {
	const char *name;    /* "smtp", also the first part of the keys of settings that a service may have of its own */
	const char *program; /* that listens: "smtpd" */
};

extern const struct service_type service_types[]; /* name NULL at the end */
const struct service_type *service_type_find(struct str name);

struct standard_service {
	int64_t id;
	const char *type;
	const char *name;
	unsigned short port; /* bound to at "any" */
	enum service_encryption encryption;
	const char *key, *value;    /* a setting of its own; NULL: none */
	const char *old_encryption; /* the setting that told the mode in instances of before; NULL: none */
};

extern const struct standard_service standard_services[]; /* name NULL at the end */

struct service_binding {
	const char *address; /* "any", "any4", "any6", or one in its normal form */
	unsigned port;       /* before the instance's offset */
};

/* What a service has instead of a general setting. */
struct service_value {
	int setting; /* enum setting */
	const char *text;
	int64_t number;
};

struct service {
	int64_t id;
	const char *type;  /* of service_types */
	const char *name;  /* any line of text */
	const char *label; /* the name as a word for logs: what else is in it stands there as '_' */
	bool enabled;
	enum service_encryption encryption;
	const struct service_binding *bindings;
	size_t binding_count;
	const struct service_value *values;
	size_t value_count;
};

struct services {
	const struct service *list; /* by number */
	size_t count;
};

/* Read them from a snapshot, into arena. -1: ERR_CORRUPT and what db_step says. */
int services_load(struct db *db, struct arena *arena, struct services *services_out, struct err *err);

#endif
