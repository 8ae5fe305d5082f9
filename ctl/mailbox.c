/*
 * mailbox: looking into mailboxes, and what an administrator does with them.
 */
#include "ctl/mailbox.h"

#include "common/store/bin.h"
#include "common/store/search.h"
#include "common/store/verify.h"

#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

/* What the options of all these commands say. */
struct options {
	const char *user, *format, *folder, *path;
	int64_t since; /* milliseconds since 1970 */
	bool json, all, unread, flagged, list;
	int target; /* of an export */
};

enum option_letter {
	OPTION_JSON = 1,
	OPTION_ALL = 2,
	OPTION_SINCE = 4,
	OPTION_UNREAD = 8,
	OPTION_FLAGGED = 16,
	OPTION_LIST = 32,
	OPTION_FORMAT = 64,
	OPTION_FOLDER = 128,
};

static void print_folder_json(const struct mailbox_folder *folder, json_t *list)
{
	json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "name", folder->name, "messages",
	                                      (json_int_t)folder->totals.messages, "bytes",
	                                      (json_int_t)folder->totals.bytes, "unseen", (json_int_t)folder->totals.unseen,
	                                      "held", (json_int_t)folder->totals.held_messages, "uidvalidity",
	                                      (json_int_t)folder->uidvalidity, "uidnext", (json_int_t)folder->uidnext,
	                                      "modseq", (json_int_t)folder->modseq));
}

static bool list_json(const struct mailbox_folder *folder, void *context)
{
	print_folder_json(folder, context);
	return true;
}

static bool list_line(const struct mailbox_folder *folder, void *context)
{
	(void)context;
	printf("%10" PRId64 " %10" PRId64 " %14" PRId64 "  %s\n", folder->totals.messages, folder->totals.unseen,
	       folder->totals.bytes, folder->name);
	return true;
}

static int run_list(struct mailbox *mailbox, const struct options *options)
{
	json_t *list = json_array();
	struct err err;
	int result;

	if (!options->json)
		printf("%10s %10s %14s  %s\n", "messages", "unseen", "bytes", "folder");
	result = mailbox_folder_each(mailbox, options->json ? list_json : list_line, list, &err);
	if (result == 0 && options->json) {
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(list);
	return result == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

static void print_finding(const char *what, void *context)
{
	fprintf(stderr, "%s: %s\n", (const char *)context, what);
}

static int verify_mailbox(struct mailbox *mailbox, const char *name)
{
	struct mailbox_verify report;
	char label[64];
	struct err err;

	snprintf(label, sizeof label, "%s", name);
	if (mailbox_verify(mailbox, MAIL_WAIT_MS, print_finding, label, &report, &err) != 0)
		return ctl_refuse("%s: %s", name, err.text);
	printf("%s: %" PRId64 " folders, %" PRId64 " messages, %" PRId64 " bytes: ", name, report.folders, report.messages,
	       report.bytes);
	if (report.findings == 0)
		puts("as it should be");
	else
		printf("%" PRId64 " findings; \"postroom repair\" mends them\n", report.findings);
	return report.findings == 0 ? CTL_DONE : CTL_REFUSED;
}

static int verify_one(struct ctl *ctl, int64_t uid, const char *name, void *context)
{
	struct mailbox *mailbox;
	int status = mail_open_uid(ctl, uid, &mailbox);

	(void)context;
	if (status == CTL_DONE) {
		status = verify_mailbox(mailbox, name);
		mailbox_close(mailbox);
	}
	return status;
}

static int run_verify(struct mailbox *mailbox, const struct options *options)
{
	return verify_mailbox(mailbox, options->user);
}

static bool show_reindex(int64_t done, int64_t all, void *context)
{
	(void)context;
	mail_progress("messages", done, done == all);
	return true;
}

static int run_reindex(struct mailbox *mailbox, const struct options *options)
{
	struct err err;

	(void)options;
	return search_rebuild(mailbox, show_reindex, NULL, &err) == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

static void print_bin(const char *what, const struct mailbox_bin *bin)
{
	printf("%s: %" PRId64 " messages in existing folders (%" PRId64 " bytes), %" PRId64 " messages in %" PRId64
	       " removed folders (%" PRId64 " bytes)\n",
	       what, bin->messages, bin->bytes, bin->folder_messages, bin->folders, bin->folder_bytes);
}

static int run_undelete(struct mailbox *mailbox, const struct options *options)
{
	/* What was removed in a second belongs to "since" that second. */
	int64_t since = options->since / 1000;
	struct mailbox_bin bin;
	struct err err;

	if (options->list) {
		if (mailbox_bin_stat(mailbox, since, &bin, &err) != 0)
			return ctl_refuse_err(&err);
		print_bin("in the recycle bin", &bin);
		return CTL_DONE;
	}
	if (mailbox_undelete(mailbox, since, options->unread, options->flagged, MAIL_WAIT_MS, &bin, &err) != 0)
		return ctl_refuse_err(&err);
	print_bin("brought back", &bin);
	return CTL_DONE;
}

static int run_purge(struct mailbox *mailbox, const struct options *options)
{
	struct mailbox_bin bin;
	struct err err;

	(void)options;
	if (mailbox_bin_purge(mailbox, INT64_MAX, MAIL_WAIT_MS, &bin, &err) != 0)
		return ctl_refuse_err(&err);
	print_bin("removed for good", &bin);
	return CTL_DONE;
}

static int run_import(struct mailbox *mailbox, const struct options *options)
{
	return mailbox_import(mailbox, options->format, options->path, options->folder);
}

static int run_export(struct mailbox *mailbox, const struct options *options)
{
	return mailbox_export(mailbox, options->format, options->folder, options->target);
}

static const struct verb {
	struct ctl_command command;
	int (*run)(struct mailbox *mailbox, const struct options *options);
	unsigned allowed, needed; /* enum option_letter */
	bool takes_path;
} verbs[] = {
    {{"mailbox list", "USER [--json]", NULL, NULL, false}, run_list, OPTION_JSON, 0, false},
    {{"mailbox verify", "USER | --all", NULL, NULL, false}, run_verify, OPTION_ALL, 0, false},
    {{"mailbox reindex", "USER", NULL, NULL, false}, run_reindex, 0, 0, false},
    {{"mailbox undelete", "USER --since \"DATE[ TIME]\" [--unread] [--flagged] [--list]", NULL, NULL, false},
     run_undelete,
     OPTION_SINCE | OPTION_UNREAD | OPTION_FLAGGED | OPTION_LIST,
     OPTION_SINCE,
     false},
    {{"mailbox purge", "USER", NULL, NULL, false}, run_purge, 0, 0, false},
    {{"mailbox import", "USER --format maildir|mbox [--folder FOLDER] PATH", NULL, NULL, false},
     run_import,
     OPTION_FORMAT | OPTION_FOLDER,
     OPTION_FORMAT,
     true},
    {{"mailbox export", "USER --format maildir|mbox [--folder FOLDER] PATH", NULL, NULL, false},
     run_export,
     OPTION_FORMAT | OPTION_FOLDER,
     OPTION_FORMAT,
     true},
};

static int usage_all(void)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		ctl_usage(&verbs[i].command);
	return ctl_usage(&mailbox_acl_command);
}

/* Take one option; false: its value is wrong. */
static bool take_option(struct options *options, int letter)
{
	switch (letter) {
	case OPTION_SINCE:
		return ctl_parse_time(optarg, &options->since);
	case OPTION_FORMAT:
		options->format = optarg;
		return strcmp(optarg, "maildir") == 0 || strcmp(optarg, "mbox") == 0;
	case OPTION_FOLDER:
		options->folder = optarg;
		return true;
	default:
		options->json |= letter == OPTION_JSON;
		options->all |= letter == OPTION_ALL;
		options->unread |= letter == OPTION_UNREAD;
		options->flagged |= letter == OPTION_FLAGGED;
		options->list |= letter == OPTION_LIST;
		return true;
	}
}

static bool parse(const struct verb *verb, int argc, char **argv, struct options *options)
{
	static const struct option names[] = {{"json", no_argument, NULL, OPTION_JSON},
	                                      {"all", no_argument, NULL, OPTION_ALL},
	                                      {"since", required_argument, NULL, OPTION_SINCE},
	                                      {"unread", no_argument, NULL, OPTION_UNREAD},
	                                      {"flagged", no_argument, NULL, OPTION_FLAGGED},
	                                      {"list", no_argument, NULL, OPTION_LIST},
	                                      {"format", required_argument, NULL, OPTION_FORMAT},
	                                      {"folder", required_argument, NULL, OPTION_FOLDER},
	                                      {NULL, 0, NULL, 0}};
	unsigned seen = 0;
	int letter, wanted;

	optind = 1;
	opterr = 0;
	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (letter == '?' || !(verb->allowed & (unsigned)letter) || !take_option(options, letter))
			return false;
		seen |= (unsigned)letter;
	}
	wanted = verb->takes_path ? 2 : options->all ? 0 : 1;
	if ((seen & verb->needed) != verb->needed || argc - optind != wanted)
		return false;
	options->user = wanted > 0 ? argv[optind] : NULL;
	options->path = wanted > 1 ? argv[optind + 1] : NULL;
	return true;
}

static int verify_all(struct ctl *ctl)
{
	int status = mail_become(ctl, false);

	return status == CTL_DONE ? mail_each(ctl, verify_one, NULL) : status;
}

int ctl_mailbox(struct ctl *ctl, int argc, char **argv)
{
	const struct verb *verb = verbs;
	struct options options = {0};
	struct mailbox *mailbox;
	int status;

	if (argc < 2)
		return usage_all();
	if (strcmp(argv[1], "acl") == 0)
		return mailbox_acl(ctl, argc - 2, argv + 2);
	while (verb < verbs + sizeof verbs / sizeof verbs[0] &&
	       strcmp(verb->command.name + strlen("mailbox "), argv[1]) != 0)
		verb++;
	if (verb == verbs + sizeof verbs / sizeof verbs[0])
		return usage_all();
	if (!parse(verb, argc - 1, argv + 1, &options))
		return ctl_usage(&verb->command);
	if (options.all)
		return verify_all(ctl);
	/* Where it is written to is opened as whoever called, the mail as its owner. */
	if (verb->run == run_export) {
		status = mailbox_export_open(&ctl->instance, options.format, options.folder, options.path, &options.target);
		if (status != CTL_DONE)
			return status;
	}
	status = mail_open(ctl, options.user, verb->run == run_import, &mailbox);
	if (status != CTL_DONE)
		return status;
	status = verb->run(mailbox, &options);
	mailbox_close(mailbox);
	return status;
}
