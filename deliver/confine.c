#include "deliver/deliver.h"

#include "common/base/io.h"
#include "common/net/sandbox.h"
#include "common/script/script.h"

int deliver_confine(const struct instance *instance, struct err *err)
{
	char folder[INSTANCE_PATH_MAX + 128], settings[INSTANCE_PATH_MAX + 128];
	struct sandbox sandbox;
	int result;

	instance_path(folder, sizeof folder, instance->state, "mail");
	instance_path(settings, sizeof settings, instance->state, "settings");
	if (io_make_folder(folder, 0700, err) != 0 || sandbox_init(&sandbox, SANDBOX_ACCEPT | SANDBOX_LOCK_OWNER, err) != 0)
		return -1;
	result = sandbox_allow(&sandbox, folder, SANDBOX_WRITE, err);
	if (result == 0)
		result = sandbox_allow(&sandbox, settings, SANDBOX_READ, err);
	if (result == 0)
		result = script_allow(&sandbox, instance, err);
	if (result == 0)
		result = sandbox_prepare(&sandbox, err);
	if (result == 0)
		result = sandbox_enter(&sandbox, err);
	sandbox_free(&sandbox);
	return result;
}
