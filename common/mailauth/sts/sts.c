#include "common/mailauth/sts/sts.h"

#include "common/addr/addr.h"

#include <ctype.h>

static const char *const words[] = {[STS_NONE] = "none", [STS_TESTING] = "testing", [STS_ENFORCE] = "enforce"};

const char *sts_mode_word(enum sts_mode mode)
{
	return words[mode];
}

bool sts_mode_of(struct str word, enum sts_mode *mode_out)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (str_equal(word, str_of(words[i]))) {
			*mode_out = (enum sts_mode)i;
			return true;
		}
	return false;
}

static bool is_id(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!isalnum((unsigned char)text.data[i]))
			return false;
	return text.len > 0 && text.len <= STS_ID_MAX;
}

bool sts_parse_record(struct str text, char id_out[STS_ID_MAX + 1])
{
	bool found = false;

	if (!str_equal(str_trim(str_cut(&text, ';')), STR("v=STSv1")))
		return false;
	while (text.data != NULL) {
		struct str value = str_trim(str_cut(&text, ';')), key = str_trim(str_cut(&value, '='));

		value = str_trim(value);
		if (!str_equal(key, STR("id")))
			continue;
		if (found || !is_id(value))
			return false;
		found = str_copy(value, id_out, STS_ID_MAX + 1);
	}
	return found;
}

/* A host name, or "*." and one. */
static int add_mx(struct str value, struct arena *arena, struct sts_policy *policy, struct err *err)
{
	bool is_pattern = str_starts(value, STR("*."));
	struct str name = str_skip(value, is_pattern ? 2 : 0);

	if (policy->mx_count == STS_MX_MAX)
		return err_set(err, ERR_LIMIT, "the policy has more than %d mx", STS_MX_MAX);
	if (!addr_is_domain(name) || addr_is_literal(name) || addr_normalise_domain(name, arena, &name, NULL) != 0)
		return err_set(err, ERR_SYNTAX, "\"%.*s\" in the policy is no mx", STR_ARG(str_sub(value, 0, 80)));
	policy->mx[policy->mx_count++] = arena_printf(arena, "%s%.*s", is_pattern ? "*." : "", STR_ARG(name));
	return 0;
}

/* What was said already; of each but mx the first counts (RFC 8461 3.2). */
struct seen {
	bool version, mode, max_age;
};

static int read_line(struct str key, struct str value, struct arena *arena, struct seen *seen,
                     struct sts_policy *policy, struct err *err)
{
	uint64_t number;

	if (str_equal(key, STR("mx")))
		return add_mx(value, arena, policy, err);
	if (str_equal(key, STR("version")) && !seen->version) {
		seen->version = true;
		return str_equal(value, STR("STSv1")) ? 0 : err_set(err, ERR_SYNTAX, "the policy's version is not STSv1");
	}
	if (str_equal(key, STR("mode")) && !seen->mode) {
		seen->mode = true;
		return sts_mode_of(value, &policy->mode)
		           ? 0
		           : err_set(err, ERR_SYNTAX, "the policy's mode is not enforce, testing or none");
	}
	if (str_equal(key, STR("max_age")) && !seen->max_age) {
		seen->max_age = true;
		if (!str_to_u64(value, UINT64_MAX, &number))
			return err_set(err, ERR_SYNTAX, "the policy's max_age is not a number");
		policy->max_age = number < STS_AGE_MAX ? (int64_t)number : STS_AGE_MAX;
	}
	return 0;
}

int sts_parse_policy(struct str text, struct arena *arena, struct sts_policy *policy_out, struct err *err)
{
	struct seen seen = {0};

	*policy_out = (struct sts_policy){0};
	if (text.len > STS_TEXT_MAX)
		return err_set(err, ERR_LIMIT, "the policy is longer than %d octets", STS_TEXT_MAX);
	while (text.data != NULL) {
		struct str value = str_trim(str_cut(&text, '\n')), key;

		if (value.len == 0)
			continue;
		key = str_trim(str_cut(&value, ':'));
		if (value.data == NULL)
			return err_set(err, ERR_SYNTAX, "\"%.*s\" is no line of a policy", STR_ARG(str_sub(key, 0, 80)));
		if (read_line(key, str_trim(value), arena, &seen, policy_out, err) != 0)
			return -1;
	}
	if (!seen.version || !seen.mode || !seen.max_age)
		return err_set(err, ERR_SYNTAX, "the policy lacks version, mode or max_age");
	if (policy_out->mx_count == 0 && policy_out->mode != STS_NONE)
		return err_set(err, ERR_SYNTAX, "the policy names no mx");
	return 0;
}

bool sts_allows(const struct sts_policy *policy, struct str host)
{
	for (size_t i = 0; i < policy->mx_count; i++) {
		struct str pattern = policy->mx[i];
		ptrdiff_t dot = str_find_char(host, '.');

		if (!str_starts(pattern, STR("*."))
		        ? str_equal_nocase(pattern, host)
		        : dot > 0 && str_equal_nocase(str_skip(pattern, 1), str_skip(host, (size_t)dot)))
			return true;
	}
	return false;
}
