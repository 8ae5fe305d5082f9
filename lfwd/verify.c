#include "lfwd/verify.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "lfwd/ask.h"
#include "lfwd/route.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	KNOWN_S = 3600,
	UNKNOWN_S = 86400,
	BUSY_MS = 2000,
	DESCRIPTORS_MAX = 64,
};

static const char *const steps[] = {
    "CREATE TABLE verified(server TEXT NOT NULL, address TEXT NOT NULL, known INTEGER NOT NULL, at INTEGER NOT NULL,"
    " PRIMARY KEY(server, address)) WITHOUT ROWID;"
    "CREATE INDEX verified_at ON verified(at);",
};

struct verify {
	struct settings settings;
	struct route_sources sources;
	struct db db;
	struct arena arena;
	struct ipc_message request, reply;
};

static int open_db(const struct instance *instance, struct db *db, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(path, sizeof path, instance->state, "lan/verified.db");
	return db_open(db, path, DB_CREATE, BUSY_MS, err);
}

int verify_prepare(struct verify_parent *parent, struct err *err)
{
	const struct instance *instance = &parent->daemon->instance;
	char lan[INSTANCE_PATH_MAX + 128], settings[INSTANCE_PATH_MAX + 128];
	struct db db;
	int result;

	if (open_db(instance, &db, err) != 0)
		return -1;
	result = db_migrate(&db, steps, sizeof steps / sizeof steps[0], err);
	db_close(&db);
	instance_path(lan, sizeof lan, instance->state, "lan");
	instance_path(settings, sizeof settings, instance->state, "settings");
	if (result != 0 || sandbox_init(&parent->sandbox, SANDBOX_CONNECT | SANDBOX_LOCK_OWNER, err) != 0 ||
	    sandbox_allow(&parent->sandbox, lan, SANDBOX_WRITE, err) != 0 ||
	    sandbox_allow(&parent->sandbox, settings, SANDBOX_READ, err) != 0)
		return -1;
	return sandbox_prepare(&parent->sandbox, err);
}

/* What was said before, and whether that still counts; VERDICT_NONE: nothing. */
static enum verdict recall(struct verify *verify, struct str server, struct str address, bool *unasked)
{
	struct db_statement statement;
	enum verdict verdict = VERDICT_NONE;
	int64_t age;

	*unasked = false;
	if (db_prepare(&verify->db, &statement, "SELECT known, at FROM verified WHERE server = ?1 AND address = ?2",
	               NULL) != 0)
		return VERDICT_NONE;
	db_bind_text(&statement, 1, server);
	db_bind_text(&statement, 2, address);
	if (db_step(&statement, NULL) == 1) {
		bool known = db_number(&statement, 0) != 0;

		age = (int64_t)time(NULL) - db_number(&statement, 1);
		if (age >= 0 && age < (known ? KNOWN_S : UNKNOWN_S))
			verdict = known ? VERDICT_KNOWN : VERDICT_UNKNOWN;
		*unasked = verdict == VERDICT_KNOWN;
	}
	db_finalize(&statement);
	return verdict;
}

static void remember(struct verify *verify, struct str server, struct str address, enum verdict verdict)
{
	struct db_statement statement;
	struct err err;

	if (db_prepare(&verify->db, &statement, "INSERT OR REPLACE INTO verified VALUES(?1, ?2, ?3, ?4)", &err) != 0) {
		log_warning("%s", err.text);
		return;
	}
	db_bind_text(&statement, 1, server);
	db_bind_text(&statement, 2, address);
	db_bind_number(&statement, 3, verdict == VERDICT_KNOWN);
	db_bind_number(&statement, 4, (int64_t)time(NULL));
	if (db_run(&statement, &err) != 0)
		log_warning("a verified address is not remembered: %s", err.text);
	db_finalize(&statement);
	if (db_prepare(&verify->db, &statement, "DELETE FROM verified WHERE at < ?1", NULL) == 0) {
		db_bind_number(&statement, 1, (int64_t)time(NULL) - UNKNOWN_S);
		db_run(&statement, NULL);
		db_finalize(&statement);
	}
}

static enum verdict ask_server(struct verify *verify, const struct lan_verifier *verifier, const struct server *server,
                               struct str address)
{
	struct route secret = {.password = STR("")};
	enum verdict verdict;
	struct err err;

	if (!verifier->is_minger)
		return ask_by_smtp(&verify->sources, server, address, VERIFY_MS);
	if (verifier->secret.len != 0 &&
	    route_read_password(&verify->sources, verifier->secret, &verify->arena, &secret, &err) != 0)
		log_error("the secret for Minger at %.*s cannot be had: %s", STR_ARG(verifier->server), err.text);
	verdict = ask_by_minger(&verify->sources, server, secret.password, address, VERIFY_MS);
	route_wipe(&secret);
	return verdict;
}

/* The server of the rule, and who verifies there. 1 = there is one, 0 = nobody, -1 = error. */
static int find_verifier(struct verify *verify, int64_t id, struct server *server,
                         const struct lan_verifier **verifier_out, struct err *err)
{
	struct lan_verifiers verifiers;
	struct lan_rule rule;
	int found = lan_find_rule(&verify->settings, id, &verify->arena, &rule, err);

	if (found != 1)
		return found;
	if (server_parse(rule.server, LAN_PORT, &verify->arena, server, err) != 0 ||
	    lan_verifiers_load(&verify->settings.objects, &verify->arena, &verifiers, err) != 0)
		return -1;
	*verifier_out = lan_verifiers_find(&verifiers, server, &verify->arena);
	return *verifier_out != NULL;
}

static int answer(struct verify *verify, struct err *err)
{
	struct str address = ipc_get(&verify->request, "address"), key;
	const struct lan_verifier *verifier = NULL;
	struct server server;
	enum verdict verdict, before;
	int64_t rule = 0;
	bool unasked;
	int found;

	if (!ipc_is(&verify->request, "verify") || address.len == 0 ||
	    !ipc_get_number(&verify->request, "rule", 1, INT64_MAX, &rule))
		return err_set(err, ERR_PROTOCOL, "verify needs an address and a rule");
	found = find_verifier(verify, rule, &server, &verifier, err);
	if (found < 0)
		return -1;
	ipc_reply_ok(&verify->reply);
	if (verifier == NULL) {
		ipc_add_number(&verify->reply, "known", 1);
		return 0;
	}
	key = server_key(&server, &verify->arena);
	before = recall(verify, key, address, &unasked);
	verdict = unasked ? before : ask_server(verify, verifier, &server, address);
	if (verdict == VERDICT_NONE)
		verdict = before;
	else if (!unasked)
		remember(verify, key, address, verdict);
	log_info("LAN verification of <%.*s> at %.*s: %s", STR_ARG(address), STR_ARG(key),
	         verdict == VERDICT_UNKNOWN ? "unknown"
	         : verdict == VERDICT_KNOWN ? "known"
	                                    : "no answer, taken");
	ipc_add_number(&verify->reply, "known", verdict != VERDICT_UNKNOWN);
	return 0;
}

static void open_channel(struct ipc_channel *channel, const struct instance *instance, const char *callee)
{
	struct err err;

	if (ipc_connect(channel, instance, callee, "lfwd", &err) != 0)
		log_warning("%s", err.text);
}

static int begin(struct verify *verify, int fd, const struct verify_parent *parent, struct err *err)
{
	const struct instance *instance = &parent->daemon->instance;
	uid_t uid;
	gid_t gid;

	arena_init(&verify->arena);
	ipc_message_init(&verify->request);
	ipc_message_init(&verify->reply);
	if (instance_user(instance, "resolver", &uid, &gid, err) != 0)
		return -1;
	if (!ipc_peer_is(fd, uid))
		return err_set(err, ERR_DENIED, "the caller is not the resolver");
	if (settings_open(&verify->settings, instance, true, err) != 0 || open_db(instance, &verify->db, err) != 0 ||
	    db_exec(&verify->db, "PRAGMA temp_store = MEMORY", err) != 0)
		return -1;
	verify->sources.settings = &verify->settings;
	open_channel(&verify->sources.dnsd, instance, "dnsd");
	open_channel(&verify->sources.authd, instance, "authd");
	return sandbox_limit(0, 0, DESCRIPTORS_MAX, err) != 0 ? -1 : sandbox_enter(&parent->sandbox, err);
}

int verify_run(int fd, const struct verify_parent *parent)
{
	static struct verify verify;
	uint32_t sequence;
	struct err err;

	if (begin(&verify, fd, parent, &err) != 0) {
		log_error("LAN verification cannot begin: %s", err.text);
		return 1;
	}
	while (ipc_receive(fd, &verify.request, &sequence, -1, &err) == 1) {
		settings_refresh(&verify.settings);
		if (answer(&verify, &err) != 0)
			ipc_reply_error(&verify.reply, &err);
		arena_wipe(&verify.arena);
		if (ipc_send(fd, &verify.reply, sequence, &err) != 0 || verify.sources.dnsd.fd < 0)
			break; /* a channel that broke cannot be opened again in the sandbox: the next question gets a new process
			        */
	}
	return 0;
}
