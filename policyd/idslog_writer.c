#include "policyd/idslog.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/script/script.h"
#include "common/settings/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_MODE = 0640,
	CHANNEL_MS = 60 * 1000, /* statusd takes so many errors of a script by one channel; then it needs another */
	SCRIPT_MS = 1000,       /* a line must not take longer than that */
};

/* A log that is open; name is what it was opened as. */
struct file {
	int fd; /* -1: none */
	char name[IDSLOG_NAME_MAX];
	struct stat info;
};

struct writer {
	const struct instance *instance;
	struct settings settings;
	struct status status;
	int64_t channel_until_ms;
	struct script script;
	struct arena arena;
	char folder[INSTANCE_PATH_MAX + 128];
	struct file events, recipients;
};

static void open_file(const struct writer *writer, struct file *file, struct str name)
{
	char path[sizeof writer->folder + IDSLOG_NAME_MAX + 2];
	struct stat there;

	str_copy(name, file->name, sizeof file->name);
	snprintf(path, sizeof path, "%s/%s", writer->folder, file->name);
	if (file->fd >= 0 && stat(path, &there) == 0 && there.st_dev == file->info.st_dev &&
	    there.st_ino == file->info.st_ino)
		return;
	if (file->fd >= 0)
		close(file->fd);
	file->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, FILE_MODE);
	if (file->fd < 0)
		log_error("cannot open %s: %s", path, strerror(errno));
	else
		fstat(file->fd, &file->info);
}

static void write_line(const struct writer *writer, struct file *file, struct str name, struct str format,
                       const struct policy_record *record)
{
	struct buf line;
	struct err err;

	buf_init(&line, IDSLOG_LINE_MAX);
	idslog_format(&line, format, record);
	line.limit++; /* the line end has its place, also where the rest was cut */
	buf_add_char(&line, '\n');
	open_file(writer, file, name);
	if (file->fd >= 0 && io_write_all(file->fd, line.data, line.len, &err) != 0)
		log_error("cannot write %s: %s", file->name, err.text);
	buf_free(&line);
}

/* So that errors of the script have a way to luaerrors.log. */
static void keep_channel(struct writer *writer)
{
	struct err err;

	if (writer->status.channel.fd >= 0 && io_now_ms() < writer->channel_until_ms)
		return;
	ipc_close(&writer->status.channel);
	if (ipc_connect_now(&writer->status.channel, writer->instance, "statusd", "policyd", &err) != 0)
		log_debug("%s", err.text);
	writer->channel_until_ms = io_now_ms() + CHANNEL_MS;
}

/* What the script makes of format and name, where there is one that has an opinion. */
static void ask_script(struct writer *writer, const struct policy_record *record, struct str *format, struct str *name)
{
	const struct script_value arguments[] = {
	    script_text(record->peer), script_number(record->number), script_text(record->data), script_text(*format),
	    script_text(*name),
	};
	struct script_value results[] = {{.type = SCRIPT_TEXT}, {.type = SCRIPT_TEXT}};

	if (!script_exists(&writer->script))
		return;
	keep_channel(writer);
	if (script_call(&writer->script, "ProcessLine", arguments, 5, results, 2, &writer->arena) != 1)
		return;
	if (results[0].type == SCRIPT_TEXT)
		*format = results[0].text;
	if (results[1].type != SCRIPT_TEXT)
		return;
	if (setting_is_file_name(results[1].text))
		*name = results[1].text;
	else
		script_report(&writer->script, "ProcessLine", STR("the name of the file is not one word"));
}

static void take(struct writer *writer, const struct policy_record *record)
{
	const struct settings *settings = &writer->settings;

	settings_refresh(&writer->settings);
	if (settings_flag(settings, SETTING_IDS_LOG)) {
		struct str format = str_of(settings_text(settings, SETTING_IDS_LOG_FORMAT));
		struct str name = str_of(settings_text(settings, SETTING_IDS_LOG_FILE));

		ask_script(writer, record, &format, &name);
		write_line(writer, &writer->events, name, format, record);
	}
	if (record->number == POLICY_BAD_RECIPIENT && settings_flag(settings, SETTING_SMTP_LOG_UNKNOWN))
		write_line(writer, &writer->recipients, STR("badsmtprecipients.log"), STR("%T %I %D"), record);
	arena_reset(&writer->arena);
}

static int enter_sandbox(const struct writer *writer, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	instance_path(settings, sizeof settings, writer->instance->state, "settings");
	if (sandbox_init(&sandbox, SANDBOX_UNIX, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, writer->folder, SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 ||
	                 script_allow(&sandbox, writer->instance, err) != 0 || sandbox_prepare(&sandbox, err) != 0 ||
	                 sandbox_enter(&sandbox, err) != 0
	             ? -1
	             : 0;
	sandbox_free(&sandbox);
	return result;
}

void idslog_write(const struct instance *instance, int fd)
{
	static const struct script_limits limits = {SCRIPT_MEMORY_MAX, SCRIPT_INSTRUCTIONS_MAX, SCRIPT_MS};
	static struct writer writer;
	static char line[POLICY_LINE_MAX];
	struct policy_record record;
	struct err err;
	ssize_t size;

	writer = (struct writer){.instance = instance, .events = {.fd = -1}, .recipients = {.fd = -1}};
	writer.status.channel.fd = -1;
	arena_init(&writer.arena);
	instance_path(writer.folder, sizeof writer.folder, instance->log, "policy");
	script_open(&writer.script, instance, "idsline", &limits, &writer.status);
	if (settings_open(&writer.settings, instance, false, &err) != 0 || enter_sandbox(&writer, &err) != 0)
		daemon_fail(&err);
	while ((size = recv(fd, line, sizeof line, 0)) != 0) {
		if (size > 0 && policy_record_parse(str_from(line, (size_t)size), &record))
			take(&writer, &record);
		else if (size < 0 && errno != EINTR)
			break;
	}
	_exit(0);
}
