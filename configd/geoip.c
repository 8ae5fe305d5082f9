/* geoip: the tables of names of ranges, outside config.db: they are large and nobody's settings. */
#include "common/policy/geo.h"
#include "common/policy/geo_import.h"
#include "configd/access.h"

#include <unistd.h>

static const char *table_path(const struct change *change, char *out, size_t size)
{
	return instance_path(out, size, change->config->instance->state, GEO_DATABASE);
}

int op_geoip_import(struct change *change, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct geo_columns columns;
	struct str digits;
	bool is_ipv6 = false;
	int64_t rows = 0;
	int csv, result;

	if (change_field(change, "columns", &digits, err) != 0 || geo_columns_parse(digits, &columns, err) != 0 ||
	    change_flag(change, "ipv6", &is_ipv6, err) != 0)
		return -1;
	csv = ipc_take_fd(&change->incoming->message, 0);
	if (csv < 0)
		return err_set(err, ERR_SYNTAX, "geoip-import needs the file's descriptor");
	result = geo_import(table_path(change, path, sizeof path), csv, &columns, is_ipv6, &rows, err);
	close(csv);
	if (result != 0)
		return -1;
	change_note(change, "%lld ranges of %s imported for GeoIP", (long long)rows, is_ipv6 ? "IPv6" : "IPv4");
	ipc_add_number(&change->reply, "rows", rows);
	return 0;
}

int op_geoip_delete(struct change *change, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	struct str address;
	int64_t rows;

	if (change_field(change, "address", &address, err) != 0 ||
	    geo_delete(table_path(change, path, sizeof path), address, &rows, err) != 0)
		return -1;
	if (rows == 0)
		return err_set(err, ERR_NOT_FOUND, "no range holds %.*s", STR_ARG(str_sub(address, 0, CIDR_TEXT_MAX)));
	change_note(change, "%lld ranges with %.*s deleted from GeoIP", (long long)rows, STR_ARG(address));
	ipc_add_number(&change->reply, "rows", rows);
	return 0;
}
