#include "common/collecting/options.h"

static struct str text_of(const struct collector_settings *settings, enum collector_setting setting)
{
	return str_of(settings->texts[setting]);
}

static bool flag_of(const struct collector_settings *settings, enum collector_setting setting)
{
	return settings->numbers[setting] != 0;
}

/* The place of a choice's word among the words of the setting. */
static int word_of(const struct collector_settings *settings, enum collector_setting setting, const char *const *words)
{
	int place = 0;

	while (words[place + 1] != NULL && strcmp(words[place], settings->texts[setting]) != 0)
		place++;
	return place;
}

static int read_targets(struct str text, struct arena *arena, struct rule_targets *targets, struct err *err)
{
	*targets = (struct rule_targets){NULL, 0};
	return text.len == 0 ? 0 : targets_parse(text, arena, targets, err);
}

/* Those that need nothing but to be looked up. */
static void read_words(const struct collector_settings *settings, struct routing_options *options)
{
	static const char *const methods[] = {"headers", "user", "forward", "comment", "subject", NULL};
	static const char *const readings[] = {"forwards", "reversed", "all", NULL};
	static const char *const errors[] = {
	    "report-admin", "message-admin", "report-address", "message-address", "bounce", "ignore", NULL};

	options->method = (enum routing_method)word_of(settings, COLLECTOR_SETTING_ROUTE, methods);
	options->read_special = (enum routing_reading)word_of(settings, COLLECTOR_SETTING_READ_SPECIAL, readings);
	options->read_received = (enum routing_reading)word_of(settings, COLLECTOR_SETTING_READ_RECEIVED, readings);
	options->error = (enum routing_error)word_of(settings, COLLECTOR_SETTING_ERROR, errors);
	options->ignore_resent = flag_of(settings, COLLECTOR_SETTING_IGNORE_RESENT);
	options->ignore_received_names = flag_of(settings, COLLECTOR_SETTING_IGNORE_RECEIVED_NAMES);
	options->ignore_standard_names = flag_of(settings, COLLECTOR_SETTING_IGNORE_STANDARD_NAMES);
	options->ignore_from_line = flag_of(settings, COLLECTOR_SETTING_IGNORE_FROM_LINE);
	options->bounce = flag_of(settings, COLLECTOR_SETTING_BOUNCE);
	options->bounce_below = settings->numbers[COLLECTOR_SETTING_BOUNCE_BELOW];
	options->bounce_text = text_of(settings, COLLECTOR_SETTING_BOUNCE_TEXT);
}

/* The first accepted domain that is no pattern; it may stand behind a local part. */
static struct str first_domain(const struct routing_options *options, struct str own_domain)
{
	for (size_t i = 0; i < options->domain_count; i++) {
		struct str entry = options->domains[i];
		struct str domain = str_skip(entry, (size_t)(str_find_last_char(entry, '@') + 1));

		if (str_find_char(domain, '*') < 0 && str_find_char(domain, '?') < 0)
			return domain;
	}
	return own_domain;
}

static int read_targets_of_method(const struct collector_settings *settings, struct arena *arena,
                                  struct routing_options *options, struct err *err)
{
	struct str target = text_of(settings, COLLECTOR_SETTING_TARGET);
	struct str marker = text_of(settings, COLLECTOR_SETTING_SUBJECT_MARKER);

	if (options->method == ROUTING_TO_SERVER)
		options->forward_address = target;
	else if (read_targets(target, arena, &options->target, err) != 0)
		return -1;
	return marker.len == 0 ? 0 : regex_compile(marker, &options->subject, err);
}

int routing_read_options(const struct collector_settings *settings, struct str own_domain, struct arena *arena,
                         struct routing_options *options, struct err *err)
{
	*options = (struct routing_options){.forward_address = STR("")};
	read_words(settings, options);
	if (routing_parse_domains(text_of(settings, COLLECTOR_SETTING_ACCEPTED_DOMAINS), arena, options->domains,
	                          &options->domain_count, err) == 0 &&
	    routing_parse_order(text_of(settings, COLLECTOR_SETTING_ORDER), options->order, err) == 0 &&
	    read_targets(text_of(settings, COLLECTOR_SETTING_ERROR_TARGET), arena, &options->error_targets, err) == 0 &&
	    special_parse(text_of(settings, COLLECTOR_SETTING_SPECIAL_FIELDS), arena, &options->special, err) == 0 &&
	    read_targets_of_method(settings, arena, options, err) == 0) {
		options->own_domain = first_domain(options, own_domain);
		return 0;
	}
	routing_options_free(options);
	return err_prefix(err, "the routing of the collector %s", settings->name);
}
