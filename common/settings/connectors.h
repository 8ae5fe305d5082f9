/*
 * connectors: how mail comes from and goes to servers elsewhere (specification 04).
 *
 * A connection says how the outside is reached. It may have one sender, which has its number and its name; so there are
 * at most as many senders as connections. A collector fetches mail; it has a number of its own, never given out twice,
 * and belongs to one connection at least. When connections are started, and what happens then, is the scheduler's.
 *
 * Tables, in config.db and each snapshot: connection(id, name), sender(id, name, method, servers, encryption, verify,
 * username, has_password), collector(id, name, has_password), collector_connection(collector, connection), and for each
 * kind what was set of its catalogue (connection_settings.def, sender_settings.def, collector_settings.def;
 * object_settings.h). Passwords are authd's, as "sender/N" and "collector/N".
 *
 * Security stance: names and values were checked by configd; what is read is a snapshot, without secrets.
 */
#ifndef POSTROOM_SETTINGS_CONNECTORS_H
#define POSTROOM_SETTINGS_CONNECTORS_H

#include "common/addr/smtp_target.h"
#include "common/settings/object_settings.h"

enum { CONNECTIONS_MAX = 10, COLLECTORS_MAX = 1000 };

enum connection_setting {
#define CONNECTION_SETTING(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) \
	CONNECTION_SETTING_##name,
#include "common/settings/connection_settings.def"
#undef CONNECTION_SETTING
	CONNECTION_SETTING_COUNT
};

enum sender_setting {
#define SENDER_SETTING(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) SENDER_SETTING_##name,
#include "common/settings/sender_settings.def"
#undef SENDER_SETTING
	SENDER_SETTING_COUNT
};

enum collector_setting {
#define COLLECTOR_SETTING(name, key, type, fallback, min, max, choices, unit, sentence, paragraph) \
	COLLECTOR_SETTING_##name,
#include "common/settings/collector_settings.def"
#undef COLLECTOR_SETTING
	COLLECTOR_SETTING_COUNT
};

extern const struct catalogue connection_catalogue, sender_catalogue, collector_catalogue;
extern const struct object_kind connection_kind, sender_kind, collector_kind;

/* In each: texts[..._SETTING_X] is the value in force, numbers[...] that of a flag (0, 1) or a number. */
struct connection_settings {
	int64_t id;
	const char *name;
	const char *texts[CONNECTION_SETTING_COUNT];
	int64_t numbers[CONNECTION_SETTING_COUNT];
};

struct sender_settings {
	int64_t id; /* its connection's, too */
	const char *name;
	const char *method;  /* "direct", "relay" */
	const char *servers; /* HOST:PORT,... */
	const char *encryption, *username;
	bool verify;
	const char *texts[SENDER_SETTING_COUNT];
	int64_t numbers[SENDER_SETTING_COUNT];
};

struct collector_settings {
	int64_t id;
	const char *name;
	bool has_password;
	int64_t connections[CONNECTIONS_MAX]; /* in the order of their numbers */
	size_t connection_count;
	const char *texts[COLLECTOR_SETTING_COUNT];
	int64_t numbers[COLLECTOR_SETTING_COUNT];
};

/*
 * Read all of a kind from an open snapshot, connections and senders by number, collectors in the order in which they
 * run: by priority, then number. Everything lives as long as arena. -1: as db_prepare.
 */
int connections_load(struct db *objects, struct arena *arena, struct connection_settings **list_out, size_t *count_out,
                     struct err *err);
int senders_load(struct db *objects, struct arena *arena, struct sender_settings **list_out, size_t *count_out,
                 struct err *err);
int collectors_load(struct db *objects, struct arena *arena, struct collector_settings **list_out, size_t *count_out,
                    struct err *err);

/* Read one by its number. 1 = found, 0 = there is none, -1 = error. */
int connection_load(struct db *objects, int64_t id, struct arena *arena, struct connection_settings *settings_out,
                    struct err *err);
int sender_load(struct db *objects, int64_t id, struct arena *arena, struct sender_settings *settings_out,
                struct err *err);
int collector_load(struct db *objects, int64_t id, struct arena *arena, struct collector_settings *settings_out,
                   struct err *err);

/*
 * The server of the setting forward-server: address is none. Its password is the name of a secret of lfwd's
 * (secret.h); of what an earlier version stored, the password itself. -1: ERR_SYNTAX.
 */
int collector_parse_forward(struct str value, struct arena *arena, struct smtp_target *target_out, struct err *err);
struct str collector_format_forward(const struct smtp_target *target, struct arena *arena);

#endif
