#include "imapd/search_match.h"

#include "common/mime/header.h"
#include "imapd/cached.h"

enum { DAY = 86400 }; /* seconds */

static enum truth truth(bool is_true)
{
	return is_true ? IS_TRUE : IS_FALSE;
}

/* Days since 1970 of a date (proleptic Gregorian). */
static int64_t day_of(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int64_t day_of_time(int64_t seconds)
{
	return (seconds >= 0 ? seconds : seconds - (DAY - 1)) / DAY;
}

static enum truth match_view(const struct search_key *key, const struct candidate *candidate)
{
	const struct view_message *message = &candidate->view->messages[candidate->at];

	switch (key->kind) {
	case SEARCH_FLAG:
		return truth((message->flags & (unsigned)key->number) != 0);
	case SEARCH_RECENT:
		return truth((message->flags & VIEW_RECENT) != 0);
	case SEARCH_KEYWORD:
		return truth(view_has_keyword(candidate->view, message, key->text));
	case SEARCH_MODSEQ:
		return truth(message->modseq >= key->number);
	default:
		return truth(sequence_holds(&key->set, message->uid));
	}
}

static enum truth match_email_id(const struct search_key *key, const struct mailbox_details *details)
{
	uint64_t id;

	return truth(str_starts(key->text, STR("M")) && str_to_u64(str_skip(key->text, 1), INT64_MAX, &id) &&
	             (int64_t)id == details->email_id);
}

static enum truth match_details(const struct search_key *key, const struct mailbox_details *details)
{
	if (details == NULL)
		return IS_UNKNOWN;
	switch (key->kind) {
	case SEARCH_LARGER:
		return truth(details->size > key->number);
	case SEARCH_SMALLER:
		return truth(details->size < key->number);
	case SEARCH_BEFORE:
		return truth(day_of_time(details->internal_date) < key->number);
	case SEARCH_ON:
		return truth(day_of_time(details->internal_date) == key->number);
	case SEARCH_SINCE:
		return truth(day_of_time(details->internal_date) >= key->number);
	case SEARCH_SAVED_BEFORE:
		return truth(day_of_time(details->save_date) < key->number);
	case SEARCH_SAVED_ON:
		return truth(day_of_time(details->save_date) == key->number);
	case SEARCH_SAVED_SINCE:
		return truth(day_of_time(details->save_date) >= key->number);
	case SEARCH_OLDER: /* RFC 5032 3: the boundary belongs to both */
		return truth(details->internal_date <= key->number);
	case SEARCH_YOUNGER:
		return truth(details->internal_date >= key->number);
	default:
		return match_email_id(key, details);
	}
}

/* The header fields that are known, where the field of that name is among them. */
static const struct str *known_fields(const struct candidate *candidate, struct str name)
{
	if (candidate->text != NULL)
		return &candidate->text->header;
	return candidate->fields != NULL && cached_has_field(name) ? candidate->fields : NULL;
}

/* RFC 9051 6.4.4: by the day that is written, whatever its zone. Without a Date there is no such day. */
static enum truth match_sent(const struct search_key *key, const struct candidate *candidate)
{
	const struct str *fields = known_fields(candidate, STR("Date"));
	struct mime_field field;
	struct mime_date date;
	int64_t day;

	if (fields == NULL)
		return IS_UNKNOWN;
	if (!mime_field_find(*fields, STR("Date"), &field) || !mime_parse_date(field.value, &date))
		return IS_FALSE;
	day = day_of(date.year, date.month, date.day);
	if (key->kind == SEARCH_SENT_BEFORE)
		return truth(day < key->number);
	return truth(key->kind == SEARCH_SENT_ON ? day == key->number : day >= key->number);
}

static enum truth match_thread_id(const struct search_key *key, const struct candidate *candidate)
{
	const struct str *fields = known_fields(candidate, STR("References"));
	char id[CACHED_THREAD_MAX];

	if (fields == NULL || candidate->details == NULL)
		return IS_UNKNOWN;
	return truth(str_equal(key->text, str_of(cached_thread_id(*fields, candidate->details->email_id, id))));
}

/* What the full-text index said. */
static enum truth match_marks(const struct search_key *key, size_t at)
{
	if (key->marks == NULL)
		return IS_UNKNOWN;
	if (key->marks[at] == SEARCH_ABSENT)
		return IS_FALSE;
	return key->marks[at] == SEARCH_HIT && key->is_exact ? IS_TRUE : IS_UNKNOWN;
}

static enum truth match_field(const struct search_key *key, struct candidate *candidate)
{
	const struct str *fields = known_fields(candidate, key->name);
	struct search_text text = {.arena = candidate->arena};

	if (fields == NULL)
		return IS_UNKNOWN;
	text.header = *fields;
	return truth(search_text_field(&text, key->name, key->text));
}

static enum truth match_text(const struct search_key *key, struct candidate *candidate)
{
	enum truth told = match_marks(key, candidate->at);
	int found;

	if (told != IS_UNKNOWN)
		return told;
	if (key->kind == SEARCH_FIELD_TEXT)
		return match_field(key, candidate);
	if (key->text.len == 0)
		return IS_TRUE;
	if (candidate->text == NULL || candidate->failed)
		return IS_UNKNOWN;
	found = search_text_find(candidate->text, key->text, key->kind == SEARCH_ANY_TEXT, candidate->err);
	candidate->failed = found < 0;
	return truth(found > 0);
}

/* AND: false where one is false. OR: true where one is true. Otherwise unknown where one is. */
static enum truth match_children(const struct search_key *key, struct candidate *candidate)
{
	enum truth decisive = key->kind == SEARCH_OR ? IS_TRUE : IS_FALSE;
	enum truth result = key->kind == SEARCH_OR ? IS_FALSE : IS_TRUE;

	for (const struct search_key *child = key->first_child; child != NULL; child = child->next) {
		enum truth one = search_match(child, candidate);

		if (one == decisive)
			return one;
		if (one == IS_UNKNOWN)
			result = IS_UNKNOWN;
	}
	return result;
}

enum truth search_match(const struct search_key *key, struct candidate *candidate)
{
	enum truth result;

	switch (key->kind) {
	case SEARCH_AND:
	case SEARCH_OR:
		return match_children(key, candidate);
	case SEARCH_NOT:
		result = search_match(key->first_child, candidate);
		return result == IS_UNKNOWN ? IS_UNKNOWN : truth(result == IS_FALSE);
	case SEARCH_SENT_BEFORE:
	case SEARCH_SENT_ON:
	case SEARCH_SENT_SINCE:
		return match_sent(key, candidate);
	case SEARCH_THREAD_ID:
		return match_thread_id(key, candidate);
	case SEARCH_FIELD_TEXT:
	case SEARCH_BODY_TEXT:
	case SEARCH_ANY_TEXT:
		return match_text(key, candidate);
	default:
		return key->kind <= SEARCH_MODSEQ ? match_view(key, candidate) : match_details(key, candidate->details);
	}
}

bool search_needs_text(const struct search_key *key)
{
	if (key->kind == SEARCH_BODY_TEXT || key->kind == SEARCH_ANY_TEXT ||
	    (key->kind == SEARCH_FIELD_TEXT && !cached_has_field(key->name)))
		return true;
	for (const struct search_key *child = key->first_child; child != NULL; child = child->next)
		if (search_needs_text(child))
			return true;
	return false;
}
