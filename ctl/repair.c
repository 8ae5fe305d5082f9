#include "ctl/mail.h"
#include "ctl/spawn.h"

#include <stdio.h>
#include <sys/stat.h>

enum { WAIT_MS = 30000 }; /* for a mailbox that is in use */

static const struct ctl_command usage = {"repair", "[USER]", NULL, NULL, false};

static void print_report(const char *label, const struct mailbox_repair *report)
{
	printf("%s: %lld messages, %lld bytes", label, (long long)report->messages, (long long)report->bytes);
	if (report->index_rebuilt)
		printf(", index rebuilt");
	if (report->taken_in > 0)
		printf(", %lld found without a row", (long long)report->taken_in);
	if (report->renumbered > 0)
		printf(", %lld with a new UID", (long long)report->renumbered);
	if (report->rows_removed > 0)
		printf(", %lld rows without a message removed", (long long)report->rows_removed);
	if (report->files_removed > 0)
		printf(", %lld leftover files removed", (long long)report->files_removed);
	putchar('\n');
}

static int repair_one(struct ctl *ctl, int64_t uid, const char *name, void *context)
{
	struct mailbox_repair report;
	struct err err;

	(void)context;
	if (mailbox_repair(&ctl->instance, uid, WAIT_MS, &report, &err) != 0)
		return ctl_refuse("%s: %s", name, err.text);
	print_report(name, &report);
	return CTL_DONE;
}

int ctl_repair(struct ctl *ctl, int argc, char **argv)
{
	const char *name = argc == 2 ? argv[1] : NULL;
	int64_t uid = 0;
	struct err err;

	if (argc > 2 || (name != NULL && name[0] == '-'))
		return ctl_usage(&usage);
	if (name != NULL && mail_find_user(&ctl->instance, name, &uid, &err) != 0)
		return ctl_refuse_err(&err);
	/* What is made must belong to those who use it. */
	if (spawn_become_user(&ctl->instance, program_find("deliver"), &err) != 0)
		return ctl_refuse_err(&err);
	umask(077);
	return name != NULL ? repair_one(ctl, uid, name, NULL) : mail_each(ctl, repair_one, NULL);
}
