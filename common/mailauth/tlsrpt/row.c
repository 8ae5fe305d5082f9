#include "common/mailauth/tlsrpt/tlsrpt.h"

#include <stdlib.h>

enum { TEXT_MAX = 1000, LINES_MAX = 64 };

/* The fields of a failure that a row may bring (RFC 8460 4.4). */
static const char *const failure_fields[] = {"result-type",  "sending-mta-ip",         "receiving-mx-hostname",
                                             "receiving-ip", "additional-information", "failure-reason-code"};

/* A text of strangers; NULL where it is empty, or not UTF-8. */
static json_t *text_of(struct str text)
{
	return text.len != 0 ? json_stringn(text.data, text.len < TEXT_MAX ? text.len : TEXT_MAX) : NULL;
}

static void set_text(json_t *object, const char *key, struct str text)
{
	json_t *value = text_of(text);

	if (value != NULL)
		json_object_set_new(object, key, value);
}

static void set_lines(json_t *object, const char *key, const struct str *lines, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count && i < LINES_MAX; i++) {
		json_t *line = text_of(lines[i]);

		if (line != NULL)
			json_array_append_new(array, line);
	}
	json_object_set_new(object, key, array);
}

static void add_json(json_t *object, struct buf *out)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);

	if (text != NULL)
		buf_add_str(out, str_of(text));
	free(text);
	json_decref(object);
}

int tlsrpt_format(const struct tlsrpt_session *session, struct buf *out, struct err *err)
{
	json_t *policy = json_object(), *failure;
	size_t before = out->len;

	set_text(policy, "policy-type", str_of(session->policy_type));
	set_text(policy, "policy-domain", session->domain);
	set_lines(policy, "policy-string", session->policy, session->policy_count);
	if (session->mx_count > 0)
		set_lines(policy, "mx-host", session->mx, session->mx_count);
	add_json(policy, out);
	buf_add_char(out, '\t');
	if (session->failure != NULL) {
		failure = json_object();
		set_text(failure, "result-type", str_of(session->failure));
		set_text(failure, "sending-mta-ip", session->sending_ip);
		set_text(failure, "receiving-mx-hostname", session->receiving_mx);
		set_text(failure, "receiving-ip", session->receiving_ip);
		set_text(failure, "failure-reason-code", session->reason);
		add_json(failure, out);
	}
	if (out->overflow || out->len - before > TLSRPT_ROW_MAX)
		return err_set(err, ERR_LIMIT, "what is to be reported is longer than %d octets", TLSRPT_ROW_MAX);
	return 0;
}

static json_t *read_texts(const json_t *array)
{
	json_t *result = json_array();

	for (size_t i = 0; i < json_array_size(array) && i < LINES_MAX; i++)
		if (json_is_string(json_array_get(array, i)))
			json_array_append(result, json_array_get(array, i));
	return result;
}

/* What of it is a policy as the RFC knows it. NULL: it is none. */
static json_t *read_policy(struct str text)
{
	json_t *row = json_loadb(text.data, text.len, 0, NULL), *policy = NULL;
	const json_t *type = json_object_get(row, "policy-type"), *domain = json_object_get(row, "policy-domain");

	if (json_is_string(type) && json_is_string(domain)) {
		policy = json_object();
		json_object_set(policy, "policy-type", json_object_get(row, "policy-type"));
		json_object_set_new(policy, "policy-string", read_texts(json_object_get(row, "policy-string")));
		json_object_set(policy, "policy-domain", json_object_get(row, "policy-domain"));
		if (json_object_get(row, "mx-host") != NULL)
			json_object_set_new(policy, "mx-host", read_texts(json_object_get(row, "mx-host")));
	}
	json_decref(row);
	return policy;
}

static json_t *read_failure(struct str text)
{
	json_t *row = json_loadb(text.data, text.len, 0, NULL), *failure = NULL;

	if (json_is_string(json_object_get(row, "result-type"))) {
		failure = json_object();
		for (size_t i = 0; i < sizeof failure_fields / sizeof failure_fields[0]; i++)
			if (json_is_string(json_object_get(row, failure_fields[i])))
				json_object_set(failure, failure_fields[i], json_object_get(row, failure_fields[i]));
	}
	json_decref(row);
	return failure;
}

/* The entry of the report about this policy, which is taken over. */
static json_t *entry_for(json_t *policies, json_t *policy)
{
	json_t *entry;

	for (size_t i = 0; i < json_array_size(policies); i++)
		if (json_equal(json_object_get(json_array_get(policies, i), "policy"), policy) == 1) {
			json_decref(policy);
			return json_array_get(policies, i);
		}
	entry = json_pack("{s:o, s:{s:i, s:i}}", "policy", policy, "summary", "total-successful-session-count", 0,
	                  "total-failure-session-count", 0);
	json_array_append_new(policies, entry);
	return entry;
}

static void add_failure(json_t *entry, json_t *failure, int64_t count)
{
	json_t *details = json_object_get(entry, "failure-details");

	if (details == NULL) {
		details = json_array();
		json_object_set_new(entry, "failure-details", details);
	}
	json_object_set_new(failure, "failed-session-count", json_integer(count));
	json_array_append_new(details, failure);
}

bool tlsrpt_add(json_t *policies, struct str row, int64_t count)
{
	struct str rest = row, text = str_cut(&rest, '\t');
	bool failed = rest.data != NULL && rest.len != 0;
	json_t *policy = read_policy(text), *failure = failed ? read_failure(rest) : NULL, *entry, *sum;
	const char *which = failed ? "total-failure-session-count" : "total-successful-session-count";

	if (policy == NULL || (failed && failure == NULL)) {
		json_decref(policy);
		json_decref(failure);
		return false;
	}
	entry = entry_for(policies, policy);
	sum = json_object_get(json_object_get(entry, "summary"), which);
	json_integer_set(sum, json_integer_value(sum) + count);
	if (failed)
		add_failure(entry, failure, count);
	return true;
}
