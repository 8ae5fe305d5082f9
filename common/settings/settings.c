#include "common/settings/settings.h"

#include "common/addr/addr.h"
#include "common/base/io.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	COUNTER_SIZE = sizeof(uint64_t),
	LOAD_ATTEMPTS = 10,  /* each lost to a snapshot replaced twice meanwhile */
	PATIENCE_MS = 10000, /* for configd, where a new instance's daemons start all at once */
	PAUSE_MS = 20,
};

/* What one snapshot gives, until it is taken over as a whole. */
struct loaded {
	struct arena arena;
	struct setting_values values;
	struct services services;
	char host_name[256];
	char default_domain[256];
	struct db objects;
};

static int map_counter(struct settings *settings, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct stat stat;
	void *mapped;
	int fd =
	    open(instance_path(path, sizeof path, settings->instance->state, "settings/generation"), O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "no settings are published yet (%s is missing)", path);
	if (fd < 0)
		return err_system(err, "cannot open %s", path);
	if (fstat(fd, &stat) != 0) {
		err_system(err, "cannot examine %s", path);
		close(fd);
		return -1;
	}
	if (stat.st_size != COUNTER_SIZE) {
		close(fd);
		if (stat.st_size == 0)
			return err_set(err, ERR_NOT_FOUND, "no settings are published yet (%s is empty)", path);
		return err_set(err, ERR_CORRUPT, "%s does not hold a number of %d bytes", path, COUNTER_SIZE);
	}
	mapped = mmap(NULL, COUNTER_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (mapped == MAP_FAILED)
		return err_system(err, "cannot map %s", path);
	settings->counter = mapped;
	return 0;
}

static uint64_t counter_now(const struct settings *settings)
{
	return __atomic_load_n(settings->counter, __ATOMIC_ACQUIRE);
}

static void take_value(struct loaded *loaded, enum setting setting, const char *value)
{
	loaded->values.texts[setting] = value;
	loaded->values.numbers[setting] = setting_to_number(&setting_definitions[setting], value);
}

static int read_values(struct loaded *loaded, struct err *err)
{
	struct db_statement statement;
	struct buf normal;
	int row;

	for (int i = 0; i < SETTING_COUNT; i++)
		take_value(loaded, (enum setting)i, setting_definitions[i].fallback);
	if (db_prepare(&loaded->objects, &statement, "SELECT key, value FROM setting", err) != 0)
		return -1;
	buf_init(&normal, SETTING_VALUE_MAX);
	while ((row = db_step(&statement, err)) == 1) {
		const struct setting_definition *definition = setting_find(db_text(&statement, 0));
		struct err reason = {0};

		buf_reset(&normal);
		if (definition == NULL)
			log_warning("the setting \"%.*s\" is not known to this version and is ignored",
			            STR_ARG(db_text(&statement, 0)));
		else if (setting_check(definition, db_text(&statement, 1), &normal, &reason) != 0)
			log_warning("%s; the default is used", reason.text);
		else
			take_value(loaded, (enum setting)(definition - setting_definitions),
			           arena_text(&loaded->arena, buf_str(&normal)));
	}
	buf_free(&normal);
	db_finalize(&statement);
	return row;
}

static int find_default_domain(struct loaded *loaded, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(&loaded->objects, &statement, "SELECT name FROM domain WHERE is_default = 1", err) != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1)
		str_copy(db_text(&statement, 0), loaded->default_domain, sizeof loaded->default_domain);
	db_finalize(&statement);
	return row < 0 ? -1 : 0;
}

static void find_host_name(struct loaded *loaded)
{
	char machine[256] = "";

	if (loaded->values.texts[SETTING_HOST_NAME][0] != '\0') {
		str_copy(str_of(loaded->values.texts[SETTING_HOST_NAME]), loaded->host_name, sizeof loaded->host_name);
		return;
	}
	if (gethostname(machine, sizeof machine - 1) != 0 || machine[0] == '\0')
		str_copy(STR("localhost"), machine, sizeof machine);
	if (strchr(machine, '.') != NULL || loaded->default_domain[0] == '\0')
		str_copy(str_of(machine), loaded->host_name, sizeof loaded->host_name);
	else
		snprintf(loaded->host_name, sizeof loaded->host_name, "mail.%.*s", STR_ARG(str_of(loaded->default_domain)));
}

static void loaded_free(struct loaded *loaded)
{
	db_close(&loaded->objects);
	arena_free(&loaded->arena);
}

static int open_snapshot(const struct settings *settings, uint64_t generation, struct db *objects, struct err *err)
{
	char name[64], path[INSTANCE_PATH_MAX + 128];

	snprintf(name, sizeof name, "settings/%" PRIu64 ".db", generation);
	instance_path(path, sizeof path, settings->instance->state, name);
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "the settings %s are missing", path);
	return db_open(objects, path, DB_READ_ONLY | DB_IMMUTABLE, 0, err);
}

static int load_generation(const struct settings *settings, uint64_t generation, struct loaded *loaded, struct err *err)
{
	*loaded = (struct loaded){0};
	if (open_snapshot(settings, generation, &loaded->objects, err) != 0)
		return -1;
	arena_init(&loaded->arena);
	if (read_values(loaded, err) != 0 || find_default_domain(loaded, err) != 0 ||
	    services_load(&loaded->objects, &loaded->arena, &loaded->services, err) != 0) {
		loaded_free(loaded);
		return -1;
	}
	find_host_name(loaded);
	return 0;
}

/* Load what the counter names; where configd went on meanwhile and removed it, what it names by then. */
static int load_current(const struct settings *settings, uint64_t *generation, struct loaded *loaded, struct err *err)
{
	for (int attempt = 0; attempt < LOAD_ATTEMPTS; attempt++) {
		*generation = counter_now(settings);
		if (load_generation(settings, *generation, loaded, err) == 0)
			return 0;
		if (counter_now(settings) == *generation)
			return -1;
	}
	return -1;
}

/* The general values, and over them those of the service in use. */
static void overlay(struct settings *settings)
{
	const struct service *service = settings_service(settings, settings->service);

	settings->values = settings->general;
	for (size_t i = 0; service != NULL && i < service->value_count; i++) {
		const struct service_value *value = &service->values[i];

		settings->values.texts[value->setting] = value->text;
		settings->values.numbers[value->setting] = value->number;
	}
}

static void take_over(struct settings *settings, uint64_t generation, struct loaded *loaded)
{
	arena_free(&settings->arena);
	if (settings->keep_open && settings->objects.handle != NULL)
		db_close(&settings->objects);
	settings->generation = generation;
	settings->arena = loaded->arena;
	settings->general = loaded->values;
	settings->services = loaded->services;
	overlay(settings);
	memcpy(settings->host_name, loaded->host_name, sizeof settings->host_name);
	memcpy(settings->default_domain, loaded->default_domain, sizeof settings->default_domain);
	if (settings->keep_open)
		settings->objects = loaded->objects;
	else
		db_close(&loaded->objects);
}

/* Map the counter once it is there and counts. */
static int wait_for_counter(struct settings *settings, struct err *err)
{
	int64_t end = io_now_ms() + PATIENCE_MS;

	for (;;) {
		if (settings->counter == NULL && map_counter(settings, err) != 0 && err->code != ERR_NOT_FOUND)
			return -1;
		if (settings->counter != NULL && counter_now(settings) != 0)
			return 0;
		if (io_now_ms() > end)
			return settings->counter == NULL ? -1 : err_set(err, ERR_NOT_FOUND, "no settings are published yet");
		nanosleep(&(struct timespec){0, PAUSE_MS * 1000000}, NULL);
	}
}

int settings_open(struct settings *settings, const struct instance *instance, bool keep_open, struct err *err)
{
	struct loaded loaded;
	uint64_t generation;

	*settings = (struct settings){.instance = instance, .keep_open = keep_open};
	arena_init(&settings->arena);
	if (wait_for_counter(settings, err) != 0 || load_current(settings, &generation, &loaded, err) != 0) {
		settings_close(settings);
		return -1;
	}
	take_over(settings, generation, &loaded);
	return 0;
}

void settings_close(struct settings *settings)
{
	if (settings->counter != NULL)
		munmap((void *)(uintptr_t)settings->counter, COUNTER_SIZE);
	if (settings->objects.handle != NULL)
		db_close(&settings->objects);
	arena_free(&settings->arena);
	*settings = (struct settings){0};
}

bool settings_refresh(struct settings *settings)
{
	struct loaded loaded;
	struct err err;
	uint64_t generation;

	if (counter_now(settings) == settings->generation)
		return false;
	if (load_current(settings, &generation, &loaded, &err) != 0) {
		if (settings->failed_generation != generation)
			log_error("the settings stay as they are: %s", err.text);
		settings->failed_generation = generation;
		return false;
	}
	take_over(settings, generation, &loaded);
	return true;
}

int settings_open_snapshot(const struct settings *settings, struct db *objects, struct err *err)
{
	return open_snapshot(settings, settings->generation, objects, err);
}

const struct service *settings_service(const struct settings *settings, int64_t id)
{
	for (size_t i = 0; i < settings->services.count; i++)
		if (settings->services.list[i].id == id)
			return &settings->services.list[i];
	return NULL;
}

void settings_use_service(struct settings *settings, int64_t id)
{
	if (settings->service == id)
		return;
	settings->service = id;
	overlay(settings);
}

int64_t settings_number(const struct settings *settings, enum setting setting)
{
	return settings->values.numbers[setting];
}

bool settings_flag(const struct settings *settings, enum setting setting)
{
	return settings->values.numbers[setting] != 0;
}

const char *settings_text(const struct settings *settings, enum setting setting)
{
	return settings->values.texts[setting];
}

const char *settings_host_name(const struct settings *settings)
{
	return settings->host_name;
}

const char *settings_default_domain(const struct settings *settings)
{
	return settings->default_domain;
}

struct str settings_server_address(const struct settings *settings, struct arena *arena)
{
	const char *domain = settings->default_domain[0] != '\0' ? settings->default_domain : settings->host_name;

	return addr_format(str_of(settings_text(settings, SETTING_MAILER_DAEMON)), str_of(domain), arena);
}
