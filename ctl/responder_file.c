#include "ctl/responder_file.h"

#include "ctl/items.h"
#include "ctl/mail.h"

#include "common/base/base64.h"
#include "common/base/io.h"
#include "common/items/item.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FILE_MAX = 10 << 20, ENCODED_MAX = FILE_MAX / 3 * 4 + 8 };

static const struct ctl_command export_usage = {"[user] autoresponder export", "[USER] " RESPONDER_EXPORT_ARGUMENTS,
                                                NULL, NULL, false},
                                import_usage = {"[user] autoresponder import", "[USER] " RESPONDER_IMPORT_ARGUMENTS,
                                                NULL, NULL, false};

/* Whose files they are, by number; user NULL: the server's. */
static int find_owner(struct ctl *ctl, const char *user, int64_t *uid_out)
{
	struct err err;

	*uid_out = ITEM_SERVER;
	return user == NULL || mail_find_user(&ctl->instance, user, uid_out, &err) == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

static int read_all(int fd, struct buf *content)
{
	char slice[65536];
	ssize_t count;

	while ((count = read(fd, slice, sizeof slice)) > 0)
		if (buf_add(content, slice, (size_t)count) != 0)
			return ctl_refuse("a file is larger than %d octets", FILE_MAX);
	return count == 0 ? CTL_DONE : ctl_refuse("cannot read a file: %s", strerror(errno));
}

/* What deliver has under that name. */
static int fetch_file(struct ctl *ctl, int64_t uid, const char *name, struct buf *content)
{
	struct ipc_message request, reply;
	int status, fd = -1;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "media-get");
	ipc_add_number(&request, "uid", uid);
	ipc_add_text(&request, "name", name);
	status = ctl_ask(ctl, "deliver", &request, &reply);
	if (status == CTL_DONE) {
		fd = ipc_take_fd(&reply, 0);
		status = fd >= 0 ? read_all(fd, content) : ctl_refuse("deliver did not send %s", name);
	}
	if (fd >= 0)
		close(fd);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static int encode_file(struct ctl *ctl, int64_t uid, const char *name, json_t *files)
{
	struct buf content, encoded;
	int status;

	buf_init(&content, FILE_MAX);
	buf_init(&encoded, ENCODED_MAX);
	status = fetch_file(ctl, uid, name, &content);
	if (status == CTL_DONE) {
		base64_encode(buf_str(&content), &encoded); /* it has room for that */
		json_object_set_new(files, name, json_stringn(encoded.data, encoded.len));
	}
	buf_free(&content);
	buf_free(&encoded);
	return status;
}

/* A file that is not there is told of, and left out, as in answers. */
static int encode_files(struct ctl *ctl, int64_t uid, json_t *item)
{
	json_t *files = json_object();
	const json_t *name;
	size_t at;
	int status = CTL_DONE;

	json_array_foreach (json_object_get(item, "attachment"), at, name) {
		if (status == CTL_DONE || status == CTL_REFUSED)
			status = encode_file(ctl, uid, json_string_value(name), files);
	}
	json_object_set_new(item, "files", files);
	return status;
}

static int write_item(const json_t *item, const char *path)
{
	FILE *out = path != NULL ? fopen(path, "we") : stdout;
	bool written;

	if (out == NULL)
		return ctl_refuse("cannot write %s: %s", path, strerror(errno));
	written = json_dumpf(item, out, JSON_INDENT(2)) == 0 && fputc('\n', out) != EOF;
	if (path != NULL)
		written = fclose(out) == 0 && written;
	return written ? CTL_DONE : ctl_refuse("cannot write the autoresponder: %s", strerror(errno));
}

static int export(struct ctl *ctl, const char *user, int argc, char **argv)
{
	json_t *item = NULL;
	int64_t uid;
	int status, written;

	if (argc < 1 || argc > 2)
		return ctl_usage(&export_usage);
	status = items_find(ctl, "autoresponder", user, argv[0], &item);
	if (status == CTL_DONE)
		status = find_owner(ctl, user, &uid);
	if (status != CTL_DONE) {
		json_decref(item);
		return status;
	}
	json_object_del(item, "number");
	json_object_del(item, "id");
	status = encode_files(ctl, uid, item);
	written = write_item(item, argc == 2 ? argv[1] : NULL);
	json_decref(item);
	return status != CTL_DONE ? status : written;
}

static int send_file(struct ctl *ctl, int64_t uid, const char *name, struct str content)
{
	struct ipc_message request, reply;
	int status, fd = memfd_create("media", MFD_CLOEXEC);
	struct err err;

	if (fd < 0)
		return ctl_refuse("cannot make a file: %s", strerror(errno));
	if (io_write_all(fd, content.data, content.len, &err) != 0) {
		close(fd);
		return ctl_refuse_err(&err);
	}
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "media-add");
	ipc_add_number(&request, "uid", uid);
	ipc_add_text(&request, "name", name);
	ipc_add_fd(&request, fd);
	status = ctl_ask(ctl, "deliver", &request, &reply);
	close(fd);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

/* send: after all of them were found to be good. */
static int take_files(struct ctl *ctl, int64_t uid, const json_t *files, bool send)
{
	int status = CTL_DONE;

	for (void *at = json_object_iter((json_t *)files); at != NULL && status == CTL_DONE;
	     at = json_object_iter_next((json_t *)files, at)) {
		const json_t *text = json_object_iter_value(at);
		const char *name = json_object_iter_key(at);
		struct buf content;

		buf_init(&content, FILE_MAX);
		if (!json_is_string(text) ||
		    base64_decode(str_from(json_string_value(text), json_string_length(text)), &content) != 0)
			status = ctl_refuse("the file %s is no base64, or larger than %d octets", name, FILE_MAX);
		else if (send)
			status = send_file(ctl, uid, name, buf_str(&content));
		buf_free(&content);
	}
	return status;
}

/* A text, or the lines of one; what is empty is not set. */
static int add_value(struct ipc_message *request, const char *name, const json_t *value)
{
	if (json_is_string(value)) {
		if (json_string_length(value) > 0)
			ipc_add(request, name, str_from(json_string_value(value), json_string_length(value)));
		return CTL_DONE;
	}
	for (size_t i = 0; i < json_array_size(value); i++) {
		const json_t *line = json_array_get(value, i);

		if (!json_is_string(line))
			return ctl_refuse("%s has a line that is no text", name);
		ipc_add(request, name, str_from(json_string_value(line), json_string_length(line)));
	}
	return json_is_array(value) ? CTL_DONE : ctl_refuse("%s is no text", name);
}

static int add_item(struct ctl *ctl, const char *user, const json_t *item)
{
	struct ipc_message request, reply;
	int status = CTL_DONE;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "item-add");
	ipc_add_text(&request, "kind", "autoresponder");
	if (user != NULL)
		ipc_add_text(&request, "user", user);
	for (void *at = json_object_iter((json_t *)item); at != NULL && status == CTL_DONE;
	     at = json_object_iter_next((json_t *)item, at)) {
		const char *name = json_object_iter_key(at);

		if (strcmp(name, "files") == 0)
			continue;
		status = item_field_find(ITEM_RESPONDER, str_of(name)) >= 0
		             ? add_value(&request, name, json_object_iter_value(at))
		             : ctl_refuse("an autoresponder has no \"%s\"", name);
	}
	if (status == CTL_DONE)
		status = ctl_ask(ctl, "configd", &request, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

static int import(struct ctl *ctl, const char *user, int argc, char **argv)
{
	json_error_t error;
	json_t *item;
	int64_t uid;
	int status;

	if (argc != 1)
		return ctl_usage(&import_usage);
	item = strcmp(argv[0], "-") == 0 ? json_loadf(stdin, 0, &error) : json_load_file(argv[0], 0, &error);
	if (!json_is_object(item)) {
		json_decref(item);
		return ctl_refuse("%s is no autoresponder: %s", argv[0], item == NULL ? error.text : "it must be an object");
	}
	status = find_owner(ctl, user, &uid);
	if (status == CTL_DONE)
		status = take_files(ctl, uid, json_object_get(item, "files"), false);
	if (status == CTL_DONE)
		status = add_item(ctl, user, item);
	if (status == CTL_DONE)
		status = take_files(ctl, uid, json_object_get(item, "files"), true);
	json_decref(item);
	return status;
}

int responder_export(struct ctl *ctl, int argc, char **argv)
{
	return argc < 2 ? ctl_usage(&export_usage) : export(ctl, argv[1], argc - 2, argv + 2);
}

int responder_import(struct ctl *ctl, int argc, char **argv)
{
	return argc < 2 ? ctl_usage(&import_usage) : import(ctl, argv[1], argc - 2, argv + 2);
}

int responder_export_server(struct ctl *ctl, int argc, char **argv)
{
	return export(ctl, NULL, argc - 1, argv + 1);
}

int responder_import_server(struct ctl *ctl, int argc, char **argv)
{
	return import(ctl, NULL, argc - 1, argv + 1);
}
