/* monitor: what monitor.lua says about copies, in a process that sees no more of the message than is handed to it. */
#include "filterd/look.h"

enum { ARGUMENTS_MAX = 10, ATTACHMENT_FIELDS = 5 };

/* A line of monitor.c's as a table. */
static struct script_value attachment_table(struct str line, struct arena *arena)
{
	static const char *const keys[ATTACHMENT_FIELDS] = {"MIMESection", "Name", "MIMEType", "Size", "Type"};
	struct script_field *fields = arena_get(arena, ATTACHMENT_FIELDS * sizeof *fields);

	for (size_t i = 0; i < ATTACHMENT_FIELDS; i++) {
		struct str text = str_cut(&line, '\t');
		uint64_t number;

		fields[i] = (struct script_field){keys[i], script_text(text)};
		if (strcmp(keys[i], "Size") == 0 && str_to_u64(text, INT64_MAX, &number))
			fields[i].value = script_number((int64_t)number);
	}
	return script_table(fields, ATTACHMENT_FIELDS);
}

static struct script_value attachments(const struct monitored *monitored, struct arena *arena)
{
	struct script_value *list = arena_get(arena, (monitored->attachment_count + 1) * sizeof *list);

	for (size_t i = 0; i < monitored->attachment_count; i++)
		list[i] = attachment_table(monitored->attachments[i], arena);
	return script_array(list, monitored->attachment_count);
}

/* 07 "Monitor script": outgoing ones come with more. */
static size_t fill_arguments(struct look *look, enum way way, struct script_value arguments[ARGUMENTS_MAX])
{
	const struct job *job = look->job;
	const struct monitored *monitored = &job->monitored;
	size_t count = 0;

	arguments[count++] = script_text(job->envelope.from);
	if (way == WAY_OUTGOING) {
		arguments[count++] = script_text(job->envelope.user);
		arguments[count++] = script_list(job->outside, job->outside_count);
	} else {
		arguments[count++] = script_list(job->user_names, job->user_count);
	}
	arguments[count++] = script_text(monitored->subject);
	arguments[count++] = script_number(monitored->size);
	arguments[count++] = attachments(monitored, &look->arena);
	if (way != WAY_OUTGOING)
		return count;
	arguments[count++] = script_list(monitored->to, monitored->to_count);
	arguments[count++] = script_list(monitored->cc, monitored->cc_count);
	arguments[count++] = script_list(monitored->bcc, monitored->bcc_count);
	arguments[count++] = script_text(job->envelope.peer);
	return count;
}

int monitor_run(struct ipc_message *reply, void *context, struct err *err)
{
	static const char *const functions[WAYS] = {"MonitorOut", "MonitorInternal", "MonitorIncoming"};
	struct script_value arguments[ARGUMENTS_MAX];
	struct script script;
	struct look look;

	if (look_confine(&look, context, err) != 0)
		return -1;
	script_open(&script, &look.job->filterd->daemon.instance, "monitor", NULL, &look.status);
	for (int way = 0; way < WAYS; way++) {
		struct script_value results[] = {{.type = SCRIPT_TEXT}};
		size_t count;

		if (!look.job->monitored.ways[way])
			continue;
		count = fill_arguments(&look, (enum way)way, arguments);
		if (script_call(&script, functions[way], arguments, count, results, 1, &look.arena) == 1 &&
		    results[0].type == SCRIPT_TEXT)
			ipc_add(reply, way_names[way], results[0].text);
	}
	return 0;
}
