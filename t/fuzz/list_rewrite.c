/*
 * Posts: what is read of a message, what members get of it, and the report on both, which must come back as it was. The
 * first octet chooses settings.
 */
// parts: lists/read.c lists/rewrite.c lists/footer.c lists/output.c lists/report.c lists/commands.c lists/lists.c
#include "common/base/io.h"
#include "lists/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct list_settings settings;

static void set(enum list_setting setting, const char *value)
{
	settings.texts[setting] = value;
	settings.numbers[setting] = setting_to_number(&list_setting_definitions[setting], value);
}

static void choose(unsigned choice)
{
	for (int i = 0; i < LIST_SETTING_COUNT; i++)
		set((enum list_setting)i, list_setting_definitions[i].fallback);
	set(LIST_SETTING_BANNED, "bad@x.test\n*@spam.test\n/^a+@/i");
	if ((choice & 1) != 0)
		set(LIST_SETTING_SIGNATURE, "-- \nThe list");
	if ((choice & 2) != 0)
		set(LIST_SETTING_SIGNATURE, "Gr\xc3\xbc\xc3\x9f"
		                            "e");
	if ((choice & 4) != 0)
		set(LIST_SETTING_MODIFIERS, "");
	if ((choice & 8) != 0)
		set(LIST_SETTING_SLOW, "on");
	if ((choice & 16) != 0)
		set(LIST_SETTING_SUBJECT_PREFIX, "[list]");
}

/* What is written is a message that this list distributed. */
static void check_result(int fd, const struct recipe *recipe, const struct report *report, struct arena *arena)
{
	struct mime_source source = mime_source_file(fd, 0, report->size);
	struct report again;
	struct stat info;

	if (fstat(fd, &info) != 0 || info.st_size != report->size || report->to_at > report->size)
		abort();
	if (read_facts(&source, recipe, arena, &again, NULL) == 0 && !again.has_marker)
		abort();
}

static void check_report(const struct report *report, struct arena *arena)
{
	struct ipc_message message;
	struct report again;

	ipc_message_init(&message);
	report_write(report, &message);
	if (report_read(&message, arena, &again, NULL) != 0 || again.commands.count != report->commands.count ||
	    again.has_marker != report->has_marker || again.to_at != report->to_at || !str_is_utf8(again.subject))
		abort();
	ipc_message_free(&message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct recipe recipe = {&settings,       STR("l"),        STR("l@example.com"), STR("example.com"),
	                              STR("m@a.test"), STR("s@a.test"), STR("o@a.test")};
	struct str message = str_from((const char *)data, size);
	struct mime_source source;
	struct report report;
	struct arena arena;
	int fd;

	if (size == 0)
		return 0;
	choose(data[0]);
	message = str_skip(message, 1);
	source = mime_source_memory(message);
	arena_init(&arena);
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (read_facts(&source, &recipe, &arena, &report, NULL) == 0) {
		if (rewrite_message(&source, &recipe, &arena, fd, &report, NULL) == 0)
			check_result(fd, &recipe, &report, &arena);
		read_commands(&source, &arena, &report, NULL);
		check_report(&report, &arena);
	}
	close(fd);
	arena_free(&arena);
	return 0;
}
