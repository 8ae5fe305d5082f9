/*
 * responder: autoresponders: what they say (definitions) and when (rules).
 *
 * A definition is a user's, or the server's for everybody to name in his rules (a template). A rule names a definition,
 * the user's own before the server's, or "none": then it matches and nothing is answered. The first rule that is
 * enabled and matches decides. Filters and triggers are lines "Field: data", wildcards in both: where a filter matches
 * nothing is answered; where there are triggers, one has to match.
 */
#ifndef POSTROOM_ITEMS_RESPONDER_H
#define POSTROOM_ITEMS_RESPONDER_H

#include "common/items/item.h"
#include "common/settings/window.h"

enum {
	RESPONDERS_MAX = 100, /* definitions of one owner */
	RESPONDER_RULES_MAX = 200,
	RESPONDER_FILTERS_MAX = 200,
	RESPONDER_HOURS_MAX = 87600,
	RESPONDER_HOURS = 168,        /* where nothing is said: one answer a week */
	RESPONDER_FILES_MAX = 10,     /* that go with an answer */
	RESPONDER_FILE_NAME_MAX = 100 /* octets */
};

enum responder_append { RESPONDER_NOTHING, RESPONDER_HEADERS, RESPONDER_WHOLE };

struct responder {
	int64_t id;
	struct str name, text;
	struct str from, reply_to;          /* empty: the usual ones; reply_to "*": the user */
	struct str subject, subject_prefix; /* prefix data NULL: the setting's */
	struct str copy_to, send_to;        /* addresses, separated by ';', ',' or blanks */
	bool keep, to_sender;
	int64_t hours; /* 0: answer every time */
	enum responder_append append;
	struct str files; /* names of files that go with it, a line each (deliver/media.h) */
};

struct responder_rule {
	int64_t id;
	struct str name;
	struct str responder; /* its name; empty: none */
	bool enabled;
	struct str date_from, date_to, time_from, time_to, datetime_from, datetime_to, days; /* as written */
	struct window_end from, to;                                                          /* of dates and times */
	int64_t span_from, span_to; /* of date/time: day * 10000 + minute; 0: open */
	unsigned weekdays;          /* bit 0 is Sunday; 0: all */
	struct str sender, subject; /* a wildcard pattern or /regex/; empty: any */
	struct str values;          /* lines "name=value" */
};

struct responder_filter {
	bool is_trigger;
	struct str name, data;
};

/* Is it the name of a file: UTF-8 without '/' and control characters, that does not begin with '.'? */
bool responder_file_name_is_valid(struct str name);

/* From items that were checked. -1: ERR_SYNTAX, ERR_LIMIT with the field's name. */
int responder_read(const struct item *item, struct responder *responder_out, struct err *err);
int responder_rule_read(const struct item *item, struct responder_rule *rule_out, struct err *err);
int responder_filter_read(const struct item *item, struct responder_filter *filter_out, struct err *err);
/* One line "Field: data"; false: it is none. */
bool responder_filter_line(struct str line, struct responder_filter *filter_out);

/* Is the rule in force at this time (local)? Sender and subject are not looked at. */
bool responder_rule_is_time(const struct responder_rule *rule, time_t now);

#endif
