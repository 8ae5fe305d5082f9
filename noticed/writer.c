#include "noticed/noticed.h"

#include "common/addr/addr.h"
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
	SENDER_MAX = 320,
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

/* A notice as it goes out, which the script may have changed. */
struct letter {
	struct notice notice;
	struct str account; /* whom to tell; empty: nobody */
	struct str sender;  /* address in From; empty: the mailer daemon's */
	bool force;         /* whatever the controls say */
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

/* Bits of the script's arguments (specification 09, 5.7). */
static int64_t component_bit(enum notice_component component)
{
	static const int64_t bits[] = {
	    [NOTICE_SENDER] = 1, [NOTICE_COLLECTOR] = 2, [NOTICE_MISC] = 8, [NOTICE_FILTERING] = 16, [NOTICE_ROUTING] = 32};

	return bits[component];
}

static int64_t kind_bit(enum notice_kind kind)
{
	static const int64_t bits[] = {[NOTICE_PROTOCOL] = 1, [NOTICE_TCPIP] = 2, [NOTICE_OTHER] = 4};

	return bits[kind];
}

static void take_text(const struct script_value *result, size_t limit, struct str *text)
{
	if (result->type == SCRIPT_TEXT)
		*text = str_sub(result->text, 0, limit);
}

/* Let errorhandler.lua change the letter, where there is one. */
static void ask_script(struct writer *writer, struct letter *letter)
{
	struct notice *notice = &letter->notice;
	bool by_net = notice->kind == NOTICE_TCPIP;
	struct addr addr;
	struct err err;
	const struct script_value arguments[] = {
	    script_number(component_bit(notice->component)),
	    script_text(notice->item),
	    script_number(kind_bit(notice->kind)),
	    script_number((int64_t)1 << notice->severity),
	    script_text(by_net ? STR("") : notice->text),
	    script_text(by_net ? notice->text : STR("")),
	    script_text(str_of(notice->target)),
	    script_text(notice->subject),
	    script_text(str_of(notice->target)),
	    script_text(notice->text),
	    script_text(letter->account),
	    script_text(STR("")),
	};
	struct script_value results[] = {{.type = SCRIPT_TEXT},
	                                 {.type = SCRIPT_TEXT},
	                                 {.type = SCRIPT_TEXT},
	                                 {.type = SCRIPT_TEXT},
	                                 {.type = SCRIPT_FLAG}};

	if (!script_exists(&writer->script))
		return;
	keep_channel(writer);
	if (script_call(&writer->script, "ProcessMessage3", arguments, 12, results, 5, &writer->arena) != 1)
		return;
	take_text(&results[0], NOTICE_SUBJECT_MAX, &notice->subject);
	take_text(&results[1], NOTICE_TEXT_MAX, &notice->text);
	take_text(&results[2], NOTICE_WORD_MAX, &letter->account);
	take_text(&results[3], SENDER_MAX, &letter->sender);
	if (letter->sender.len > 0 && addr_parse_mailbox(letter->sender, &writer->arena, &addr, &err) != 0) {
		script_report(&writer->script, "ProcessMessage3", STR("the sender is no address"));
		letter->sender = STR("");
	}
	letter->force = results[4].type == SCRIPT_FLAG && results[4].flag;
}

/* Do the controls allow it? The first that fits has the say. Where the memory fails, it is said. */
static bool is_allowed(struct writer *writer, const struct notice *notice, int64_t now, bool force)
{
	static struct controls controls;
	struct control_state state = {0};
	const struct control *control;
	bool allowed = true;
	struct err err;

	if (controls_parse(str_of(settings_text(&writer->settings, SETTING_NOTICES_CONTROLS)), &controls, &err) != 0)
		log_error("notices.controls: %s", err.text);
	control = controls_find(&controls, notice);
	if (control != NULL) {
		if (memory_read(&writer->db, control, notice, &state, &err) != 0)
			log_error("%s", err.text);
		allowed = control_allows(control, &state, now);
		if (!allowed && force) {
			state.count++;
			state.sent = now;
		}
		if (memory_keep(&writer->db, control, notice, &state, &err) != 0)
			log_error("%s", err.text);
	}
	controls_free(&controls);
	return allowed || force;
}

/* Whom the settings name. */
static int find_account(struct writer *writer, struct letter *letter, struct err *err)
{
	const struct notice *notice = &letter->notice;

	return notice->uid != 0
	           ? notice_user_name(&writer->settings, notice->uid, &writer->arena, &letter->account, err)
	           : notice_target_user(&writer->settings, notice->target, &writer->arena, &letter->account, err);
}

/* To each of a list of addresses, and of names, which are addresses at the default domain. */
static int write_to(struct writer *writer, const struct letter *letter, struct str list, const char *domain,
                    struct err *err)
{
	struct str item;

	while ((item = str_cut_item(&list)).len != 0) {
		if (str_find_char(item, '@') < 0)
			item = arena_printf(&writer->arena, "%.*s@%s", STR_ARG(item), domain);
		if (mail_write(&writer->drop, &writer->settings, &letter->notice, letter->sender, item, err) != 0)
			return -1;
	}
	return 0;
}

static void tell(struct writer *writer, struct letter *letter)
{
	const char *domain = settings_default_domain(&writer->settings);
	struct err err;

	if (letter->account.len == 0 || str_equal_nocase(letter->account, STR("<blank>"))) {
		log_info("%s: nobody is told", letter->notice.target);
		return;
	}
	if (domain[0] == '\0') {
		log_warning("a notice is in the log alone: there is no local domain yet");
		return;
	}
	if (notice_account_user(&writer->settings, letter->account, &writer->arena, &letter->account, &err) != 0 ||
	    write_to(writer, letter, letter->notice.address.len != 0 ? letter->notice.address : letter->account, domain,
	             &err) != 0)
		log_error("a notice is in the log alone: %s", err.text);
}

static void take(struct writer *writer, struct ipc_message *request)
{
	char target[NOTICE_WORD_MAX];
	struct letter letter = {0};
	struct notice as_it_came;
	int64_t now = wall_clock_ms();
	struct err err;

	settings_refresh(&writer->settings);
	notice_read(request, target, &letter.notice);
	as_it_came = letter.notice;
	if (find_account(writer, &letter, &err) != 0) {
		log_error("a notice is in the log alone: %s", err.text);
		return;
	}
	ask_script(writer, &letter);
	/* a user's own notices are counted by who sends them */
	if (letter.notice.uid != 0 || letter.account.len == 0 || is_allowed(writer, &as_it_came, now, letter.force))
		tell(writer, &letter);
	else if (memory_suppress(&writer->db, &as_it_came, now, &err) != 0)
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
