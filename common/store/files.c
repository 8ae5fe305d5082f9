#include "common/store/mailbox.h"

#include "common/base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_id_valid(struct str id)
{
	if (id.len == 0 || id.len > STORE_ID_MAX)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		char c = id.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return true;
}

const char *file_name(char out[FILE_NAME_MAX], uint32_t uid, struct str id)
{
	if (id.len > 0)
		snprintf(out, FILE_NAME_MAX, "%u.%.*s", uid, STR_ARG(id));
	else
		snprintf(out, FILE_NAME_MAX, "%u", uid);
	return out;
}

/* A decimal number as we write it: no sign, no leading zero. */
static bool parse_number(struct str text, uint64_t max, uint64_t *number)
{
	return text.len > 0 && text.data[0] != '0' && str_to_u64(text, max, number);
}

bool file_parse_name(const char *name, uint32_t *uid, struct str *id)
{
	struct str rest = str_of(name);
	struct str digits = str_cut(&rest, '.');
	uint64_t number;

	if (!parse_number(digits, UINT32_MAX, &number))
		return false;
	*uid = (uint32_t)number;
	*id = rest.data != NULL ? rest : STR("");
	return rest.data == NULL || file_id_valid(rest);
}

const char *file_bucket(char out[FOLDER_PATH_MAX], int64_t folder, uint32_t uid)
{
	snprintf(out, FOLDER_PATH_MAX, "msg/%lld/%u", (long long)folder, uid / BUCKET_SIZE);
	return out;
}

const char *file_path(char out[FILE_PATH_MAX], const char *place, int64_t folder, uint32_t uid, struct str id)
{
	char name[FILE_NAME_MAX];

	snprintf(out, FILE_PATH_MAX, "%s/%lld/%u/%s", place, (long long)folder, uid / BUCKET_SIZE,
	         file_name(name, uid, id));
	return out;
}

/* Make one folder below the mailbox; its name is synced in the folder above, whose path ends at the last slash. */
static int make_below(struct mailbox *mailbox, const char *path, struct err *err)
{
	char above[FOLDER_PATH_MAX];
	int fd, result;

	if (mkdirat(mailbox->root, path, 0700) != 0 && errno != EEXIST)
		return err_system(err, "cannot make %s/%s", mailbox->path, path);
	str_copy(str_from(path, (size_t)(strrchr(path, '/') - path)), above, sizeof above);
	fd = openat(mailbox->root, above, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_system(err, "cannot open %s/%s", mailbox->path, above);
	result = fsync(fd);
	if (result != 0)
		err_system(err, "cannot sync %s/%s", mailbox->path, above);
	close(fd);
	return result;
}

int file_open_bucket(struct mailbox *mailbox, int64_t folder, uint32_t uid, struct err *err)
{
	char path[FOLDER_PATH_MAX], parent[FOLDER_PATH_MAX];
	int fd = openat(mailbox->root, file_bucket(path, folder, uid), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT) {
		snprintf(parent, sizeof parent, "msg/%lld", (long long)folder);
		if (make_below(mailbox, parent, err) != 0 || make_below(mailbox, path, err) != 0)
			return -1;
		fd = openat(mailbox->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (fd < 0)
		return err_system(err, "cannot open %s/%s", mailbox->path, path);
	return fd;
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return left < right ? -1 : left > right;
}

/* The numbers are read before the first visit, which may make and remove names. */
static int64_t *read_numbers(DIR *folder, int64_t from, size_t *count)
{
	int64_t *numbers = NULL;
	struct dirent *entry;
	uint64_t number;
	size_t capacity = 0;

	*count = 0;
	while ((entry = readdir(folder)) != NULL) {
		if (!str_to_u64(str_of(entry->d_name), INT64_MAX, &number) || (int64_t)number < from)
			continue;
		if (*count == capacity) {
			capacity = capacity == 0 ? 16 : 2 * capacity;
			numbers = memory_resize(numbers, capacity * sizeof *numbers);
		}
		numbers[(*count)++] = (int64_t)number;
	}
	if (*count > 1)
		qsort(numbers, *count, sizeof *numbers, compare_numbers);
	return numbers;
}

int file_each_folder(struct mailbox *mailbox, const char *path, int64_t from, file_visit *visit, void *context,
                     struct err *err)
{
	int fd = openat(mailbox->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int64_t *numbers;
	size_t count;
	DIR *folder;
	int result = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_system(err, "cannot open %s/%s", mailbox->path, path);
	folder = fdopendir(fd);
	if (folder == NULL) {
		close(fd);
		return err_system(err, "cannot read %s/%s", mailbox->path, path);
	}
	numbers = read_numbers(folder, from, &count);
	closedir(folder);
	for (size_t i = 0; i < count && result == 0; i++)
		result = visit(mailbox, numbers[i], context, err);
	memory_free(numbers);
	return result;
}

struct names_visit {
	struct file_place at;
	file_visit_name *visit;
	void *context;
};

static int visit_bucket(struct mailbox *mailbox, int64_t bucket, void *context, struct err *err)
{
	struct names_visit *names = context;
	char path[FOLDER_PATH_MAX];
	struct dirent *entry;
	DIR *folder;
	int fd, result = 0;

	names->at.bucket = bucket;
	snprintf(path, sizeof path, "%s/%lld/%lld", names->at.place, (long long)names->at.folder, (long long)bucket);
	fd = openat(mailbox->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	folder = fd >= 0 ? fdopendir(fd) : NULL;
	if (folder == NULL) {
		err_system(err, "cannot read %s/%s", mailbox->path, path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while (result == 0 && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			result = names->visit(mailbox, &names->at, entry->d_name, names->context, err);
	closedir(folder);
	return result;
}

static int visit_folder(struct mailbox *mailbox, int64_t number, void *context, struct err *err)
{
	struct names_visit *names = context;
	char path[FOLDER_PATH_MAX];

	names->at.folder = number;
	snprintf(path, sizeof path, "%s/%lld", names->at.place, (long long)number);
	return file_each_folder(mailbox, path, 0, visit_bucket, context, err);
}

int file_each_name(struct mailbox *mailbox, const char *place, file_visit_name *visit, void *context, struct err *err)
{
	struct names_visit names = {.at.place = place, .visit = visit, .context = context};

	return file_each_folder(mailbox, place, 1, visit_folder, &names, err);
}
