/* Unit tests of smtp/message: what comes in goes into the spool, in memory or by a file, with what checks changed. */
#include "common/smtp/message.h"

#include "common/base/io.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct instance instance;
static struct spool_drop drop;
static struct err err;

static int set_up(void **state)
{
	char path[512], folder[] = "/tmp/postroom-message-XXXXXX";
	static const char *const names[] = {"smtpd", "smtpd/new", "smtpd/tmp"};

	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(instance.spool, sizeof instance.spool, "%s", folder);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		if (mkdir(path, 0700) != 0)
			return -1;
	}
	return spool_drop_open(&drop, &instance, "smtpd", &err);
}

static int tear_down(void **state)
{
	char command[600];

	(void)state;
	spool_drop_close(&drop);
	snprintf(command, sizeof command, "rm -rf '%s'", instance.spool);
	return system(command);
}

/* The text of a message, taken in pieces. */
static void take(struct message *message, struct str text, size_t piece)
{
	message_init(message);
	for (size_t at = 0; at < text.len; at += piece)
		assert_int_equal(message_add(message, &drop, str_sub(text, at, piece), &err), 0);
	assert_int_equal(message->size, text.len);
}

/* What stands in the spool behind the envelope. */
static void stored(const struct message *message, struct str trace, struct str missing, struct buf *out)
{
	struct spool_recipient recipient = {.address = STR("a@example.com"), .orcpt = STR("")};
	struct spool_envelope envelope = {.producer = STR("smtpd"), .recipients = &recipient, .recipient_count = 1};
	struct spool_file file = {0};
	struct buf all;
	char path[512];

	buf_init(&all, 1 << 26);
	buf_init(out, 1 << 26);
	spool_make_id(&file, "smtpd", STR(""));
	envelope.id = str_of(file.id);
	assert_int_equal(spool_begin(&file, &drop, &envelope, &err), 0);
	assert_int_equal(message_write(message, trace, missing, &file, &err), 0);
	assert_int_equal(spool_commit(&file, &err), 0);
	snprintf(path, sizeof path, "%s/smtpd/new/%s", instance.spool, file.id);
	assert_int_equal(io_read_file(path, &all, &err), 0);
	buf_add_str(out, str_skip(buf_str(&all), (size_t)str_find(buf_str(&all), STR("\n\n")) + 2));
	buf_free(&all);
}

static void assert_stored(const struct message *message, struct str trace, struct str missing, const char *expected)
{
	struct buf out;

	stored(message, trace, missing, &out);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

#define HEADER "From: a@b\r\nX-One: 1\r\n\tand more\r\nSubject: s\r\nX-One: 2\r\n"

static void test_as_it_came(void **state)
{
	struct message message;

	(void)state;
	take(&message, STR(HEADER "\r\nbody\r\n"), 2);
	assert_true(str_equal(message_header(&message), STR(HEADER)));
	assert_int_equal(message.fd, -1);
	assert_stored(&message, STR("Received: x\r\n"), STR(""), "Received: x\r\n" HEADER "\r\nbody\r\n");
	assert_stored(&message, STR(""), STR("Date: d\r\n"), HEADER "Date: d\r\n\r\nbody\r\n");
	message_free(&message);
}

static void test_changed(void **state)
{
	struct mime_field field;
	struct message message;
	struct str rest;

	(void)state;
	take(&message, STR(HEADER "\r\nX-One: in the body\r\n"), 1000);
	rest = message_header(&message);
	while (mime_field_next(&rest, &field))
		if (str_equal_nocase(field.name, STR("x-one")))
			message_remove(&message, &field);
	message_add_on_top(&message, STR("X-Two: below\r\n"));
	message_add_on_top(&message, STR("X-Three: above\r\n"));
	assert_true(str_equal(message_header(&message), STR(HEADER)));
	assert_stored(
	    &message, STR("Received: x\r\n"), STR(""),
	    "Received: x\r\nX-Three: above\r\nX-Two: below\r\nFrom: a@b\r\nSubject: s\r\n\r\nX-One: in the body\r\n");
	message_free(&message);
}

/* The last field named first: the order of the calls does not count. */
static void test_removed_backwards(void **state)
{
	struct mime_field fields[4];
	struct message message;
	struct str rest;

	(void)state;
	take(&message, STR(HEADER "\r\n"), 1000);
	rest = message_header(&message);
	for (int i = 0; i < 4; i++)
		assert_true(mime_field_next(&rest, &fields[i]));
	for (int i = 3; i >= 0; i--)
		message_remove(&message, &fields[i]);
	assert_stored(&message, STR("Received: x\r\n"), STR(""), "Received: x\r\n\r\n");
	message_free(&message);
}

static void test_without_header(void **state)
{
	struct message message;

	(void)state;
	take(&message, STR("just text\r\n"), 1000);
	assert_true(message.fields.is_missing);
	assert_int_equal(message_header(&message).len, 0);
	assert_stored(&message, STR(""), STR("Date: d\r\n"), "Date: d\r\n\r\njust text\r\n");
	message_free(&message);
}

/* Beyond what is kept in memory, also with a piece that crosses the border. */
static void test_in_a_file(void **state)
{
	static const size_t pieces[] = {1000, 65536, MESSAGE_IN_MEMORY, MESSAGE_IN_MEMORY + 1, 3 * MESSAGE_IN_MEMORY};
	struct mime_source source;
	struct mime_part *root;
	struct message message;
	struct buf text, out;
	struct arena arena;

	(void)state;
	arena_init(&arena);
	buf_init(&text, 1 << 26);
	buf_add_str(&text, STR(HEADER "\r\n"));
	while (text.len < 3 * MESSAGE_IN_MEMORY / 2)
		buf_printf(&text, "line %zu of a large message\r\n", text.len);
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		take(&message, buf_str(&text), pieces[i]);
		assert_true(message.fd >= 0);
		assert_true(str_equal(message_header(&message), STR(HEADER)));
		source = message_source(&message);
		assert_int_equal(mime_parse_header(&source, &arena, &root, &err), 0);
		assert_int_equal(root->header_len + root->body_len, text.len);
		stored(&message, STR(""), STR(""), &out);
		assert_true(str_equal(buf_str(&out), buf_str(&text)));
		buf_free(&out);
		message_free(&message);
	}
	buf_free(&text);
	arena_free(&arena);
}

static void test_too_long_header(void **state)
{
	struct message message;
	struct buf text;

	(void)state;
	buf_init(&text, 1 << 26);
	while (text.len <= MESSAGE_IN_MEMORY)
		buf_add_str(&text, STR("X-Long: field\r\n"));
	buf_add_str(&text, STR("\r\nbody\r\n"));
	take(&message, buf_str(&text), 65536);
	assert_true(message.header_is_too_long);
	message_free(&message);
	take(&message, buf_str(&text), text.len); /* the header ends within the piece that does not fit */
	assert_true(message.header_is_too_long);
	message_free(&message);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_as_it_came),        cmocka_unit_test(test_changed),
	    cmocka_unit_test(test_removed_backwards), cmocka_unit_test(test_without_header),
	    cmocka_unit_test(test_in_a_file),         cmocka_unit_test(test_too_long_header),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("smtp/message", tests, set_up, tear_down);
}
