#include "filterd/look.h"

#include "common/addr/addr.h"
#include "common/db/query.h"
#include "common/mime/modify.h"
#include "common/mime/spans.h"

#include <unistd.h>

/* Before the sandbox is on: the channel for errors of scripts. */
static void open_channel(struct look *look)
{
	struct err err;

	look->status.channel.fd = -1;
	(void)ipc_connect_now(&look->status.channel, &look->job->filterd->daemon.instance, "statusd", "filterd", &err);
}

/* The user's number by his name. */
static int find_user(struct look *look, struct str name, struct err *err)
{
	int row = db_query_number(&look->objects, &look->uid, err, "SELECT uid FROM user WHERE name = ?", "t", name);

	look->user = name;
	return row < 0 ? -1 : 0;
}

/* Without a login of ours: whose address MAIL FROM has, in a local domain. */
static int find_by_address(struct look *look, struct err *err)
{
	struct str domain;
	struct addr from;
	int row;

	if (!look->job->own || addr_parse_mailbox(look->job->envelope.from, &look->arena, &from, NULL) != 0 ||
	    addr_normalise_domain(from.domain, &look->arena, &domain, NULL) != 0)
		return 0;
	row = db_query_number(&look->objects, NULL, err, "SELECT 1 FROM domain WHERE name = ?", "t", domain);
	return row == 1 ? find_user(look, from.local_part, err) : row;
}

static int find_sender(struct look *look, struct err *err)
{
	const struct spool_envelope *envelope = &look->job->envelope;
	int result;

	look->logged_in = look->job->own && envelope->user.len != 0;
	result = look->logged_in ? find_user(look, envelope->user, err) : find_by_address(look, err);
	if (result != 0)
		return -1;
	return attributes_load(look->settings, look->uid, &look->arena, &look->attributes, err);
}

/* The snapshot that is in force may have been replaced since the parent looked. */
static int open_settings(struct look *look, struct err *err)
{
	settings_refresh(look->settings);
	return settings_open_snapshot(look->settings, &look->objects, err);
}

/* The message as it is to be seen from here on. */
static int look_open(struct look *look, int file, int64_t offset, int64_t size, struct err *err)
{
	look->source = mime_source_file(file, offset, size);
	return mime_parse(&look->source, &look->arena, &look->root, err);
}

int look_confine(struct look *look, struct job *job, struct err *err)
{
	*look = (struct look){.job = job, .settings = &job->filterd->settings};
	arena_init(&look->arena);
	open_channel(look);
	return sandbox_limit(WORKER_MEMORY, WORKER_CPU_S, 0, err) != 0 ||
	               sandbox_enter(&job->filterd->worker_sandbox, err) != 0
	           ? -1
	           : 0;
}

int look_begin(struct look *look, struct job *job, struct err *err)
{
	if (look_confine(look, job, err) != 0 || open_settings(look, err) != 0 || find_sender(look, err) != 0)
		return -1;
	return look_open(look, job->message, job->offset, job->size, err);
}

int look_edit(struct look *look, struct mime_edit *edit, struct err *err)
{
	return mime_edit_open(edit, &look->source, look->root, &look->arena, err);
}

static int finish(const struct look *look, const struct mime_edit *edit, int file, const char *key,
                  struct ipc_message *reply, struct err *err)
{
	bool changed = look->is_replaced || !mime_edit_is_unchanged(edit);

	if (changed && mime_edit_write(edit, file, err) != 0)
		return -1;
	if (changed && fdatasync(file) != 0)
		return err_system(err, "cannot sync another form of the message");
	ipc_add_number(reply, key, changed);
	return 0;
}

static int sign(struct look *look, struct mime_edit *edit, enum way way, struct err *err)
{
	struct signature signature;

	if (!look->job->own || look->job->made)
		return 0;
	signature_choose(look, way, edit, &signature);
	return mime_edit_append(edit, signature.plain, signature.html, err);
}

static int look_inside(struct look *look, struct ipc_message *reply, struct err *err)
{
	struct mime_edit edit;

	if (look->job->internal < 0) {
		ipc_add_number(reply, "internal", 0);
		return 0;
	}
	if (look_edit(look, &edit, err) != 0 || sign(look, &edit, WAY_INTERNAL, err) != 0)
		return -1;
	return finish(look, &edit, look->job->internal, "internal", reply, err);
}

static int look_outside(struct look *look, struct ipc_message *reply, struct err *err)
{
	struct mime_edit edit;

	if (look->job->outgoing < 0) {
		ipc_add_number(reply, "outgoing", 0);
		return 0;
	}
	if (look_edit(look, &edit, err) != 0 || sign(look, &edit, WAY_OUTGOING, err) != 0)
		return -1;
	rewrite_outgoing(look, &edit);
	return finish(look, &edit, look->job->outgoing, "outgoing", reply, err);
}

/* Has the header a field of one of these lines, "Field:data", with that data in it? */
static bool is_urgent(const struct look *look, const struct mime_fields *header)
{
	struct str lines = str_of(settings_text(look->settings, SETTING_URGENT_FIELDS));

	while (lines.data != NULL) {
		struct str data = str_cut(&lines, '\n'), name = str_trim(str_cut(&data, ':'));

		for (ptrdiff_t at = mime_fields_find(header, name, 0); at >= 0;
		     at = mime_fields_find(header, name, (size_t)at + 1))
			if (str_trim(data).len != 0 && str_find(header->list[at].value, str_trim(data)) >= 0)
				return true;
	}
	return false;
}

/* Does a local sender's message name somebody who wants to hear that it was sent? */
static bool wants_receipt(const struct look *look, const struct mime_fields *header)
{
	struct str names = str_of(settings_text(look->settings, SETTING_RECEIPT_SENT_FIELDS)), name;

	if (!look->job->own || look->job->made || look->job->envelope.from.len == 0)
		return false;
	while ((name = str_cut_item(&names)).len != 0)
		if (mime_fields_find(header, name, 0) >= 0)
			return true;
	return false;
}

/* From here on the message is what the administrator's program made of it. */
static int switch_to_replaced(struct look *look, struct err *err)
{
	const struct job *job = look->job;

	if (job->replaced < 0 || look->is_replaced)
		return 0;
	look->is_replaced = true;
	return look_open(look, job->replaced, 0, job->replaced_size, err);
}

/* What stays inside was for the program only where it is to see that, too. */
static int look_forms(struct look *look, struct ipc_message *reply, struct err *err)
{
	if (settings_flag(look->settings, SETTING_OUTMAIL_INCOMING) && switch_to_replaced(look, err) != 0)
		return -1;
	if (look_inside(look, reply, err) != 0 || switch_to_replaced(look, err) != 0)
		return -1;
	return look_outside(look, reply, err);
}

int look_run(struct ipc_message *reply, void *context, struct err *err)
{
	struct job *job = context;
	struct look look;
	struct mime_edit plain;
	bool urgent;

	if (look_begin(&look, job, err) != 0 || look_edit(&look, &plain, err) != 0)
		return -1;
	urgent =
	    job->outgoing >= 0 && settings_flag(look.settings, SETTING_URGENT_CONNECT) && is_urgent(&look, &plain.header);
	ipc_add_number(reply, "urgent", urgent);
	ipc_add_number(reply, "receipt", wants_receipt(&look, &plain.header));
	if (!job->made && monitor_look(&look, reply, err) != 0)
		return -1;
	return look_forms(&look, reply, err);
}
