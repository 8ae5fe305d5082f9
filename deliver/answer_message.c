/* answer: the message itself. */
#include "deliver/answer.h"

#include "common/mime/encode.h"

#include <openssl/sha.h>

struct str answer_next_address(struct str *rest)
{
	struct str word = STR("");

	while (rest->data != NULL && word.len == 0) {
		size_t end = 0;

		while (end < rest->len && strchr(";, \t\n", rest->data[end]) == NULL)
			end++;
		word = str_sub(*rest, 0, end);
		*rest = end < rest->len ? str_skip(*rest, end + 1) : (struct str){NULL, 0};
	}
	return word;
}

static const struct settings *settings_of(const struct answer *answer)
{
	return &answer->client->subject->desk->settings;
}

static void add_field(struct buf *out, const char *name, struct str text)
{
	buf_printf(out, "%s: ", name);
	mime_encode_text(text, strlen(name) + 2, out);
	buf_add_str(out, STR("\r\n"));
}

/* An address, or a name and an address in angle brackets, as a field has it. */
static void add_address(struct buf *out, const char *name, struct str text)
{
	ptrdiff_t at = str_find_last_char(text, '<');
	struct str phrase = at > 0 ? str_trim(str_sub(text, 0, (size_t)at)) : STR("");
	struct str address = at >= 0 ? str_skip(text, (size_t)at + 1) : text;

	if (address.len > 0 && address.data[address.len - 1] == '>')
		address.len--;
	buf_printf(out, "%s: ", name);
	mime_encode_phrase(phrase, strlen(name) + 2, out);
	buf_printf(out, phrase.len > 0 ? " <%.*s>\r\n" : "%.*s\r\n", STR_ARG(str_trim(address)));
}

/* The definition's subject, or a prefix and the original one. */
static struct str make_subject(const struct answer *answer)
{
	const struct responder *responder = &answer->responder;
	struct arena *arena = answer->client->arena;
	struct str prefix = responder->subject_prefix.data != NULL
	                        ? responder->subject_prefix
	                        : str_of(settings_text(settings_of(answer), SETTING_ANSWER_PREFIX));

	if (responder->subject.len > 0)
		return answer_expand(answer, responder->subject, true);
	prefix = answer_expand(answer, prefix, true);
	return arena_printf(arena, "%.*s%s%.*s", STR_ARG(prefix), prefix.len > 0 ? " " : "",
	                    STR_ARG(answer->original_subject));
}

/* RFC 3834 3.1.5, 3.1.6; RFC 5322 3.6.4. */
static void add_references(const struct answer *answer, struct buf *out)
{
	struct str header = answer->client->subject->header, known = STR("");
	struct mime_field id, references;

	if (!mime_field_find(header, STR("Message-ID"), &id))
		return;
	id.value = str_trim(mime_unfold(id.value, answer->client->arena));
	if (id.value.len == 0 || id.value.len > 900)
		return;
	if (mime_field_find(header, STR("References"), &references) && references.value.len < 4000)
		known = references.value; /* folded as it came */
	buf_printf(out, "In-Reply-To: %.*s\r\nReferences: %.*s%s%.*s\r\n", STR_ARG(id.value), STR_ARG(known),
	           known.len > 0 ? "\r\n " : "", STR_ARG(id.value));
}

/* The same for the same message: it is made again after a crash. */
static void add_message_id(const struct answer *answer, struct buf *out)
{
	const struct order *order = answer->client->subject->order;
	struct str seed = arena_printf(answer->client->arena, "%.*s/%lld/%lld", STR_ARG(order->id),
	                               (long long)answer->client->user->uid, (long long)answer->responder.id);
	unsigned char hash[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *)seed.data, seed.len, hash);
	buf_add_str(out, STR("Message-ID: <"));
	for (size_t i = 0; i < 12; i++)
		buf_printf(out, "%02x", hash[i]);
	buf_printf(out, "@%s>\r\n", settings_host_name(settings_of(answer)));
}

static void add_reply_to(const struct answer *answer, struct buf *out)
{
	struct str reply_to = answer_expand(answer, answer->responder.reply_to, false);

	if (str_equal(reply_to, STR("*")))
		reply_to = answer->client->address;
	if (reply_to.len == 0)
		reply_to = arena_printf(answer->client->arena, "no-one@%s", settings_default_domain(settings_of(answer)));
	add_address(out, "Reply-To", reply_to);
}

static void add_header(struct answer *answer, const struct made *made, struct buf *out)
{
	bool is_conforming = settings_flag(settings_of(answer), SETTING_ANSWER_RFC3834);
	const char *precedence = settings_text(settings_of(answer), SETTING_ANSWER_PRECEDENCE);
	struct str from = answer_expand(answer, answer->responder.from, true);

	buf_add_str(out, STR("Date: "));
	mime_format_date((int64_t)answer->now, out);
	buf_add_str(out, STR("\r\n"));
	add_address(out, "From", from.len > 0 ? from : answer->client->address);
	for (size_t i = 0; i < made->to_count; i++)
		buf_printf(out, "%s%.*s%s", i == 0 ? "To: " : ",\r\n ", STR_ARG(made->to[i]),
		           i + 1 == made->to_count ? "\r\n" : "");
	add_reply_to(answer, out);
	add_field(out, "Subject", answer->subject);
	add_message_id(answer, out);
	if (is_conforming) {
		add_references(answer, out);
		buf_add_str(out, STR("Auto-Submitted: auto-replied\r\n"));
	}
	if (precedence[0] != '\0')
		add_field(out, "Precedence", str_of(precedence));
	buf_add_str(out, STR("MIME-Version: 1.0\r\n"));
}

/* HTML where it stands in <HTML> ... </HTML>. */
static void add_text_part(struct str text, struct buf *out)
{
	struct str trimmed = str_trim(text);
	bool is_html = str_starts_nocase(trimmed, STR("<html>")) && str_ends_nocase(trimmed, STR("</html>"));

	buf_printf(out, "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
	           is_html ? "html" : "plain");
	mime_encode_quoted(text, out);
	buf_add_str(out, STR("\r\n"));
}

/* The names of the definition's files, for who has them. */
static void add_files(const struct answer *answer, struct made *made)
{
	struct str lines = answer->responder.files, name;

	made->files = arena_get(answer->client->arena, RESPONDER_FILES_MAX * sizeof *made->files);
	made->files_of_server = answer->is_of_server;
	while (lines.len > 0 && made->file_count < RESPONDER_FILES_MAX)
		if (responder_file_name_is_valid(name = str_cut(&lines, '\n')))
			made->files[made->file_count++] = name;
}

/*
 * Text, and then the original or its header as a part of its own (RFC 2046 5.1.3, 5.2.1; RFC 6522 4); the carrier adds
 * files behind that.
 */
static void add_body(const struct answer *answer, struct str text, struct made *made, struct buf *out)
{
	const struct subject *subject = answer->client->subject;
	bool is_whole = answer->responder.append == RESPONDER_WHOLE;
	struct str boundary;

	add_files(answer, made);
	if (answer->responder.append == RESPONDER_NOTHING && made->file_count == 0) {
		add_text_part(text, out);
		return;
	}
	boundary = arena_printf(answer->client->arena, "=_%.*s=", STR_ARG(subject->order->id));
	buf_printf(out, "Content-Type: multipart/mixed; boundary=\"%.*s\"\r\n\r\n--%.*s\r\n", STR_ARG(boundary),
	           STR_ARG(boundary));
	add_text_part(text, out);
	made->boundary = boundary;
	made->tail = arena_printf(answer->client->arena, "\r\n--%.*s--\r\n", STR_ARG(boundary));
	if (answer->responder.append == RESPONDER_NOTHING)
		return;
	made->is_8bit = str_equal(subject->order->envelope.body, STR("8BITMIME"));
	buf_printf(out, "\r\n--%.*s\r\nContent-Type: %s\r\n%s\r\n", STR_ARG(boundary),
	           is_whole ? "message/rfc822" : "text/rfc822-headers",
	           made->is_8bit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
	made->original_len = is_whole ? subject->order->size : subject->body_at;
}

/* The sender of the message, unless others are named and he is left out; and those that are named. */
static void add_recipients(const struct answer *answer, struct made *made)
{
	struct str rest = answer_expand(answer, answer->to, false), address;
	bool to_sender = answer->responder.to_sender;

	while ((address = answer_next_address(&rest)).len > 0) {
		if (str_equal(address, STR("*")))
			to_sender = true;
		else
			client_add_to(answer->client, made, address);
	}
	if (made->to_count == 0 || to_sender)
		client_add_to(answer->client, made, answer->originator);
}

struct made *answer_make(struct answer *answer, struct str text)
{
	struct client *client = answer->client;
	struct decision *decision = client->decision;
	struct made *made;
	struct str head;
	struct buf out;

	if (decision->made_count == DECISION_MADE_MAX)
		return NULL;
	made = &decision->made[decision->made_count++];
	*made = (struct made){.kind = MADE_ANSWER,
	                      .step = arena_printf(client->arena, "answer-%lld", (long long)answer->responder.id),
	                      .from = str_of(settings_text(settings_of(answer), SETTING_ANSWER_RETURN_PATH)),
	                      .to = arena_get(client->arena, DECISION_TO_MAX * sizeof *made->to),
	                      .tail = STR(""),
	                      .responder = answer->responder.id,
	                      .hours = answer->responder.hours};
	add_recipients(answer, made);
	answer->subject = make_subject(answer);
	buf_init(&out, 2 * ANSWER_TEXT_MAX);
	add_header(answer, made, &out);
	add_body(answer, text, made, &out);
	head = arena_copy(client->arena, buf_str(&out));
	buf_free(&out);
	if (out.overflow || !answer_post_process(answer, &head)) {
		decision->made_count--;
		return NULL;
	}
	made->head = head;
	return made;
}

static void copy_original(const struct answer *answer)
{
	struct str rest = answer_expand(answer, answer->copy_to, false), address;
	struct made *made = NULL;

	while ((address = answer_next_address(&rest)).len > 0) {
		if (made == NULL)
			made = client_make_copy(answer->client, MADE_COPY, STR("copy"), answer->client->subject->order->from);
		if (made == NULL)
			return;
		made->responder = answer->responder.id;
		client_add_to(answer->client, made, address);
	}
}

int decide_answer(struct client *client, bool *keep_out, struct err *err)
{
	struct answer answer;
	enum answer_choice choice = answer_choose(client, &answer, err);
	struct str text;

	*keep_out = true;
	if (choice == ANSWER_UNKNOWN)
		return -1;
	if (choice == ANSWER_THIS)
		answer.subject = make_subject(&answer);
	if (choice == ANSWER_NONE || !answer_write_text(&answer, &text) || answer_make(&answer, text) == NULL)
		return 0;
	if (!client->was_here)
		copy_original(&answer);
	*keep_out = answer.responder.keep;
	return 0;
}
