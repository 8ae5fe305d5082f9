#include "ctl/rows.h"

#include "common/base/io.h"

#include <stdio.h>
#include <unistd.h>

int rows_read(const char *path, struct ipc_message *request)
{
	struct buf text;
	struct err err;
	int result;

	buf_init(&text, IPC_MESSAGE_MAX - IPC_PACKET_MAX);
	result = io_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, &err);
	if (result == 0)
		ipc_add(request, "text", buf_str(&text));
	buf_free(&text);
	return result == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

int rows_write(const char *path, const struct ipc_message *reply)
{
	struct str text = ipc_get(reply, "text");
	struct err err;
	int result;

	if (path == NULL || strcmp(path, "-") == 0)
		result = io_write_all(STDOUT_FILENO, text.data, text.len, &err);
	else
		result = io_replace_file(path, text, 0600, &err);
	return result == 0 ? CTL_DONE : ctl_refuse_err(&err);
}

static long long number(const struct ipc_message *reply, const char *key)
{
	int64_t value = 0;

	ipc_get_number(reply, key, 0, INT64_MAX, &value);
	return (long long)value;
}

int rows_report(const struct ipc_message *reply)
{
	long long bad = number(reply, "bad"), told = 0;
	struct str key, value;

	for (size_t position = 0; ipc_next(reply, &position, &key, &value);)
		if (str_equal(key, STR("error"))) {
			fprintf(stderr, "%.*s\n", STR_ARG(value));
			told++;
		}
	if (told < bad)
		fprintf(stderr, "and %lld more lines\n", bad - told);
	if (ipc_get(reply, "refused").data != NULL)
		return ctl_refuse("nothing was changed, as --strict was given and %lld %s refused", bad,
		                  bad == 1 ? "line is" : "lines are");
	printf("%lld added, %lld there already, %lld refused\n", number(reply, "added"), number(reply, "known"), bad);
	return bad == 0 ? CTL_DONE : CTL_REFUSED;
}
