#include "common/collecting/sources.h"

#include "common/addr/addr.h"

#include <stdio.h>

enum { SENTENCES_MAX = 4 * ROUTING_ADDRESSES_MAX };

/* Room for one more in a list that grows in an arena. */
static void *one_more(struct arena *arena, void *list, size_t count, size_t *room, size_t size)
{
	void *longer;

	if (count < *room)
		return list;
	*room = *room != 0 ? 2 * *room : 8;
	longer = arena_get(arena, *room * size);
	if (count != 0)
		memcpy(longer, list, count * size);
	return longer;
}

void finder_explain(struct finder *finder, const char *format, ...)
{
	struct routing *routing = finder->routing;
	char text[1024];
	va_list args;

	if (!finder->explain || routing->step_count == SENTENCES_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	routing->steps =
	    one_more(finder->arena, routing->steps, routing->step_count, &finder->step_room, sizeof *routing->steps);
	routing->steps[routing->step_count++] = arena_copy(finder->arena, str_of(text));
}

static void add_recipient(struct finder *finder, const struct spool_recipient *recipient)
{
	struct routing *routing = finder->routing;

	for (size_t i = 0; i < routing->recipient_count; i++)
		if (str_equal_nocase(routing->recipients[i].address, recipient->address) &&
		    str_equal(routing->recipients[i].folder, recipient->folder) &&
		    routing->recipients[i].named == recipient->named)
			return;
	routing->recipients = one_more(finder->arena, routing->recipients, routing->recipient_count,
	                               &finder->recipient_room, sizeof *routing->recipients);
	routing->recipients[routing->recipient_count++] = *recipient;
}

void finder_name(struct finder *finder, const struct rule_targets *targets)
{
	for (size_t i = 0; i < targets->count; i++) {
		const struct spool_recipient recipient = {
		    .address = targets->list[i].address,
		    .folder = addr_xtext_encode(targets->list[i].folder, finder->arena),
		    .named = true,
		};

		add_recipient(finder, &recipient);
	}
}

static const struct routing_address *find_address(const struct routing *routing, struct str address)
{
	for (size_t i = 0; i < routing->address_count; i++)
		if (str_equal_nocase(routing->addresses[i].address, address))
			return &routing->addresses[i];
	return NULL;
}

/* Ask about an address that was not asked about before, and remember the answer. */
static int ask(struct finder *finder, const char *where, struct str address, bool *ours, struct err *err)
{
	static const char *const words[] = {
	    [ROUTING_VALID] = "a recipient",
	    [ROUTING_ELSEWHERE] = "elsewhere, by a mapping to *REMOTE: ignored",
	    [ROUTING_UNKNOWN] = "nobody here",
	    [ROUTING_FOREIGN] = "of another domain: ignored",
	};
	const struct spool_recipient recipient = {.address = address, .folder = STR("")};
	struct routing_address answer = {.address = address};
	struct routing *routing = finder->routing;
	enum routing_standing standing;

	if (finder->asker->address(finder->asker->context, finder->arena, &answer, err) != 0)
		return -1;
	standing = answer.standing;
	finder_explain(finder, "%s: %.*s is %s", where, STR_ARG(address), words[standing]);
	routing->addresses = one_more(finder->arena, routing->addresses, routing->address_count, &finder->address_room,
	                              sizeof *routing->addresses);
	routing->addresses[routing->address_count++] = answer;
	routing->valid += standing == ROUTING_VALID;
	routing->unknown += standing == ROUTING_UNKNOWN;
	if (standing == ROUTING_VALID)
		add_recipient(finder, &recipient);
	*ours |= standing != ROUTING_FOREIGN;
	return 0;
}

int finder_take(struct finder *finder, const char *where, struct str local_part, struct str domain, bool *ours,
                struct err *err)
{
	struct arena *arena = finder->arena;
	const struct routing_address *known;
	struct addr addr;

	if (domain.len == 0)
		domain = finder->options->own_domain;
	if (addr_parse_mailbox(addr_format(local_part, domain, arena), arena, &addr, NULL) != 0 || addr.domain.len == 0) {
		finder_explain(finder, "%s: \"%.*s@%.*s\" is not an address", where, STR_ARG(local_part), STR_ARG(domain));
		return 0;
	}
	known = find_address(finder->routing, addr.text);
	if (known != NULL) {
		*ours |= known->standing != ROUTING_FOREIGN;
		return 0;
	}
	if (finder->routing->address_count == ROUTING_ADDRESSES_MAX) {
		finder_explain(finder, "%s: more than %d addresses; the rest is not looked at", where, ROUTING_ADDRESSES_MAX);
		return 0;
	}
	return ask(finder, where, arena_copy(arena, addr.text), ours, err);
}

static int take_step(struct finder *finder, enum routing_step step, bool *stop, struct err *err)
{
	switch (step) {
	case ROUTING_STEP_SPECIAL:
		return sources_special(finder, err);
	case ROUTING_STEP_STANDARD:
		return sources_standard(finder, err);
	case ROUTING_STEP_RECEIVED:
		return sources_received(finder, err);
	case ROUTING_STEP_STOP_IF_FOUND:
		*stop = finder->routing->valid > 0;
		if (*stop)
			finder_explain(finder, "a recipient has been found: what comes behind in the order is not read");
		return 0;
	case ROUTING_STEP_STOP:
		*stop = true;
		return 0;
	case ROUTING_STEP_NONE:
		break;
	}
	return 0;
}

static int take_steps(struct finder *finder, struct err *err)
{
	bool stop = false;

	for (int i = 0; i < ROUTING_STEPS_MAX && !stop; i++)
		if (take_step(finder, finder->options->order[i], &stop, err) != 0)
			return -1;
	return 0;
}

static struct str field_value(const struct finder *finder, struct str name)
{
	for (size_t i = 0; i < finder->field_count; i++)
		if (str_equal_nocase(finder->fields[i].name, name))
			return finder->fields[i].value;
	return (struct str){NULL, 0};
}

/* The first address of a field, "" where there is none. */
static struct str first_address(const struct finder *finder, struct str name)
{
	struct mime_addresses addresses;
	struct addr addr;

	mime_parse_addresses(field_value(finder, name), finder->arena, &addresses);
	for (size_t i = 0; i < addresses.count; i++) {
		const struct mime_address *address = &addresses.list[i];

		if (address->kind == MIME_ADDRESS && address->host.len > 0 &&
		    addr_parse_mailbox(addr_format(address->mailbox, address->host, finder->arena), finder->arena, &addr,
		                       NULL) == 0)
			return arena_copy(finder->arena, addr.text);
	}
	return STR("");
}

/* RFC 5321 4.4: who delivered it wrote the reverse-path there; without it the author stands in. */
static struct str reverse_path(const struct finder *finder)
{
	struct str value = mime_unfold(field_value(finder, STR("Return-Path")), finder->arena), rest;
	struct addr addr;

	if (value.data != NULL && addr_parse_path(value, finder->arena, &addr, &rest, NULL) == 0)
		return arena_copy(finder->arena, addr.text);
	return finder->routing->author;
}

static void read_fields(struct finder *finder, struct str header)
{
	struct routing *routing = finder->routing;
	struct str rest = header;
	struct mime_field field;
	size_t room = 0;

	while (finder->field_count < ROUTING_FIELDS_MAX && mime_field_next(&rest, &field)) {
		if (field.name.len == 0)
			continue;
		finder->fields = one_more(finder->arena, finder->fields, finder->field_count, &room, sizeof field);
		finder->fields[finder->field_count++] = field;
	}
	routing->header = header;
	routing->author = first_address(finder, STR("From"));
	if (routing->author.len == 0)
		routing->author = first_address(finder, STR("Sender"));
	routing->sender = reverse_path(finder);
	routing->subject = mime_decode_words(field_value(finder, STR("Subject")), finder->arena);
}

/* The FROM mappings of one sender. */
static int take_author(struct finder *finder, struct str address, struct err *err)
{
	struct rule_targets targets = {NULL, 0};

	if (address.len == 0)
		return 0;
	if (finder->asker->author(finder->asker->context, address, finder->arena, &targets, err) != 0)
		return -1;
	for (size_t i = 0; i < targets.count; i++)
		finder_explain(finder, "From: a FROM mapping of %.*s gives it to %.*s", STR_ARG(address),
		               STR_ARG(targets.list[i].address));
	finder_name(finder, &targets);
	return 0;
}

static int take_authors(struct finder *finder, struct err *err)
{
	const struct routing *routing = finder->routing;

	if (take_author(finder, routing->author, err) != 0)
		return -1;
	return str_equal_nocase(routing->author, routing->sender) ? 0 : take_author(finder, routing->sender, err);
}

static int find(struct finder *finder, struct err *err)
{
	const struct routing_options *options = finder->options;
	const struct spool_recipient forward = {.address = options->forward_address, .folder = STR("")};

	switch (options->method) {
	case ROUTING_TO_USER:
		finder_explain(finder, "all messages go to who the collector names");
		finder_name(finder, &options->target);
		return 0;
	case ROUTING_TO_SERVER:
		finder_explain(finder, "all messages go to %.*s by another server", STR_ARG(options->forward_address));
		add_recipient(finder, &forward);
		return 0;
	case ROUTING_BY_NAME:
		return sources_names(finder, err) != 0 ? -1 : take_authors(finder, err);
	case ROUTING_BY_SUBJECT:
		return sources_subject(finder, err) != 0 ? -1 : take_authors(finder, err);
	case ROUTING_BY_HEADERS:
		break;
	}
	return take_steps(finder, err) != 0 ? -1 : take_authors(finder, err);
}

size_t routing_from_line(struct str message)
{
	ptrdiff_t end = str_find_char(message, '\n');

	if (!str_starts(message, STR("From ")) && !str_starts(message, STR(">From ")))
		return 0;
	return end < 0 ? message.len : (size_t)end + 1;
}

int routing_find(const struct routing_options *options, struct str header, const struct routing_asker *asker,
                 bool explain, struct arena *arena, struct routing *routing, struct err *err)
{
	struct finder finder = {.options = options, .asker = asker, .arena = arena, .routing = routing, .explain = explain};
	size_t from_line = routing_from_line(header);

	*routing = (struct routing){.header = header};
	if (from_line > 0 && !options->ignore_from_line) {
		finder_explain(&finder, "a line \"From ...\" stands where the header should begin, and ends it");
		header = STR("");
	}
	read_fields(&finder, str_skip(header, from_line));
	return find(&finder, err);
}

void routing_options_free(struct routing_options *options)
{
	special_free(&options->special);
	regex_free(options->subject);
	options->subject = NULL;
}
