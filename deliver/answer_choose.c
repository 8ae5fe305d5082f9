/* answer: is it answered, and by which autoresponder? */
#include "deliver/answer.h"

#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/base/wildcard.h"
#include "common/mime/header.h"
#include "common/rules/regex.h"

static bool filter_matches(const struct client *client, const struct responder_filter *filter)
{
	struct str rest = client->subject->header;
	struct mime_field field;

	while (mime_field_next(&rest, &field)) {
		if (field.name.len == 0 || !wildcard_match(field.name, filter->name, NULL))
			continue;
		if (wildcard_match(str_trim(mime_unfold(field.value, client->arena)), filter->data, NULL) ||
		    wildcard_match(str_trim(mime_decode_words(field.value, client->arena)), filter->data, NULL))
			return true;
	}
	return false;
}

/* RFC 3834 2: no answer to what was not written by somebody. */
static bool is_automatic(const struct client *client)
{
	struct mime_field field;
	struct str word;

	if (client->subject->order->from.len == 0)
		return true;
	if (!mime_field_find(client->subject->header, STR("Auto-Submitted"), &field))
		return false;
	word = mime_unfold(field.value, client->arena);
	return !str_equal_nocase(str_trim(str_cut(&word, ';')), STR("no"));
}

static bool settings_filter(const struct client *client)
{
	struct str lines = str_of(settings_text(&client->subject->desk->settings, SETTING_ANSWER_HEADER_FILTERS));
	struct responder_filter filter;

	while (lines.len > 0)
		if (responder_filter_line(str_cut(&lines, '\n'), &filter) && filter_matches(client, &filter))
			return true;
	return false;
}

/* The first line that matches decides; where none says "!" the list is of those who are answered. */
static bool reply_filter(const struct client *client, struct str address)
{
	struct str lines = str_of(settings_text(&client->subject->desk->settings, SETTING_ANSWER_REPLY_FILTERS));
	bool only_positive = lines.len > 0;

	while (lines.len > 0) {
		struct str line = str_trim(str_cut(&lines, '\n'));
		bool refuses = line.len > 0 && line.data[0] == '!';

		if (line.len == 0)
			continue;
		only_positive &= !refuses;
		if (wildcard_match(address, str_skip(line, refuses), NULL))
			return refuses;
	}
	return only_positive;
}

/* Filters: none may match; triggers: one has to, where there are any. */
static int user_filters(const struct client *client, bool *stop_out, struct err *err)
{
	bool has_triggers = false, triggered = false;
	struct responder_filter filter;
	struct items items;

	*stop_out = false;
	if (items_load(&client->subject->desk->settings.objects, ITEM_RESPONDER_FILTER, client->user->uid, client->arena,
	               &items, err) != 0)
		return -1;
	for (size_t i = 0; i < items.count; i++) {
		if (responder_filter_read(&items.list[i], &filter, err) != 0)
			continue;
		has_triggers |= filter.is_trigger;
		if (!filter_matches(client, &filter))
			continue;
		triggered |= filter.is_trigger;
		*stop_out |= !filter.is_trigger;
	}
	*stop_out |= has_triggers && !triggered;
	return 0;
}

/* A wildcard pattern, or a regular expression in slashes. */
static bool pattern_matches(struct str pattern, struct str text)
{
	struct regex *regex;
	bool matches;

	if (pattern.len == 0)
		return true;
	if (pattern.len < 2 || pattern.data[0] != '/')
		return wildcard_match(text, pattern, NULL);
	if (regex_compile(pattern, &regex, NULL) != 0)
		return false;
	matches = regex_search(regex, text) == REGEX_YES;
	regex_free(regex);
	return matches;
}

static bool find_definition(const struct client *client, int64_t owner, struct str name, struct responder *responder,
                            struct err *err)
{
	struct items items;

	if (items_load(&client->subject->desk->settings.objects, ITEM_RESPONDER, owner, client->arena, &items, err) != 0)
		return false;
	for (size_t i = 0; i < items.count; i++)
		if (responder_read(&items.list[i], responder, err) == 0 && str_equal_nocase(responder->name, name))
			return true;
	return false;
}

/* The first rule that is enabled and matches. */
static int find_rule(struct client *client, struct answer *answer, bool *found_out, struct err *err)
{
	struct items items;

	*found_out = false;
	if (items_load(&client->subject->desk->settings.objects, ITEM_RESPONDER_RULE, client->user->uid, client->arena,
	               &items, err) != 0)
		return -1;
	for (size_t i = 0; i < items.count && !*found_out; i++)
		*found_out = responder_rule_read(&items.list[i], &answer->rule, err) == 0 && answer->rule.enabled &&
		             responder_rule_is_time(&answer->rule, answer->now) &&
		             pattern_matches(answer->rule.sender, client->subject->order->from) &&
		             pattern_matches(answer->rule.subject, answer->original_subject);
	return 0;
}

/* RFC 3834 4: to the return path; else, as the administrator wants it, to Reply-To or From. */
static struct str find_originator(const struct client *client)
{
	static const char *const names[] = {"Reply-To", "From"};
	const struct settings *settings = &client->subject->desk->settings;
	struct mime_addresses addresses;
	struct mime_field field;

	for (size_t i = 0; i < 2 && !settings_flag(settings, SETTING_ANSWER_RFC3834); i++) {
		if (!mime_field_find(client->subject->header, str_of(names[i]), &field))
			continue;
		mime_parse_addresses(field.value, client->arena, &addresses);
		for (size_t j = 0; j < addresses.count; j++)
			if (addresses.list[j].kind == MIME_ADDRESS && addresses.list[j].host.len > 0)
				return addr_format(addresses.list[j].mailbox, addresses.list[j].host, client->arena);
	}
	return client->subject->order->from;
}

static bool is_own_address(const struct client *client, struct str address)
{
	return str_equal_nocase(address, client->address) || str_equal_nocase(address, client->user->address);
}

enum answer_choice answer_choose(struct client *client, struct answer *answer, struct err *err)
{
	const struct subject *subject = client->subject;
	struct mime_field field;
	bool found, stop;

	*answer = (struct answer){.client = client, .now = (time_t)subject->order->now};
	answer->originator = find_originator(client);
	answer->original_subject = mime_field_find(subject->header, STR("Subject"), &field)
	                               ? mime_decode_words(field.value, client->arena)
	                               : STR("");
	if (find_rule(client, answer, &found, err) != 0 || user_filters(client, &stop, err) != 0)
		return ANSWER_UNKNOWN;
	if (!found || stop || is_automatic(client) || settings_filter(client) || reply_filter(client, answer->originator) ||
	    is_own_address(client, answer->originator))
		return ANSWER_NONE;
	client->decision->matched = answer->rule.id;
	answer->matches = 1;
	for (size_t i = 0; i < subject->order->count_count; i++)
		if (subject->order->counts[i].rule == answer->rule.id)
			answer->matches += subject->order->counts[i].matches;
	if (answer->rule.responder.len == 0)
		return ANSWER_NONE;
	answer->is_of_server = !find_definition(client, client->user->uid, answer->rule.responder, &answer->responder, err);
	if (answer->is_of_server &&
	    !find_definition(client, ITEM_SERVER, answer->rule.responder, &answer->responder, err)) {
		log_warning("id=%.*s user %.*s has no autoresponder \"%.*s\"", STR_ARG(subject->order->id),
		            STR_ARG(client->name), STR_ARG(answer->rule.responder));
		return ANSWER_NONE;
	}
	answer->to = answer->responder.send_to;
	answer->copy_to = answer->responder.copy_to;
	return ANSWER_THIS;
}
