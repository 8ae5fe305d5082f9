#include "deliver/view.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/script/script.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Scripts that run for every user where they exist. */
static const char *const scripts[] = {"user_redirect.lua", "delivery.lua"};

struct view {
	struct settings settings;
	const struct instance *instance;
	struct timespec changed; /* when names in the folder where scripts are put down changed */
	bool everybody;
	int64_t *users; /* sorted */
	size_t count, room;
};

static int compare(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return left < right ? -1 : left > right;
}

static void add(struct view *view, int64_t uid)
{
	if (view->count == view->room) {
		view->room = view->room != 0 ? 2 * view->room : 64;
		view->users = memory_resize(view->users, view->room * sizeof *view->users);
	}
	view->users[view->count++] = uid;
}

/* All numbers that a query gives. text is bound to its '?', where data is not NULL. */
static int add_all(struct view *view, struct db *objects, const char *sql, struct str text, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(objects, &statement, sql, err) != 0)
		return -1;
	if (text.data != NULL)
		db_bind_text(&statement, 1, text);
	while ((row = db_step(&statement, err)) == 1)
		add(view, db_number(&statement, 0));
	db_finalize(&statement);
	return row;
}

/* Who has a folder of scripts of his own in this one, whatever is in it. */
static int add_script_owners(struct view *view, struct db *objects, const char *folder, struct err *err)
{
	DIR *names = opendir(folder);
	const struct dirent *entry;
	int result = 0;

	if (names == NULL)
		return 0;
	while (result == 0 && (entry = readdir(names)) != NULL) {
		for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++)
			view->everybody |= strcmp(entry->d_name, scripts[i]) == 0;
		if (entry->d_name[0] != '.')
			result = add_all(view, objects, "SELECT uid FROM user WHERE name = ?", str_of(entry->d_name), err);
	}
	closedir(names);
	return result;
}

static int fill(struct view *view, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct db objects;
	int result;

	view->count = 0;
	view->everybody = settings_number(&view->settings, SETTING_DUPLICATES_DAYS) > 0;
	if (settings_open_snapshot(&view->settings, &objects, err) != 0)
		return -1;
	result =
	    add_all(view, &objects,
	            "SELECT DISTINCT owner FROM item WHERE kind IN ('message-rule', 'autoresponder-rule')"
	            " UNION SELECT uid FROM user_attribute"
	            " WHERE key IN ('assistant', 'forward', 'big.target', 'small.target', 'store-forward') AND value <> ''",
	            (struct str){NULL, 0}, err);
	if (result == 0)
		result =
		    add_script_owners(view, &objects, instance_path(path, sizeof path, view->instance->etc, "scripts"), err);
	if (result == 0)
		result = add_script_owners(view, &objects,
		                           instance_path(path, sizeof path, view->instance->state, SCRIPT_PUBLISHED), err);
	db_close(&objects);
	if (view->count > 0)
		qsort(view->users, view->count, sizeof *view->users, compare);
	return result;
}

/* Where it cannot be known who has something to decide, everybody may. */
static void fill_or_ask_always(struct view *view)
{
	struct err err;

	if (fill(view, &err) == 0)
		return;
	log_warning("it cannot be told who has message rules: %s", err.text);
	view->everybody = true;
	view->changed = (struct timespec){0};
}

int view_open(struct view **view_out, const struct instance *instance, struct err *err)
{
	struct view *view = memory_get(sizeof *view);

	view->instance = instance;
	if (settings_open(&view->settings, instance, false, err) != 0) {
		memory_free(view);
		return -1;
	}
	view_look(view);
	fill_or_ask_always(view);
	*view_out = view;
	return 0;
}

void view_free(struct view *view)
{
	settings_close(&view->settings);
	memory_free(view->users);
	memory_free(view);
}

void view_look(struct view *view)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct stat status;
	struct timespec changed = {0};
	bool is_new = settings_refresh(&view->settings);

	if (stat(instance_path(path, sizeof path, view->instance->etc, "scripts"), &status) == 0)
		changed = status.st_mtim;
	if (changed.tv_sec != view->changed.tv_sec || changed.tv_nsec != view->changed.tv_nsec) {
		view->changed = changed;
		is_new = true;
	}
	if (is_new)
		fill_or_ask_always(view);
}

bool view_has(const struct view *view, int64_t uid)
{
	return view->everybody || (view->count > 0 && bsearch(&uid, view->users, view->count, sizeof uid, compare) != NULL);
}
