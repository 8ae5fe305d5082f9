/* Passwords that settings name: authd has them, settings a name of each that nobody can guess. */
#include "configd/configd.h"

#include "common/base/io.h"
#include "common/settings/secret.h"

void password_forget(struct change *change, struct str reference)
{
	if (reference.len != 0)
		ipc_add(change_ask_after(change, "secret-delete"), "name", reference);
}

struct str password_keep(struct change *change, const char *reader, struct str old, struct str password)
{
	struct ipc_message *request;
	struct str reference;
	char random[SECRET_NAME_DIGITS + 1];

	if (str_equal(password, old))
		return old;
	password_forget(change, old);
	if (password.len == 0)
		return password;
	io_random_hex(random, SECRET_NAME_DIGITS);
	reference = arena_printf(&change->arena, "%s/%s", reader, random);
	request = change_ask_before(change, "secret-set");
	ipc_add(request, "name", reference);
	ipc_add(request, "value", password);
	return reference;
}
