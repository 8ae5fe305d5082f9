#include "statusd/historyd/logs.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/status/security.h"

#include <fcntl.h>
#include <inttypes.h>
#include <time.h>

enum {
	WORD_MAX = 64,           /* octets of what a session says of itself */
	LINES_MAX = 1024 * 1024, /* of what is written at once: a packet, with a beginning for each line */
	BURST = 8 * 1024 * 1024, /* octets that are written of a session however fast it says them */
	OCTETS_PER_MS = 1024,    /* what it may say for ever */
};

/* A session whose words are logged. */
struct transcript {
	enum log_kind kind;
	char start[4 * WORD_MAX]; /* of each line, behind the time */
	int64_t allowance;        /* octets that may be written now */
	int64_t refilled_ms;      /* when it was last seen to, io_now_ms() */
	uint64_t left_out;        /* octets since the last that were written */
};

/* Under systemd there is none: daemons log to the journal. */
static void open_postroom(struct log_file *log, const struct instance *instance)
{
	char path[INSTANCE_PATH_MAX + 32];

	*log = (struct log_file){.name = "postroom", .old = -1};
	log->file =
	    open(instance_path(path, sizeof path, instance->log, "postroom.log"), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

static bool is_ours(int kind)
{
	return kind != LOG_LUAERRORS && kind != LOG_SUMMARY && kind != LOG_MAIL;
}

int logs_open(struct logs *logs, const struct instance *instance, const struct settings *settings, struct err *err)
{
	*logs = (struct logs){.settings = settings};
	for (int kind = 0; kind < LOG_KINDS; kind++)
		logs->files[kind].file = logs->files[kind].old = -1;
	open_postroom(&logs->postroom, instance);
	if (syslog_open(&logs->syslog, instance, err) != 0)
		log_error("logs go to files: %s", err->text);
	if (old_logs_open(&logs->old, instance, settings, err) != 0)
		return -1;
	for (int kind = 0; kind < LOG_KINDS; kind++) {
		if (!is_ours(kind))
			continue;
		if (log_file_open(&logs->files[kind], instance->log, (enum log_kind)kind, &logs->syslog, err) != 0)
			return -1;
		logs->files[kind].old_logs = &logs->old;
	}
	return 0;
}

void logs_close(struct logs *logs)
{
	for (int kind = 0; kind < LOG_KINDS; kind++)
		log_file_close(&logs->files[kind]);
	log_file_close(&logs->postroom);
	old_logs_close(&logs->old);
}

static off_t max_size(const struct logs *logs)
{
	return settings_number(logs->settings, SETTING_LOG_SIZE) * 1000;
}

static const char *or_none(struct str text)
{
	return text.len != 0 ? "" : "-";
}

bool logs_security(struct logs *logs, struct str line)
{
	struct security_record record;
	bool failed;
	struct buf text;

	if (!security_parse(line, &record))
		return false;
	failed = record.reason.len != 0;
	if (!failed && !settings_flag(logs->settings, SETTING_LOG_LOGINS))
		return true;
	buf_init(&text, SECURITY_LINE_MAX);
	buf_printf(&text, "%s: service=%.*s client=%.*s user=%.*s%s", failed ? "login failed" : "login",
	           STR_ARG(record.service), STR_ARG(record.peer), STR_ARG(record.user), or_none(record.user));
	if (record.mechanism.len != 0)
		buf_printf(&text, " mechanism=%.*s", STR_ARG(record.mechanism));
	buf_printf(&text, " tls=%d%s%.*s", record.tls, failed ? " reason=" : "", STR_ARG(record.reason));
	log_file_line(&logs->files[LOG_SECURITY], max_size(logs), failed ? SYSLOG_WARNING : SYSLOG_INFO, record.time,
	              buf_str(&text));
	buf_free(&text);
	return true;
}

bool logs_rule(struct logs *logs, enum log_kind kind, struct str line)
{
	struct str when = str_cut(&line, '\t');
	uint64_t ms;

	if (line.data == NULL || !str_to_u64(when, INT64_MAX, &ms))
		return false;
	log_file_line(&logs->files[kind], max_size(logs), SYSLOG_NOTICE, (int64_t)ms, line);
	return true;
}

void logs_connect(struct logs *logs, const struct status_record *record)
{
	struct buf text;

	if (!settings_flag(logs->settings, SETTING_LOG_CONNECTIONS))
		return;
	buf_init(&text, 2 * STATUS_RECORD_MAX);
	buf_printf(&text, "service=%.*s client=%.*s user=%.*s%s tls=%d seconds=%" PRId64 " messages=%" PRId64,
	           STR_ARG(record->service), STR_ARG(record->peer), STR_ARG(record->user), or_none(record->user),
	           record->tls, (record->end - record->begin) / 1000, record->messages);
	log_file_line(&logs->files[LOG_CONNECT], max_size(logs), SYSLOG_INFO, record->end, buf_str(&text));
	buf_free(&text);
}

void logs_connector(struct logs *logs, struct str text)
{
	struct timespec now;
	struct buf line;

	if (!settings_flag(logs->settings, SETTING_LOG_CONNECTIONS))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	buf_init(&line, 2 * STATUS_RECORD_MAX);
	buf_add_visible(&line, str_sub(text, 0, STATUS_RECORD_MAX));
	log_file_line(&logs->files[LOG_CONNECT], max_size(logs), SYSLOG_INFO,
	              (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, buf_str(&line));
	buf_free(&line);
}

static enum log_kind kind_of(const char *program)
{
	if (strcmp(program, "smtpd") == 0)
		return LOG_SMTPSVR;
	if (strcmp(program, "collector") == 0)
		return LOG_POP3CLT;
	if (strcmp(program, "sender") == 0)
		return LOG_SMTPCLT;
	if (strcmp(program, "webadmin") == 0)
		return LOG_WEBSVR;
	return strncmp(program, "pop3", 4) == 0 ? LOG_POP3SVR : LOG_IMAP4SVR;
}

static void add_word(struct buf *start, struct str word)
{
	if (status_text_is_clean(word, WORD_MAX) && word.len > 0)
		buf_printf(start, " %.*s", STR_ARG(word));
}

static void begin(const struct ipc_incoming *incoming)
{
	struct transcript *transcript = ipc_peer_data(incoming->peer); /* of the connection before, or none */
	struct buf start;

	if (transcript == NULL) {
		transcript = memory_get(sizeof *transcript);
		transcript->kind = kind_of(incoming->caller);
		transcript->allowance = BURST;
		transcript->refilled_ms = io_now_ms();
	}
	buf_init(&start, sizeof transcript->start - 1);
	buf_printf(&start, "[%d]", (int)ipc_peer_pid(incoming->peer));
	add_word(&start, ipc_get(&incoming->message, "service"));
	add_word(&start, ipc_get(&incoming->message, "peer"));
	str_copy(buf_str(&start), transcript->start, sizeof transcript->start);
	buf_free(&start);
	ipc_peer_set_data(incoming->peer, transcript);
}

/* May so many octets be written of a session now? Where not, they are counted. */
static bool may_write(struct transcript *transcript, size_t octets)
{
	int64_t now = io_now_ms(), more = (now - transcript->refilled_ms) * OCTETS_PER_MS;

	transcript->allowance = transcript->allowance + more < BURST ? transcript->allowance + more : BURST;
	transcript->refilled_ms = now;
	if (transcript->allowance < (int64_t)octets) {
		transcript->left_out += octets;
		return false;
	}
	transcript->allowance -= (int64_t)octets;
	return true;
}

static void write_lines(struct logs *logs, struct transcript *transcript, const struct ipc_message *message)
{
	int64_t now = (int64_t)time(NULL) * 1000;
	struct str key, value;
	size_t position = 0;
	struct buf lines;

	if (!may_write(transcript, message->fields.len))
		return;
	buf_init(&lines, LINES_MAX);
	if (transcript->left_out > 0) {
		log_file_add_time(&lines, now);
		buf_printf(&lines, "%s -- %" PRIu64 " octets are left out here, it was too much at a time\n", transcript->start,
		           transcript->left_out);
		transcript->left_out = 0;
	}
	while (ipc_next(message, &position, &key, &value)) {
		bool by_client = str_equal(key, STR("client"));

		if (!by_client && !str_equal(key, STR("server")))
			continue;
		log_file_add_time(&lines, now);
		buf_printf(&lines, "%s %s ", transcript->start, by_client ? "C:" : "S:");
		buf_add_visible(&lines, value);
		buf_add_char(&lines, '\n');
	}
	log_file_write(&logs->files[transcript->kind], max_size(logs), SYSLOG_INFO, buf_str(&lines));
	buf_free(&lines);
}

void logs_take_transcript(struct logs *logs, struct ipc_incoming *incoming)
{
	struct transcript *transcript = ipc_peer_data(incoming->peer);

	if (ipc_is(&incoming->message, "transcript-begin"))
		begin(incoming);
	else if (transcript != NULL && ipc_is(&incoming->message, "transcript"))
		write_lines(logs, transcript, &incoming->message);
	else
		log_warning("what %s, pid %d, says of its session makes no sense", incoming->caller,
		            (int)ipc_peer_pid(incoming->peer));
	ipc_no_answer(incoming);
}

void logs_end_transcript(struct ipc_peer *peer)
{
	memory_free(ipc_peer_data(peer));
}
