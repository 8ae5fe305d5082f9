#include "common/settings/secret.h"

#include <string.h>

bool secret_is_name(struct str text, const char *reader)
{
	size_t len = strlen(reader);

	if (text.len != len + 1 + SECRET_NAME_DIGITS || !str_starts(text, str_of(reader)) || text.data[len] != '/')
		return false;
	for (size_t i = len + 1; i < text.len; i++)
		if (strchr("0123456789abcdef", text.data[i]) == NULL || text.data[i] == '\0')
			return false;
	return true;
}
