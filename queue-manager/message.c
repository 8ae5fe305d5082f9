#include "queue-manager/queue.h"

#include "common/addr/smtp_target.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORDS_MAX = 1000 }; /* bytes of an answer that are kept */

/* The envelope must be of this file and say what its name says. */
static int read_envelope(struct message *message, struct err *err)
{
	struct stat status;
	int result;

	if (fstat(message->fd, &status) != 0)
		return err_system(err, "cannot look at the file");
	result =
	    spool_envelope_read(message->fd, &message->text, &message->arena, &message->envelope, &message->offset, err);
	if (result != 0)
		return -1;
	message->size = (int64_t)status.st_size - (int64_t)message->offset;
	if (!str_equal(message->envelope.id, str_of(message->id)))
		return err_set(err, ERR_CORRUPT, "the envelope's id is not the file's name");
	if (message->envelope.recipient_count == 0)
		return err_set(err, ERR_CORRUPT, "the envelope has no recipients");
	return 0;
}

struct message *message_new(struct queue *queue, const char *id, int fd, struct err *err)
{
	struct message *message = memory_get(sizeof *message);

	message->queue = queue;
	message->fd = fd;
	arena_init(&message->arena);
	buf_init(&message->text, SPOOL_ENVELOPE_MAX + 1);
	str_copy(str_of(id), message->id, sizeof message->id);
	message->born = queue_now();
	message->signatures = message->outgoing_from = STR("");
	message->link = &queue->messages;
	message->next = queue->messages;
	if (message->next != NULL)
		message->next->link = &message->next;
	queue->messages = message;
	queue->message_count++;
	if (read_envelope(message, err) != 0) {
		message_free(message);
		return NULL;
	}
	return message;
}

/* Out of the queue: its file is gone or aside, so its row goes too. */
static int drop_row(struct queue *queue, int64_t row)
{
	table_forget(queue, row);
	return -1;
}

int message_load(struct queue *queue, const char *id, int64_t row)
{
	int fd = openat(queue->active_folder, id, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct message *message;
	struct err err;

	if (fd < 0 && errno != ENOENT) {
		log_error("id=%s cannot be opened now: %s", id, strerror(errno));
		return 1;
	}
	if (fd < 0) {
		log_error("id=%s is not in spool/active any more", id);
		return drop_row(queue, row);
	}
	message = message_new(queue, id, fd, &err);
	if (message != NULL && (table_read(message, row, &err) != 0 || forms_load(message, &err) != 0)) {
		message_free(message);
		message = NULL;
	}
	if (message == NULL && (err.code == ERR_SYSTEM || err.code == ERR_TEMPORARY)) {
		log_error("id=%s cannot be read now: %s", id, err.text);
		return 1;
	}
	if (message == NULL) {
		message_set_aside(queue, id, err.text);
		return drop_row(queue, row);
	}
	message->from_table = true;
	queue->retry_messages++;
	if (message->delivery_count == 0) /* found in active/ without a row: nothing is known of its recipients */
		message_add_recipients(message);
	message_touch(message);
	return 0;
}

void message_free(struct message *message)
{
	struct queue *queue = message->queue;

	remote_fetched(message);
	*message->link = message->next;
	if (message->next != NULL)
		message->next->link = message->link;
	queue->message_count--;
	queue->retry_messages -= message->from_table;
	if (message->fd >= 0)
		close(message->fd);
	forms_close(message);
	buf_free(&message->text);
	arena_free(&message->arena);
	memory_free(message->deliveries);
	memory_free(message);
}

struct message *message_find(struct queue *queue, struct str id)
{
	struct message *message = queue->messages;

	while (message != NULL && !str_equal(id, str_of(message->id)))
		message = message->next;
	return message;
}

struct delivery *message_add_delivery(struct message *message, unsigned recipient)
{
	struct delivery *delivery;

	if (message->delivery_count == message->delivery_room) {
		message->delivery_room =
		    message->delivery_room != 0 ? message->delivery_room * 2 : message->envelope.recipient_count;
		message->deliveries = memory_resize(message->deliveries, message->delivery_room * sizeof *message->deliveries);
	}
	delivery = &message->deliveries[message->delivery_count++];
	*delivery = (struct delivery){
	    .recipient = recipient,
	    .target = STR(""),
	    .destination = STR(""),
	    .answer = STR(""),
	    .dirty = true,
	};
	return delivery;
}

void message_add_recipients(struct message *message)
{
	message->held |= message->envelope.hold; /* its row says it from here on */
	message->release = message->envelope.release;
	for (size_t i = 0; i < message->envelope.recipient_count; i++)
		message_add_delivery(message, (unsigned)i);
}

const struct spool_recipient *message_recipient(const struct message *message, const struct delivery *delivery)
{
	return &message->envelope.recipients[delivery->recipient];
}

struct str message_shown_recipient(struct message *message, const struct delivery *delivery)
{
	struct str address = message_recipient(message, delivery)->address;

	return smtp_target_is(address) ? smtp_target_show(address, &message->arena) : address;
}

void message_set_answer(struct message *message, struct delivery *delivery, const char *code, struct str host,
                        struct str words)
{
	delivery->answer =
	    arena_printf(&message->arena, "%s\t%.*s\t%.*s", code, STR_ARG(host), STR_ARG(str_sub(words, 0, WORDS_MAX)));
}

void message_describe(const struct message *message, struct ipc_message *request, unsigned attempts)
{
	ipc_add_text(request, "id", message->id);
	ipc_add(request, "mail-from", message->envelope.from);
	ipc_add(request, "user", message->envelope.user);
	ipc_add(request, "peer", message->envelope.peer);
	ipc_add_number(request, "time", message->envelope.time_us);
	ipc_add_number(request, "attempts", attempts);
}

void message_change(struct message *message, struct delivery *delivery)
{
	delivery->dirty = true;
	message_touch(message);
}

void message_touch(struct message *message)
{
	struct queue *queue = message->queue;

	if (message->ready)
		return;
	message->ready = true;
	message->next_ready = NULL;
	*queue->ready_last = message;
	queue->ready_last = &message->next_ready;
	queue->turn_again = true;
}

static void tell_of_file(const struct queue *queue, const char *name, const char *why)
{
	char subject[NOTICE_SUBJECT_MAX];
	struct notice notice = {.target = "BadOutqueueFile", .severity = NOTICE_ERROR, .text = str_of(why)};

	if (queue->notices == NULL)
		return; /* at start: nobody could take it yet */
	snprintf(subject, sizeof subject, "A message cannot be read and was put aside as spool/corrupt/%s", name);
	notice.subject = str_of(subject);
	notice_send(queue->notices, &notice);
}

void message_set_aside(struct queue *queue, const char *id, const char *why)
{
	char name[SPOOL_ID_MAX + 24];

	snprintf(name, sizeof name, "%s", id);
	for (int i = 1; renameat2(queue->active_folder, id, queue->corrupt_folder, name, RENAME_NOREPLACE) != 0; i++) {
		if (errno != EEXIST || i == 1000) {
			log_error("id=%s cannot be moved to spool/corrupt: %s", id, strerror(errno));
			return;
		}
		snprintf(name, sizeof name, "%s.%d", id, i);
	}
	log_error("id=%s set aside as spool/corrupt/%s: %s", id, name, why);
	tell_of_file(queue, name, why);
	forms_remove(queue, id);
	message_left_active(queue, id);
}

void message_left_active(struct queue *queue, const char *id)
{
	queue->removals_unsynced = true;
	made_parent_changed(queue, id);
}
