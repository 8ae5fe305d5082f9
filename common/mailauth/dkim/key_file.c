#include "common/mailauth/dkim/key_file.h"

#include "common/addr/addr.h"
#include "common/base/memory.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "domainkey_"
#define SUFFIX ".key"

/* Labels of letters, digits and hyphens, as they stand in the DNS, in lower case. */
static bool is_name(struct str name)
{
	while (name.data != NULL) {
		struct str label = str_cut(&name, '.');

		if (label.len == 0 || label.len > 63 || label.data[0] == '-' || label.data[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++) {
			char c = label.data[i];

			if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
				return false;
		}
	}
	return true;
}

bool dkim_is_selector(struct str selector)
{
	return selector.len <= DKIM_SELECTOR_MAX && is_name(selector);
}

int dkim_key_file_name(struct str domain, struct str selector, char out[DKIM_KEY_NAME_MAX], struct err *err)
{
	if (domain.len > ADDR_DOMAIN_MAX || !is_name(domain))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a domain that can have a key", STR_ARG(domain));
	if (!dkim_is_selector(selector))
		return err_set(err, ERR_SYNTAX,
		               "\"%.*s\" is not a selector: lower case letters, digits, hyphens, and dots between them",
		               STR_ARG(selector));
	snprintf(out, DKIM_KEY_NAME_MAX, PREFIX "%.*s_%.*s" SUFFIX, STR_ARG(domain), STR_ARG(selector));
	return 0;
}

bool dkim_key_file_parse(struct str name, struct str *domain_out, struct str *selector_out)
{
	struct str middle;

	if (!str_starts(name, STR(PREFIX)) || name.len < sizeof PREFIX + sizeof SUFFIX ||
	    !str_equal(str_skip(name, name.len - strlen(SUFFIX)), STR(SUFFIX)))
		return false;
	middle = str_sub(name, strlen(PREFIX), name.len - strlen(PREFIX) - strlen(SUFFIX));
	*domain_out = str_cut(&middle, '_');
	*selector_out = middle;
	return middle.data != NULL && domain_out->len <= ADDR_DOMAIN_MAX && is_name(*domain_out) &&
	       dkim_is_selector(middle);
}

int dkim_key_file_read(int fd, struct dkim_private_key *key_out, struct err *err)
{
	char pem[DKIM_KEY_FILE_MAX];
	struct stat status;
	ssize_t size;
	int result;

	if (fstat(fd, &status) != 0)
		return err_system(err, "cannot look at the key");
	if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXO | S_IWGRP)) != 0)
		return err_set(err, ERR_DENIED, "the key's file must be a plain file of mode 0640 or less, not %04o",
		               (unsigned)(status.st_mode & 07777));
	size = pread(fd, pem, sizeof pem, 0);
	if (size < 0)
		return err_system(err, "cannot read the key");
	result = dkim_private_key_read(str_from(pem, (size_t)size), key_out, err);
	memory_wipe(pem, sizeof pem);
	return result;
}
