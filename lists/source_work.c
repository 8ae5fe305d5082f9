/*
 * A worker: reads one source, writes a row a line, ends.
 */
#include "lists/source.h"

#include "common/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	MEMORY_MAX = 1 << 30,
	DESCRIPTORS_MAX = 64,
	WORDS_MAX = 30, /* of a command */
	BUSY_MS = 5000,
	WHY_FD = 3,
	FIRST_FREE = 10,
	ROWS_BUFFER = 64 * 1024,
	ROW_MAX = 1000, /* octets; no address is so long */
};

/* What programs and drivers of databases need to read; listd's own folders are not among it. */
static const char *const readable[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/opt", "/srv", "/dev/null"};

static int allow(struct sandbox *sandbox, const char *path, struct err *err)
{
	return access(path, F_OK) != 0 ? 0 : sandbox_allow(sandbox, path, SANDBOX_READ, err);
}

/* The folder that a path stands in, for a file of SQLite may have others beside it, a script its parts. */
static int allow_folder_of(struct sandbox *sandbox, struct str path, struct err *err)
{
	char folder[INSTANCE_PATH_MAX * 4];
	ptrdiff_t slash = str_find_last_char(path, '/');

	if (slash < 1 || !str_copy(str_sub(path, 0, (size_t)slash), folder, sizeof folder))
		return err_set(err, ERR_SYNTAX, "\"%.*s\" is not a path", STR_ARG(path));
	return allow(sandbox, folder, err);
}

/* unixODBC: the instance's odbc.ini, and the file that a connection string names as its database. */
static int allow_odbc(struct sandbox *sandbox, const struct instance *instance, struct str name, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];

	instance_path(path, sizeof path, instance->etc, "odbc.ini");
	if (access(path, R_OK) == 0)
		setenv("ODBCINI", path, 1); /* where the driver manager looks for data sources first */
	while (name.len > 0) {
		struct str value = str_cut(&name, ';'), key = str_cut(&value, '=');

		if (str_equal_nocase(str_trim(key), STR("database")) && str_starts(value, STR("/")) &&
		    allow_folder_of(sandbox, value, err) != 0)
			return -1;
	}
	return allow(sandbox, instance->etc, err);
}

static int confine(const struct instance *instance, const struct source *source, struct err *err)
{
	bool is_file = str_equal(source->kind, STR("sqlite"));
	unsigned rights = is_file ? 0 : SANDBOX_CONNECT | SANDBOX_UNIX;
	struct str words = source->name;
	struct sandbox sandbox;
	int result;

	if (str_equal(source->kind, STR("command")))
		rights |= SANDBOX_EXEC | SANDBOX_FORK;
	if (sandbox_limit(MEMORY_MAX, SOURCE_SECONDS, DESCRIPTORS_MAX, err) != 0 ||
	    sandbox_init(&sandbox, rights, err) != 0)
		return -1;
	result = str_equal(source->kind, STR("odbc"))
	             ? allow_odbc(&sandbox, instance, source->name, err)
	             : allow_folder_of(&sandbox, is_file ? words : str_cut_word(&words), err);
	for (size_t i = 0; result == 0 && i < sizeof readable / sizeof readable[0]; i++)
		result = allow(&sandbox, readable[i], err);
	if (result == 0)
		result = sandbox_prepare(&sandbox, err);
	if (result == 0)
		result = sandbox_enter(&sandbox, err);
	sandbox_free(&sandbox);
	return result;
}

int rows_add(struct rows *rows, struct str value, struct err *err)
{
	if (rows->text.len + value.len + 1 > ROWS_BUFFER && rows_flush(rows, err) != 0)
		return -1;
	buf_add_str(&rows->text, str_sub(value, 0, ROW_MAX));
	buf_add_char(&rows->text, '\n');
	return 0;
}

int rows_flush(struct rows *rows, struct err *err)
{
	int result = io_write_all(rows->fd, rows->text.data, rows->text.len, err);

	buf_reset(&rows->text);
	return result;
}

static int read_sqlite(const struct source *source, struct rows *rows, struct err *err)
{
	char path[INSTANCE_PATH_MAX], sql[SETTING_VALUE_MAX + 1];
	struct db_statement query;
	struct db db;
	int row;

	if (!str_copy(source->name, path, sizeof path) || !str_copy(source->query, sql, sizeof sql))
		return err_set(err, ERR_LIMIT, "the path of the database is too long");
	if (db_open(&db, path, DB_READ_ONLY, BUSY_MS, err) != 0)
		return -1;
	if (db_prepare(&db, &query, sql, err) != 0) {
		db_close(&db);
		return -1;
	}
	while ((row = db_step(&query, err)) == 1)
		if (rows_add(rows, db_text(&query, 0), err) != 0) {
			row = -1;
			break;
		}
	db_finalize(&query);
	db_close(&db);
	return row;
}

/* No shell: words are separated by blanks, and are what they are. */
static int run_command(struct str words, struct err *err)
{
	char *arguments[WORDS_MAX + 1] = {NULL};
	static char path[] = "PATH=/usr/local/bin:/usr/bin:/bin", language[] = "LANG=C.UTF-8", home[] = "HOME=/nonexistent";
	char *environment[] = {path, language, home, NULL};
	struct arena arena;
	struct str word;
	size_t count = 0;

	arena_init(&arena);
	while (count < WORDS_MAX && (word = str_cut_word(&words)).len > 0)
		arguments[count++] = arena_text(&arena, word);
	if (count > 0)
		execve(arguments[0], arguments, environment);
	err_system(err, "cannot run %s", count > 0 ? arguments[0] : "nothing");
	arena_free(&arena);
	return -1;
}

/* Only the standard descriptors, the file (also as standard output) and the pipe are left. */
static int arrange_descriptors(int file, int why, struct err *err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct rlimit size = {SOURCE_OCTETS_MAX, SOURCE_OCTETS_MAX};

	/* first out of the way of the numbers that are to be theirs */
	file = fcntl(file, F_DUPFD_CLOEXEC, FIRST_FREE);
	why = fcntl(why, F_DUPFD_CLOEXEC, FIRST_FREE);
	if (null < 0 || file < 0 || why < 0 || dup2(null, 0) < 0 || dup2(file, 1) < 0 || dup2(null, 2) < 0 ||
	    dup3(why, WHY_FD, O_CLOEXEC) < 0)
		return err_system(err, "cannot arrange the worker's descriptors");
	close_range(WHY_FD + 1, ~0U, 0);
	return setrlimit(RLIMIT_FSIZE, &size) == 0 ? 0 : err_system(err, "cannot limit the worker's file");
}

static int read_source(const struct source *source, struct err *err)
{
	struct rows rows = {.fd = 1};
	int result;

	if (str_equal(source->kind, STR("command")))
		return run_command(source->name, err);
	buf_init(&rows.text, ROWS_BUFFER + ROW_MAX + 1);
	if (str_equal(source->kind, STR("sqlite")))
		result = read_sqlite(source, &rows, err);
	else if (str_equal(source->kind, STR("odbc")))
		result = source_read_odbc(source, &rows, err);
	else
		result = err_set(err, ERR_NOT_FOUND, "no source is set");
	return result == 0 ? rows_flush(&rows, err) : -1;
}

void source_work(const struct instance *instance, const struct source *source, int file, int why)
{
	struct err err;

	setpgid(0, 0);
	if (arrange_descriptors(file, why, &err) == 0 && confine(instance, source, &err) == 0 &&
	    read_source(source, &err) == 0)
		_exit(0);
	io_write_all(WHY_FD, err.text, strlen(err.text), NULL);
	_exit(1);
}
