/*
 * mailauth: lets a test ask the library of common/mailauth, one JSON object a line, one answer a line.
 *
 * mailauth              answers come from a table: the first line is {"name": [["TYPE", "text"], ...], ...}; type FAIL
 *                       makes questions for that name fail, and an array of strings is a TXT record of those strings
 * mailauth DIR CALLER   answers come from the instance's dnsd, over CALLER's socket
 *
 * {"ask": "query", "name": ..., "type": number}              {"status": ..., "records": [hex, ...], "ms": ...}
 * {"ask": "spf", "ip": ..., "helo": ..., "local": ..., "domain": ...}
 *                                                            {"result": ..., "explanation": ..., "record": ...}
 */
#include "common/base/io.h"
#include "common/base/memory.h"
#include "common/mailauth/dns/channel.h"
#include "common/mailauth/dns/table.h"
#include "common/mailauth/spf/spf.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 1 << 20 };

static void die(const char *what)
{
	fprintf(stderr, "mailauth: %s\n", what);
	exit(1);
}

static struct str text_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return str_from(json_is_string(value) ? json_string_value(value) : "", json_string_length(value));
}

static json_t *json_of(struct str text)
{
	json_t *value = json_stringn(text.data != NULL ? text.data : "", text.len);

	return value != NULL ? value : json_string("not UTF-8");
}

static json_t *read_line(void)
{
	static char line[LINE_MAX_BYTES];
	json_t *value;

	if (fgets(line, sizeof line, stdin) == NULL)
		return NULL;
	value = json_loads(line, JSON_ALLOW_NUL, NULL);
	if (value == NULL)
		die("a line that is no JSON");
	return value;
}

static void add_strings(struct mailauth_table *table, const char *name, const json_t *strings)
{
	struct buf rdata;
	size_t index;
	json_t *string;

	buf_init(&rdata, MAILAUTH_TEXT_MAX);
	json_array_foreach (strings, index, string) {
		buf_add_char(&rdata, (char)json_string_length(string));
		buf_add(&rdata, json_string_value(string), json_string_length(string));
	}
	mailauth_table_add_raw(table, name, MAILAUTH_TXT, buf_str(&rdata));
	buf_free(&rdata);
}

static void add_record(struct mailauth_table *table, const char *name, const json_t *record)
{
	static const struct {
		const char *name;
		enum mailauth_type type;
	} types[] = {
	    {"A", MAILAUTH_A},   {"AAAA", MAILAUTH_AAAA}, {"PTR", MAILAUTH_PTR},
	    {"MX", MAILAUTH_MX}, {"TXT", MAILAUTH_TXT},   {"CNAME", MAILAUTH_CNAME},
	};
	const char *type = json_string_value(json_array_get(record, 0));
	const json_t *text = json_array_get(record, 1);
	struct err err;

	if (type == NULL)
		die("a record without a type");
	if (strcmp(type, "FAIL") == 0)
		mailauth_table_fail(table, name);
	else if (json_is_array(text))
		add_strings(table, name, text);
	else
		for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
			if (strcmp(type, types[i].name) == 0 &&
			    mailauth_table_add(table, name, types[i].type,
			                       str_from(json_string_value(text), json_string_length(text)), &err) != 0)
				die(err.text);
}

static void fill_table(struct mailauth_table *table)
{
	json_t *zones = read_line(), *records, *record;
	const char *name;
	size_t index;

	json_object_foreach (zones, name, records)
		json_array_foreach (records, index, record)
			add_record(table, name, record);
	json_decref(zones);
}

static json_t *answer_query(const json_t *question, struct mailauth_dns *dns, struct arena *arena)
{
	static const char *const words[] = {
	    [MAILAUTH_FOUND] = "found",
	    [MAILAUTH_NXDOMAIN] = "nxdomain",
	    [MAILAUTH_NODATA] = "nodata",
	    [MAILAUTH_TEMPORARY] = "temporary",
	};
	json_t *records = json_array();
	int64_t start_ms = io_now_ms(), limit_ms = json_integer_value(json_object_get(question, "limit"));
	struct mailauth_answer answer;
	struct err err = {0};

	dns->deadline_ms = limit_ms != 0 ? start_ms + limit_ms : 0;
	mailauth_query(dns, text_of(question, "name"),
	               (enum mailauth_type)json_integer_value(json_object_get(question, "type")), arena, &answer, &err);
	for (size_t i = 0; i < answer.count; i++) {
		struct str text = STR("");

		for (size_t n = 0; n < answer.records[i].len; n++)
			text = arena_printf(arena, "%.*s%02x", STR_ARG(text), (unsigned char)answer.records[i].data[n]);
		json_array_append_new(records, json_of(text));
	}
	return json_pack("{s:s, s:o, s:s, s:I}", "status", words[answer.status], "records", records, "reason", err.text,
	                 "ms", (json_int_t)(io_now_ms() - start_ms));
}

static json_t *answer_spf(const json_t *question, struct mailauth_dns *dns, struct arena *arena)
{
	struct spf_check check = {
	    .dns = dns,
	    .helo = text_of(question, "helo"),
	    .local_part = text_of(question, "local"),
	    .domain = text_of(question, "domain"),
	    .receiver = STR("receiver.test"),
	};
	struct spf_outcome outcome;
	struct err err;

	if (cidr_parse(text_of(question, "ip"), &check.client, NULL, &err) != 0)
		die(err.text);
	spf_check(&check, arena, &outcome);
	return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "result", spf_result_word(outcome.result), "helo",
	                 outcome.is_helo, "domain", json_of(outcome.domain), "record", json_of(outcome.record_domain),
	                 "mechanism", json_of(outcome.mechanism), "explanation", json_of(outcome.explanation), "problem",
	                 json_of(outcome.problem));
}

static const struct {
	const char *name;
	json_t *(*answer)(const json_t *question, struct mailauth_dns *dns, struct arena *arena);
} questions[] = {
    {"query", answer_query},
    {"spf", answer_spf},
};

static void answer(const json_t *question, struct mailauth_dns *dns, struct arena *arena)
{
	struct str ask = text_of(question, "ask");

	for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++)
		if (str_equal(ask, str_of(questions[i].name))) {
			json_t *result = questions[i].answer(question, dns, arena);

			json_dumpf(result, stdout, JSON_COMPACT);
			putchar('\n');
			fflush(stdout);
			json_decref(result);
			return;
		}
	die("a question of no kind");
}

int main(int argc, char **argv)
{
	static struct ipc_channel ipc;
	static struct mailauth_channel channel;
	static struct instance instance;
	struct arena arena, table_arena;
	struct mailauth_table table;
	struct mailauth_dns dns;
	struct err err;

	arena_init(&arena);
	arena_init(&table_arena);
	mailauth_table_init(&table, &table_arena);
	if (argc == 3) {
		if (instance_open(&instance, argv[1], &err) != 0 || ipc_connect(&ipc, &instance, "dnsd", argv[2], &err) != 0)
			die(err.text);
		mailauth_channel_init(&channel, &ipc);
		dns = mailauth_channel_dns(&channel);
	} else {
		fill_table(&table);
		dns = mailauth_table_dns(&table);
	}
	for (json_t *question; (question = read_line()) != NULL; json_decref(question)) {
		answer(question, &dns, &arena);
		arena_reset(&arena);
	}
	arena_free(&arena);
	arena_free(&table_arena);
	return 0;
}
