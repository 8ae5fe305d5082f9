#include "common/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return -1;
	err->code = code;
	err->sys = 0;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	return -1;
}

int err_system(struct err *err, const char *format, ...)
{
	int saved = errno;
	va_list args;
	size_t used;

	if (err == NULL)
		return -1;
	err->code = ERR_SYSTEM;
	err->sys = saved;
	va_start(args, format);
	vsnprintf(err->text, sizeof err->text, format, args);
	va_end(args);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(saved));
	errno = saved;
	return -1;
}

int err_prefix(struct err *err, const char *format, ...)
{
	char before[ERR_TEXT_MAX];
	char after[ERR_TEXT_MAX];
	va_list args;
	size_t used;

	if (err == NULL)
		return -1;
	va_start(args, format);
	vsnprintf(before, sizeof before, format, args);
	va_end(args);
	memcpy(after, err->text, sizeof after);
	used = (size_t)snprintf(err->text, sizeof err->text, "%s", before);
	if (used < sizeof err->text)
		snprintf(err->text + used, sizeof err->text - used, ": %s", after);
	return -1;
}
