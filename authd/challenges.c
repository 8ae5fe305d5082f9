#include "authd/challenges.h"

#include "authd/authd.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdio.h>

enum { NAME_MAX_LEN = 40 };

static bool is_on(const struct authd *authd)
{
	return settings_flag(&authd->settings, SETTING_LOGIN_CHALLENGES);
}

static struct str name_of(int64_t uid, char name[NAME_MAX_LEN])
{
	snprintf(name, NAME_MAX_LEN, "challenge/%lld", (long long)uid);
	return str_of(name);
}

void challenges_follow(struct authd *authd)
{
	struct err err;
	int count;

	if (is_on(authd)) {
		authd->challenges_are_gone = false;
		return;
	}
	if (authd->challenges_are_gone)
		return;
	count = secrets_delete_group(&authd->secrets, "challenge", &err);
	if (count > 0)
		log_info("challenge logins are off, %d passwords were deleted", count);
	else if (count < 0)
		log_error("passwords for challenge logins cannot be deleted: %s", err.text);
	authd->challenges_are_gone = count >= 0;
}

int challenges_get(struct authd *authd, int64_t uid, struct buf *password, struct err *err)
{
	char name[NAME_MAX_LEN];

	if (secrets_get(&authd->secrets, name_of(uid, name), password, err) == 0)
		return 1;
	return err->code == ERR_NOT_FOUND ? 0 : -1;
}

void challenges_keep(struct authd *authd, int64_t uid, struct str password)
{
	char name[NAME_MAX_LEN];
	struct buf kept;
	struct err err;

	if (!is_on(authd))
		return;
	buf_init(&kept, SECRETS_VALUE_MAX);
	if ((challenges_get(authd, uid, &kept, &err) != 1 || !str_equal(buf_str(&kept), password)) &&
	    secrets_set(&authd->secrets, name_of(uid, name), password, &err) != 0)
		log_error("the password of uid=%lld is not kept for challenge logins: %s", (long long)uid, err.text);
	if (kept.data != NULL)
		memory_wipe(kept.data, kept.capacity);
	buf_free(&kept);
}

int challenges_drop(struct authd *authd, int64_t uid, struct err *err)
{
	char name[NAME_MAX_LEN];

	return secrets_delete(&authd->secrets, name_of(uid, name), err);
}
