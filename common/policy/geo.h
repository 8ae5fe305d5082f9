/*
 * geo: what ranges of addresses are called, looked up live.
 *
 * Two sources, whose names are compared alike: the tables of state/settings/geo.db, which `postroom geoip importcsv`
 * fills (common/policy/geo_import.h), and files in MaxMind's format named by the setting geoip.files. A file that was
 * replaced is opened anew at the next look; what cannot be read names nothing and is logged once. For the listener,
 * before its fork: the files are an administrator's, and the only input of strangers is an address.
 *
 * geo.db: geoipv4(id, addrfrom, addrto, result, reach) with addresses as numbers, geoipv6 the same with addresses as 16
 * octets. Rows are in the order of addrfrom; reach is the largest addrto up to the row, so that looking back from an
 * address ends where nothing can hold it any more.
 */
#ifndef POSTROOM_POLICY_GEO_H
#define POSTROOM_POLICY_GEO_H

#include "common/addr/cidr.h"
#include "common/base/arena.h"
#include "common/db/db.h"
#include "common/settings/settings.h"

#include <maxminddb.h>
#include <sys/stat.h>

enum { GEO_FILES_MAX = 4 };

#define GEO_DATABASE "settings/geo.db" /* below the instance's state */

/* A file that may be replaced at any time. */
struct geo_file {
	char path[INSTANCE_PATH_MAX + 128];
	struct stat seen; /* as it was at the last look; st_ino 0: it was not there */
	bool looked;
	bool open;
};

struct geo {
	struct geo_file table;
	struct db db;
	struct geo_file files[GEO_FILES_MAX];
	MMDB_s databases[GEO_FILES_MAX];
	size_t file_count;
};

/* Begin; nothing is opened yet. */
void geo_init(struct geo *geo, const struct instance *instance);
/* The files that the setting geoip.files names, separated by commas. */
void geo_use_files(struct geo *geo, struct str paths);
void geo_close(struct geo *geo);

/* What an address is called. */
struct geo_names {
	struct arena *arena;
	struct str *list;
	size_t count;
};

/* All names of a single address, in names->arena; to be asked once for all rules that are compared. */
void geo_find(struct geo *geo, const struct cidr *address, struct geo_names *names);
/* Is one of the tags (separated by commas) among them? Case does not matter. */
bool geo_names_hold(const struct geo_names *names, struct str tags);

#endif
