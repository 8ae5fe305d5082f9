#include "common/settings/prepare.h"

#include "common/db/query.h"

#include <string.h>
#include <unistd.h>

static bool is_set(const struct settings *settings, enum setting setting)
{
	return settings_text(settings, setting)[0] != '\0';
}

static bool is_monitored(const struct settings *settings, enum setting which)
{
	bool has_target = is_set(settings, SETTING_MONITOR_TARGET) || is_set(settings, SETTING_MONITOR_SAMPLE_TARGET);

	return has_target && strcmp(settings_text(settings, which), "none") != 0;
}

/* Has any user an attribute of those that the pattern means? */
static int any_user_has(struct db *objects, const char *pattern, bool *has_out, struct err *err)
{
	int row = db_query_number(
	    objects, NULL, err, "SELECT 1 FROM user_attribute WHERE key GLOB ? AND value <> '' AND value <> 'off' LIMIT 1",
	    "t", str_of(pattern));

	*has_out = row == 1;
	return row < 0 ? -1 : 0;
}

static int read_users(const struct settings *settings, struct prepare_wants *wants, struct err *err)
{
	struct db objects;
	bool outgoing = false, internal = false, address = false, copy = false;
	int result;

	if (settings_open_snapshot(settings, &objects, err) != 0)
		return -1;
	result = any_user_has(&objects, "signature.outgoing.*", &outgoing, err) != 0 ||
	                 any_user_has(&objects, "signature.internal.*", &internal, err) != 0 ||
	                 any_user_has(&objects, "reply-address", &address, err) != 0 ||
	                 any_user_has(&objects, "send.copy-to", &copy, err) != 0
	             ? -1
	             : 0;
	wants->outgoing |= outgoing || address || copy;
	wants->internal |= internal || copy;
	db_close(&objects);
	return result;
}

int prepare_wants(const struct settings *settings, struct prepare_wants *wants_out, struct err *err)
{
	static const enum setting outgoing[] = {SETTING_SIGNATURE_OUT,       SETTING_SIGNATURE_OUT_HTML,
	                                        SETTING_SIGNATURE_OUT_USERS, SETTING_SIGNATURE_OUT_USERS_HTML,
	                                        SETTING_DOMAIN_MAPPINGS,     SETTING_HEADER_MODIFIERS,
	                                        SETTING_RECEIPT_SENT_FIELDS};
	static const enum setting internal[] = {SETTING_SIGNATURE_IN, SETTING_SIGNATURE_IN_HTML, SETTING_SIGNATURE_IN_USERS,
	                                        SETTING_SIGNATURE_IN_USERS_HTML};
	bool bcc = is_set(settings, SETTING_MONITOR_BCC), program = is_set(settings, SETTING_OUTMAIL_COMMAND);
	bool program_inside = program && settings_flag(settings, SETTING_OUTMAIL_INCOMING);

	*wants_out = (struct prepare_wants){
	    .internal = bcc || program_inside || is_monitored(settings, SETTING_MONITOR_INTERNAL),
	    .incoming = program_inside || is_monitored(settings, SETTING_MONITOR_INCOMING),
	    .outgoing = bcc || program || is_monitored(settings, SETTING_MONITOR_OUTGOING) ||
	                settings_flag(settings, SETTING_URGENT_CONNECT),
	};
	for (size_t i = 0; i < sizeof outgoing / sizeof outgoing[0]; i++)
		wants_out->outgoing |= is_set(settings, outgoing[i]);
	for (size_t i = 0; i < sizeof internal / sizeof internal[0]; i++)
		wants_out->internal |= is_set(settings, internal[i]);
	if (read_users(settings, wants_out, err) == 0)
		return 0;
	*wants_out = (struct prepare_wants){true, true, true};
	return -1;
}

bool prepare_has_script(const struct settings *settings)
{
	char path[INSTANCE_PATH_MAX + 128];

	return access(instance_path(path, sizeof path, settings->instance->etc, "scripts/signature.lua"), F_OK) == 0;
}
