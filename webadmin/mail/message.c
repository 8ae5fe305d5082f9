#include "webadmin/mail/message.h"

#include "common/base/io.h"
#include "common/mime/header.h"
#include "common/mime/text.h"

#include <unistd.h>

enum {
	NUMBERS_MAX = 2 * MIME_DEPTH_MAX,
	NAME_MAX_OCTETS = 200, /* of a file */
};

static bool is_there(const struct mail_message *message, const struct mail_place *place)
{
	return message->fd >= 0 && message->uid == place->uid && message->uidvalidity == place->uidvalidity &&
	       str_equal(place->folder, str_of(message->folder));
}

static int take_octets(struct str bytes, void *context, struct err *err)
{
	struct mail_message *message = context;

	message->size += (int64_t)bytes.len;
	return io_write_all(message->fd, bytes.data, bytes.len, err);
}

static bool forget(struct mail *mail, struct web_reply *reply, const struct err *err)
{
	if (mail->message.fd >= 0)
		close(mail->message.fd);
	mail->message.fd = -1;
	if (err != NULL)
		return mail_failed(mail, err, reply);
	web_reply_error(reply, 404, "not-found", "The message is no longer there");
	return false;
}

bool mail_read(struct web *web, struct mail *mail, const struct mail_place *place, struct web_reply *reply)
{
	struct mail_message *message = &mail->message;
	struct err err;
	bool found;

	if (is_there(message, place))
		return true;
	if (!mail_select(mail, place->folder, place->uidvalidity, reply))
		return false;
	if (message->fd >= 0)
		close(message->fd);
	*message =
	    (struct mail_message){.fd = mail_scratch(web, &err), .uidvalidity = place->uidvalidity, .uid = place->uid};
	if (message->fd < 0) {
		web_reply_err(reply, &err);
		return false;
	}
	str_copy(place->folder, message->folder, sizeof message->folder); /* it fits: it could be selected */
	imap_talk_begin(&mail->talk, "UID FETCH ");
	conn_printf(imap_talk_conn(&mail->talk), "%u (UID BODY.PEEK[])", place->uid);
	if (imap_talk_finish_octets(&mail->talk, MAIL_MESSAGE_MAX, take_octets, message, &found, &err) != 0)
		return forget(mail, reply, &err);
	return found || forget(mail, reply, NULL);
}

/* Read and take apart what the path names. NULL: the reply says why not. */
static struct mail *open_message(struct web *web, const struct web_request *request, struct mime_source *source,
                                 struct mime_part **root, struct web_reply *reply)
{
	struct mail *mail = mail_open(web, request, reply);
	struct mail_place place;
	struct err err;

	if (mail == NULL || !mail_place(request, &place, reply) || !mail_read(web, mail, &place, reply))
		return NULL;
	*source = mime_source_file(mail->message.fd, 0, mail->message.size);
	if (root == NULL || mime_parse(source, request->arena, root, &err) == 0)
		return mail;
	web_reply_err(reply, &err);
	return NULL;
}

struct about {
	json_t *json;
	struct arena *arena;
};

static int take_about(const struct imap_reply *reply, const struct imap_value *value, void *context, struct err *err)
{
	const struct imap_value *flags = imap_value_of(imap_value_at(value, 2), "FLAGS");
	struct about *about = context;

	(void)reply, (void)err;
	if (!imap_value_is(imap_value_at(value, 1), "FETCH") || flags == NULL)
		return 0;
	json_object_set_new(about->json, "flags", mail_json_flags(flags, about->arena));
	return 0;
}

/* The message may have been read a while ago; its flags are those of now. */
static bool add_flags(struct mail *mail, struct arena *arena, json_t *json, struct web_reply *reply)
{
	struct about about = {.json = json, .arena = arena};
	struct err err;

	if (!mail_select(mail, str_of(mail->message.folder), mail->message.uidvalidity, reply))
		return false;
	imap_talk_begin(&mail->talk, "UID FETCH ");
	conn_printf(imap_talk_conn(&mail->talk), "%u (FLAGS)", mail->message.uid);
	if (imap_talk_finish(&mail->talk, take_about, &about, &err) != 0)
		return mail_failed(mail, &err, reply);
	return json_object_get(json, "flags") != NULL || forget(mail, reply, NULL);
}

static json_t *addresses(struct str value, struct arena *arena)
{
	struct mime_addresses list;
	json_t *items = json_array();

	if (value.data == NULL)
		return items;
	mime_parse_addresses(value, arena, &list);
	for (size_t i = 0; i < list.count; i++) {
		const struct mime_address *at = &list.list[i];

		if (at->kind != MIME_ADDRESS)
			continue;
		json_array_append_new(
		    items,
		    json_pack("{s:o, s:o}", "name",
		              mail_json_text(mime_decode_words(at->name.data != NULL ? at->name : STR(""), arena), arena),
		              "address",
		              mail_json_text(arena_printf(arena, "%.*s%s%.*s", STR_ARG(at->mailbox),
		                                          at->host.len > 0 ? "@" : "", STR_ARG(at->host)),
		                             arena)));
	}
	return items;
}

static json_t *text_of(struct str value, struct arena *arena)
{
	return mail_json_text(value.data != NULL ? mime_decode_words(value, arena) : STR(""), arena);
}

/* Fields that an ENVELOPE has not. */
static void add_other_fields(const struct mime_source *source, const struct mime_part *root, struct arena *arena,
                             json_t *json)
{
	static const struct {
		struct str field;
		const char *key;
	} fields[] = {{{"References", 10}, "references"}, {{"X-Postroom-Answers", 18}, "answers"}};
	struct mime_field field;
	struct buf header;

	buf_init(&header, MIME_HEADER_MAX);
	if (mime_read(source, root->header_at, root->header_len, &header, NULL) == 0)
		for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
			if (mime_field_find(buf_str(&header), fields[i].field, &field))
				json_object_set_new(json, fields[i].key, mail_json_text(mime_unfold(field.value, arena), arena));
	buf_free(&header);
}

static json_t *describe(const struct mail *mail, const struct mime_source *source, struct mime_part *root,
                        struct arena *arena, struct err *err)
{
	const struct mime_envelope *envelope = root->envelope;
	json_t *json = json_object();
	struct mime_date date;

	json_object_set_new(json, "folder", mail_json_text(str_of(mail->message.folder), arena));
	json_object_set_new(json, "uidvalidity", json_integer(mail->message.uidvalidity));
	json_object_set_new(json, "uid", json_integer(mail->message.uid));
	json_object_set_new(json, "size", json_integer((json_int_t)mail->message.size));
	json_object_set_new(json, "subject", text_of(envelope->subject, arena));
	json_object_set_new(json, "from", addresses(envelope->from, arena));
	json_object_set_new(json, "sender", addresses(envelope->sender, arena));
	json_object_set_new(json, "reply_to", addresses(envelope->reply_to, arena));
	json_object_set_new(json, "to", addresses(envelope->to, arena));
	json_object_set_new(json, "cc", addresses(envelope->cc, arena));
	json_object_set_new(json, "bcc", addresses(envelope->bcc, arena));
	json_object_set_new(json, "message_id", text_of(envelope->message_id, arena));
	json_object_set_new(json, "in_reply_to", text_of(envelope->in_reply_to, arena));
	if (envelope->date.data != NULL && mime_parse_date(envelope->date, &date))
		json_object_set_new(json, "date", json_integer((json_int_t)date.time));
	add_other_fields(source, root, arena, json);
	if (message_describe_parts(source, root, arena, json, err) == 0)
		return json;
	json_decref(json);
	return NULL;
}

void mail_message_show(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mime_source source;
	struct mime_part *root;
	struct mail *mail = open_message(web, request, &source, &root, reply);
	json_t *json;
	struct err err;

	if (mail == NULL)
		return;
	json = describe(mail, &source, root, request->arena, &err);
	if (json == NULL) {
		web_reply_err(reply, &err);
	} else if (add_flags(mail, request->arena, json, reply)) {
		web_reply_json(reply, 200, json);
	} else {
		json_decref(json);
	}
}

const struct mime_part *message_find_part(struct mime_part *root, struct str number)
{
	uint32_t numbers[NUMBERS_MAX];
	size_t count = 0;
	uint64_t value;

	while (number.data != NULL && count < NUMBERS_MAX) {
		if (!str_to_u64(str_cut(&number, '.'), MIME_PARTS_MAX, &value) || value == 0)
			return NULL;
		numbers[count++] = (uint32_t)value;
	}
	return count > 0 && number.data == NULL ? mime_find(root, numbers, count) : NULL;
}

/* Also of Windows: what the browser would make of it is nobody's to choose by a path. */
static struct str without_path(struct str name)
{
	ptrdiff_t slash = str_find_last_char(name, '/');

	if (slash >= 0)
		name = str_skip(name, (size_t)slash + 1);
	slash = str_find_last_char(name, '\\');
	return slash >= 0 ? str_skip(name, (size_t)slash + 1) : name;
}

struct str message_file_name(const struct mime_part *part, struct arena *arena)
{
	struct str name = str_trim(without_path(mime_file_name(part, arena)));

	if (name.len == 0 && part->kind == MIME_MESSAGE && part->first_child != NULL &&
	    part->first_child->envelope != NULL && part->first_child->envelope->subject.data != NULL)
		name = arena_printf(arena, "%.*s.eml",
		                    STR_ARG(without_path(mime_decode_words(part->first_child->envelope->subject, arena))));
	while (name.len > NAME_MAX_OCTETS || !str_is_utf8(name))
		name = str_sub(name, 0, name.len - 1);
	return name;
}

/* RFC 6266, with the name as RFC 8187 has it: nothing in it can end the value. */
static void offer_download(struct web_reply *reply, struct str name)
{
	struct buf encoded;

	buf_init(&encoded, 4 * NAME_MAX_OCTETS);
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.data[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' ||
		    c == '_')
			buf_add_char(&encoded, (char)c);
		else
			buf_printf(&encoded, "%%%02X", c);
	}
	web_reply_header(reply, "Content-Disposition", "attachment; filename*=UTF-8''%s",
	                 encoded.len > 0 ? buf_text(&encoded) : "part");
	web_reply_header(reply, "Content-Security-Policy", "sandbox; default-src 'none'");
	buf_free(&encoded);
}

void mail_message_source(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct mime_source source;
	struct mail *mail = open_message(web, request, &source, NULL, reply);
	int fd = mail != NULL ? dup(mail->message.fd) : -1;

	if (mail == NULL)
		return;
	if (fd < 0) {
		web_reply_error(reply, 503, "temporary", "No descriptor is left");
		return;
	}
	web_reply_file(request, reply, "text/plain", fd, 0, mail->message.size);
	offer_download(reply, arena_printf(request->arena, "%u.eml", mail->message.uid));
}

/* A decoded part on its way into a file. */
struct to_file {
	struct mime_sink sink;
	int fd;
	int64_t size;
};

static int write_to_file(struct mime_sink *sink, struct str bytes, struct err *err)
{
	struct to_file *to = (struct to_file *)sink;

	to->size += (int64_t)bytes.len;
	return io_write_all(to->fd, bytes.data, bytes.len, err) == 0 ? MIME_MORE : -1;
}

/* What a browser may be told about a part: types that run nothing, whatever is in them. */
static const char *safe_type(const struct mime_part *part)
{
	static const struct {
		const char *type, *subtype, *whole;
	} types[] = {
	    {"image", "png", "image/png"},   {"image", "jpeg", "image/jpeg"}, {"image", "gif", "image/gif"},
	    {"image", "webp", "image/webp"}, {"text", "plain", "text/plain"}, {"application", "pdf", "application/pdf"},
	};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (mime_is(part, types[i].type, types[i].subtype))
			return types[i].whole;
	return "application/octet-stream";
}

void mail_message_part(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	struct to_file to = {.sink = {write_to_file}, .fd = -1};
	const struct mime_part *part;
	struct mime_source source;
	struct mime_part *root;
	struct err err;
	int sent;

	if (open_message(web, request, &source, &root, reply) == NULL)
		return;
	part = message_find_part(root, web_name(request, "part"));
	if (part == NULL || part->kind == MIME_MULTIPART) {
		web_reply_error(reply, 404, "not-found", "The message has no such part");
		return;
	}
	to.fd = mail_scratch(web, &err);
	if (to.fd < 0) {
		web_reply_err(reply, &err);
		return;
	}
	sent = part->kind == MIME_MESSAGE ? mime_send(&source, part->body_at, part->body_len, &to.sink, &err)
	                                  : mime_send_decoded(&source, part, &to.sink, &err);
	if (sent < 0) {
		close(to.fd);
		web_reply_err(reply, &err);
		return;
	}
	web_reply_file(request, reply, safe_type(part), to.fd, 0, to.size);
	offer_download(reply, message_file_name(part, request->arena));
}
