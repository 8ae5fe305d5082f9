/* Commands of SMTP clients: the line, then what MAIL, RCPT and BDAT carry. */
#include "common/smtp/command.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_refusal refusal = {0};
	struct smtp_command command;
	struct smtp_mail mail;
	struct smtp_chunk chunk;
	struct smtp_rcpt rcpt;
	struct arena arena;

	arena_init(&arena);
	if (smtp_parse_command(str_from((const char *)data, size), &command, &refusal) == 0) {
		if (smtp_parse_mail(command.argument, STR(""), &arena, &mail, &refusal) == 0 && mail.from.is_utf8 &&
		    !mail.smtputf8)
			abort();
		if (smtp_parse_bdat(command.argument, &chunk, &refusal) == 0 && chunk.size > INT64_MAX)
			abort();
		for (int smtputf8 = 0; smtputf8 < 2; smtputf8++)
			if (smtp_parse_rcpt(command.argument, STR(""), smtputf8, &arena, &rcpt, &refusal) == 0 &&
			    (rcpt.to.is_null || (rcpt.to.is_utf8 && !smtputf8)))
				abort();
	} else if (refusal.code < 500) {
		abort();
	}
	arena_free(&arena);
	return 0;
}
