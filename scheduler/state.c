#include "scheduler/scheduler.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESULTS_MAX = 64 * 1024, FILE_MODE = 0640 };

static const char *path_of(const struct scheduler *scheduler, const char *name, char *path, size_t size)
{
	char folder[64];

	snprintf(folder, sizeof folder, "schedule/%s", name);
	return instance_path(path, size, scheduler->instance->state, folder);
}

static bool is_there(const struct scheduler *scheduler, const char *name)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct stat info;

	return lstat(path_of(scheduler, name, path, sizeof path), &info) == 0;
}

static const char *const outcomes[OUTCOMES] = {"failed", "partly", "ok"};

const char *state_outcome(const struct track *track)
{
	return track->finished != 0 ? outcomes[track->outcome] : "";
}

static void load_result(struct scheduler *scheduler, const char *key, const json_t *value)
{
	uint64_t id;
	struct track *track;

	if (!str_to_u64(str_of(key), INT64_MAX, &id) || (track = scheduler_track(scheduler, (int64_t)id)) == NULL)
		return;
	track->finished = json_integer_value(json_object_get(value, "finished"));
	for (int outcome = 0; outcome < OUTCOMES; outcome++)
		if (str_equal(str_of(json_string_value(json_object_get(value, "outcome"))), str_of(outcomes[outcome])))
			track->outcome = outcome;
	if (json_is_string(json_object_get(value, "result")))
		str_copy(str_of(json_string_value(json_object_get(value, "result"))), track->result, sizeof track->result);
}

void state_load(struct scheduler *scheduler)
{
	char path[INSTANCE_PATH_MAX + 128];
	json_t *results = NULL;
	struct buf text;

	scheduler->paused = is_there(scheduler, "paused");
	buf_init(&text, RESULTS_MAX);
	if (io_read_file(path_of(scheduler, "results", path, sizeof path), &text, NULL) == 0)
		results = json_loadb(text.data, text.len, 0, NULL);
	for (void *at = json_object_iter(results); at != NULL; at = json_object_iter_next(results, at))
		load_result(scheduler, json_object_iter_key(at), json_object_iter_value(at));
	json_decref(results);
	buf_free(&text);
}

void state_save_results(struct scheduler *scheduler)
{
	char path[INSTANCE_PATH_MAX + 128], key[24];
	json_t *results = json_object();
	struct err err;
	char *text;

	for (const struct track *track = scheduler->tracks; track != NULL; track = track->next) {
		if (track->finished == 0)
			continue;
		snprintf(key, sizeof key, "%lld", (long long)track->plan.id);
		json_object_set_new(results, key,
		                    json_pack("{s:I, s:s, s:s}", "finished", (json_int_t)track->finished, "outcome",
		                              state_outcome(track), "result", track->result));
	}
	text = json_dumps(results, JSON_COMPACT);
	json_decref(results);
	if (text != NULL &&
	    io_replace_file(path_of(scheduler, "results", path, sizeof path), str_of(text), FILE_MODE, &err) != 0)
		log_warning("%s", err.text);
	free(text);
}

void state_set_paused(struct scheduler *scheduler, bool paused)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct err err;

	scheduler->paused = paused;
	path_of(scheduler, "paused", path, sizeof path);
	if (paused && io_replace_file(path, STR(""), FILE_MODE, &err) != 0)
		log_warning("%s", err.text);
	if (!paused && unlink(path) != 0 && errno != ENOENT)
		log_warning("cannot remove %s: %s", path, strerror(errno));
}

bool state_is_held(const struct scheduler *scheduler)
{
	return is_there(scheduler, "CONNECT.PAUSE");
}

bool state_take_now(const struct scheduler *scheduler)
{
	char path[INSTANCE_PATH_MAX + 128];

	return unlink(path_of(scheduler, "CONNECT.NOW", path, sizeof path)) == 0;
}
