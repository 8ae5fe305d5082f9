#include "ctl/sendmail/sendmail.h"

#include "common/base/memory.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

int message_read(struct submission *submission, int fd, bool ignore_dots, struct err *err)
{
	FILE *in = fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int result = 0;

	if (in == NULL)
		return err_system(err, "cannot read the message");
	while (result == 0 && (len = getline(&line, &size, in)) > 0) {
		struct str text = str_from(line, (size_t)len);

		if (!ignore_dots && (str_equal(text, STR(".\n")) || str_equal(text, STR(".\r\n"))))
			break;
		if (buf_add_str(&submission->message, text) != 0)
			result = err_set(err, ERR_LIMIT, "the message is larger than %d bytes", SENDMAIL_MESSAGE_MAX);
	}
	if (result == 0 && ferror(in))
		result = err_system(err, "cannot read the message");
	memory_free(line);
	fclose(in);
	return result;
}

/* Cut the next header field with its folded lines off *rest; false at the end of the header. */
static bool next_field(struct str *rest, struct str *field)
{
	struct str left = *rest;

	if (left.len == 0 || left.data[0] == '\n' || left.data[0] == '\r')
		return false;
	*field = left;
	field->len = 0;
	do {
		ptrdiff_t end = str_find_char(left, '\n');
		size_t step = end < 0 ? left.len : (size_t)end + 1;

		field->len += step;
		left = str_skip(left, step);
	} while (left.len > 0 && (left.data[0] == ' ' || left.data[0] == '\t'));
	*rest = left;
	return str_find_char(*field, ':') > 0;
}

static bool field_is(struct str field, const char *name)
{
	size_t colon = (size_t)str_find_char(field, ':');

	return str_equal_nocase(str_trim(str_sub(field, 0, colon)), str_of(name));
}

static struct str field_value(struct str field)
{
	return str_trim(str_skip(field, (size_t)str_find_char(field, ':') + 1));
}

static int add_recipient(struct submission *submission, struct str address, struct err *err)
{
	for (size_t i = 0; i < submission->recipient_count; i++)
		if (str_equal(submission->recipients[i], address))
			return 0;
	if (submission->recipient_count == SENDMAIL_RECIPIENTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d recipients", SENDMAIL_RECIPIENTS_MAX);
	submission->recipients[submission->recipient_count++] = arena_copy(&submission->arena, address);
	return 0;
}

/* A local part alone is a name of this house: smtpd takes it with the default domain, so it goes as it is. */
static int add_list(struct submission *submission, struct str value, struct err *err)
{
	struct addr_list list;

	if (addr_parse_list(value, &submission->arena, &list, err) != 0)
		return -1;
	for (size_t i = 0; i < list.count; i++)
		if (add_recipient(submission, list.entries[i].addr.text, err) != 0)
			return -1;
	return 0;
}

static void find_sender(struct submission *submission, const struct options *options, const char **name_out)
{
	const struct passwd *user = getpwuid(getuid());
	struct str given = str_of(options->from);

	*name_out = options->full_name;
	if (given.len > 1 && given.data[0] == '<' && given.data[given.len - 1] == '>')
		given = str_sub(given, 1, given.len - 2);
	if (options->from == NULL)
		given = str_of(user != NULL ? user->pw_name : "nobody");
	submission->from = arena_copy(&submission->arena, given);
}

/* RFC 5322 wants a domain in it; smtpd told us the default one. */
static void add_from(struct buf *text, const struct submission *submission, const char *name)
{
	bool is_bare = str_find_char(submission->from, '@') < 0 && submission->domain.len > 0;

	buf_add_str(text, STR("From: "));
	if (name != NULL)
		buf_printf(text, "\"%s\" <", name);
	buf_printf(text, "%.*s%s%.*s", STR_ARG(submission->from), is_bare ? "@" : "",
	           STR_ARG(is_bare ? submission->domain : STR("")));
	buf_add_str(text, name != NULL ? STR(">\n") : STR("\n"));
}

/* Copy the header without Bcc, with From where it is missing. */
static void rebuild(struct submission *submission, struct str header, struct str body, bool has_from, const char *name)
{
	struct buf text;
	struct str field;

	buf_init(&text, SENDMAIL_MESSAGE_MAX);
	if (!has_from && submission->from.len > 0)
		add_from(&text, submission, name);
	while (next_field(&header, &field))
		if (!field_is(field, "Bcc"))
			buf_add_str(&text, field);
	if (body.len > 0 && body.data[0] != '\n' && body.data[0] != '\r')
		buf_add_char(&text, '\n'); /* a message without a header */
	buf_add_str(&text, body);
	buf_free(&submission->message);
	submission->message = text;
}

int message_prepare(struct submission *submission, const struct options *options, struct err *err)
{
	struct str rest = buf_str(&submission->message), header = rest, field;
	const char *name;
	bool has_from = false;

	find_sender(submission, options, &name);
	for (int i = 0; i < options->recipient_count; i++)
		if (add_list(submission, str_of(options->recipients[i]), err) != 0)
			return err_prefix(err, "%s", options->recipients[i]);
	for (;;) {
		struct str before = rest;

		if (!next_field(&rest, &field)) {
			rest = before;
			break;
		}
		has_from |= field_is(field, "From");
		if (!options->from_header || !(field_is(field, "To") || field_is(field, "Cc") || field_is(field, "Bcc")))
			continue;
		if (add_list(submission, field_value(field), err) != 0)
			return err_prefix(err, "%.*s", (int)str_find_char(field, ':'), field.data);
	}
	header.len -= rest.len;
	rebuild(submission, header, rest, has_from, name);
	return 0;
}
