#include "queue-manager/summary.h"

#include "common/base/log.h"
#include "common/settings/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Mail that leaves in another form than it stays inside: filterd is asked once, when it is known where a message goes.
 * The other forms lie beside the spool file, as active/<id>.in and <id>.out, and the row says that they count. Where we
 * end before it does, filterd is asked again.
 */

enum { TIMEOUT_MS = 180000 }; /* a child of filterd lives a third of that */

static const char *const suffixes[] = {[FORM_INTERNAL] = ".in", [FORM_OUTGOING] = ".out"};
static const unsigned flags[] = {[FORM_INTERNAL] = PREPARED_INTERNAL, [FORM_OUTGOING] = PREPARED_OUTGOING};

static const char *form_name(const char *id, enum form form, char name[SPOOL_ID_MAX + 8])
{
	snprintf(name, SPOOL_ID_MAX + 8, "%s%s", id, suffixes[form]);
	return name;
}

bool form_is_name(const char *name, char id[SPOOL_ID_MAX])
{
	for (enum form form = FORM_INTERNAL; form <= FORM_OUTGOING; form++) {
		struct str text = str_of(name);
		size_t end = strlen(suffixes[form]);

		if (text.len > end && str_equal(str_skip(text, text.len - end), str_of(suffixes[form])))
			return str_copy(str_sub(text, 0, text.len - end), id, SPOOL_ID_MAX) && spool_id_is_valid(str_of(id));
	}
	return false;
}

void forms_remove(struct queue *queue, const char *id)
{
	char name[SPOOL_ID_MAX + 8];

	for (enum form form = FORM_INTERNAL; form <= FORM_OUTGOING; form++)
		if (unlinkat(queue->active_folder, form_name(id, form, name), 0) != 0 && errno != ENOENT)
			log_error("spool/active/%s cannot be removed: %s", name, strerror(errno));
}

void forms_close(struct message *message)
{
	for (enum form form = FORM_INTERNAL; form <= FORM_OUTGOING; form++)
		if (message->forms[form].is_there)
			close(message->forms[form].fd);
}

struct form_file message_form(const struct message *message, enum delivery_kind kind)
{
	const struct form_file *other = &message->forms[kind == DELIVERY_REMOTE ? FORM_OUTGOING : FORM_INTERNAL];

	if (other->is_there)
		return *other;
	return (struct form_file){.fd = message->fd, .offset = (int64_t)message->offset, .size = message->size};
}

static int take_form(struct message *message, enum form form, int fd, struct err *err)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return err_set(err, ERR_CORRUPT, "another form of the message is no file");
	}
	message->forms[form] = (struct form_file){.is_there = true, .fd = fd, .size = status.st_size};
	message->prepared |= flags[form];
	return 0;
}

static void forget_answer(struct message *message)
{
	forms_close(message);
	memset(message->forms, 0, sizeof message->forms);
	message->prepared = 0;
	message->preparing = PREPARING_UNKNOWN;
}

int forms_load(struct message *message, struct err *err)
{
	char name[SPOOL_ID_MAX + 8];

	for (enum form form = FORM_INTERNAL; form <= FORM_OUTGOING; form++) {
		int fd;

		if ((message->prepared & flags[form]) == 0)
			continue;
		fd = openat(message->queue->active_folder, form_name(message->id, form, name),
		            O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT) {
			log_error("id=%s spool/active/%s is not there any more; filterd is asked again", message->id, name);
			forget_answer(message);
			return 0;
		}
		if (fd < 0)
			return err_system(err, "cannot open spool/active/%s", name);
		if (take_form(message, form, fd, err) != 0)
			return -1;
	}
	message->preparing = message->prepared != 0 ? PREPARING_SETTLED : PREPARING_UNKNOWN;
	return 0;
}

/* Give the unnamed file its name; one of an attempt that we did not live to write down goes. */
static int link_form(struct message *message, enum form form, struct err *err)
{
	char name[SPOOL_ID_MAX + 8], path[32];
	int folder = message->queue->active_folder;

	if (unlinkat(folder, form_name(message->id, form, name), 0) != 0 && errno != ENOENT)
		return err_system(err, "cannot remove spool/active/%s", name);
	snprintf(path, sizeof path, "/proc/self/fd/%d", message->forms[form].fd);
	if (linkat(AT_FDCWD, path, folder, name, AT_SYMLINK_FOLLOW) != 0)
		return err_system(err, "cannot make spool/active/%s", name);
	return 0;
}

/* The forms that an answer names, in their order. */
static int take_answer(struct message *message, struct ipc_message *reply, struct err *err)
{
	static const char *const keys[] = {[FORM_INTERNAL] = "internal", [FORM_OUTGOING] = "outgoing"};
	static const struct {
		const char *key;
		unsigned flag;
	} marks[] = {{"urgent", PREPARED_URGENT}, {"receipt", PREPARED_RECEIPT}, {"made", PREPARED}};
	struct str from = ipc_get(reply, "outgoing-from");
	int64_t yes, next = 0;

	for (enum form form = FORM_INTERNAL; form <= FORM_OUTGOING; form++) {
		int fd;

		yes = 0;
		ipc_get_number(reply, keys[form], 0, 1, &yes);
		if (yes == 0)
			continue;
		fd = ipc_take_fd(reply, (int)next++);
		if (fd < 0)
			return err_set(err, ERR_PROTOCOL, "filterd's answer lacks a file");
		if (take_form(message, form, fd, err) != 0 || link_form(message, form, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		yes = 0;
		ipc_get_number(reply, marks[i].key, 0, 1, &yes);
		message->prepared |= yes != 0 ? marks[i].flag : 0;
	}
	if (from.data != NULL) {
		message->outgoing_from = arena_copy(&message->arena, from);
		message->prepared |= PREPARED_FROM;
	}
	return 0;
}

/* In seconds again; no attempt is counted. */
static void put_off(struct message *message)
{
	message->away++;
	for (size_t i = 0; i < message->delivery_count; i++) {
		struct delivery *delivery = &message->deliveries[i];

		if (delivery->state == DELIVERY_PENDING && !delivery->busy)
			outcome_away(message, delivery);
	}
}

/* What waits for its time goes with it (06, "Urgent messages"). */
static void send_all(struct message *message)
{
	struct err err;

	log_info("id=%s is urgent: all mail that waits is sent", message->id);
	summary_urgent(message);
	if (control_send_all(message->queue, &err) != 0)
		log_warning("what waits cannot be sent now: %s", err.text);
}

static void on_answer(struct ipc_message *reply, const struct err *err, void *context)
{
	struct message *message = context;
	struct err why = *err;

	message->jobs--;
	message_touch(message);
	if (reply != NULL && err->code == ERR_NONE && take_answer(message, reply, &why) == 0) {
		message->away = 0;
		message->preparing = PREPARING_SETTLED;
		message->prepared |= message->prepared != 0 ? PREPARED : 0;
		if (message->prepared != 0)
			table_write(message); /* the names are in active/: a synced row may speak of them */
		if ((message->prepared & PREPARED_URGENT) != 0)
			send_all(message);
		return;
	}
	log_warning("id=%s cannot be prepared now: %s", message->id, why.text);
	forget_answer(message);
	put_off(message);
}

static const char *target_text(const struct delivery *delivery, char *out, size_t size)
{
	static const char *const words[] = {
	    [DELIVERY_LOCAL] = "user", [DELIVERY_REMOTE] = "remote", [DELIVERY_LIST] = "list", [DELIVERY_LAN] = "lan"};

	if (delivery->kind == DELIVERY_REMOTE)
		snprintf(out, size, "%s %.*s", words[delivery->kind], STR_ARG(delivery->target));
	else
		snprintf(out, size, "%s %" PRId64 " %.*s", words[delivery->kind], delivery->uid, STR_ARG(delivery->target));
	return out;
}

static bool is_open(const struct delivery *delivery)
{
	return delivery->state <= DELIVERY_PARKED && delivery->kind != DELIVERY_UNRESOLVED &&
	       delivery->kind != DELIVERY_HANDED;
}

static void ask(struct message *message)
{
	struct ipc_message request;
	char text[1100];

	ipc_message_init(&request);
	ipc_request(&request, "prepare");
	ipc_add_text(&request, "id", message->id);
	ipc_add_number(&request, "offset", (int64_t)message->offset);
	ipc_add_number(&request, "own", message_may_relay(message));
	for (size_t i = 0; i < message->delivery_count; i++)
		if (is_open(&message->deliveries[i]))
			ipc_add_text(&request, "target", target_text(&message->deliveries[i], text, sizeof text));
	ipc_add_fd(&request, message->fd);
	message->preparing = PREPARING_ASKED;
	message->jobs++;
	ipc_client_call(message->queue->filterd, &request, TIMEOUT_MS, on_answer, message);
	ipc_message_free(&request);
}

void prepare_settings(struct queue *queue)
{
	struct prepare_wants wants;
	struct err err;

	if (prepare_wants(&queue->settings, &wants, &err) != 0)
		log_error("cannot tell what settings want of mail: %s", err.text);
	queue->wants_internal = wants.internal;
	queue->wants_incoming = wants.incoming;
	queue->wants_outgoing = wants.outgoing;
}

static bool is_wanted(const struct message *message)
{
	const struct queue *queue = message->queue;
	bool inside = false, outside = false, script = prepare_has_script(&queue->settings);

	if (!queue->wants_internal && !queue->wants_incoming && !queue->wants_outgoing && !script)
		return false;
	for (size_t i = 0; i < message->delivery_count; i++) {
		const struct delivery *delivery = &message->deliveries[i];

		outside |= is_open(delivery) && delivery->kind == DELIVERY_REMOTE;
		inside |= is_open(delivery) && delivery->kind != DELIVERY_REMOTE;
	}
	if ((outside && queue->wants_outgoing) || (inside && queue->wants_internal && queue->wants_incoming))
		return true;
	return message_may_relay(message) ? script || (inside && queue->wants_internal) : inside && queue->wants_incoming;
}

bool prepare_is_settled(struct message *message, bool all_resolved)
{
	if (message->preparing == PREPARING_UNKNOWN) {
		if (!is_wanted(message))
			message->preparing = all_resolved ? PREPARING_SETTLED : PREPARING_UNKNOWN;
		else if (all_resolved)
			ask(message);
		else
			return false;
		return message->preparing != PREPARING_ASKED;
	}
	return message->preparing == PREPARING_SETTLED;
}

/* A receipt that is not made is no loss of mail. */
static void on_told(struct ipc_message *reply, const struct err *err, void *context)
{
	(void)reply, (void)context;
	if (err->code != ERR_NONE)
		log_warning("filterd was not told that a message was sent: %s", err->text);
}

void prepare_tell_sent(const struct message *message, const unsigned *deliveries, size_t count, bool lan)
{
	struct ipc_message notice;

	if ((message->prepared & PREPARED_RECEIPT) == 0 || count == 0)
		return;
	ipc_message_init(&notice);
	ipc_request(&notice, "sent");
	ipc_add_text(&notice, "id", message->id);
	ipc_add_number(&notice, "offset", (int64_t)message->offset);
	ipc_add_number(&notice, "lan", lan);
	for (size_t i = 0; i < count; i++)
		ipc_add(&notice, "address", message_recipient(message, &message->deliveries[deliveries[i]])->address);
	ipc_add_fd(&notice, message->fd);
	ipc_client_call(message->queue->filterd, &notice, TIMEOUT_MS, on_told, NULL);
	ipc_message_free(&notice);
}
