/*
 * settings: what a mail administrator has set, as every daemon sees it.
 *
 * configd alone changes settings. It publishes immutable snapshots, state/settings/<generation>.db, and bumps a counter
 * in state/settings/generation (8 bytes, host order, mapped by readers), so that a running process knows without a
 * system call whether to look again. A snapshot holds the scalar values set and the objects (domains, users,
 * mappings, senders); its schema is in common/settings/schema.sql's words in doc/ipc.md. Secrets are not in it.
 *
 * The catalogue (catalogue.def) has each scalar once: key, type, default, range, unit, one sentence, one paragraph.
 * Validation, `postroom help KEY`, the man page and the commented list are made from it. What is marked there as a
 * service's may have a value of its own for each service (services.h): who has said which service it serves
 * (settings_use_service) gets that service's values by the same functions.
 */
#ifndef POSTROOM_SETTINGS_SETTINGS_H
#define POSTROOM_SETTINGS_SETTINGS_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/daemon/instance.h"
#include "common/db/db.h"
#include "common/settings/services.h"

enum { SETTING_VALUE_MAX = 4000 }; /* bytes of a value */

enum setting_type {
	SETTING_TEXT,         /* any one line; of max characters at most, where that is not 0 */
	SETTING_FLAG,         /* on, off */
	SETTING_NUMBER,       /* min to max, in unit */
	SETTING_CHOICE,       /* one of the words in choices, separated by '|' */
	SETTING_SET,          /* some of the words in choices, separated by commas; or none */
	SETTING_SENDERS,      /* clients and senders: common/addr/senders.h */
	SETTING_NETWORKS,     /* CIDR list, separated by commas or spaces */
	SETTING_HOST,         /* a host name */
	SETTING_SERVERS,      /* ADDRESS[:PORT] list */
	SETTING_SECONDS_LIST, /* seconds separated by commas: a retry list */
	SETTING_ZONES,        /* DNS zones, each with a regular expression in brackets or without */
	SETTING_POOLS,        /* bandwidth that is shared: common/settings/pools.h */
	SETTING_BANDWIDTH,    /* of a connection: the same */
	SETTING_CEILINGS,     /* connections at a time by server: common/settings/ceilings.h */
	SETTING_FILE_NAME,    /* of a file in a folder that is given, see setting_is_file_name */
	SETTING_ACCOUNTS,     /* TARGET=USER or TARGET=none, separated by commas: common/notice/targets.h */
	SETTING_CONTROLS,     /* how often the same is said: common/notice/control.h */
	SETTING_SELECTORS,    /* of DKIM keys, separated by commas */
	SETTING_SECRET,       /* as SETTING_TEXT; no log shows it */
	SETTING_NUMBERS,      /* each from min to max, in unit, separated by commas; or nothing */
	SETTING_PATTERNS,     /* of addresses (common/addr/pattern.h), and words of choices, separated by commas */
	SETTING_DATE,         /* YYYY-MM-DD, or nothing */
	SETTING_MOMENT,       /* one end of a window of time: common/settings/window.h */
	SETTING_FIELDS,       /* names of header fields, separated by commas */
	SETTING_MODIFIERS,    /* lines "Field: data" (common/mime/modify.h) */
	SETTING_DOMAIN_MAP,   /* FROM=TO for domains, separated by commas; each FROM once */
	SETTING_TARGETS,      /* names of users and addresses, separated by commas */
	SETTING_REWRITE,      /* an address, or *@DOMAIN; or nothing */
	SETTING_SMTP_TARGET,  /* common/addr/smtp_target.h, or nothing */
	SETTING_TLS_DEMANDS,  /* what TLS has to be on the way to domains: common/settings/tls_demands.h */
	SETTING_LINES,        /* text of any lines, LF between them; of max characters at most, where that is not 0 */
};

enum setting {
#define SETTING(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) SETTING_##name,
#include "common/settings/catalogue.def"
#undef SETTING
	SETTING_COUNT
};

struct setting_definition {
	const char *key; /* "smtp.max-message-size" */
	enum setting_type type;
	const char *fallback; /* the default, as text */
	int64_t min, max;
	const char *choices;
	const char *unit;
	const char *sentence;
	const char *paragraph;
	bool of_services;         /* a service may have a value of its own */
	bool of_users, of_groups; /* an attribute (attributes.h) */
};

/* What can be set of one kind of thing. */
struct catalogue {
	const char *noun;    /* "setting", for messages */
	const char *command; /* that lists it */
	const struct setting_definition *definitions;
	size_t count;
};

extern const struct setting_definition setting_definitions[SETTING_COUNT];
extern const struct catalogue setting_catalogue;

/* The definition of that key; case does not matter. -1: ERR_NOT_FOUND, with the one that is probably meant. */
int catalogue_find(const struct catalogue *catalogue, struct str key, const struct setting_definition **definition_out,
                   struct err *err);

/* NULL where no setting has that key. Case does not matter. */
const struct setting_definition *setting_find(struct str key);
/* May services of that type ("smtp") have a value of their own? The first part of the key says whose it is. */
bool setting_is_of_service(const struct setting_definition *definition, const char *type);
/* The number of a value in its normal form: a flag's is 0 or 1, a text's 0. */
int64_t setting_to_number(const struct setting_definition *definition, const char *value);

/*
 * Is value allowed? -1: ERR_SYNTAX or ERR_LIMIT, with a sentence that names the key and says what is. normal: empty,
 * with a limit of SETTING_VALUE_MAX; the form to store is added.
 */
int setting_check(const struct setting_definition *definition, struct str value, struct buf *normal, struct err *err);

/*
 * A value as one line of a text, and back: in one of several lines (SETTING_LINES, SETTING_MODIFIERS) LF is written
 * "\n" and '\' "\\"; any other stays as it is, as does one whose definition is not known (NULL).
 */
void setting_to_line(const struct setting_definition *definition, struct str value, struct buf *line);
struct str setting_from_line(const struct setting_definition *definition, struct str line, struct arena *arena);

/* One word of letters, digits, '.', '-' and '_' that does not begin with a dot, of 63 octets at most? */
bool setting_is_file_name(struct str value);

struct setting_values {
	const char *texts[SETTING_COUNT];
	int64_t numbers[SETTING_COUNT]; /* of flags and numbers */
};

struct settings {
	const struct instance *instance;
	const volatile uint64_t *counter; /* mapped */
	uint64_t generation;              /* of what is loaded */
	uint64_t failed_generation;       /* the last that could not be loaded, so that it is logged once */
	struct arena arena;
	struct setting_values general; /* without the values of the service in use */
	struct setting_values values;  /* with them */
	struct services services;
	int64_t service;          /* the number of the service in use; 0: none */
	char host_name[256];      /* what settings_host_name gives */
	char default_domain[256]; /* "" where there is none */
	struct db objects;        /* the snapshot, where kept open */
	bool keep_open;
};

/*
 * Load the current snapshot. keep_open keeps the database open as settings->objects, for who asks for objects
 * (resolver, sender). Call before the sandbox is on; it must then allow reading the folder state/settings.
 * Where nothing was published yet, configd is waited for, ten seconds at most: daemons may start all at once.
 * -1: ERR_NOT_FOUND (nothing is published), ERR_SYSTEM, ERR_CORRUPT, and what db_open says.
 */
int settings_open(struct settings *settings, const struct instance *instance, bool keep_open, struct err *err);
void settings_close(struct settings *settings);

/*
 * Look at the counter and load again where it moved. Returns true where something changed: texts from before are gone
 * then, and statements prepared on settings->objects must be finalized and prepared again. Where loading fails the old
 * values stay and one line is logged.
 */
bool settings_refresh(struct settings *settings);

/*
 * Open the database of the snapshot that is loaded, for who reads its objects when it was loaded; db_close it. -1:
 * ERR_NOT_FOUND (it was replaced meanwhile: settings_refresh tells), and what db_open says.
 */
int settings_open_snapshot(const struct settings *settings, struct db *objects, struct err *err);

/* The service of that number; NULL: there is none (any more). Valid until settings_refresh returns true. */
const struct service *settings_service(const struct settings *settings, int64_t id);

/*
 * From here on give the values of this service where it has its own; 0: the general ones. It costs copying a kilobyte,
 * and nothing where it is the service in use. It stays so over settings_refresh.
 */
void settings_use_service(struct settings *settings, int64_t id);

int64_t settings_number(const struct settings *settings, enum setting setting);
bool settings_flag(const struct settings *settings, enum setting setting);
const char *settings_text(const struct settings *settings, enum setting setting);
/*
 * The server's own name: server.host-name where it is set, else the machine's name where that has a dot, else "mail."
 * and the default domain, else the machine's name as it is. Valid until settings_refresh returns true.
 */
const char *settings_host_name(const struct settings *settings);
/* The domain of addresses without one, in lower case; "" where none was made. Valid as above. */
const char *settings_default_domain(const struct settings *settings);
/* The address of the server itself, which its mail comes from: server.mailer-daemon at the default domain. In arena. */
struct str settings_server_address(const struct settings *settings, struct arena *arena);
/* For SETTING_SET: is word one of those set? */
bool settings_set_holds(const char *set, const char *word);
/* For SETTING_NETWORKS: does one of the networks hold the address? address as text, without brackets or port. */
bool settings_networks_hold(const char *networks, const char *address);

#endif
