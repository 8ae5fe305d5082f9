/* condition: does it hold? */
#include "common/base/fold.h"
#include "common/base/log.h"
#include "common/base/wildcard.h"
#include "common/mime/header.h"
#include "common/rules/condition.h"
#include "common/rules/number.h"

#include <inttypes.h>

static bool regex_matches(const struct condition *condition, struct str value)
{
	enum regex_result result = regex_search(condition->regex, value);

	if (result == REGEX_LIMIT)
		log_warning("the regular expression %.*s reached its limit on %zu octets, which counts as no match",
		            STR_ARG(condition->data), value.len);
	return result == REGEX_YES;
}

/* A value in the form of condition->folded. */
static struct str form_of(const struct condition *condition, struct str value, struct arena *arena)
{
	return condition->exact ? value : fold_text(value, arena);
}

/* Below 0, 0 or above: the value before, the same as, or behind the data; numbers as numbers. */
static int compare(const struct condition *condition, struct str value, struct arena *arena)
{
	double number;

	if (condition->is_number && number_read(value, &number))
		return number < condition->number ? -1 : number > condition->number;
	return str_compare(form_of(condition, value, arena), condition->folded);
}

static bool value_holds(const struct condition *condition, struct str value, struct arena *arena)
{
	struct str folded;

	switch (condition->op) {
	case OPERATOR_NONE:
		return true;
	case OPERATOR_EQUALS:
	case OPERATOR_NOT_EQUALS: /* turned round where all values are known */
		return compare(condition, value, arena) == 0;
	case OPERATOR_GREATER:
		return compare(condition, value, arena) > 0;
	case OPERATOR_AT_LEAST:
		return compare(condition, value, arena) >= 0;
	case OPERATOR_LESS:
		return compare(condition, value, arena) < 0;
	case OPERATOR_AT_MOST:
		return compare(condition, value, arena) <= 0;
	case OPERATOR_CONTAINS:
		return str_find(form_of(condition, value, arena), condition->folded) >= 0;
	case OPERATOR_BEGINS_WITH:
		return str_starts(form_of(condition, value, arena), condition->folded);
	case OPERATOR_ENDS_WITH:
		folded = form_of(condition, value, arena);
		return folded.len >= condition->folded.len &&
		       str_equal(str_skip(folded, folded.len - condition->folded.len), condition->folded);
	case OPERATOR_MATCHES:
		return wildcard_match(value, condition->data, NULL);
	case OPERATOR_REGEX:
		return regex_matches(condition, value);
	}
	return false;
}

static bool any_holds(const struct condition *condition, const struct str *values, size_t count, struct arena *arena)
{
	for (size_t i = 0; i < count; i++)
		if (value_holds(condition, values[i], arena))
			return true;
	return false;
}

static bool number_holds(const struct condition *condition, uint64_t number, struct arena *arena)
{
	return value_holds(condition, arena_printf(arena, "%" PRIu64, number), arena);
}

static bool header_holds(const struct condition *condition, struct str name, struct facts *facts, struct arena *arena)
{
	const struct mime_field *fields;
	size_t count = facts_fields(facts, &fields);
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		struct str value = fields[i].value;

		if (!str_equal_nocase(fields[i].name, name))
			continue;
		found = true;
		value = facts->delivery != NULL ? mime_decode_words(value, arena) : mime_unfold(value, arena);
		if (value_holds(condition, value, arena))
			return true;
	}
	return facts->delivery != NULL && !found && value_holds(condition, STR(""), arena);
}

/* Both ends are inside; a range whose end lies before its beginning goes over midnight. */
static bool is_time(const struct condition *condition, const struct tm *now)
{
	int minute = now->tm_hour * 60 + now->tm_min;
	bool after = minute >= condition->from, before = minute <= condition->to;

	return condition->from <= condition->to ? after && before : after || before;
}

static bool flag_holds(const struct condition *condition, bool flag, struct arena *arena)
{
	return value_holds(condition, flag ? STR("1") : STR("0"), arena);
}

/* A list without elements is as a header field that is missing: empty. */
static bool list_holds(const struct condition *condition, const struct str *values, size_t count, struct arena *arena)
{
	return count > 0 ? any_holds(condition, values, count, arena) : value_holds(condition, STR(""), arena);
}

/* Local time in a format of strftime(3). */
static bool time_holds(const struct condition *condition, int64_t time, const char *format, struct arena *arena)
{
	char text[16] = "";
	time_t seconds = (time_t)time;
	struct tm local;

	if (localtime_r(&seconds, &local) != NULL)
		strftime(text, sizeof text, format, &local);
	return value_holds(condition, str_of(text), arena);
}

/* What a user's rules alone ask. */
static bool delivery_holds(const struct condition *condition, enum field_kind kind, struct facts *facts,
                           struct arena *arena)
{
	const struct facts_delivery *delivery = facts->delivery;
	struct mime_date date;

	switch (kind) {
	case FIELD_CLOCK:
		return time_holds(condition, facts->now, "%H:%M", arena);
	case FIELD_DATE_NOW:
		return time_holds(condition, facts->now, "%Y-%m-%d", arena);
	case FIELD_MESSAGE_DATE:
		return mime_parse_date(facts_field(facts, STR("Date")), &date) &&
		       value_holds(condition, arena_printf(arena, "%04d-%02d-%02d", date.year, date.month, date.day), arena);
	case FIELD_BODY:
		return value_holds(condition, facts_body(facts), arena);
	case FIELD_SPAM_SCORE:
		return value_holds(condition, arena_printf(arena, "%g", delivery->spam_score), arena);
	case FIELD_INCOMING:
		return flag_holds(condition, delivery->type == FACTS_INCOMING, arena);
	case FIELD_LOCAL:
		return flag_holds(condition, delivery->type == FACTS_LOCAL, arena);
	case FIELD_SYSTEM:
		return flag_holds(condition, delivery->type == FACTS_SYSTEM, arena);
	case FIELD_QUARANTINED:
		return flag_holds(condition, delivery->quarantined, arena);
	case FIELD_SEEN:
		return flag_holds(condition, delivery->seen, arena);
	case FIELD_FLAGGED:
		return flag_holds(condition, delivery->flagged, arena);
	case FIELD_KEYWORDS:
		return list_holds(condition, delivery->keywords, delivery->keyword_count, arena);
	case FIELD_RULE_MATCH:
		return list_holds(condition, delivery->matched, delivery->matched_count, arena);
	default:
		return false;
	}
}

/* One of the lines of the header, unfolded. */
static bool any_line_holds(const struct condition *condition, struct facts *facts, struct arena *arena)
{
	struct str rest = facts->header;
	struct mime_field field;

	while (mime_field_next(&rest, &field))
		if (value_holds(condition, str_trim(mime_unfold(field.whole, arena)), arena))
			return true;
	return false;
}

/* What a collector's rules alone ask. */
static bool download_holds(const struct condition *condition, enum field_kind kind, struct facts *facts,
                           struct arena *arena)
{
	const struct facts_download *download = facts->download;
	bool found = false;

	switch (kind) {
	case FIELD_RECIPIENT:
		for (size_t i = 0; i < facts->recipient_count; i++)
			found |= str_equal_nocase(facts->recipients[i], condition->data);
		for (size_t i = 0; i < download->name_count; i++)
			found |= str_equal_nocase(download->names[i], condition->data);
		return found;
	case FIELD_COLLECTOR:
		return str_equal_nocase(download->collector, condition->data) ||
		       str_equal(arena_printf(arena, "%" PRId64, download->number), condition->data);
	case FIELD_VALID:
		return number_holds(condition, download->valid, arena);
	case FIELD_INVALID:
		return number_holds(condition, download->invalid, arena);
	case FIELD_ANY:
		return any_line_holds(condition, facts, arena);
	default:
		return false;
	}
}

static bool field_holds(const struct condition *condition, const struct condition_field *field, struct facts *facts,
                        struct arena *arena)
{
	struct str this_recipient = facts_this_recipient(facts);
	const struct str *bcc;
	struct tm now = {0};
	size_t count;

	switch (field->kind) {
	case FIELD_HEADER:
		return header_holds(condition, field->name, facts, arena);
	case FIELD_ALWAYS:
		return str_equal(condition->data, STR("1"));
	case FIELD_TIME_NOW:
		return localtime_r(&facts->now, &now) != NULL && is_time(condition, &now);
	case FIELD_DAY_NOW:
		return localtime_r(&facts->now, &now) != NULL && (condition->days & 1U << now.tm_wday) != 0;
	case FIELD_IP_ADDRESS:
		return value_holds(condition, facts->client, arena);
	case FIELD_MAIL_FROM:
		return value_holds(condition, facts->mail_from, arena);
	case FIELD_AUTH_USER:
		return value_holds(condition, facts->user, arena);
	case FIELD_RCPT_TO:
		return any_holds(condition, facts->recipients, facts->recipient_count, arena);
	case FIELD_THIS_RCPT_TO:
		return any_holds(condition, &this_recipient, facts->stage == RULES_RCPT, arena);
	case FIELD_RCPT_COUNT:
		return number_holds(condition, facts->recipient_count, arena);
	case FIELD_BCC:
		count = facts_bcc(facts, &bcc);
		return any_holds(condition, bcc, count, arena);
	case FIELD_BCC_COUNT:
		return number_holds(condition, facts_bcc(facts, &bcc), arena);
	case FIELD_SIZE:
		return number_holds(condition, facts->size, arena);
	default:
		if (facts->download != NULL)
			return download_holds(condition, field->kind, facts, arena);
		return facts->delivery != NULL && delivery_holds(condition, field->kind, facts, arena);
	}
}

bool condition_holds(const struct condition *condition, struct facts *facts)
{
	struct arena scratch; /* not facts->arena: a long header would be copied for each of many conditions */
	bool holds = false;

	arena_init(&scratch);
	for (size_t i = 0; i < condition->field_count && !holds; i++)
		holds = field_holds(condition, &condition->fields[i], facts, &scratch);
	arena_free(&scratch);
	return holds != (condition->negate != (condition->op == OPERATOR_NOT_EQUALS));
}
