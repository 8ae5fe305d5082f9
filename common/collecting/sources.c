#include "common/collecting/sources.h"

#include "common/addr/addr.h"
#include "common/addr/pattern.h"

enum { RECEIVED_MAX = 4096 }; /* octets of a Received field that are looked at */

/*
 * Take all addresses of a text. names: those without a domain count, too. A broken element takes nothing from others,
 * as the strict parser of lists would have it; whether one is an address finder_take says.
 */
static int take_text(struct finder *finder, const char *where, struct str text, bool names, bool *ours, struct err *err)
{
	struct mime_addresses addresses;

	mime_parse_addresses(text, finder->arena, &addresses);
	for (size_t i = 0; i < addresses.count; i++) {
		const struct mime_address *address = &addresses.list[i];

		if (address->kind != MIME_ADDRESS || address->mailbox.len == 0)
			continue;
		if (address->host.len == 0 && !names) {
			finder_explain(finder, "%s: \"%.*s\" has no domain and is passed over", where, STR_ARG(address->mailbox));
			continue;
		}
		if (finder_take(finder, where, address->mailbox, address->host, ours, err) != 0)
			return -1;
	}
	return 0;
}

/* The fields in the order of reading: the place of the next of them. */
static const struct mime_field *field_at(const struct finder *finder, enum routing_reading reading, size_t step)
{
	return &finder->fields[reading == ROUTING_READ_LAST ? finder->field_count - 1 - step : step];
}

static int take_special(struct finder *finder, const struct special_field *special, const struct mime_field *field,
                        bool *ours, struct err *err)
{
	struct str found[SPECIAL_FOUND_MAX];
	const char *where = arena_text(finder->arena, field->name);
	size_t count =
	    special_find(special, mime_unfold(field->value, finder->arena), finder->arena, found, SPECIAL_FOUND_MAX);

	if (count == 0)
		finder_explain(finder, "%s: its value is of another form than the definition", where);
	for (size_t i = 0; i < count; i++)
		if (take_text(finder, where, found[i], true, ours, err) != 0)
			return -1;
	return 0;
}

int sources_special(struct finder *finder, struct err *err)
{
	const struct routing_options *options = finder->options;
	bool ours = false;

	for (size_t i = 0; i < finder->field_count && !(ours && options->read_special != ROUTING_READ_ALL); i++) {
		const struct mime_field *field = field_at(finder, options->read_special, i);

		for (size_t j = 0; j < options->special.count; j++)
			if (str_equal_nocase(field->name, options->special.list[j].name) &&
			    take_special(finder, &options->special.list[j], field, &ours, err) != 0)
				return -1;
	}
	return 0;
}

int sources_standard(struct finder *finder, struct err *err)
{
	static const struct {
		const char *name;
		bool resent;
	} names[] = {{"To", false}, {"Cc", false}, {"Apparently-To", false}, {"Resent-To", true}, {"Resent-Cc", true}};
	bool ours = false;

	for (size_t i = 0; i < finder->field_count; i++)
		for (size_t j = 0; j < sizeof names / sizeof names[0]; j++)
			if (str_equal_nocase(finder->fields[i].name, str_of(names[j].name)) &&
			    !(names[j].resent && finder->options->ignore_resent) &&
			    take_text(finder, names[j].name, finder->fields[i].value, !finder->options->ignore_standard_names,
			              &ours, err) != 0)
				return -1;
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * The length of what is passed over as one: a comment, which may hold others, or a quoted string; else one octet. A
 * parenthesis that is never closed is one octet, and one within a comment begins a comment of its own then (is_broken).
 */
static size_t unit_length(struct str text, bool is_broken)
{
	bool is_quoted = text.data[0] == '"';
	unsigned depth = 0;

	if (!is_quoted && text.data[0] != '(')
		return 1;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '\\')
			i++;
		else if (is_quoted && i > 0 && c == '"')
			return i + 1;
		else if (!is_quoted && c == '(' && ++depth > 1 && is_broken)
			return 1;
		else if (!is_quoted && c == ')' && --depth == 0)
			return i + 1;
	}
	return is_broken ? 1 : text.len;
}

/* The first "for" outside of comments and quoted strings, with what follows. */
static struct str find_for(struct str value, bool is_broken)
{
	bool at_word = true;
	size_t end = 0;

	while (value.len > 0 && value.data[0] != ';') {
		size_t length = unit_length(value, is_broken);

		if (at_word && str_starts_nocase(value, STR("for")) && value.len > 3 && is_blank(value.data[3])) {
			value = str_trim(str_skip(value, 4));
			if (str_starts(value, STR("<")))
				return str_sub(value, 0, (size_t)(str_find_char(value, '>') + 1));
			while (end < value.len && !is_blank(value.data[end]) && value.data[end] != ';')
				end += unit_length(str_skip(value, end), is_broken);
			return str_sub(value, 0, end);
		}
		at_word = length > 1 || is_blank(value.data[0]);
		value = str_skip(value, length);
	}
	return STR("");
}

struct str sources_received_for(struct str value)
{
	struct str looked_at = str_sub(value, 0, RECEIVED_MAX), found = find_for(looked_at, false);

	/* a comment that is not closed hides what follows */
	return found.len > 0 ? found : find_for(looked_at, true);
}

int sources_received(struct finder *finder, struct err *err)
{
	const struct routing_options *options = finder->options;
	bool ours = false;

	for (size_t i = 0; i < finder->field_count && !(ours && options->read_received != ROUTING_READ_ALL); i++) {
		const struct mime_field *field = field_at(finder, options->read_received, i);

		if (str_equal_nocase(field->name, STR("Received")) &&
		    take_text(finder, "Received", sources_received_for(field->value), !options->ignore_received_names, &ours,
		              err) != 0)
			return -1;
	}
	return 0;
}

/* Is it an address of this mailbox? Without accepted domains every address is taken for one. */
static bool is_accepted(const struct finder *finder, const struct mime_address *address)
{
	struct str domain;

	if (finder->options->domain_count == 0)
		return true;
	if (addr_normalise_domain(address->host, finder->arena, &domain, NULL) != 0)
		return false;
	for (size_t i = 0; i < finder->options->domain_count; i++)
		if (addr_entry_holds(finder->options->domains[i], address->mailbox, domain))
			return true;
	return false;
}

int sources_names(struct finder *finder, struct err *err)
{
	bool ours = false;

	for (size_t i = 0; i < finder->field_count; i++) {
		struct str field = finder->fields[i].name;
		struct mime_addresses addresses;

		if (!str_equal_nocase(field, STR("To")) && !str_equal_nocase(field, STR("Cc")))
			continue;
		mime_parse_addresses(finder->fields[i].value, finder->arena, &addresses);
		for (size_t j = 0; j < addresses.count; j++) {
			const struct mime_address *address = &addresses.list[j];

			if (address->kind == MIME_ADDRESS && address->name.len > 0 && is_accepted(finder, address) &&
			    finder_take(finder, arena_text(finder->arena, field), mime_decode_words(address->name, finder->arena),
			                STR(""), &ours, err) != 0)
				return -1;
		}
	}
	return 0;
}

int sources_subject(struct finder *finder, struct err *err)
{
	struct str name;
	size_t count;
	bool ours = false;

	if (finder->options->subject == NULL ||
	    regex_groups(finder->options->subject, finder->routing->subject, &name, 1, &count) != REGEX_YES || count == 0) {
		finder_explain(finder, "Subject: the marker is not in it");
		return 0;
	}
	return finder_take(finder, "Subject", str_trim(name), STR(""), &ours, err);
}
