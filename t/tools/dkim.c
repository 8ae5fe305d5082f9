/*
 * dkim: the library of DKIM and ARC as a command, for tests; messages come from standard input.
 *
 *     dkim verify KEYS SECONDS                         KEYS: lines "name record"; SECONDS: the clock
 *     dkim sign KEY.pem DOMAIN SELECTOR CANON          the message with a signature on top; CANON as in c=
 *     dkim seal KEY.pem DOMAIN SELECTOR STATE RESULTS  the message with a set of ARC on top; STATE: of the chain in it
 *                                                      when it came
 *     dkim record KEY.pem                              what goes into the DNS
 */
#include "common/base/io.h"
#include "common/mailauth/arc/arc.h"
#include "common/mailauth/dns/table.h"

#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_MAX = 64 << 20, PIECE = 1000, CLOCK = 1528637909 };

static struct arena arena;
static struct mailauth_table table;
static struct err err;

static _Noreturn void fail(const char *text)
{
	fprintf(stderr, "dkim: %s\n", text);
	exit(2);
}

static struct str read_text(const char *path)
{
	struct str copy;
	struct buf text;

	buf_init(&text, MESSAGE_MAX);
	if (io_read_file(path, &text, &err) != 0)
		fail(err.text);
	copy = arena_copy(&arena, buf_str(&text));
	buf_free(&text);
	return copy;
}

static void read_keys(const char *path)
{
	struct str rest = read_text(path);

	while (rest.data != NULL && rest.len != 0) {
		struct str line = str_cut(&rest, '\n'), name = str_cut(&line, ' ');

		if (mailauth_table_add(&table, arena_text(&arena, name), MAILAUTH_TXT, line, &err) != 0)
			fail(err.text);
	}
}

static struct dkim_private_key read_key(const char *path)
{
	struct dkim_private_key key;

	if (dkim_private_key_read(read_text(path), &key, &err) != 0)
		fail(err.text);
	return key;
}

static void open_message(struct str text, struct dkim_message *message, struct str *body)
{
	ptrdiff_t end = str_find(text, STR("\r\n\r\n"));

	if (end < 0)
		end = (ptrdiff_t)text.len;
	*body = str_skip(text, (size_t)end + 4);
	if (dkim_message_open(message, str_sub(text, 0, (size_t)end + 2), &arena, &err) != 0)
		fail(err.text);
}

static void feed(struct dkim_message *message, struct str body)
{
	for (; body.len != 0; body = str_skip(body, PIECE))
		dkim_message_body(message, str_sub(body, 0, PIECE));
}

static void verify(struct str text, const char *seconds)
{
	struct mailauth_dns dns = mailauth_table_dns(&table);
	int64_t now = strtoll(seconds, NULL, 10);
	struct dkim_message message;
	struct dkim_results results;
	struct arc_chain chain;
	struct arc_result result;
	struct str body;

	open_message(text, &message, &body);
	dkim_find(&message);
	arc_find(&message, &chain);
	feed(&message, body);
	dkim_verify(&message, &dns, now, &results);
	arc_verify(&message, &chain, &dns, now, &result);
	for (size_t i = 0; i < results.count; i++) {
		const struct dkim_result *one = &results.list[i];

		printf("dkim=%s d=%.*s s=%.*s a=%.*s bits=%u%s %.*s\n", dkim_word(one->state), STR_ARG(one->domain),
		       STR_ARG(one->selector), STR_ARG(one->algorithm), one->key_bits, one->is_partial ? " partial" : "",
		       STR_ARG(one->reason));
	}
	printf("arc=%s oldest-pass=%u", arc_word(result.state), result.oldest_pass);
	for (size_t i = 0; i < result.count; i++)
		printf(" %.*s/%.*s", STR_ARG(result.sets[i].domain), STR_ARG(result.sets[i].selector));
	printf(" %.*s\n", STR_ARG(result.reason));
	dkim_message_close(&message);
}

static enum dkim_canon canon_of(const char *word)
{
	return strncmp(word, "relaxed", 7) == 0 ? DKIM_RELAXED : DKIM_SIMPLE;
}

static void print_signed(struct buf *fields, struct str text)
{
	fwrite(fields->data, 1, fields->len, stdout);
	fwrite(text.data, 1, text.len, stdout);
	buf_free(fields);
}

static void sign(struct str text, const struct dkim_signer *signer)
{
	struct dkim_signing signing = {0};
	struct dkim_message message;
	struct buf field;
	struct str body;

	buf_init(&field, DKIM_FIELD_MAX);
	open_message(text, &message, &body);
	if (dkim_sign_begin(&message, signer, &signing, &err) != 0)
		fail(err.text);
	feed(&message, body);
	if (dkim_sign(&message, signer, &signing, &field, &err) != 0)
		fail(err.text);
	print_signed(&field, text);
	dkim_message_close(&message);
}

static void seal(struct str text, const struct dkim_signer *signer, const char *state, const char *results)
{
	enum arc_state arrived = strcmp(state, "pass") == 0 ? ARC_PASS : ARC_FAIL;
	struct dkim_message message;
	struct arc_chain chain;
	struct arc_sealing sealing;
	struct buf fields;
	struct str body;

	buf_init(&fields, 4 * (size_t)DKIM_FIELD_MAX);
	open_message(text, &message, &body);
	arc_find(&message, &chain);
	if (arc_seal_begin(&message, &chain, arrived, signer, &sealing, &err) != 0)
		fail(err.text);
	feed(&message, body);
	if (arc_seal(&message, &chain, &sealing, signer, str_of(results), &fields, &err) != 0)
		fail(err.text);
	print_signed(&fields, text);
	dkim_message_close(&message);
}

static void record(const struct dkim_private_key *key)
{
	struct buf text;

	buf_init(&text, MAILAUTH_TEXT_MAX);
	if (dkim_private_key_record(key, &text, &err) != 0)
		fail(err.text);
	printf("%s\n", buf_text(&text));
	buf_free(&text);
}

/* What needs a private key. False: there is no such command. */
static bool run(int argc, char **argv, const struct dkim_private_key *key)
{
	struct dkim_signer signer = {.header_canon = DKIM_RELAXED, .body_canon = DKIM_RELAXED, .now = CLOCK, .key = key};

	if (argc == 3 && strcmp(argv[1], "record") == 0) {
		record(key);
		return true;
	}
	if (argc < 6)
		return false;
	signer.domain = str_of(argv[3]);
	signer.selector = str_of(argv[4]);
	if (argc == 6 && strcmp(argv[1], "sign") == 0) {
		const char *slash = strchr(argv[5], '/');

		signer.header_canon = canon_of(argv[5]);
		signer.body_canon = slash != NULL ? canon_of(slash + 1) : DKIM_SIMPLE;
		sign(read_text("/dev/stdin"), &signer);
	} else if (argc == 7 && strcmp(argv[1], "seal") == 0) {
		seal(read_text("/dev/stdin"), &signer, argv[5], argv[6]);
	} else {
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct dkim_private_key key;

	if (argc < 3)
		fail("see the head of t/tools/dkim.c");
	arena_init(&arena);
	mailauth_table_init(&table, &arena);
	if (argc == 4 && strcmp(argv[1], "verify") == 0) {
		read_keys(argv[2]);
		verify(read_text("/dev/stdin"), argv[3]);
	} else {
		key = read_key(argv[2]);
		if (!run(argc, argv, &key))
			fail("see the head of t/tools/dkim.c");
		dkim_private_key_free(&key);
	}
	arena_free(&arena);
	return 0;
}
