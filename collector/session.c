#include "collector/copy.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/net/tls.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

enum {
	MEMORY_MAX = 1 << 30,  /* of address space; what is used is much less */
	DESCRIPTORS_MAX = 512, /* a batch has its mails open */
	MEGABYTE = 1048576,
	MEMINFO_MAX = 64 * 1024,
};

struct method {
	const char *word;
	enum collector_setting server, authentication; /* COLLECTOR_SETTING_COUNT: it has none */
	int (*collect)(struct session *session, struct err *err);
	enum transcript_protocol protocol;
	bool judges; /* messages come here */
	bool turns;  /* ... to smtpd */
};

static const struct method methods[] = {
    {"pop3", COLLECTOR_SETTING_POP3_SERVER, COLLECTOR_SETTING_POP3_AUTHENTICATION, mailbox_collect, TRANSCRIPT_POP3,
     true, false},
    {"imap", COLLECTOR_SETTING_IMAP_SERVER, COLLECTOR_SETTING_IMAP_AUTHENTICATION, folders_collect, TRANSCRIPT_IMAP,
     true, false},
    {"etrn", COLLECTOR_SETTING_ETRN_SERVER, COLLECTOR_SETTING_COUNT, etrn_collect, TRANSCRIPT_SMTP, false, false},
    {"odmr", COLLECTOR_SETTING_ODMR_SERVER, COLLECTOR_SETTING_ODMR_AUTHENTICATION, odmr_collect, TRANSCRIPT_SMTP, false,
     true},
};

/* MemAvailable of /proc/meminfo, in MB; INT64_MAX where the kernel does not say. */
static int64_t available_memory(void)
{
	static const struct str name = {"MemAvailable:", 13};
	struct buf text;
	struct str rest, line;
	uint64_t kilobytes;
	int64_t result = INT64_MAX;

	buf_init(&text, MEMINFO_MAX);
	if (io_read_file("/proc/meminfo", &text, NULL) == 0)
		for (rest = buf_str(&text); rest.data != NULL;) {
			line = str_cut(&rest, '\n');
			if (!str_starts(line, name))
				continue;
			line = str_skip(line, name.len);
			if (str_to_u64(str_cut_word(&line), INT64_MAX, &kilobytes))
				result = (int64_t)(kilobytes / 1024);
		}
	buf_free(&text);
	return result;
}

/* Is there what the settings want to be free before a session begins? */
static int check_resources(const struct session *session, struct err *err)
{
	int64_t disk = settings_number(&session->settings, SETTING_COLLECT_DISK_SESSION);
	int64_t memory = settings_number(&session->settings, SETTING_COLLECT_MEMORY);
	uint64_t free_bytes, total;

	if (disk > 0 && spool_free_space(session->drop.tmp_folder, &free_bytes, &total, NULL) == 0 &&
	    free_bytes / MEGABYTE < (uint64_t)disk)
		return err_set(err, ERR_TEMPORARY, "Not enough disk space: %llu MB are free, collect.disk-session wants %lld",
		               (unsigned long long)(free_bytes / MEGABYTE), (long long)disk);
	if (memory > 0 && available_memory() < memory)
		return err_set(err, ERR_TEMPORARY, "Not enough memory: %lld MB are free, collect.memory wants %lld",
		               (long long)available_memory(), (long long)memory);
	return 0;
}

/* The one password or token that is needed, by a channel that is closed before any server is heard. */
static int read_password(struct session *session, const struct method *method, struct err *err)
{
	const struct instance *instance = &session->collectord->daemon.instance;
	struct str name = arena_printf(&session->arena, "collector/%lld", (long long)session->collector.id);
	int result;

	if (method->authentication == COLLECTOR_SETTING_COUNT)
		return 0;
	if (strcmp(session_text(session, method->authentication), "oauth") == 0)
		session->route.method = SASL_CLIENT_METHOD_OAUTH;
	else if (!session->collector.has_password)
		return 0;
	if (ipc_connect(&session->sources.authd, instance, "authd", "collector", err) != 0)
		return -1;
	result = route_read_password(&session->sources, name, &session->arena, &session->route, err);
	ipc_close(&session->sources.authd);
	return result == 0 ? 0 : err_prefix(err, "the password cannot be had");
}

/* Through which proxy, where its connection wants one; run by hand it is that of the first. */
static int find_proxy(struct session *session, int64_t connection, struct err *err)
{
	if (connection == 0 && session->collector.connection_count > 0)
		connection = session->collector.connections[0];
	return route_find_proxy(&session->sources, connection, &session->arena, &session->route.proxy, err);
}

/* Likewise the server's addresses, and the proxy's. A name that only the proxy knows is left to it. */
static int find_addresses(struct session *session, const struct method *method, const char *server, int64_t connection,
                          struct err *err)
{
	const struct instance *instance = &session->collectord->daemon.instance;
	unsigned char bytes[16];
	bool secure;
	struct route_host host = {
	    .name = str_of(server),
	    .is_address = inet_pton(AF_INET, server, bytes) == 1 || inet_pton(AF_INET6, server, bytes) == 1,
	};

	if (ipc_connect(&session->sources.dnsd, instance, "dnsd", "collector", err) != 0 ||
	    find_proxy(session, connection, err) != 0)
		return -1;
	session->address_count =
	    route_addresses(&session->sources, &host, &session->arena, session->addresses, &secure, err);
	if (!method->judges) /* messages' signers have their keys there */
		ipc_close(&session->sources.dnsd);
	if (session->address_count == 0 && session->route.proxy != NULL && session->route.proxy->version != SOCKS_4)
		session->addresses[session->address_count++] = host.name;
	return session->address_count > 0 ? 0 : err_prefix(err, "cannot find the server %s", server);
}

static int open_judge(struct session *session, const char *server, struct err *err)
{
	const struct judge_setup setup = {
	    .instance = &session->collectord->daemon.instance,
	    .settings = &session->settings,
	    .collector = session->collector.id,
	    .name = str_of(session->collector.name),
	    .server = str_of(server),
	    .status = &session->status,
	    .drop = &session->drop,
	};

	return judge_open(&session->judge, &setup, err);
}

static int load_settings(struct session *session, int64_t collector, struct err *err)
{
	int found;

	if (settings_open(&session->settings, &session->collectord->daemon.instance, true, err) != 0)
		return -1;
	found = collector_load(&session->settings.objects, collector, &session->arena, &session->collector, err);
	if (found == 0)
		return err_set(err, ERR_NOT_FOUND, "the collector was deleted");
	return found > 0 ? 0 : -1;
}

/* The host of "HOST:PORT", "[::1]:25" or "HOST". */
static const char *host_of(struct session *session, const char *server)
{
	struct server parsed;

	return server_parse(str_of(server), 0, &session->arena, &parsed, NULL) == 0
	           ? arena_text(&session->arena, parsed.host)
	           : server;
}

/* All channels and all that is read but from the server; then the sandbox. */
static int prepare(struct session *session, const struct method *method, int64_t connection, struct err *err)
{
	const struct instance *instance = &session->collectord->daemon.instance;
	const char *server = session_text(session, method->server);

	if (server[0] == '\0')
		return err_set(err, ERR_SYNTAX, "no server is set for this collector");
	server = host_of(session, server);
	if (spool_drop_open(&session->drop, instance, "collector", err) != 0 ||
	    spool_scratch_in(&session->drop, session->collectord->scratch, err) != 0 ||
	    check_resources(session, err) != 0 || read_password(session, method, err) != 0 ||
	    find_addresses(session, method, server, connection, err) != 0)
		return -1;
	status_begin(&session->status, instance, "collector", "collector",
	             arena_text(&session->arena, session->addresses[0]), false);
	if (method->judges && session_number(session, COLLECTOR_SETTING_LOG) != 0)
		transcript_open(&session->transcript, &session->settings, method->protocol, "collector",
		                session->collector.name, arena_text(&session->arena, session->addresses[0]));
	if (method->turns && ipc_connect(&session->smtpd, instance, "smtpd", "collector", err) != 0)
		return -1;
	if (method->judges && open_judge(session, server, err) != 0)
		return -1;
	if (sandbox_limit(MEMORY_MAX, 0, DESCRIPTORS_MAX, err) != 0)
		return -1;
	return sandbox_enter(&session->collectord->session_sandbox, err);
}

static int collect(struct session *session, const struct session_task *task, struct err *err)
{
	const struct method *method = NULL;

	if (load_settings(session, task->collector, err) != 0)
		return -1;
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
		if (strcmp(session_text(session, COLLECTOR_SETTING_METHOD), methods[i].word) == 0)
			method = &methods[i];
	if (method == NULL)
		return err_set(err, ERR_NOT_FOUND, "this way of collecting is not known");
	if (task->storer >= 0 && method->collect != folders_collect)
		return err_set(err, ERR_SYNTAX, "an account is copied by IMAP alone: set the method of the collector to imap");
	if (prepare(session, method, task->connection, err) != 0)
		return -1;
	if (task->storer < 0)
		return method->collect(session, err);
	session->storer = task->storer;
	return copy_collect(session, err);
}

static void begin(struct session *session, const struct collectord *collectord, int channel)
{
	static const struct mail_client_timeouts none = {0, 0};

	session->collectord = collectord;
	session->keeper = (struct ipc_channel){.fd = channel};
	session->sources.settings = &session->settings;
	session->sources.authd.fd = session->sources.dnsd.fd = -1;
	session->status.channel.fd = -1;
	session->transcript.channel.fd = session->smtpd.fd = -1;
	session->now = time(NULL);
	arena_init(&session->arena);
	batch_init(&session->batch);
	pop3_client_init(&session->client, none);
	imap_client_init(&session->imap, none);
}

void session_attach_transcript(struct conn *conn, void *context)
{
	struct session *session = context;

	transcript_attach(&session->transcript, conn);
}

void session_succeed(struct session *session)
{
	long long messages = (long long)session->result.messages;

	session->result.ok = true;
	if (messages == 0)
		str_copy(STR("Connection successful, no messages"), session->result.text, sizeof session->result.text);
	else
		snprintf(session->result.text, sizeof session->result.text, "Connection successful, %lld message%s", messages,
		         messages == 1 ? "" : "s");
}

int session_run(const struct collectord *collectord, const struct session_task *task, int channel)
{
	static struct session session;
	const int keep[] = {channel, collectord->session_sandbox.ruleset, task->storer, task->nudge};
	struct err err = {0};

	io_close_all_but(keep, sizeof keep / sizeof keep[0]);
	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	begin(&session, collectord, channel);
	session.nudge = task->nudge;
	session.result.ok = collect(&session, task, &err) == 0;
	if (!session.result.ok)
		str_copy(str_of(err.text), session.result.text, sizeof session.result.text);
	route_wipe(&session.route);
	transcript_end(&session.transcript);
	status_messages(&session.status, session.result.messages);
	status_end(&session.status);
	session.nudge = -1; /* it does not stay any more */
	if (!session.is_told)
		keeper_result(&session);
	return 0;
}
