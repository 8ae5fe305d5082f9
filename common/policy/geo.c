#include "common/policy/geo.h"

#include "common/base/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

enum { NAMES_MAX = 64, ROWS_MAX = 100000 /* that are looked at for one address */ };

void geo_init(struct geo *geo, const struct instance *instance)
{
	*geo = (struct geo){0};
	instance_path(geo->table.path, sizeof geo->table.path, instance->state, GEO_DATABASE);
}

static void close_table(struct geo *geo)
{
	if (geo->table.open)
		db_close(&geo->db);
	geo->table.open = false;
}

static void close_file(struct geo *geo, size_t index)
{
	if (geo->files[index].open)
		MMDB_close(&geo->databases[index]);
	geo->files[index].open = false;
}

void geo_close(struct geo *geo)
{
	close_table(geo);
	for (size_t i = 0; i < geo->file_count; i++)
		close_file(geo, i);
	geo->file_count = 0;
}

void geo_use_files(struct geo *geo, struct str paths)
{
	for (size_t i = 0; i < geo->file_count; i++)
		close_file(geo, i);
	geo->file_count = 0;
	while (paths.len != 0) {
		struct str path = str_trim(str_cut(&paths, ','));
		struct geo_file *file = &geo->files[geo->file_count];

		if (path.len == 0)
			continue;
		if (geo->file_count == GEO_FILES_MAX) {
			log_warning("geoip.files: only %d files are used", GEO_FILES_MAX);
			return;
		}
		*file = (struct geo_file){.open = false};
		if (str_copy(path, file->path, sizeof file->path))
			geo->file_count++;
		else
			log_warning("geoip.files: a path is too long");
	}
}

/* Is it another file than at the last look, or has it changed, come or gone? True at the first. */
static bool has_changed(struct geo_file *file)
{
	struct stat now = {0};
	bool same;

	if (stat(file->path, &now) != 0)
		now = (struct stat){0};
	same = now.st_ino == file->seen.st_ino && now.st_dev == file->seen.st_dev && now.st_size == file->seen.st_size &&
	       now.st_mtim.tv_sec == file->seen.st_mtim.tv_sec && now.st_mtim.tv_nsec == file->seen.st_mtim.tv_nsec;
	same = same && file->looked;
	file->looked = true;
	file->seen = now;
	return !same;
}

static void refresh_table(struct geo *geo)
{
	struct err err;

	if (!has_changed(&geo->table))
		return;
	close_table(geo);
	if (geo->table.seen.st_ino == 0)
		return;
	geo->table.open = db_open(&geo->db, geo->table.path, DB_READ_ONLY | DB_IMMUTABLE, 0, &err) == 0;
	if (!geo->table.open)
		log_warning("rules by GeoIP match nothing: %s", err.text);
}

static void refresh_file(struct geo *geo, size_t index)
{
	struct geo_file *file = &geo->files[index];
	int code;

	if (!has_changed(file))
		return;
	close_file(geo, index);
	code = MMDB_open(file->path, MMDB_MODE_MMAP, &geo->databases[index]);
	file->open = code == MMDB_SUCCESS;
	if (!file->open)
		log_warning("geoip.files: cannot use %s: %s", file->path, MMDB_strerror(code));
}

static void add_name(struct geo_names *names, struct str name)
{
	name = str_trim(name);
	if (name.len == 0 || names->count == NAMES_MAX)
		return;
	if (names->list == NULL)
		names->list = arena_get(names->arena, NAMES_MAX * sizeof *names->list);
	names->list[names->count++] = arena_copy(names->arena, name);
}

/* Is the text or number of a column (16 octets, or an address as a number) smaller than the address looked for? */
static bool is_below(const struct db_statement *row, int column, const struct cidr *address, int64_t number)
{
	if (!address->is_ipv6)
		return db_number(row, column) < number;
	return str_compare(db_text(row, column), str_from((const char *)address->address, 16)) < 0;
}

/* All rows of a range that holds the address: backwards, until no earlier one can reach it. */
static int find_rows(struct geo *geo, const struct cidr *address, struct geo_names *names, struct err *err)
{
	const char *sql = address->is_ipv6 ? "SELECT addrto, result, reach FROM geoipv6 WHERE addrfrom <= ?"
	                                     " ORDER BY addrfrom DESC, id DESC"
	                                   : "SELECT addrto, result, reach FROM geoipv4 WHERE addrfrom <= ?"
	                                     " ORDER BY addrfrom DESC, id DESC";
	uint32_t number;
	struct db_statement rows;
	int row = 1;

	memcpy(&number, address->address, sizeof number);
	number = ntohl(number);
	if (db_prepare(&geo->db, &rows, sql, err) != 0)
		return -1;
	if (address->is_ipv6)
		db_bind_blob(&rows, 1, str_from((const char *)address->address, 16));
	else
		db_bind_number(&rows, 1, number);
	for (int i = 0; i < ROWS_MAX && (row = db_step(&rows, err)) == 1 && !is_below(&rows, 2, address, number); i++)
		if (!is_below(&rows, 0, address, number))
			add_name(names, db_text(&rows, 1));
	db_finalize(&rows);
	return row < 0 ? -1 : 0;
}

static void find_in_table(struct geo *geo, const struct cidr *address, struct geo_names *names)
{
	struct err err;

	refresh_table(geo);
	if (!geo->table.open || find_rows(geo, address, names, &err) == 0)
		return;
	log_warning("rules by GeoIP match nothing: %s", err.text);
	close_table(geo);
}

static void add_text(struct geo_names *names, MMDB_entry_s *entry, const char *const *way)
{
	MMDB_entry_data_s data;

	if (MMDB_aget_value(entry, &data, way) == MMDB_SUCCESS && data.has_data && data.type == MMDB_DATA_TYPE_UTF8_STRING)
		add_name(names, str_from(data.utf8_string, data.data_size));
}

static void find_in_file(MMDB_s *database, const struct cidr *address, struct geo_names *names)
{
	static const char *const continent[] = {"continent", "code", NULL},
	                         *const country[] = {"country", "iso_code", NULL},
	                         *const system[] = {"autonomous_system_number", NULL};
	struct sockaddr_storage wanted = {.ss_family = address->is_ipv6 ? AF_INET6 : AF_INET};
	MMDB_lookup_result_s result;
	MMDB_entry_data_s data;
	int code;

	if (address->is_ipv6)
		memcpy(&((struct sockaddr_in6 *)&wanted)->sin6_addr, address->address, 16);
	else
		memcpy(&((struct sockaddr_in *)&wanted)->sin_addr, address->address, 4);
	result = MMDB_lookup_sockaddr(database, (const struct sockaddr *)&wanted, &code);
	if (code != MMDB_SUCCESS || !result.found_entry)
		return;
	add_text(names, &result.entry, continent);
	add_text(names, &result.entry, country);
	if (MMDB_aget_value(&result.entry, &data, system) == MMDB_SUCCESS && data.has_data &&
	    data.type == MMDB_DATA_TYPE_UINT32)
		add_name(names, arena_printf(names->arena, "AS%u", (unsigned)data.uint32));
}

void geo_find(struct geo *geo, const struct cidr *address, struct geo_names *names)
{
	find_in_table(geo, address, names);
	for (size_t i = 0; i < geo->file_count; i++) {
		refresh_file(geo, i);
		if (geo->files[i].open)
			find_in_file(&geo->databases[i], address, names);
	}
}

bool geo_names_hold(const struct geo_names *names, struct str tags)
{
	while (tags.len != 0) {
		struct str tag = str_cut(&tags, ',');

		for (size_t i = 0; i < names->count; i++)
			if (str_equal_nocase(tag, names->list[i]))
				return true;
	}
	return false;
}
