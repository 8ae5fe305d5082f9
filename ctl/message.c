#include "ctl/message.h"

#include "common/base/io.h"
#include "common/notice/record.h"
#include "common/policy/mailbox_quota.h"
#include "common/script/directory.h"
#include "common/settings/texts.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum {
	GLOBALS = 5,
	BUSY_TRIES = 200, /* that noticed cannot take any more now */
	BUSY_PAUSE_MS = 50,
};

static const struct ctl_command usage = {"user message", USER_MESSAGE_ARGUMENTS, NULL, NULL, false};

/* What is to be sent, and to whom now. */
struct job {
	struct ctl *ctl;
	struct settings settings;
	struct text_filled text; /* with its tags */
	bool preview;
	struct arena arena; /* of one user */
	int64_t uid;
	struct str user, directory;
	int64_t messages, size, quota;
	struct script script;
	unsigned sent, skipped, failed;
};

/* The mailbox of a user, and what is set of him. CTL_DONE, or what was printed. */
static int look_at_user(struct job *job)
{
	struct ipc_message request, reply;
	struct attributes attributes;
	struct err err;
	int status;

	if (attributes_load(&job->settings, job->uid, &job->arena, &attributes, &err) != 0)
		return ctl_refuse_err(&err);
	job->directory = str_of(attributes_text(&attributes, ATTRIBUTE_DIRECTORY));
	job->quota = mailbox_quota_of(&job->settings, &attributes);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "usage");
	ipc_add_number(&request, "uid", job->uid);
	status = ctl_ask(job->ctl, "deliver", &request, &reply);
	if (status == CTL_DONE && (!ipc_get_number(&reply, "octets", 0, INT64_MAX, &job->size) ||
	                           !ipc_get_number(&reply, "inbox", 0, INT64_MAX, &job->messages)))
		status = ctl_refuse("deliver's answer lacks the size of a mailbox");
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* The value of a tag; data is NULL where there is none of that name. */
static struct str tag_value(struct job *job, struct str name)
{
	if (str_equal_nocase(name, STR("username")))
		return job->user;
	if (str_equal_nocase(name, STR("messagecount")))
		return arena_printf(&job->arena, "%" PRId64, job->messages);
	if (str_equal_nocase(name, STR("mailboxsize")))
		return arena_printf(&job->arena, "%" PRId64, job->size);
	if (str_equal_nocase(name, STR("mailboxquota")))
		return arena_printf(&job->arena, "%" PRId64, job->quota);
	if (str_starts_nocase(name, STR("ldap_")))
		return directory_find(job->directory, str_skip(name, 5));
	return (struct str){NULL, 0};
}

/* Its lines stand where it stood. -1: it failed. */
static int run_piece(struct job *job, struct str piece, struct buf *out)
{
	struct buf printed;
	int result;

	buf_init(&printed, NOTICE_TEXT_MAX);
	result = script_chunk(&job->script, piece, &printed) == 1 && !printed.overflow ? 0 : -1;
	buf_add_str(out, buf_str(&printed));
	buf_free(&printed);
	return result;
}

/* One tag or piece of a script at the beginning of text; returns how much of it that was, 0: none. -1: it failed. */
static ptrdiff_t fill_tag(struct job *job, struct str text, struct buf *out)
{
	const struct str begin = STR("{lua}"), end = STR("{/lua}");
	ptrdiff_t at = str_find_char(text, '}');
	struct str value;

	if (str_starts_nocase(text, begin)) {
		at = str_find(text, end);
		value = str_sub(text, begin.len, at >= 0 ? (size_t)at - begin.len : text.len);
		if (run_piece(job, value, out) != 0)
			return -1;
		return at >= 0 ? at + (ptrdiff_t)end.len : (ptrdiff_t)text.len;
	}
	value = at > 0 ? tag_value(job, str_sub(text, 1, (size_t)at - 1)) : (struct str){NULL, 0};
	if (value.data == NULL)
		return 0;
	buf_add_str(out, value);
	return at + 1;
}

/* -1: a script failed, or it became too long. */
static int fill(struct job *job, struct str text, size_t limit, struct str *out)
{
	struct buf filled;
	ptrdiff_t used = 0;

	buf_init(&filled, limit);
	while (text.len > 0 && used >= 0) {
		used = text.data[0] == '{' ? fill_tag(job, text, &filled) : 0;
		if (used == 0) {
			buf_add_char(&filled, text.data[0]);
			used = 1;
		}
		text = used > 0 ? str_skip(text, (size_t)used) : text;
	}
	*out = arena_copy(&job->arena, buf_str(&filled));
	if (filled.overflow)
		used = -1;
	buf_free(&filled);
	return used < 0 ? -1 : 0;
}

static bool set_globals(struct job *job)
{
	struct script_field *book = arena_get(&job->arena, DIRECTORY_MAX * sizeof *book);
	size_t count = directory_add_fields(job->directory, book, 0, DIRECTORY_MAX, &job->arena);
	const struct script_field globals[GLOBALS] = {
	    {"Username", script_text(job->user)},      {"MessageCount", script_number(job->messages)},
	    {"MailboxSize", script_number(job->size)}, {"MailboxQuota", script_number(job->quota)},
	    {"LDAP", script_table(book, count)},
	};

	return script_set_globals(&job->script, globals, GLOBALS) == 1;
}

/* -1: the user is skipped, which *words_out says why. */
static int fill_all(struct job *job, struct text_filled *filled, const char **words_out)
{
	struct script_field dont_send = {"DontSend", {.type = SCRIPT_NUMBER}};

	*words_out = "the text cannot be filled in: a script failed, or it is too long";
	script_open_inline(&job->script, &job->ctl->instance, "admin message", NULL, NULL);
	if (!set_globals(job) || fill(job, job->text.subject, NOTICE_SUBJECT_MAX, &filled->subject) != 0 ||
	    fill(job, job->text.body, NOTICE_TEXT_MAX, &filled->body) != 0) {
		script_close(&job->script);
		return -1;
	}
	if (script_get_globals(&job->script, &dont_send, 1, &job->arena) == 1 && dont_send.value.number != 0)
		*words_out = NULL;
	script_close(&job->script);
	return *words_out == NULL ? -1 : 0;
}

/* noticed takes so many at a time, and says "temporary" then. */
static int hand_over(struct job *job, const struct text_filled *filled)
{
	const struct notice notice = {
	    .target = "AdminMessage", .uid = job->uid, .item = job->user, .subject = filled->subject, .text = filled->body};
	static const struct timespec pause = {0, BUSY_PAUSE_MS * 1000000L};
	struct ipc_channel channel;
	struct ipc_message request, reply;
	struct err err;
	int result = -1;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "notice");
	notice_write(&notice, &request);
	for (int i = 0; result != 0 && i < BUSY_TRIES; i++) {
		if (i > 0)
			nanosleep(&pause, NULL);
		ipc_message_reset(&reply);
		if (ipc_connect(&channel, &job->ctl->instance, "noticed", "postroom", &err) != 0)
			break;
		result = ipc_call(&channel, &request, &reply, IPC_TIMEOUT_MS, &err);
		ipc_close(&channel);
		if (result != 0 && err.code != ERR_TEMPORARY)
			break;
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

static int write_to_user(struct job *job)
{
	struct text_filled filled;
	const char *why;
	int status = look_at_user(job);

	if (status != CTL_DONE)
		return status;
	if (fill_all(job, &filled, &why) != 0) {
		if (why != NULL)
			fprintf(stderr, "postroom: %.*s gets no message: %s\n", STR_ARG(job->user), why);
		job->failed += why != NULL;
		job->skipped += why == NULL;
		return CTL_DONE;
	}
	if (job->preview) {
		printf("To: %.*s\nSubject: %.*s\n\n%.*s\n", STR_ARG(job->user), STR_ARG(filled.subject), STR_ARG(filled.body));
		return CTL_DONE;
	}
	job->sent++;
	return hand_over(job, &filled);
}

/* The targets of the resolver that are users here: "user <uid> <name>". */
static int write_to_targets(struct job *job, const struct ipc_message *targets)
{
	struct str key, value;
	int status = CTL_DONE;

	for (size_t position = 0; status == CTL_DONE && ipc_next(targets, &position, &key, &value);) {
		uint64_t uid;

		if (!str_equal(key, STR("target")) || !str_equal(str_cut_word(&value), STR("user")) ||
		    !str_to_u64(str_cut_word(&value), INT64_MAX, &uid))
			continue;
		arena_init(&job->arena);
		job->uid = (int64_t)uid;
		job->user = str_trim(value);
		status = write_to_user(job);
		arena_free(&job->arena);
	}
	return status;
}

static int write_to(struct job *job, const char *name)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "resolve");
	ipc_add_text(&request, "address", name);
	ipc_add_text(&request, "via", "list"); /* names of users, lists and groups come before mappings */
	status = ctl_ask(job->ctl, "resolver", &request, &reply);
	if (status == CTL_DONE && !str_equal(ipc_get(&reply, "kind"), STR("local")))
		status = ctl_refuse("there is no group, list or user \"%s\"", name);
	if (status == CTL_DONE)
		status = write_to_targets(job, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* The text becomes that of the next time. */
static int save(struct ctl *ctl, struct str text)
{
	struct ipc_message request, reply;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "set");
	ipc_add_text(&request, "key", setting_definitions[SETTING_TEXT_ADMIN_MESSAGE].key);
	ipc_add(&request, "value", text);
	status = ctl_ask(ctl, "configd", &request, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* The text of a file, or the one that was saved. */
static int read_text(struct job *job, const char *file, struct buf *text)
{
	struct err err;

	if (file == NULL) {
		buf_add_str(text, str_of(settings_text(&job->settings, SETTING_TEXT_ADMIN_MESSAGE)));
		return CTL_DONE;
	}
	return io_read_file(strcmp(file, "-") == 0 ? "/dev/stdin" : file, text, &err) == 0 ? CTL_DONE
	                                                                                   : ctl_refuse_err(&err);
}

static int run(struct job *job, const char *name, const char *file, bool saves)
{
	struct arena arena;
	struct buf text;
	int status;

	arena_init(&arena);
	buf_init(&text, SETTING_VALUE_MAX);
	status = read_text(job, file, &text);
	if (status == CTL_DONE && saves)
		status = save(job->ctl, buf_str(&text));
	/* tags are filled in for each user */
	text_fill(buf_text(&text), NULL, 0, &arena, &job->text);
	if (job->text.subject.len == 0)
		job->text.subject = STR("Message from your Mail Administrator");
	if (status == CTL_DONE && job->text.body.len == 0)
		status = ctl_refuse("there is no text: give one by --file, or \"postroom text set admin-message\"");
	if (status == CTL_DONE)
		status = write_to(job, name);
	if (status == CTL_DONE && !job->preview)
		printf("%u sent, %u skipped, %u failed\n", job->sent, job->skipped, job->failed);
	buf_free(&text);
	arena_free(&arena);
	return status == CTL_DONE && job->failed > 0 ? CTL_REFUSED : status;
}

int user_message(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {{"file", required_argument, NULL, 'f'},
	                                        {"save", no_argument, NULL, 's'},
	                                        {"preview", no_argument, NULL, 'p'},
	                                        {NULL, 0, NULL, 0}};
	struct job job = {.ctl = ctl};
	const char *file = NULL;
	bool saves = false;
	struct err err;
	int letter, status;

	optind = 1;
	while ((letter = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (letter == 'f')
			file = optarg;
		else if (letter == 's')
			saves = true;
		else if (letter == 'p')
			job.preview = true;
		else
			return ctl_usage(&usage);
	}
	if (optind + 1 != argc || (saves && file == NULL))
		return ctl_usage(&usage);
	if (settings_open(&job.settings, &ctl->instance, false, &err) != 0)
		return ctl_refuse_err(&err);
	status = run(&job, argv[optind], file, saves);
	settings_close(&job.settings);
	return status;
}
