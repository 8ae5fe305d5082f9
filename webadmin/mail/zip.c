#include "webadmin/mail/zip.h"

#include "common/base/io.h"

#include <time.h>
#include <unistd.h>
#include <zlib.h>

enum {
	DIRECTORY_MAX = 64 << 20,
	LOCAL_HEADER = 30, /* octets before the name */
	AT_CRC = 14,       /* in it: CRC-32 and both sizes */
	DIRECTORY_CRC = 16,
	VERSION = 20,
	IS_UTF8 = 0x800, /* the name is UTF-8 */
};

static void put(struct buf *out, uint64_t value, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++, value >>= 8)
		buf_add_char(out, (char)value);
}

static void patch(char *at, uint64_t value, unsigned octets)
{
	for (unsigned i = 0; i < octets; i++, value >>= 8)
		at[i] = (char)value;
}

static int write_out(struct zip *zip, struct str bytes, struct err *err)
{
	if (zip->at + bytes.len > UINT32_MAX)
		return err_set(err, ERR_LIMIT, "the archive would be larger than 4 GB");
	zip->at += bytes.len;
	return io_write_all(zip->fd, bytes.data, bytes.len, err);
}

void zip_init(struct zip *zip, int fd)
{
	*zip = (struct zip){.fd = fd};
	buf_init(&zip->directory, DIRECTORY_MAX);
}

void zip_free(struct zip *zip)
{
	buf_free(&zip->directory);
}

/* What local header and directory have in common: from the version that is needed to the length of the extra field. */
static void put_common(struct buf *out, struct str name, int64_t seconds)
{
	struct tm tm;
	time_t when = (time_t)seconds;

	localtime_r(&when, &tm);
	put(out, VERSION, 2);
	put(out, IS_UTF8, 2);
	put(out, 0, 2); /* stored */
	put(out, (uint64_t)(tm.tm_hour << 11 | tm.tm_min << 5 | tm.tm_sec / 2), 2);
	put(out, (uint64_t)((tm.tm_year > 80 ? tm.tm_year - 80 : 0) << 9 | (tm.tm_mon + 1) << 5 | tm.tm_mday), 2);
	put(out, 0, 12); /* CRC-32 and sizes: at the end of the file */
	put(out, name.len, 2);
	put(out, 0, 2);
}

int zip_begin(struct zip *zip, struct str name, int64_t seconds, struct err *err)
{
	struct buf header;
	int result;

	if (zip->count == ZIP_FILES_MAX || name.len > UINT16_MAX)
		return err_set(err, ERR_LIMIT, "an archive has at most %d files", ZIP_FILES_MAX);
	zip->count++;
	zip->began = zip->at;
	zip->crc = (uint32_t)crc32(0, NULL, 0);
	zip->size = 0;
	buf_init(&header, LOCAL_HEADER + UINT16_MAX);
	put(&header, 0x04034b50, 4);
	put_common(&header, name, seconds);
	buf_add_str(&header, name);
	result = write_out(zip, buf_str(&header), err);
	buf_free(&header);
	zip->entry = zip->directory.len;
	put(&zip->directory, 0x02014b50, 4);
	put(&zip->directory, VERSION, 2);
	put_common(&zip->directory, name, seconds);
	put(&zip->directory, 0, 2 + 2 + 2 + 4); /* comment, disk, attributes */
	put(&zip->directory, zip->began, 4);
	buf_add_str(&zip->directory, name);
	if (zip->directory.overflow)
		return err_set(err, ERR_LIMIT, "the names in the archive are too long");
	return result;
}

int zip_write(struct zip *zip, struct str bytes, struct err *err)
{
	zip->crc = (uint32_t)crc32(zip->crc, (const unsigned char *)bytes.data, (unsigned)bytes.len);
	zip->size += bytes.len;
	return write_out(zip, bytes, err);
}

/* CRC-32 and sizes are known now: where they belong in the file's header, and in the directory's last entry. */
int zip_end(struct zip *zip, struct err *err)
{
	char numbers[12];

	patch(numbers, zip->crc, 4);
	patch(numbers + 4, zip->size, 4);
	patch(numbers + 8, zip->size, 4);
	if (pwrite(zip->fd, numbers, sizeof numbers, (off_t)zip->began + AT_CRC) != (ssize_t)sizeof numbers)
		return err_system(err, "cannot write an archive");
	memcpy(zip->directory.data + zip->entry + DIRECTORY_CRC, numbers, sizeof numbers);
	return 0;
}

int zip_finish(struct zip *zip, struct err *err)
{
	uint64_t at = zip->at, size = zip->directory.len;

	put(&zip->directory, 0x06054b50, 4);
	put(&zip->directory, 0, 4); /* disks */
	put(&zip->directory, zip->count, 2);
	put(&zip->directory, zip->count, 2);
	put(&zip->directory, size, 4);
	put(&zip->directory, at, 4);
	put(&zip->directory, 0, 2);
	return write_out(zip, buf_str(&zip->directory), err);
}
