/* The tree of parts: offsets, kinds, defaults, limits. Examples of RFC 2046 5.1.1 and 5.1.5, RFC 9051 6.4.5. */
#include "common/mime/mime.h"

#include "common/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;

static struct mime_part *parse(struct str message)
{
	struct mime_source source = mime_source_memory(message);
	struct mime_part *root = NULL;
	struct err err;

	assert_int_equal(mime_parse(&source, &arena, &root, &err), 0);
	return root;
}

static void assert_str(struct str s, const char *expected)
{
	if (!str_equal(s, str_of(expected)))
		fail_msg("\"%.*s\" is not \"%s\"", STR_ARG(s), expected);
}

static void assert_body(struct str message, const struct mime_part *part, const char *expected)
{
	assert_str(str_sub(message, (size_t)part->body_at, (size_t)part->body_len), expected);
}

static struct mime_part *find(struct mime_part *root, const char *path)
{
	uint32_t numbers[60];
	size_t count = 0;

	while (*path != '\0') {
		numbers[count++] = (uint32_t)strtoul(path, (char **)&path, 10);
		path += *path == '.';
	}
	return mime_find(root, numbers, count);
}

/* The tree as "type/subtype(children)". */
static void show(const struct mime_part *part, struct buf *out)
{
	buf_printf(out, "%.*s/%.*s", STR_ARG(part->type), STR_ARG(part->subtype));
	if (part->first_child == NULL)
		return;
	buf_add_char(out, part->kind == MIME_MESSAGE ? '[' : '(');
	for (const struct mime_part *child = part->first_child; child != NULL; child = child->next) {
		assert_ptr_equal(child->parent, part);
		show(child, out);
		if (child->next != NULL)
			buf_add_char(out, ' ');
	}
	buf_add_char(out, part->kind == MIME_MESSAGE ? ']' : ')');
}

static void assert_tree(const char *message, const char *expected)
{
	struct buf out;

	buf_init(&out, 100000);
	show(parse(str_of(message)), &out);
	assert_string_equal(buf_text(&out), expected);
	buf_free(&out);
}

static int setup(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void test_plain(void **state)
{
	const struct str message = STR("From: a@b.test\r\nSubject: one\r\n two\r\n\r\nHello\r\nWorld\r\n");
	struct mime_part *root = parse(message);

	(void)state;
	assert_int_equal(root->kind, MIME_LEAF);
	assert_str(root->type, "text");
	assert_str(root->subtype, "plain");
	assert_int_equal(root->header_at, 0);
	assert_int_equal(root->header_len, 38);
	assert_int_equal(root->header_lines, 4);
	assert_int_equal(root->body_at, 38);
	assert_int_equal(root->body_len, 14);
	assert_int_equal(root->body_lines, 2);
	assert_str(root->envelope->subject, "one two");
	assert_str(root->envelope->from, "a@b.test");
	assert_null(root->envelope->to.data);
	assert_ptr_equal(find(root, "1"), root);
	assert_ptr_equal(find(root, ""), root);
	assert_null(find(root, "2"));
	assert_null(find(root, "1.1"));
	assert_null(find(root, "0"));
}

/* RFC 2046 5.1.1, the example of a multipart with preamble and epilogue. */
#define SIMPLE_MULTIPART                                              \
	"From: Nathaniel Borenstein <nsb@bellcore.com>\r\n"               \
	"MIME-Version: 1.0\r\n"                                           \
	"Content-type: multipart/mixed; boundary=\"simple boundary\"\r\n" \
	"\r\n"                                                            \
	"This is the preamble.  It is to be ignored.\r\n"                 \
	"\r\n"                                                            \
	"--simple boundary\r\n"                                           \
	"\r\n"                                                            \
	"This is implicitly typed plain US-ASCII text.\r\n"               \
	"It does NOT end with a linebreak.\r\n"                           \
	"--simple boundary\r\n"                                           \
	"Content-type: text/plain; charset=us-ascii\r\n"                  \
	"\r\n"                                                            \
	"This is explicitly typed plain US-ASCII text.\r\n"               \
	"It DOES end with a linebreak.\r\n"                               \
	"\r\n"                                                            \
	"--simple boundary--\r\n"                                         \
	"\r\n"                                                            \
	"This is the epilogue.  It is also to be ignored.\r\n"

static void test_multipart(void **state)
{
	const struct str message = STR(SIMPLE_MULTIPART);
	struct mime_part *root = parse(message), *one = find(root, "1"), *two = find(root, "2");

	(void)state;
	assert_int_equal(root->kind, MIME_MULTIPART);
	assert_int_equal(root->body_at + root->body_len, message.len);
	assert_body(message, one, "This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.");
	assert_int_equal(one->body_lines, 1);
	assert_int_equal(one->header_len, 2);
	assert_body(message, two, "This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n");
	assert_int_equal(two->body_lines, 2);
	assert_int_equal(two->header_lines, 2);
	assert_str(mime_param(&two->params, "CHARSET")->value, "us-ascii");
	assert_null(two->envelope);
	assert_null(two->next);
	assert_null(find(root, "3"));
	assert_ptr_equal(mime_next(root), one);
	assert_ptr_equal(mime_next(one), two);
	assert_null(mime_next(two));
}

/* RFC 2046 5.1.5. */
static void test_digest(void **state)
{
	const struct str message =
	    STR("Content-Type: multipart/mixed; boundary=\"---- main boundary ----\"\r\n\r\n"
	        "------ main boundary ----\r\n\r\n...Introductory text or table of contents...\r\n\r\n"
	        "------ main boundary ----\r\n"
	        "Content-Type: multipart/digest;\r\n boundary=\"---- next message ----\"\r\n\r\n"
	        "------ next message ----\r\n\r\n"
	        "From: someone-else\r\nSubject: my opinion\r\n\r\n...body goes here ...\r\n\r\n"
	        "------ next message ----\r\n\r\n"
	        "From: someone-else-again\r\nSubject: my different opinion\r\n\r\n... another body goes here...\r\n\r\n"
	        "------ next message ------\r\n\r\n"
	        "------ main boundary ------\r\n");
	struct mime_part *root = parse(message);

	(void)state;
	assert_tree(message.data, "multipart/mixed(text/plain multipart/digest("
	                          "message/rfc822[text/plain] message/rfc822[text/plain]))");
	assert_str(find(root, "2.1.1")->envelope->subject, "my opinion");
	assert_str(find(root, "2.2.1")->envelope->from, "someone-else-again");
	assert_body(message, find(root, "2.2.1"), "... another body goes here...\r\n");
	assert_ptr_equal(find(root, "2.1")->first_child, find(root, "2.1.1"));
}

/* The example of RFC 9051 6.4.5.1: which number names what. */
static void test_numbers(void **state)
{
	static const char *const tree = "Content-Type: multipart/mixed; boundary=a\n\n"
	                                "--a\n\nx\n"
	                                "--a\nContent-Type: application/octet-stream\n\nx\n"
	                                "--a\nContent-Type: message/rfc822\n\n"
	                                "Content-Type: multipart/mixed; boundary=b\n\n"
	                                "--b\n\nx\n--b\nContent-Type: application/octet-stream\n\nx\n--b--\n"
	                                "--a\nContent-Type: multipart/mixed; boundary=c\n\n"
	                                "--c\nContent-Type: image/gif\n\nx\n"
	                                "--c\nContent-Type: message/rfc822\n\n"
	                                "Content-Type: multipart/mixed; boundary=d\n\n"
	                                "--d\n\nx\n"
	                                "--d\nContent-Type: multipart/alternative; boundary=e\n\n"
	                                "--e\n\nx\n--e\nContent-Type: text/richtext\n\nx\n--e--\n--d--\n--c--\n--a--\n";
	static const struct {
		const char *path, *type;
	} cases[] = {
	    {"1", "plain"},          {"2", "octet-stream"},    {"3", "rfc822"},      {"3.1", "plain"},
	    {"3.2", "octet-stream"}, {"4", "mixed"},           {"4.1", "gif"},       {"4.2", "rfc822"},
	    {"4.2.1", "plain"},      {"4.2.2", "alternative"}, {"4.2.2.1", "plain"}, {"4.2.2.2", "richtext"},
	};
	struct mime_part *root = parse(str_of(tree));

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct mime_part *part = find(root, cases[i].path);

		if (part == NULL)
			fail_msg("no part %s", cases[i].path);
		assert_str(part->subtype, cases[i].type);
	}
	assert_null(find(root, "5"));
	assert_null(find(root, "3.3"));
	assert_null(find(root, "4.1.1"));
	assert_null(find(root, "4.2.1.1"));
}

static void test_broken(void **state)
{
	(void)state;
	assert_tree("", "text/plain");
	assert_tree("\r\n", "text/plain");
	assert_tree("no header at all", "text/plain");
	assert_tree("Content-Type: text\n\nx", "text/plain");
	assert_tree("Content-Type: image/\n\nx", "text/plain");
	assert_tree("Content-Type: multipart/mixed\n\n--a\n\nx", "text/plain");
	assert_tree("Content-Type: multipart/mixed; boundary=a\n\nnothing of that kind\n", "text/plain");
	assert_tree("Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx", "multipart/mixed(text/plain)");
	assert_tree("Content-Type: multipart/mixed; boundary=a\n\n--a", "multipart/mixed(text/plain)");
	assert_tree("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: image/png\n--a--",
	            "multipart/mixed(image/png)");
	/* The inner multipart is not closed. */
	assert_tree("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=b\n\n"
	            "--b\n\nx\n--a\nContent-Type: image/png\n\nx\n--a--\n",
	            "multipart/mixed(multipart/alternative(text/plain) image/png)");
	/* One boundary is the beginning of the other. */
	assert_tree("Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/alternative; boundary=ab\n\n"
	            "--ab\n\nx\n--ab--\n--a\n\nx\n--a--\n",
	            "multipart/mixed(multipart/alternative(text/plain) text/plain)");
	/* Blanks behind a boundary are allowed (RFC 2046 5.1.1), text is not; after the end nothing begins again. */
	assert_tree("Content-Type: multipart/mixed; boundary=a\n\n--a \t\n\nx\n--abc\n--a--\n--a\n\n",
	            "multipart/mixed(text/plain)");
	assert_tree("Content-Type: message/rfc822\n\nContent-Type: message/rfc822\n\nSubject: x\n\n",
	            "message/rfc822[message/rfc822[text/plain]]");
	assert_tree("Content-Type: message/rfc822\n", "message/rfc822[text/plain]");
	assert_tree("Content-Type : text/html (comment)\n\n", "text/html");
	assert_tree("content-type: TEXT / Html charset=x\n\n", "TEXT/Html");
}

/* A message inside a part whose header ends with the line end that belongs to the delimiter. */
static void test_empty_bodies(void **state)
{
	const struct str message = STR("Content-Type: multipart/mixed; boundary=a\n\n"
	                               "--a\nContent-Type: message/rfc822\n\nSubject: x\n\n--a\n\n--a--\n");
	struct mime_part *root = parse(message), *inside = find(root, "1.1");

	(void)state;
	assert_body(message, find(root, "1"), "Subject: x\n");
	assert_int_equal(inside->header_len, 11);
	assert_int_equal(inside->header_lines, 1);
	assert_body(message, inside, "");
	assert_int_equal(find(root, "2")->header_len, 1);
	assert_body(message, find(root, "2"), "");
}

static void test_fields(void **state)
{
	struct mime_part *part = parse(STR("Content-Type: image/png\r\nContent-Type: text/html\r\n"
	                                   "Content-Transfer-Encoding: BASE64\r\nContent-ID: <1@x.test>\r\n"
	                                   "Content-Description:\r\n a picture\r\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\r\n"
	                                   "Content-Disposition: attachment; filename=\"a b.png\"\r\n"
	                                   "Content-Language: de, en\r\nContent-Location: http://x.test/\r\n\r\n"));

	(void)state;
	assert_str(part->subtype, "png");
	assert_str(part->encoding, "BASE64");
	assert_str(part->id, "<1@x.test>");
	assert_str(part->description, "a picture");
	assert_str(part->md5, "Q2hlY2sgSW50ZWdyaXR5IQ==");
	assert_str(part->disposition.value, "attachment");
	assert_str(mime_param(&part->disposition.params, "filename")->value, "a b.png");
	assert_int_equal(part->language_count, 2);
	assert_str(part->languages[1], "en");
	assert_str(part->location, "http://x.test/");
}

static void test_mime_fields_walk(void **state)
{
	struct str header = STR("A: 1\r\nB : 2\r\n\tmore\r\nno field\r\nC:3\n\r\nD: body\r\n");
	struct str rest = header;
	struct mime_field field;

	(void)state;
	assert_true(mime_field_next(&rest, &field));
	assert_str(field.name, "A");
	assert_str(field.value, "1");
	assert_str(field.whole, "A: 1\r\n");
	assert_true(mime_field_next(&rest, &field));
	assert_str(field.name, "B");
	assert_str(field.value, "2\r\n\tmore");
	assert_str(mime_unfold(field.value, &arena), "2\tmore");
	assert_true(mime_field_next(&rest, &field));
	assert_str(field.name, "");
	assert_str(field.whole, "no field\r\n");
	assert_true(mime_field_find(header, STR("c"), &field));
	assert_str(field.value, "3");
	assert_false(mime_field_find(header, STR("d"), &field));
}

static void test_limits(void **state)
{
	struct mime_part *root, *part;
	unsigned depth = 0, count = 0;
	struct buf message;

	(void)state;
	buf_init(&message, 1 << 24);
	for (int i = 0; i < 100; i++)
		buf_printf(&message, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i);
	root = parse(buf_str(&message));
	for (part = root; part->first_child != NULL; part = part->first_child)
		depth++;
	assert_int_equal(depth, MIME_DEPTH_MAX);
	assert_str(part->type, "application");
	assert_int_equal(part->body_at + part->body_len, message.len);

	buf_reset(&message);
	for (int i = 0; i < 100; i++)
		buf_printf(&message, "Content-Type: message/rfc822\n\n");
	for (part = parse(buf_str(&message)), depth = 0; part->first_child != NULL; part = part->first_child)
		depth++;
	assert_int_equal(depth, MIME_DEPTH_MAX);

	buf_reset(&message);
	buf_printf(&message, "Content-Type: multipart/mixed; boundary=b\n\n");
	for (int i = 0; i < MIME_PARTS_MAX + 100; i++)
		buf_printf(&message, "--b\n\n%d\n", i);
	root = parse(buf_str(&message));
	for (part = root; part != NULL; part = mime_next(part))
		count++;
	assert_int_equal(count, MIME_PARTS_MAX);
	for (part = root->first_child; part->next != NULL; part = part->next)
		;
	assert_int_equal(part->body_at + part->body_len, message.len);
	buf_free(&message);
}

/* A field longer than what is looked at, and lines longer than any buffer. */
static void test_long(void **state)
{
	struct mime_part *root;
	struct buf message;

	(void)state;
	buf_init(&message, 1 << 24);
	buf_add_str(&message, STR("Subject: "));
	for (int i = 0; i < 400000; i++)
		buf_add_char(&message, 's');
	buf_add_str(&message, STR("\r\nTo: a@b.test\r\n\r\nx\r\n"));
	root = parse(buf_str(&message));
	assert_int_equal(root->body_len, 3);
	assert_in_range(root->envelope->subject.len, MIME_FIELD_MAX - 1, MIME_FIELD_MAX);
	assert_str(root->envelope->to, "a@b.test");
	buf_free(&message);
}

static int file_of(struct str text)
{
	char path[] = "/tmp/postroom-mime-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, text.data, text.len), (ssize_t)text.len);
	return fd;
}

static void assert_same(const struct mime_part *a, const struct mime_part *b)
{
	for (; a != NULL && b != NULL; a = mime_next(a), b = mime_next(b)) {
		assert_true(str_equal(a->type, b->type) && str_equal(a->subtype, b->subtype));
		assert_int_equal(a->header_at, b->header_at);
		assert_int_equal(a->header_len, b->header_len);
		assert_int_equal(a->header_lines, b->header_lines);
		assert_int_equal(a->body_at, b->body_at);
		assert_int_equal(a->body_len, b->body_len);
		assert_int_equal(a->body_lines, b->body_lines);
	}
	assert_ptr_equal(a, b);
}

/* From a file, with every position of line ends and boundaries around the ends of what is read at a time. */
static void test_file(void **state)
{
	static const struct str simple = STR(SIMPLE_MULTIPART);

	(void)state;
	for (size_t pad = 32768 - 460; pad < 32768 + 4; pad++) {
		struct mime_part *of_memory, *of_file;
		struct mime_source source;
		struct buf message;
		struct err err;
		int fd;

		buf_init(&message, 100000);
		buf_add_str(&message, STR("Skipped\nX: "));
		for (size_t i = 0; i < pad - 200; i++)
			buf_add_char(&message, 'x');
		buf_add_str(&message, STR("\r\n"));
		buf_add_str(&message, simple);
		fd = file_of(buf_str(&message));
		of_memory = parse(str_skip(buf_str(&message), 8));
		source = mime_source_file(fd, 8, (int64_t)message.len - 8);
		assert_int_equal(mime_parse(&source, &arena, &of_file, &err), 0);
		assert_same(of_memory, of_file);
		source.size += 10;
		assert_int_equal(mime_parse(&source, &arena, &of_file, &err), -1);
		assert_int_equal(err.code, ERR_CORRUPT);
		close(fd);
		buf_free(&message);
		arena_reset(&arena);
	}
}

static void test_header_only(void **state)
{
	const struct str message = STR(SIMPLE_MULTIPART);
	struct mime_source source = mime_source_memory(message);
	struct mime_part *full = parse(message), *quick;
	struct err err;

	(void)state;
	assert_int_equal(mime_parse_header(&source, &arena, &quick, &err), 0);
	assert_int_equal(quick->kind, MIME_MULTIPART);
	assert_null(quick->first_child);
	assert_int_equal(quick->header_len, full->header_len);
	assert_int_equal(quick->header_lines, full->header_lines);
	assert_int_equal(quick->body_at, full->body_at);
	assert_int_equal(quick->body_len, full->body_len);
	assert_str(quick->envelope->from, "Nathaniel Borenstein <nsb@bellcore.com>");
	source = mime_source_memory(STR("Content-Type: message/rfc822\n\nSubject: inside\n\n"));
	assert_int_equal(mime_parse_header(&source, &arena, &quick, &err), 0);
	assert_int_equal(quick->kind, MIME_MESSAGE);
	assert_null(quick->first_child);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_multipart, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_digest, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_broken, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_empty_bodies, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_fields, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_mime_fields_walk, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_long, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_file, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_header_only, setup, teardown),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("mime structure", tests, NULL, NULL);
}
