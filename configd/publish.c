#include "configd/scripts.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/policy/geo.h"
#include "common/script/script.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Snapshots hold no secrets, and every daemon reads them; who may enter the folder decides. The last two are kept, so
 * that a reader that has just looked at the counter finds what it names.
 */
enum { SNAPSHOT_MODE = 0644, SNAPSHOTS_KEPT = 2 };

static const char *snapshot_path(const struct config *config, uint64_t generation, char *out, size_t size)
{
	snprintf(out, size, "%s/settings/%" PRIu64 ".db", config->instance->state, generation);
	return out;
}

/* A table of a snapshot, and what it is filled from: a table, or a view of what is in force (configd/attributes.h). */
struct published {
	const char *table, *source;
};

/* Copy the rows, column by column. */
static int copy_table(struct db *from, struct db *image, const struct published *published, struct err *err)
{
	struct db_statement read, write;
	char sql[160];
	int row, columns;

	snprintf(sql, sizeof sql, "SELECT * FROM %s", published->source);
	if (db_prepare(from, &read, sql, err) != 0)
		return -1;
	columns = sqlite3_column_count(read.handle);
	snprintf(sql, sizeof sql, "INSERT INTO %s VALUES(?%.*s)", published->table, 2 * (columns - 1),
	         ",?,?,?,?,?,?,?,?,?,?,?,?");
	if (db_prepare(image, &write, sql, err) != 0) {
		db_finalize(&read);
		return -1;
	}
	while ((row = db_step(&read, err)) == 1) {
		for (int i = 0; i < columns; i++)
			sqlite3_bind_value(write.handle, i + 1, sqlite3_column_value(read.handle, i));
		if (db_run(&write, err) != 0) {
			row = -1;
			break;
		}
	}
	db_finalize(&write);
	db_finalize(&read);
	return row;
}

static int fill_image(struct config *config, struct db *image, struct err *err)
{
	static const struct published tables[] = {
	    {"setting", "setting"},
	    {"domain", "domain"},
	    {"user", "effective_user"},
	    {"user_attribute", "effective_attribute"},
	    {"mapping", "mapping"},
	    {"connection", "connection"},
	    {"connection_setting", "connection_setting"},
	    {"sender", "sender"},
	    {"sender_setting", "sender_setting"},
	    {"collector", "collector"},
	    {"collector_setting", "collector_setting"},
	    {"collector_connection", "collector_connection"},
	    {"user_group", "user_group"},
	    {"membership", "membership"},
	    {"smtp_rule", "smtp_rule"},
	    {"access_list", "access_list"},
	    {"access_rule", "access_rule"},
	    {"service", "service"},
	    {"service_binding", "service_binding"},
	    {"service_setting", "service_setting"},
	    {"permission", "permission"},
	    {"list", "list"},
	    {"list_member", "list_member"},
	    {"list_setting", "list_setting"},
	    {"item", "item"},
	    {"item_field", "item_field"},
	    {NULL, NULL},
	};

	for (const char *const *schema = config_shared_schemas; *schema != NULL; schema++)
		if (db_exec(image, *schema, err) != 0)
			return -1;
	if (db_begin(image, err) != 0)
		return -1;
	for (const struct published *published = tables; published->table != NULL; published++)
		if (copy_table(&config->db, image, published, err) != 0)
			return -1;
	return db_commit(image, err);
}

int publish_prepare(struct config *config, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct db image;
	unsigned char *bytes = NULL;
	sqlite3_int64 size = 0;
	int result;

	if (db_open(&image, ":memory:", DB_CREATE | DB_MEMORY, 0, err) != 0)
		return -1;
	result = fill_image(config, &image, err);
	if (result == 0) {
		bytes = sqlite3_serialize(image.handle, "main", &size, 0);
		if (bytes == NULL)
			result = err_set(err, ERR_TEMPORARY, "not enough memory for the settings");
	}
	if (result == 0)
		result = io_replace_file(snapshot_path(config, config->generation + 1, path, sizeof path),
		                         str_from((const char *)bytes, (size_t)size), SNAPSHOT_MODE, err);
	sqlite3_free(bytes);
	db_close(&image);
	return result == 0 ? script_files_prepare(config, err) : -1;
}

void publish_finish(struct config *config)
{
	char path[INSTANCE_PATH_MAX + 128];

	script_files_finish(config);
	config->generation++;
	__atomic_store_n(config->counter, config->generation, __ATOMIC_RELEASE);
	/* Readers see it at once; the disk copy only has to survive until the next start, which looks at the files too. */
	if (msync((void *)(uintptr_t)config->counter, sizeof *config->counter, MS_SYNC) != 0)
		log_warning("cannot sync the counter of settings: %s", strerror(errno));
	if (config->generation > SNAPSHOTS_KEPT)
		unlink(snapshot_path(config, config->generation - SNAPSHOTS_KEPT, path, sizeof path));
}

static int map_counter(struct config *config, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct stat stat;
	void *mapped = MAP_FAILED;
	int fd = open(instance_path(path, sizeof path, config->instance->state, "settings/generation"),
	              O_RDWR | O_CREAT | O_CLOEXEC, SNAPSHOT_MODE);

	if (fd < 0)
		return err_system(err, "cannot open %s", path);
	if (fchmod(fd, SNAPSHOT_MODE) == 0 && fstat(fd, &stat) == 0 &&
	    (stat.st_size == sizeof *config->counter || ftruncate(fd, sizeof *config->counter) == 0))
		mapped = mmap(NULL, sizeof *config->counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED)
		err_system(err, "cannot map %s", path);
	close(fd);
	config->counter = mapped != MAP_FAILED ? mapped : NULL;
	return mapped != MAP_FAILED ? 0 : -1;
}

/* The generation of a snapshot's file name; 0 where the name is another's. */
static uint64_t file_generation(const char *name)
{
	struct str text = str_of(name);
	uint64_t generation;

	if (!str_ends_nocase(text, STR(".db")) || !str_to_u64(str_sub(text, 0, text.len - 3), INT64_MAX, &generation))
		return 0;
	return generation;
}

/* What stands beside the snapshots: the counter, the tables of GeoIP, and scripts. */
static bool is_kept(const char *name)
{
	return strcmp(name, "generation") == 0 || strcmp(name, strchr(SCRIPT_PUBLISHED, '/') + 1) == 0 ||
	       strcmp(name, strchr(GEO_DATABASE, '/') + 1) == 0;
}

/*
 * Find the newest generation there ever was, and (remove_below not 0) remove older snapshots and what a crash left half
 * written.
 */
static int look_through(struct config *config, uint64_t remove_below, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	DIR *folder = opendir(instance_path(path, sizeof path, config->instance->state, "settings"));
	struct dirent *entry;

	if (folder == NULL)
		return err_system(err, "cannot read %s", path);
	while ((entry = readdir(folder)) != NULL) {
		uint64_t generation = file_generation(entry->d_name);

		if (generation > config->generation)
			config->generation = generation;
		if (remove_below != 0 && entry->d_name[0] != '.' && !is_kept(entry->d_name) && generation < remove_below)
			unlinkat(dirfd(folder), entry->d_name, 0);
	}
	closedir(folder);
	return 0;
}

int publish_start(struct config *config, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	if (io_make_folder(instance_path(path, sizeof path, config->instance->state, "settings"), 0755, err) != 0 ||
	    map_counter(config, err) != 0)
		return -1;
	config->generation = *config->counter;
	config->scripts_changed = true;
	if (look_through(config, 0, err) != 0 || publish_prepare(config, err) != 0)
		return -1;
	publish_finish(config);
	return look_through(config, config->generation - SNAPSHOTS_KEPT + 1, err);
}
