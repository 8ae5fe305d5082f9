#include "common/smtp/command.h"

#include "common/base/moment.h"
#include "common/spool/spool.h"

enum {
	ENVID_MAX = 100,          /* octets of the decoded identifier, RFC 3461 4.4 */
	ORCPT_MAX = 500,          /* octets, RFC 3461 5.4 b */
	SIZE_DIGITS_MAX = 20,     /* RFC 1870 6.1 */
	HOLD_FOR_MAX = 999999999, /* seconds: nine digits, RFC 4865 5.1 */
};

static int refuse(struct smtp_refusal *refusal, int code, const char *enhanced, const char *text)
{
	*refusal = (struct smtp_refusal){.code = code, .enhanced = enhanced, .text = text};
	return -1;
}

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (((unsigned char)s.data[i] < ' ' && s.data[i] != '\t') || s.data[i] == 0x7f)
			return true;
	return false;
}

int smtp_parse_command(struct str line, struct smtp_command *command_out, struct smtp_refusal *refusal)
{
	struct str rest = line;

	if (has_control(line))
		return refuse(refusal, 500, "5.5.2", "Control characters are not allowed in a command");
	command_out->verb = str_cut_word(&rest);
	command_out->argument = str_trim(rest);
	if (command_out->verb.len == 0)
		return refuse(refusal, 500, "5.5.2", "A command was expected");
	return 0;
}

/* One parameter of MAIL or RCPT. value.data is NULL where there is no "=". */
struct parameter {
	struct str keyword, value;
};

/* RFC 5321 4.1.2 esmtp-param. False when none is left. */
static bool next_parameter(struct str *rest, struct parameter *parameter)
{
	struct str word = str_cut_word(rest);

	if (word.len == 0)
		return false;
	parameter->keyword = str_cut(&word, '=');
	parameter->value = word;
	return true;
}

static bool is_keyword(const struct parameter *parameter, const char *keyword)
{
	return str_equal_nocase(parameter->keyword, str_of(keyword));
}

/* What of a command's parameters was seen, so that none comes twice. */
enum seen {
	SEEN_SIZE = 1,
	SEEN_BODY = 2,
	SEEN_SMTPUTF8 = 4,
	SEEN_RET = 8,
	SEEN_ENVID = 16,
	SEEN_AUTH = 32,
	SEEN_NOTIFY = 64,
	SEEN_ORCPT = 128,
	SEEN_REQUIRETLS = 256,
	SEEN_HOLD = 512,
};

static bool first_time(unsigned *seen, enum seen which)
{
	bool first = (*seen & which) == 0;

	*seen |= which;
	return first;
}

static int take_size(struct smtp_mail *mail, struct str value, struct smtp_refusal *refusal)
{
	/* More digits than a number of 64 bits holds are still a size, larger than any limit. */
	if (value.len == 0 || value.len > SIZE_DIGITS_MAX)
		return refuse(refusal, 501, "5.5.4", "SIZE takes a number of octets");
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i] < '0' || value.data[i] > '9')
			return refuse(refusal, 501, "5.5.4", "SIZE takes a number of octets");
	if (!str_to_u64(value, UINT64_MAX, &mail->size))
		mail->size = UINT64_MAX;
	return 0;
}

static int take_body(struct smtp_mail *mail, struct str value, struct smtp_refusal *refusal)
{
	if (str_equal_nocase(value, STR("7BIT")))
		mail->body = SMTP_BODY_7BIT;
	else if (str_equal_nocase(value, STR("8BITMIME")))
		mail->body = SMTP_BODY_8BITMIME;
	else
		return refuse(refusal, 501, "5.5.4", "BODY is 7BIT or 8BITMIME");
	return 0;
}

static int take_ret(struct smtp_mail *mail, struct str value, struct smtp_refusal *refusal)
{
	if (str_equal_nocase(value, STR("FULL")))
		mail->ret = STR("FULL");
	else if (str_equal_nocase(value, STR("HDRS")))
		mail->ret = STR("HDRS");
	else
		return refuse(refusal, 501, "5.5.4", "RET is FULL or HDRS");
	return 0;
}

/* RFC 3461 4.4: what it decodes to is printable and has at most 100 characters. */
static int take_envid(struct smtp_mail *mail, struct str value, struct arena *arena, struct smtp_refusal *refusal)
{
	struct str plain;

	if (value.len == 0 || addr_xtext_decode(value, arena, &plain, NULL) != 0 || plain.len > ENVID_MAX ||
	    has_control(plain))
		return refuse(refusal, 501, "5.5.4", "ENVID is xtext of at most 100 characters");
	mail->envid = value;
	return 0;
}

/* RFC 4954 5: an address as xtext, or "<>". */
static int take_auth(struct smtp_mail *mail, struct str value, struct arena *arena, struct smtp_refusal *refusal)
{
	struct str plain;

	if (value.len == 0 || (!str_equal(value, STR("<>")) && addr_xtext_decode(value, arena, &plain, NULL) != 0))
		return refuse(refusal, 501, "5.5.4", "AUTH takes an address as xtext, or <>");
	mail->auth = value;
	return 0;
}

/* RFC 4865 5.1: an interval, or a time. Both count as one parameter: only one may be there. */
static int take_hold(struct smtp_mail *mail, const struct parameter *parameter, struct arena *arena,
                     struct smtp_refusal *refusal)
{
	uint64_t seconds;

	if (is_keyword(parameter, "HOLDFOR")) {
		if (!str_to_u64(parameter->value, HOLD_FOR_MAX, &seconds) || seconds == 0)
			return refuse(refusal, 501, "5.5.4", "HOLDFOR takes a number of seconds");
		mail->hold_for = (int64_t)seconds;
	} else if (!moment_parse(parameter->value, arena, &mail->hold_until) || mail->hold_until <= 0) {
		return refuse(refusal, 501, "5.5.4", "HOLDUNTIL takes a time such as 2026-12-31T23:59:59Z");
	}
	return 0;
}

static int take_mail_parameter(struct smtp_mail *mail, const struct parameter *parameter, unsigned *seen,
                               struct arena *arena, struct smtp_refusal *refusal)
{
	bool first = true;
	int result;

	if (is_keyword(parameter, "SIZE")) {
		first = first_time(seen, SEEN_SIZE);
		result = take_size(mail, parameter->value, refusal);
	} else if (is_keyword(parameter, "BODY")) {
		first = first_time(seen, SEEN_BODY);
		result = take_body(mail, parameter->value, refusal);
	} else if (is_keyword(parameter, "SMTPUTF8")) {
		first = first_time(seen, SEEN_SMTPUTF8);
		mail->smtputf8 = true;
		result = parameter->value.data == NULL ? 0 : refuse(refusal, 501, "5.5.4", "SMTPUTF8 takes no value");
	} else if (is_keyword(parameter, "REQUIRETLS")) {
		first = first_time(seen, SEEN_REQUIRETLS);
		mail->requiretls = true;
		result = parameter->value.data == NULL ? 0 : refuse(refusal, 501, "5.5.4", "REQUIRETLS takes no value");
	} else if (is_keyword(parameter, "RET")) {
		first = first_time(seen, SEEN_RET);
		result = take_ret(mail, parameter->value, refusal);
	} else if (is_keyword(parameter, "ENVID")) {
		first = first_time(seen, SEEN_ENVID);
		result = take_envid(mail, parameter->value, arena, refusal);
	} else if (is_keyword(parameter, "AUTH")) {
		first = first_time(seen, SEEN_AUTH);
		result = take_auth(mail, parameter->value, arena, refusal);
	} else if (is_keyword(parameter, "HOLDFOR") || is_keyword(parameter, "HOLDUNTIL")) {
		first = first_time(seen, SEEN_HOLD);
		result = take_hold(mail, parameter, arena, refusal);
	} else {
		return refuse(refusal, 555, "5.5.4", "Parameter not recognised");
	}
	return first ? result : refuse(refusal, 501, "5.5.4", "A parameter is given twice");
}

/* "FROM:" or "TO:", then the path. */
static int take_path(struct str argument, struct str prefix, struct str domain, const char *address_code,
                     struct arena *arena, struct addr *addr_out, struct str *rest_out, struct smtp_refusal *refusal)
{
	struct err err;

	if (!str_starts_nocase(argument, prefix))
		return refuse(refusal, 501, "5.5.4", prefix.len == 3 ? "Say RCPT TO:<address>" : "Say MAIL FROM:<address>");
	if (addr_parse_path_at(str_skip(argument, prefix.len), domain, arena, addr_out, rest_out, &err) == 0)
		return 0;
	return refuse(refusal, 501, address_code,
	              err.code == ADDR_TOO_LONG ? "The address is too long" : "The address is not well-formed");
}

int smtp_parse_mail(struct str argument, struct str domain, struct arena *arena, struct smtp_mail *mail_out,
                    struct smtp_refusal *refusal)
{
	struct parameter parameter;
	unsigned seen = 0;
	struct str rest;

	*mail_out = (struct smtp_mail){.ret = STR(""), .envid = STR(""), .auth = STR("")};
	if (take_path(argument, STR("FROM:"), domain, "5.1.7", arena, &mail_out->from, &rest, refusal) != 0)
		return -1;
	if (!mail_out->from.is_null && mail_out->from.domain.len == 0)
		return refuse(refusal, 501, "5.1.7", "The address has no domain");
	while (next_parameter(&rest, &parameter))
		if (take_mail_parameter(mail_out, &parameter, &seen, arena, refusal) != 0)
			return -1;
	if (mail_out->from.is_utf8 && !mail_out->smtputf8)
		return refuse(refusal, 553, "5.6.7", "The address needs SMTPUTF8");
	return 0;
}

/* RFC 3461 4.1: NEVER alone, or a list of the others. */
static int take_notify(struct smtp_rcpt *rcpt, struct str value, struct smtp_refusal *refusal)
{
	unsigned notify = 0;

	while (value.data != NULL) {
		struct str word = str_cut(&value, ',');

		if (str_equal_nocase(word, STR("NEVER")))
			notify |= SPOOL_NOTIFY_NEVER;
		else if (str_equal_nocase(word, STR("SUCCESS")))
			notify |= SPOOL_NOTIFY_SUCCESS;
		else if (str_equal_nocase(word, STR("FAILURE")))
			notify |= SPOOL_NOTIFY_FAILURE;
		else if (str_equal_nocase(word, STR("DELAY")))
			notify |= SPOOL_NOTIFY_DELAY;
		else
			return refuse(refusal, 501, "5.5.4", "NOTIFY is NEVER, or any of SUCCESS, FAILURE and DELAY");
	}
	if (notify == 0 || ((notify & SPOOL_NOTIFY_NEVER) != 0 && notify != SPOOL_NOTIFY_NEVER))
		return refuse(refusal, 501, "5.5.4", "NOTIFY is NEVER, or any of SUCCESS, FAILURE and DELAY");
	rcpt->notify = notify;
	return 0;
}

/*
 * RFC 3461 4.2: "rfc822;" and the address as xtext. RFC 6533 3 adds "utf-8;" with its own escapes, and UTF-8 itself
 * under SMTPUTF8.
 */
static int take_orcpt(struct smtp_rcpt *rcpt, struct str value, bool smtputf8, struct arena *arena,
                      struct smtp_refusal *refusal)
{
	struct str text = value, type = str_cut(&text, ';'), plain;
	bool good = text.data != NULL && text.len != 0 && type.len != 0 && value.len <= ORCPT_MAX;

	for (size_t i = 0; good && i < type.len; i++)
		good = (type.data[i] >= '0' && type.data[i] <= '9') || type.data[i] == '-' ||
		       ((type.data[i] | 32) >= 'a' && (type.data[i] | 32) <= 'z');
	if (good && str_equal_nocase(type, STR("utf-8"))) {
		good = str_is_utf8(text) && str_find_char(text, '=') < 0;
		for (size_t i = 0; good && !smtputf8 && i < text.len; i++)
			good = (unsigned char)text.data[i] < 0x80;
	} else if (good) {
		good = addr_xtext_decode(text, arena, &plain, NULL) == 0 && !has_control(plain);
	}
	if (!good)
		return refuse(refusal, 501, "5.5.4", "ORCPT is an address type, \";\" and an address as xtext");
	rcpt->orcpt = value;
	return 0;
}

static int take_rcpt_parameter(struct smtp_rcpt *rcpt, const struct parameter *parameter, unsigned *seen, bool smtputf8,
                               struct arena *arena, struct smtp_refusal *refusal)
{
	bool first;
	int result;

	if (is_keyword(parameter, "NOTIFY")) {
		first = first_time(seen, SEEN_NOTIFY);
		result = take_notify(rcpt, parameter->value, refusal);
	} else if (is_keyword(parameter, "ORCPT")) {
		first = first_time(seen, SEEN_ORCPT);
		result = take_orcpt(rcpt, parameter->value, smtputf8, arena, refusal);
	} else {
		return refuse(refusal, 555, "5.5.4", "Parameter not recognised");
	}
	return first ? result : refuse(refusal, 501, "5.5.4", "A parameter is given twice");
}

int smtp_parse_rcpt(struct str argument, struct str domain, bool smtputf8, struct arena *arena,
                    struct smtp_rcpt *rcpt_out, struct smtp_refusal *refusal)
{
	struct parameter parameter;
	unsigned seen = 0;
	struct str rest;

	*rcpt_out = (struct smtp_rcpt){.orcpt = STR("")};
	if (take_path(argument, STR("TO:"), domain, "5.1.3", arena, &rcpt_out->to, &rest, refusal) != 0)
		return -1;
	if (rcpt_out->to.is_null)
		return refuse(refusal, 501, "5.1.3", "The address is empty");
	while (next_parameter(&rest, &parameter))
		if (take_rcpt_parameter(rcpt_out, &parameter, &seen, smtputf8, arena, refusal) != 0)
			return -1;
	if (rcpt_out->to.is_utf8 && !smtputf8)
		return refuse(refusal, 553, "5.6.7", "The address needs SMTPUTF8");
	return 0;
}

int smtp_parse_bdat(struct str argument, struct smtp_chunk *chunk_out, struct smtp_refusal *refusal)
{
	struct str size = str_cut_word(&argument), marker = str_cut_word(&argument);

	*chunk_out = (struct smtp_chunk){.is_last = marker.len != 0};
	if (!str_to_u64(size, INT64_MAX, &chunk_out->size) ||
	    (chunk_out->is_last && !str_equal_nocase(marker, STR("LAST"))) || str_cut_word(&argument).len != 0)
		return refuse(refusal, 501, "5.5.4", "Say BDAT, a number of octets, and LAST where they are the last");
	return 0;
}
