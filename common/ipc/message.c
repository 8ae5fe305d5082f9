#include "common/ipc/ipc.h"

#include "common/base/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A field in the packet: key length (2 bytes), value length (4 bytes), key, value; host order, one machine. */
enum { FIELD_HEADER = 6, KEY_MAX = 64 };

static const struct {
	int code;
	const char *word;
} status_words[] = {
    {ERR_NONE, "ok"},
    {ERR_SYSTEM, "system"},
    {ERR_SYNTAX, "syntax"},
    {ERR_LIMIT, "limit"},
    {ERR_NOT_FOUND, "not-found"},
    {ERR_EXISTS, "exists"},
    {ERR_DENIED, "denied"},
    {ERR_TIMEOUT, "timeout"},
    {ERR_CLOSED, "closed"},
    {ERR_TEMPORARY, "temporary"},
    {ERR_CORRUPT, "corrupt"},
    {ERR_PROTOCOL, "protocol"},
    {ERR_CONFLICT, "conflict"},
};

const char *ipc_status_word(int code)
{
	for (size_t i = 0; i < sizeof status_words / sizeof status_words[0]; i++)
		if (status_words[i].code == code)
			return status_words[i].word;
	return "temporary";
}

int ipc_status_code(struct str word)
{
	for (size_t i = 0; i < sizeof status_words / sizeof status_words[0]; i++)
		if (str_equal(word, str_of(status_words[i].word)))
			return status_words[i].code;
	return ERR_PROTOCOL;
}

void ipc_message_init(struct ipc_message *message)
{
	*message = (struct ipc_message){0};
	buf_init(&message->fields, IPC_MESSAGE_MAX);
}

void ipc_message_reset(struct ipc_message *message)
{
	if (message->fds_owned)
		for (int i = 0; i < message->fd_count; i++)
			if (message->fds[i] >= 0)
				close(message->fds[i]);
	message->fd_count = 0;
	message->fds_owned = false;
	buf_reset(&message->fields);
}

void ipc_message_free(struct ipc_message *message)
{
	ipc_message_reset(message);
	buf_free(&message->fields);
}

void ipc_add_field(struct ipc_message *message, struct str key, struct str value)
{
	uint16_t key_len = (uint16_t)key.len;
	uint32_t value_len = (uint32_t)value.len;
	char *at = value.len <= IPC_MESSAGE_MAX && key.len <= KEY_MAX
	               ? buf_reserve(&message->fields, FIELD_HEADER + key_len + value.len)
	               : NULL;

	if (at == NULL) {
		message->fields.overflow = true;
		return;
	}
	memcpy(at, &key_len, sizeof key_len);
	memcpy(at + sizeof key_len, &value_len, sizeof value_len);
	if (key.len != 0)
		memcpy(at + FIELD_HEADER, key.data, key_len);
	if (value.len != 0)
		memcpy(at + FIELD_HEADER + key_len, value.data, value.len);
	message->fields.len += FIELD_HEADER + key_len + value.len;
}

void ipc_add(struct ipc_message *message, const char *key, struct str value)
{
	ipc_add_field(message, str_of(key), value);
}

void ipc_add_text(struct ipc_message *message, const char *key, const char *value)
{
	ipc_add(message, key, str_of(value));
}

void ipc_add_number(struct ipc_message *message, const char *key, int64_t value)
{
	char text[24];
	int len = snprintf(text, sizeof text, "%" PRId64, value);

	ipc_add(message, key, str_from(text, (size_t)len));
}

void ipc_add_fd(struct ipc_message *message, int fd)
{
	if (message->fd_count == IPC_FDS_MAX) {
		message->fields.overflow = true;
		return;
	}
	message->fds[message->fd_count++] = fd;
}

void ipc_request(struct ipc_message *message, const char *op)
{
	ipc_message_reset(message);
	ipc_add_text(message, "op", op);
}

void ipc_reply_ok(struct ipc_message *message)
{
	ipc_message_reset(message);
	ipc_add_text(message, "status", "ok");
}

void ipc_reply_error(struct ipc_message *message, const struct err *err)
{
	ipc_message_reset(message);
	ipc_add_text(message, "status", ipc_status_word(err->code));
	ipc_add_text(message, "text", err->text);
}

bool ipc_next(const struct ipc_message *message, size_t *position, struct str *key, struct str *value)
{
	const char *at = message->fields.data + *position;
	size_t left = message->fields.len - *position;
	uint16_t key_len;
	uint32_t value_len;

	if (*position >= message->fields.len || left < FIELD_HEADER)
		return false;
	memcpy(&key_len, at, sizeof key_len);
	memcpy(&value_len, at + sizeof key_len, sizeof value_len);
	if (key_len > left - FIELD_HEADER || value_len > left - FIELD_HEADER - key_len)
		return false;
	*key = str_from(at + FIELD_HEADER, key_len);
	*value = str_from(at + FIELD_HEADER + key_len, value_len);
	*position += FIELD_HEADER + (size_t)key_len + value_len;
	return true;
}

struct str ipc_get(const struct ipc_message *message, const char *key)
{
	struct str wanted = str_of(key), name, value;
	size_t position = 0;

	while (ipc_next(message, &position, &name, &value))
		if (str_equal(name, wanted))
			return value;
	return (struct str){NULL, 0};
}

bool ipc_get_text(const struct ipc_message *message, const char *key, char *out, size_t size)
{
	struct str value = ipc_get(message, key);

	if (value.data == NULL) {
		out[0] = '\0';
		return false;
	}
	return str_copy(value, out, size);
}

bool ipc_get_number(const struct ipc_message *message, const char *key, int64_t min, int64_t max, int64_t *value)
{
	struct str text = ipc_get(message, key);
	bool negative = text.len > 0 && text.data[0] == '-';
	uint64_t number;

	if (text.data == NULL || !str_to_u64(negative ? str_skip(text, 1) : text, INT64_MAX, &number))
		return false;
	*value = negative ? -(int64_t)number : (int64_t)number;
	return *value >= min && *value <= max;
}

bool ipc_is(const struct ipc_message *message, const char *op)
{
	return str_equal(ipc_get(message, "op"), str_of(op));
}

int ipc_take_fd(struct ipc_message *message, int index)
{
	int fd;

	if (index < 0 || index >= message->fd_count)
		return -1;
	fd = message->fds[index];
	message->fds[index] = -1;
	return fd;
}
