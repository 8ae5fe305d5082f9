#include "filterd/filterd.h"

#include <signal.h>
#include <unistd.h>

static int confine(const struct filterd *filterd, struct err *err)
{
	return sandbox_limit(JOB_MEMORY, JOB_CPU_S, 0, err) != 0 || sandbox_enter(&filterd->child_sandbox, err) != 0 ? -1
	                                                                                                             : 0;
}

static void say_failure(struct ipc_message *words, const struct err *err)
{
	ipc_request(words, "failed");
	ipc_add_text(words, "text", err->text);
}

static void say_unchanged(struct ipc_message *words)
{
	ipc_request(words, "prepared");
	ipc_add_number(words, "internal", 0);
	ipc_add_number(words, "outgoing", 0);
	ipc_add_number(words, "urgent", 0);
	ipc_add_number(words, "receipt", 0);
}

void child_run(struct job *job, int channel)
{
	struct ipc_message words;
	struct err err;

	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	ipc_message_init(&words);
	if (confine(job->filterd, &err) != 0)
		say_failure(&words, &err);
	else
		say_unchanged(&words);
	ipc_send(channel, &words, 1, &err);
	_exit(0);
}
