/*
 * mail/zip: an archive of files that are stored as they are (APPNOTE 6.3, without ZIP64: it
 * stays below 4 GB, and holds at most 65,000 of them); for this folder alone.
 */
#ifndef POSTROOM_WEBADMIN_MAIL_ZIP_H
#define POSTROOM_WEBADMIN_MAIL_ZIP_H

#include "common/base/buf.h"
#include "common/base/err.h"

enum { ZIP_FILES_MAX = 65000 };

struct zip {
	int fd; /* the archive, the caller's; written from its beginning */
	uint64_t at;
	struct buf directory;
	unsigned count;
	uint64_t began; /* where the header of the open file stands */
	size_t entry;   /* and its entry in the directory */
	uint32_t crc;
	uint64_t size;
};

void zip_init(struct zip *zip, int fd);
/* A file: begin, write as often as there is something, end. name: a path in UTF-8 without a slash at its beginning.
 * seconds: since 1970. -1: ERR_LIMIT, ERR_SYSTEM. */
int zip_begin(struct zip *zip, struct str name, int64_t seconds, struct err *err);
int zip_write(struct zip *zip, struct str bytes, struct err *err);
int zip_end(struct zip *zip, struct err *err);
/* The directory at its end. */
int zip_finish(struct zip *zip, struct err *err);
void zip_free(struct zip *zip);

#endif
