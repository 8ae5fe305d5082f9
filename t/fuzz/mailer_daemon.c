/* Commands of messages to the mailer daemon: each value a part of what was sent, within its limit. */
// parts: lists/control.c
#include "lists/control.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void assert_within(struct str part, struct str whole)
{
	if (part.len > CONTROL_VALUE_MAX)
		abort();
	if (part.len > 0 && (part.data < whole.data || part.data + part.len > whole.data + whole.len))
		abort();
}

/* The subject is the first line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str whole = str_from((const char *)data, size), body = whole, subject = str_cut(&body, '\n');
	struct control control;

	if (body.data == NULL)
		body = STR("");
	control_parse(subject, body, &control);
	if (control.kind >= CONTROL_KINDS || control.change >= CONTROL_CHANGES)
		abort();
	assert_within(control.user, whole);
	assert_within(control.password, whole);
	assert_within(control.value, whole);
	if ((control.change == CONTROL_TO || control.kind == CONTROL_FETCH) != (control.value.len > 0))
		abort();
	return 0;
}
