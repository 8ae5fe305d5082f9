/*
 * dmarc, tls-report: aggregate reports of DMARC and of TLS, before they are sent (reporter).
 */
#include "ctl/verb.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

enum { DAY_S = 86400 };

static const struct ctl_command report_usage = {"dmarc report", "[--day YYYY-MM-DD] [--domain NAME] [--send] [--json]",
                                                NULL, NULL, false};
static const struct ctl_command tls_usage = {"tls-report", "[--day YYYY-MM-DD] [--domain NAME] [--send] [--json]", NULL,
                                             NULL, false};

/* A day of the world's clock, as the number of those since 1970. */
static bool parse_day(const char *text, int64_t *day)
{
	struct tm date = {0};
	const char *end = strptime(text, "%Y-%m-%d", &date);

	if (end == NULL || *end != '\0')
		return false;
	*day = (int64_t)timegm(&date) / DAY_S;
	return *day >= 0;
}

static void print_list(const struct ipc_message *reply, bool as_json)
{
	json_t *rows = json_array();
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("report")))
			json_array_append_new(rows, json_loadb(value.data, value.len, 0, NULL));
	if (as_json && json_dumpf(rows, stdout, JSON_INDENT(2)) == 0)
		printf("\n");
	if (!as_json)
		printf("%-40s  %10s  %10s  %s\n", "domain", "messages", "rows", "sent");
	for (size_t i = 0; !as_json && i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		printf("%-40s  %10lld  %10lld  %s\n", json_string_value(json_object_get(row, "domain")),
		       (long long)json_integer_value(json_object_get(row, "messages")),
		       (long long)json_integer_value(json_object_get(row, "rows")),
		       json_is_true(json_object_get(row, "sent")) ? "sent" : "-");
	}
	json_decref(rows);
}

/* The report itself on standard output, who gets it beside it. */
static void print_report(const struct ipc_message *reply)
{
	struct str text = ipc_get(reply, "text-of-report"), key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("recipient")))
			fprintf(stderr, "for %.*s\n", STR_ARG(value));
	fwrite(text.data, 1, text.len, stdout);
}

/* kind: as reporter knows it. */
static int report(struct ctl *ctl, const char *kind, const struct ctl_command *usage, int argc, char **argv)
{
	static const struct option options[] = {{"day", required_argument, NULL, 'd'},
	                                        {"domain", required_argument, NULL, 'n'},
	                                        {"send", no_argument, NULL, 's'},
	                                        {"json", no_argument, NULL, 'j'},
	                                        {NULL, 0, NULL, 0}};
	int64_t day = (int64_t)time(NULL) / DAY_S - 1;
	bool sends = false, as_json = false;
	struct ipc_message request, reply;
	const char *domain = NULL;
	int option, status;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return ctl_usage(usage);
		if (option == 'd' && !parse_day(optarg, &day))
			return ctl_refuse("--day is a day as 2026-12-31, not \"%s\"", optarg);
		if (option == 'n')
			domain = optarg;
		sends |= option == 's';
		as_json |= option == 'j';
	}
	if (optind != argc)
		return ctl_usage(usage);
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "report");
	ipc_add_text(&request, "kind", kind);
	ipc_add_number(&request, "day", day);
	ipc_add_number(&request, "send", sends);
	if (domain != NULL)
		ipc_add_text(&request, "domain", domain);
	status = ctl_ask(ctl, "reporter", &request, &reply);
	if (status == CTL_DONE && ipc_get(&reply, "text-of-report").data != NULL)
		print_report(&reply);
	else if (status == CTL_DONE)
		print_list(&reply, as_json);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

int ctl_dmarc(struct ctl *ctl, int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "report") != 0)
		return ctl_usage(&report_usage);
	return report(ctl, "dmarc", &report_usage, argc - 1, argv + 1);
}

int ctl_tls_report(struct ctl *ctl, int argc, char **argv)
{
	return report(ctl, "tls", &tls_usage, argc, argv);
}
