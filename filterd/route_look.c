/* programs: reads what the program for collected mail printed; in a worker. */
#include "filterd/look.h"

#include "common/rules/target.h"

enum { PRINTED_MAX = 256 * 1024, RECIPIENTS_MAX = 1000 };

/* A line: who gets the message, in the normal form; DELETE: nobody. */
static int take_line(struct look *look, struct str line, struct ipc_message *reply, size_t *count, struct err *err)
{
	struct rule_targets targets;

	if (line.len == 0)
		return 0;
	if (str_equal(line, STR("DELETE"))) {
		ipc_add_number(reply, "drop", 1);
		return 0;
	}
	if (++*count > RECIPIENTS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d lines", RECIPIENTS_MAX);
	if (targets_parse(line, &look->arena, &targets, err) != 0)
		return -1;
	ipc_add(reply, "recipient", targets_format(&targets, &look->arena));
	return 0;
}

int route_run(struct ipc_message *reply, void *context, struct err *err)
{
	struct job *job = context;
	struct mime_source printed;
	struct look look;
	struct str rest;
	size_t count = 0;
	char *text;

	if (look_confine(&look, job, err) != 0)
		return -1;
	if (job->replaced_size > PRINTED_MAX)
		return err_set(err, ERR_LIMIT, "more than %d octets", PRINTED_MAX);
	text = arena_get(&look.arena, (size_t)job->replaced_size);
	printed = mime_source_file(job->replaced, 0, job->replaced_size);
	if (mime_source_read(&printed, 0, text, (size_t)job->replaced_size, err) != 0)
		return -1;
	for (rest = str_from(text, (size_t)job->replaced_size); rest.data != NULL;)
		if (take_line(&look, str_trim(str_cut(&rest, '\n')), reply, &count, err) != 0)
			return -1;
	return 0;
}
