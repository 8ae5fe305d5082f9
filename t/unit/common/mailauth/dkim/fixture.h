/*
 * A message against a table of keys: for the tests of DKIM and ARC.
 */
#ifndef POSTROOM_T_DKIM_FIXTURE_H
#define POSTROOM_T_DKIM_FIXTURE_H

#include "common/mailauth/dkim/sign.h"
#include "common/mailauth/dns/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct arena arena;
static struct mailauth_table table;
static struct err err;

static inline int fixture_setup(void **state)
{
	(void)state;
	arena_init(&arena);
	mailauth_table_init(&table, &arena);
	return 0;
}

static inline int fixture_teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static inline void publish(const char *name, const char *record)
{
	assert_int_equal(mailauth_table_add(&table, name, MAILAUTH_TXT, str_of(record), &err), 0);
}

/* Header and body of a message. */
static inline struct str cut_header(struct str message, struct str *body_out)
{
	ptrdiff_t at = str_find(message, STR("\r\n\r\n"));

	assert_true(at >= 0);
	*body_out = str_skip(message, (size_t)at + 4);
	return str_sub(message, 0, (size_t)at + 2);
}

/* Give the body in pieces of that size; 0: at once. */
static inline void feed(struct dkim_message *message, struct str body, size_t piece)
{
	if (piece == 0)
		piece = body.len;
	for (; body.len != 0; body = str_skip(body, piece))
		dkim_message_body(message, str_sub(body, 0, piece));
}

static inline struct dkim_results verify_at(struct str message, size_t piece, int64_t now)
{
	struct mailauth_dns dns = mailauth_table_dns(&table);
	struct dkim_message checked;
	struct dkim_results results;
	struct str body, header = cut_header(message, &body);

	assert_int_equal(dkim_message_open(&checked, header, &arena, &err), 0);
	dkim_find(&checked);
	feed(&checked, body, piece);
	dkim_verify(&checked, &dns, now, &results);
	dkim_message_close(&checked);
	return results;
}

static inline struct dkim_results verify(struct str message)
{
	return verify_at(message, 0, 1528637909);
}

static inline bool passes(struct str message)
{
	struct dkim_results results = verify(message);

	return results.count == 1 && results.list[0].state == DKIM_PASS;
}

/* The message with its first `old` replaced. */
static inline struct str changed(struct str message, const char *old, const char *new)
{
	ptrdiff_t at = str_find(message, str_of(old));

	assert_true(at >= 0);
	return arena_printf(&arena, "%.*s%s%.*s", (int)at, message.data, new,
	                    STR_ARG(str_skip(message, (size_t)at + strlen(old))));
}

#endif
