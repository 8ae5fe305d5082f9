#include "smtpd/smtpd.h"

/* The default of a threshold: the smaller of so many bytes and so many hundredths of the file system. */
static uint64_t default_reserve(enum setting setting, uint64_t total)
{
	bool at_connect = setting == SETTING_DISK_CONNECT;
	uint64_t bytes = at_connect ? 500000000 : 100000000, share = total / 100 * (at_connect ? 2 : 1);

	return bytes < share ? bytes : share;
}

bool disk_has_room(const struct session *session, enum setting setting)
{
	int64_t wanted = settings_number(&session->smtpd->settings, setting);
	uint64_t free_bytes, total;

	if (wanted == 0 || spool_free_space(session->smtpd->drop.new_folder, &free_bytes, &total, NULL) != 0)
		return true;
	return free_bytes >= (wanted > 0 ? (uint64_t)wanted : default_reserve(setting, total));
}
