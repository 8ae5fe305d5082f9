/* logos: pictures of the administrator, files beside the snapshots, outside config.db: they are large, and no settings.
 */
#include "configd/logos.h"

#include "common/base/io.h"
#include "common/settings/logo.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The place that is meant; NULL: there is none of that name. */
static const char *find_name(struct change *change, struct err *err)
{
	struct str wanted;

	if (change_field(change, "name", &wanted, err) != 0)
		return NULL;
	for (size_t i = 0; logo_names[i] != NULL; i++)
		if (str_equal(wanted, str_of(logo_names[i])))
			return logo_names[i];
	err_set(err, ERR_NOT_FOUND, "there is a logo of login and one of mail, none of %.*s",
	        STR_ARG(str_sub(wanted, 0, 40)));
	return NULL;
}

/* What a descriptor's file holds; what is larger than a logo may be is cut behind it, and refused by that. */
static int read_image(int fd, struct buf *image, struct err *err)
{
	char piece[16384];
	ssize_t count = 1;

	while (count > 0 && image->len <= LOGO_OCTETS_MAX) {
		count = pread(fd, piece, sizeof piece, (off_t)image->len);
		if (count < 0 && errno != EINTR)
			return err_system(err, "cannot read the logo");
		buf_add(image, piece, count > 0 ? (size_t)count : 0);
	}
	return 0;
}

int op_logo_set(struct change *change, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	const char *name = find_name(change, err);
	int fd = name != NULL ? ipc_take_fd(&change->incoming->message, 0) : -1, result;
	struct logo logo;
	struct buf image;

	if (name == NULL)
		return -1;
	if (fd < 0)
		return err_set(err, ERR_SYNTAX, "logo-set needs the picture's descriptor");
	buf_init(&image, LOGO_OCTETS_MAX + 16384);
	result = read_image(fd, &image, err) == 0 && logo_look(buf_str(&image), &logo, err) == 0 ? 0 : -1;
	if (result == 0)
		result =
		    io_replace_file(logo_path(change->config->instance, name, path, sizeof path), buf_str(&image), 0644, err);
	if (result == 0)
		change_note(change, "the logo of %s is a picture of %u by %u", name, logo.width, logo.height);
	buf_free(&image);
	close(fd);
	return result;
}

int op_logo_delete(struct change *change, struct err *err)
{
	char path[INSTANCE_PATH_MAX + 128];
	const char *name = find_name(change, err);

	if (name == NULL)
		return -1;
	if (unlink(logo_path(change->config->instance, name, path, sizeof path)) != 0)
		return errno == ENOENT ? err_set(err, ERR_NOT_FOUND, "there is no logo of %s", name)
		                       : err_system(err, "cannot delete %s", path);
	change_note(change, "the logo of %s was deleted", name);
	return 0;
}

/* One that is there and can be read. */
static void add_logo(struct change *change, const char *name)
{
	char path[INSTANCE_PATH_MAX + 128], *text;
	struct logo logo;
	struct buf image;
	json_t *row;

	buf_init(&image, LOGO_OCTETS_MAX);
	if (io_read_file(logo_path(change->config->instance, name, path, sizeof path), &image, NULL) == 0 &&
	    logo_look(buf_str(&image), &logo, NULL) == 0) {
		row = json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", name, "media", logo.media, "width", (json_int_t)logo.width,
		                "height", (json_int_t)logo.height, "size", (json_int_t)image.len);
		text = json_dumps(row, JSON_COMPACT);
		ipc_add_text(&change->reply, "logo", text != NULL ? text : "{}");
		free(text);
		json_decref(row);
	}
	buf_free(&image);
}

int op_logo_list(struct change *change, struct err *err)
{
	(void)err;
	for (size_t i = 0; logo_names[i] != NULL; i++)
		add_logo(change, logo_names[i]);
	return 0;
}
