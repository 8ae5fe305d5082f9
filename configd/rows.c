#include "configd/rows.h"

int rows_begin(struct rows *rows, struct change *change, struct err *err)
{
	*rows = (struct rows){.change = change};
	return change_flag(change, "strict", &rows->strict, err);
}

void rows_refuse(struct rows *rows, unsigned line, const struct err *why)
{
	if (rows->bad++ < ROWS_ERRORS_MAX)
		ipc_add(&rows->change->reply, "error", arena_printf(&rows->change->arena, "line %u: %s", line, why->text));
}

void rows_end(struct rows *rows, const char *what)
{
	struct change *change = rows->change;

	ipc_add_number(&change->reply, "added", rows->added);
	ipc_add_number(&change->reply, "known", rows->known);
	ipc_add_number(&change->reply, "bad", rows->bad);
	if (rows->strict && rows->bad != 0) {
		change->only_check = true;
		ipc_add_number(&change->reply, "refused", 1);
		return;
	}
	change_note(change, "%s imported: %lld added, %lld there already, %lld refused", what, (long long)rows->added,
	            (long long)rows->known, (long long)rows->bad);
}
