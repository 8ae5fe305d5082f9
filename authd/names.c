#include "authd/names.h"

#include "common/addr/addr.h"
#include "common/settings/attributes.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

static int is_local_domain(struct settings *settings, struct str domain, bool *local_out, struct err *err)
{
	struct db_statement statement;
	struct arena arena;
	struct str normal;
	int result = 0;

	*local_out = false;
	arena_init(&arena);
	if (addr_normalise_domain(domain, &arena, &normal, NULL) == 0) {
		result = db_prepare(&settings->objects, &statement, "SELECT 1 FROM domain WHERE name = ?1", err);
		if (result == 0) {
			db_bind_text(&statement, 1, normal);
			result = db_step(&statement, err);
			*local_out = result == 1;
			db_finalize(&statement);
		}
	}
	arena_free(&arena);
	return result < 0 ? -1 : 0;
}

/* Take "@domain" off where the domain is ours. */
static int strip_domain(struct settings *settings, struct str *typed, struct err *err)
{
	ptrdiff_t at = str_find_last_char(*typed, '@');
	bool is_local;

	if (at < 0 || !settings_flag(settings, SETTING_LOGIN_FULL_ADDRESS))
		return 0;
	if (is_local_domain(settings, str_skip(*typed, (size_t)at + 1), &is_local, err) != 0)
		return -1;
	if (is_local)
		*typed = str_sub(*typed, 0, (size_t)at);
	return 0;
}

/* Is the day, YYYY-MM-DD, over by the clock of this server? */
static bool is_over(const char *day)
{
	time_t now = time(NULL);
	char today[16] = "";
	struct tm local;

	if (day[0] == '\0' || localtime_r(&now, &local) == NULL || strftime(today, sizeof today, "%Y-%m-%d", &local) == 0)
		return false;
	return strcmp(today, day) > 0;
}

/* What the attributes of a user say about logins. */
static int read_attributes(struct settings *settings, const char *protocol, struct login_name *name, struct err *err)
{
	struct attributes attributes;
	const char *system;
	struct arena arena;
	int result;

	arena_init(&arena);
	result = attributes_load(settings, name->uid, &arena, &attributes, err);
	if (result == 0) {
		name->administrator = attributes_flag(&attributes, ATTRIBUTE_ADMINISTRATOR);
		/* 02-4: an administrator is not shut out of the web, where he could turn it on again */
		name->enabled = attributes_flag(&attributes, ATTRIBUTE_ENABLED) ||
		                (name->administrator && protocol != NULL && strcmp(protocol, "web") == 0);
		name->expired = is_over(attributes_text(&attributes, ATTRIBUTE_EXPIRES));
		name->web_apart = attributes_flag(&attributes, ATTRIBUTE_WEB_PASSWORD);
		name->by_system =
		    settings_flag(settings, SETTING_LOGIN_SYSTEM) && attributes_flag(&attributes, ATTRIBUTE_SYSTEM_PASSWORD);
		system = attributes_text(&attributes, ATTRIBUTE_SYSTEM_USER);
		str_copy(str_of(*system != '\0' ? system : name->name), name->system, sizeof name->system);
		name->may_use =
		    protocol == NULL || settings_set_holds(attributes_text(&attributes, ATTRIBUTE_PROTOCOLS), protocol);
	}
	arena_free(&arena);
	return result;
}

/* Take the row of a statement that gives uid and name: 1, 0 (there is none), -1. */
static int take_row(struct settings *settings, struct db_statement *statement, const char *protocol,
                    struct login_name *name_out, struct err *err)
{
	int found = db_step(statement, err);

	if (found != 1 || !str_copy(db_text(statement, 1), name_out->name, sizeof name_out->name))
		return found < 0 ? -1 : 0;
	name_out->uid = db_number(statement, 0);
	return read_attributes(settings, protocol, name_out, err) == 0 ? 1 : -1;
}

int names_find(struct settings *settings, struct str typed, const char *protocol, struct login_name *name_out,
               struct err *err)
{
	struct db_statement statement;
	int found;

	*name_out = (struct login_name){.uid = -1};
	if (strip_domain(settings, &typed, err) != 0 ||
	    db_prepare(&settings->objects, &statement, "SELECT uid, name FROM user WHERE name = ?1", err) != 0)
		return -1;
	db_bind_text(&statement, 1, typed);
	found = take_row(settings, &statement, protocol, name_out, err);
	db_finalize(&statement);
	if (found == 0) {
		str_copy(typed, name_out->name, sizeof name_out->name);
		for (char *c = name_out->name; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
	}
	return found < 0 ? -1 : 0;
}

int names_find_uid(struct settings *settings, int64_t uid, const char *protocol, struct login_name *name_out,
                   struct err *err)
{
	struct db_statement statement;
	int found;

	*name_out = (struct login_name){.uid = -1};
	if (db_prepare(&settings->objects, &statement, "SELECT uid, name FROM user WHERE uid = ?1", err) != 0)
		return -1;
	db_bind_number(&statement, 1, uid);
	found = take_row(settings, &statement, protocol, name_out, err);
	db_finalize(&statement);
	return found < 0 ? -1 : 0;
}
