#include "filterd/filterd.h"

#include "common/base/log.h"
#include "common/db/query.h"
#include "common/settings/attributes.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TARGETS_EACH = 100, STEP_SIZE = 64, SCRIPT_TARGETS_MAX = 10000 };

/* Who gets a copy, and by which of the settings; each is a message of its own. */
enum reason { REASON_TARGET, REASON_SAMPLE, REASON_BCC };

/* Names of users get the default domain; separators are those of settings and of the script. */
static size_t split_targets(struct job *job, struct str text, struct str *out, size_t max)
{
	const char *domain = settings_default_domain(&job->filterd->settings);
	size_t count = 0;

	while (text.data != NULL && count < max) {
		size_t end = 0;
		struct str target;

		while (end < text.len && strchr(",; \t", text.data[end]) == NULL)
			end++;
		target = str_sub(text, 0, end);
		text = end < text.len ? str_skip(text, end + 1) : (struct str){NULL, 0};
		if (target.len == 0)
			continue;
		if (str_find_char(target, '@') < 0)
			target = arena_printf(&job->arena, "%.*s@%s", STR_ARG(target), domain);
		out[count++] = target;
	}
	return count;
}

/* Write a way's copy to some; nobody: nothing. */
static int write_copy(struct job *job, enum way way, enum reason reason, struct str targets, struct err *err)
{
	struct str to[TARGETS_EACH];
	char step[STEP_SIZE];
	const struct made_mail mail = {
	    .step = step,
	    .to = to,
	    .to_count = split_targets(job, targets, to, TARGETS_EACH),
	    .keywords = STR("Monitoring"),
	    .file = job->copies[way],
	};

	snprintf(step, sizeof step, "monitor/%s/%d", way_names[way], reason);
	return mail.to_count != 0 ? made_write(job, &mail, err) : 0;
}

/* The same share of messages however often this is asked: by the part of the id that nobody can choose. */
static bool is_in_sample(const struct job *job, int64_t percent)
{
	struct str id = str_of(job->id);

	return (int64_t)(strtoul(id.data + id.len - 8, NULL, 16) % 100) < percent;
}

/* answer: the script's, or NULL where it said nothing. */
static int write_way(struct job *job, enum way way, const struct str *answer, struct err *err)
{
	const struct settings *settings = &job->filterd->settings;
	struct str targets = str_of(settings_text(settings, SETTING_MONITOR_TARGET));

	if (answer != NULL && str_equal_nocase(str_trim(*answer), STR("noone")))
		return 0;
	if (write_copy(job, way, REASON_TARGET, answer != NULL ? *answer : targets, err) != 0)
		return -1;
	if (!is_in_sample(job, settings_number(settings, SETTING_MONITOR_SAMPLE)))
		return 0;
	return write_copy(job, way, REASON_SAMPLE, str_of(settings_text(settings, SETTING_MONITOR_SAMPLE_TARGET)), err);
}

static void write_all(struct job *job, const struct str answers[WAYS])
{
	struct err err = {0};
	int result = 0;

	for (int way = 0; way < WAYS && result == 0; way++)
		if (job->monitored.ways[way])
			result = write_way(job, (enum way)way, answers[way].data != NULL ? &answers[way] : NULL, &err);
	job->copied(job, &err);
}

/* The script's answers. Where it failed the settings count, which luaerrors.log tells. */
static void asked(struct ipc_message *reply, const struct err *err, void *context)
{
	struct job *job = context;
	struct str answers[WAYS] = {{NULL, 0}};

	if (reply == NULL)
		log_warning("id=%s monitor.lua did not answer: %s", job->id, err->text);
	for (int way = 0; reply != NULL && way < WAYS; way++) {
		struct str answer = ipc_get(reply, way_names[way]);

		if (answer.data != NULL && answer.len <= SCRIPT_TARGETS_MAX)
			answers[way] = arena_copy(&job->arena, answer);
	}
	write_all(job, answers);
}

static const struct str *keep_list(struct job *job, const struct ipc_message *found, const char *wanted,
                                   size_t *count_out)
{
	struct str key, value, *list;
	size_t count = 0;

	for (size_t position = 0; ipc_next(found, &position, &key, &value);)
		count += str_equal(key, str_of(wanted));
	list = arena_get(&job->arena, (count + 1) * sizeof *list);
	*count_out = 0;
	for (size_t position = 0; ipc_next(found, &position, &key, &value);)
		if (str_equal(key, str_of(wanted)))
			list[(*count_out)++] = arena_copy(&job->arena, value);
	return list;
}

static void keep_found(struct job *job, const struct ipc_message *found)
{
	struct monitored *monitored = &job->monitored;
	struct str key, value;

	*monitored = (struct monitored){.size = job->size};
	for (size_t position = 0; ipc_next(found, &position, &key, &value);)
		for (int way = 0; way < WAYS; way++)
			monitored->ways[way] |=
			    str_equal(key, STR("copy")) && str_equal(value, str_of(way_names[way])) && job->copies[way] >= 0;
	monitored->subject = arena_copy(&job->arena, ipc_get(found, "subject"));
	monitored->attachments = keep_list(job, found, "attachment", &monitored->attachment_count);
	monitored->to = keep_list(job, found, "to", &monitored->to_count);
	monitored->cc = keep_list(job, found, "cc", &monitored->cc_count);
	monitored->bcc = keep_list(job, found, "bcc", &monitored->bcc_count);
}

/* A user's message with hidden recipients is copied whatever else is set. */
static int write_hidden(struct job *job, const struct ipc_message *found, struct err *err)
{
	struct str targets = str_of(settings_text(&job->filterd->settings, SETTING_MONITOR_BCC));
	struct str hidden = ipc_get(found, "hidden");

	for (int way = 0; way < WAYS; way++)
		if (str_equal(hidden, str_of(way_names[way])) && job->copies[way] >= 0)
			return write_copy(job, (enum way)way, REASON_BCC, targets, err);
	return 0;
}

/* What the user who logged in to send it has in send.copy-to; empty: nobody did, or nothing. */
static int read_send_copy(struct job *job, struct str *targets_out, struct err *err)
{
	struct settings *settings = &job->filterd->settings;
	struct attributes attributes;
	struct db objects;
	int64_t uid;
	int row;

	*targets_out = STR("");
	if (!job->own || job->made || job->envelope.user.len == 0)
		return 0;
	if (settings_open_snapshot(settings, &objects, err) != 0)
		return -1;
	row = db_query_number(&objects, &uid, err, "SELECT uid FROM user WHERE name = ?", "t", job->envelope.user);
	if (row == 1 && attributes_read(&objects, uid, &job->arena, &attributes, err) != 0)
		row = -1;
	if (row == 1)
		*targets_out = str_of(attributes_text(&attributes, ATTRIBUTE_SEND_COPY));
	db_close(&objects);
	return row < 0 ? -1 : 0;
}

/* The message as the sender gave it to us, in an envelope of its own: nobody sees whom it goes to. */
static int write_sent(struct job *job, struct err *err)
{
	struct str to[TARGETS_EACH], targets;
	struct made_mail mail = {.step = "sent-copy", .to = to, .file = job->message, .file_at = job->offset};

	if (read_send_copy(job, &targets, err) != 0)
		return -1;
	mail.to_count = split_targets(job, targets, to, TARGETS_EACH);
	return mail.to_count != 0 ? made_write(job, &mail, err) : 0;
}

static bool has_script(const struct job *job)
{
	char path[INSTANCE_PATH_MAX + 128];

	return access(instance_path(path, sizeof path, job->filterd->daemon.instance.etc, "scripts/monitor.lua"), F_OK) ==
	       0;
}

void copies_make(struct job *job, const struct ipc_message *found, void (*done)(struct job *job, const struct err *err))
{
	static const struct str none[WAYS];
	struct err err;

	job->copied = done;
	keep_found(job, found);
	if (write_hidden(job, found, &err) != 0 || write_sent(job, &err) != 0)
		done(job, &err);
	else if ((job->monitored.ways[WAY_OUTGOING] || job->monitored.ways[WAY_INTERNAL] ||
	          job->monitored.ways[WAY_INCOMING]) &&
	         has_script(job))
		job_run(job, monitor_run, asked);
	else
		write_all(job, none);
}
