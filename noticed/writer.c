#include "noticed/noticed.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/net/sandbox.h"
#include "common/notice/record.h"
#include "common/notice/targets.h"
#include "common/script/script.h"

#include <time.h>
#include <unistd.h>

enum {
	SCRIPT_MS = 2000,
	CHANNEL_MS = 60 * 1000, /* statusd takes so many errors of a script by one channel; then it needs another */
};

struct writer {
	const struct instance *instance;
	struct settings settings;
	struct spool_drop drop;
	struct db db;
	struct status status;
	int64_t channel_until_ms;
	struct script script;
	struct arena arena;
};

/* What the script says of a notice, where there is one. */
struct opinion {
	bool allow, suppress;
	struct str account; /* whom to tell instead; empty: no opinion */
};

static int64_t wall_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void keep_channel(struct writer *writer)
{
	struct err err;

	if (writer->status.channel.fd >= 0 && io_now_ms() < writer->channel_until_ms)
		return;
	ipc_close(&writer->status.channel);
	if (ipc_connect_now(&writer->status.channel, writer->instance, "statusd", "noticed", &err) != 0)
		log_debug("%s", err.text);
	writer->channel_until_ms = io_now_ms() + CHANNEL_MS;
}

static struct opinion ask_script(struct writer *writer, const struct notice *notice, const struct control_state *state)
{
	const struct script_value arguments[] = {
	    script_text(str_of(notice_component_word(notice->component))),
	    script_text(notice->item),
	    script_text(str_of(notice_kind_word(notice->kind))),
	    script_text(str_of(notice_severity_word(notice->severity))),
	    script_text(notice->text.len != 0 ? notice->text : notice->subject),
	    script_number(state->count),
	    script_number(state->sent / 1000),
	};
	struct script_value results[] = {{.type = SCRIPT_TEXT}, {.type = SCRIPT_TEXT}};
	struct opinion opinion = {0};

	if (!script_exists(&writer->script))
		return opinion;
	keep_channel(writer);
	if (script_call(&writer->script, "HandleError", arguments, 7, results, 2, &writer->arena) != 1)
		return opinion;
	if (results[0].type == SCRIPT_TEXT) {
		opinion.allow = str_equal_nocase(results[0].text, STR("allow"));
		opinion.suppress = str_equal_nocase(results[0].text, STR("suppress"));
	}
	if (results[1].type == SCRIPT_TEXT)
		opinion.account = results[1].text;
	return opinion;
}

/* The first control that fits has the say, unless the script has. Where the memory fails, it is said. */
static bool is_to_be_said(struct writer *writer, const struct notice *notice, int64_t now, struct str *account_out)
{
	static struct controls controls;
	struct control_state before = {0}, state;
	const struct control *control;
	struct opinion opinion;
	bool allowed = true;
	struct err err;

	if (controls_parse(str_of(settings_text(&writer->settings, SETTING_NOTICES_CONTROLS)), &controls, &err) != 0)
		log_error("notices.controls: %s", err.text);
	control = controls_find(&controls, notice);
	if (control != NULL && memory_read(&writer->db, control, notice, &before, &err) != 0)
		log_error("%s", err.text);
	state = before;
	if (control != NULL)
		allowed = control_allows(control, &state, now);
	opinion = ask_script(writer, notice, &before);
	if (opinion.suppress && allowed) {
		state.count = before.count;
		state.sent = before.sent;
	}
	if (opinion.allow && !allowed) {
		state.count++;
		state.sent = now;
	}
	allowed = (allowed || opinion.allow) && !opinion.suppress;
	if (control != NULL && memory_keep(&writer->db, control, notice, &state, &err) != 0)
		log_error("%s", err.text);
	*account_out = opinion.account;
	controls_free(&controls);
	return allowed;
}

static int find_account(struct writer *writer, const struct notice *notice, struct str wanted, struct str *name_out,
                        struct err *err)
{
	struct settings *settings = &writer->settings;

	if (notice->uid != 0)
		return notice_user_name(settings, notice->uid, &writer->arena, name_out, err);
	if (wanted.len != 0)
		return notice_account_user(settings, wanted, &writer->arena, name_out, err);
	return notice_target_user(settings, notice->target, &writer->arena, name_out, err);
}

static void tell(struct writer *writer, const struct notice *notice, struct str wanted)
{
	const char *domain = settings_default_domain(&writer->settings);
	struct str name;
	struct err err;

	if (find_account(writer, notice, wanted, &name, &err) != 0) {
		log_error("a notice is in the log alone: %s", err.text);
		return;
	}
	if (name.len == 0) {
		log_info("%s: nobody is told", notice->target);
		return;
	}
	if (domain[0] == '\0') {
		log_warning("a notice is in the log alone: there is no local domain yet");
		return;
	}
	if (mail_write(&writer->drop, &writer->settings, notice,
	               arena_printf(&writer->arena, "%.*s@%s", STR_ARG(name), domain), &err) != 0)
		log_error("a notice is in the log alone: %s", err.text);
}

static void take(struct writer *writer, struct ipc_message *request)
{
	char target[NOTICE_WORD_MAX];
	struct notice notice;
	struct str wanted = STR("");
	int64_t now = wall_clock_ms();
	struct err err;

	settings_refresh(&writer->settings);
	notice_read(request, target, &notice);
	/* a user's own notices are counted by who sends them */
	if (notice.uid != 0 || is_to_be_said(writer, &notice, now, &wanted))
		tell(writer, &notice, wanted);
	else if (memory_suppress(&writer->db, &notice, now, &err) != 0)
		log_error("%s", err.text);
	arena_reset(&writer->arena);
}

static void list_suppressed(struct writer *writer, int fd, uint32_t sequence)
{
	struct ipc_message reply;
	struct err err;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (memory_list(&writer->db, wall_clock_ms(), &reply, &err) != 0)
		ipc_reply_error(&reply, &err);
	if (ipc_send(fd, &reply, sequence, &err) != 0)
		log_error("%s", err.text);
	ipc_message_free(&reply);
}

static int enter_sandbox(const struct writer *writer, struct err *err)
{
	char settings[INSTANCE_PATH_MAX + 128], notices[INSTANCE_PATH_MAX + 128], drop[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	instance_path(settings, sizeof settings, writer->instance->state, "settings");
	instance_path(notices, sizeof notices, writer->instance->state, "notices");
	instance_path(drop, sizeof drop, writer->instance->spool, "noticed");
	if (sandbox_init(&sandbox, SANDBOX_UNIX | SANDBOX_LOCK_OWNER, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, notices, SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, drop, SANDBOX_WRITE, err) != 0 ||
	                 sandbox_allow(&sandbox, settings, SANDBOX_READ, err) != 0 ||
	                 script_allow(&sandbox, writer->instance, err) != 0 || sandbox_prepare(&sandbox, err) != 0 ||
	                 sandbox_enter(&sandbox, err) != 0
	             ? -1
	             : 0;
	sandbox_free(&sandbox);
	return result;
}

void writer_run(const struct instance *instance, int fd)
{
	static const struct script_limits limits = {SCRIPT_MEMORY_MAX, SCRIPT_INSTRUCTIONS_MAX, SCRIPT_MS};
	static struct writer writer;
	struct ipc_message request;
	uint32_t sequence;
	struct err err;

	writer = (struct writer){.instance = instance};
	writer.status.channel.fd = -1;
	arena_init(&writer.arena);
	script_open(&writer.script, instance, "errorhandler", &limits, &writer.status);
	if (settings_open(&writer.settings, instance, true, &err) != 0 ||
	    spool_drop_open(&writer.drop, instance, "noticed", &err) != 0 || memory_open(&writer.db, instance, &err) != 0 ||
	    enter_sandbox(&writer, &err) != 0)
		daemon_fail(&err);
	ipc_message_init(&request);
	while (ipc_receive(fd, &request, &sequence, -1, &err) == 1) {
		if (ipc_is(&request, "suppressed"))
			list_suppressed(&writer, fd, sequence);
		else
			take(&writer, &request);
		ipc_message_reset(&request);
	}
	db_close(&writer.db);
	_exit(0);
}
