/*
 * signer: see signer.h. The listener forks a session for each connection of queue-manager. It reads nothing itself.
 */
#include "signer/signer.h"

#include "common/mailauth/dkim/key_file.h"

#include <fcntl.h>

static int prepare(struct signer_parent *parent, struct err *err)
{
	char folder[INSTANCE_PATH_MAX + 128];

	instance_path(folder, sizeof folder, parent->daemon->instance.etc, DKIM_KEY_FOLDER);
	parent->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent->folder < 0)
		return err_system(err, "cannot open %s", folder);
	if (sandbox_init(&parent->reader, 0, err) != 0 || sandbox_prepare(&parent->reader, err) != 0)
		return -1;
	if (sandbox_init(&parent->keeper, 0, err) != 0 || sandbox_allow(&parent->keeper, folder, SANDBOX_READ, err) != 0)
		return -1;
	return sandbox_prepare(&parent->keeper, err);
}

int main(int argc, char **argv)
{
	static const char *const sockets[] = {"from-queue-manager", NULL};
	static struct daemon daemon;
	static struct signer_parent parent = {.daemon = &daemon};
	const struct listen_hooks hooks = {.session = session_run, .context = &parent, .max_sessions = 1};
	struct err err;

	daemon_start(&daemon, argc, argv, "signer");
	if (prepare(&parent, &err) != 0 || listen_run(&daemon, sockets, &hooks, &err) != 0)
		daemon_fail(&err);
	return 0;
}
