/* Files of pages, as "make web" laid them out. Those for some people alone are in folders of their own. */
#include "webadmin/exchange.h"
#include "webadmin/routes.h"

#include "common/base/io.h"
#include "common/settings/logo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_MAX_OCTETS = 200 };

/* What is not in this list is not sent. */
static const struct {
	const char *ending, *type;
	bool is_text; /* a copy that was compressed may lie beside it */
} types[] = {
    {".html", "text/html; charset=utf-8", true},
    {".js", "text/javascript; charset=utf-8", true},
    {".css", "text/css; charset=utf-8", true},
    {".json", "application/json", true},
    {".svg", "image/svg+xml", true},
    {".lng", "text/plain; charset=utf-8", true},
    {".txt", "text/plain; charset=utf-8", true},
    {".webmanifest", "application/manifest+json", true},
    {".png", "image/png", false},
    {".ico", "image/x-icon", false},
    {".woff2", "font/woff2", false},
};

/* Is it a path of plain names, each with a letter or digit at its beginning? */
static bool is_plain(struct str path)
{
	while (path.data != NULL) {
		struct str part = str_cut(&path, '/');

		if (part.len == 0 || part.data[0] == '.')
			return false;
		for (size_t i = 0; i < part.len; i++)
			if ((unsigned char)part.data[i] < 0x21 || strchr("\\:", part.data[i]) != NULL)
				return false;
	}
	return true;
}

/* Is it in a folder that has a route of its own? Nobody comes there by another one, whatever the routes think. */
static bool is_guarded(struct str name)
{
	return str_starts_nocase(name, STR("admin/")) || str_starts_nocase(name, STR("mail/"));
}

static int open_page(const struct web *web, const char *name, struct stat *info)
{
	int fd = web->pages >= 0 ? openat(web->pages, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK) : -1;

	if (fd >= 0 && fstat(fd, info) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static void send_page(const struct web *web, const struct web_request *request, struct web_reply *reply,
                      const char *name, const char *type, bool is_text)
{
	struct str codings = web_header(request, "Accept-Encoding");
	char packed[NAME_MAX_OCTETS + sizeof ".gz"];
	struct stat info;
	bool is_packed = false;
	int fd = -1;

	snprintf(packed, sizeof packed, "%s.gz", name);
	if (is_text)
		web_reply_header(reply, "Vary", "Accept-Encoding");
	if (is_text && codings.data != NULL && web_takes_gzip(codings))
		is_packed = (fd = open_page(web, packed, &info)) >= 0;
	if (fd < 0)
		fd = open_page(web, name, &info);
	if (fd < 0 || !S_ISREG(info.st_mode)) {
		if (fd >= 0)
			close(fd);
		web_reply_error(reply, 404, "not-found", "There is no such page");
		return;
	}
	/* pages belong together: none is used without asking whether it is still the one */
	web_reply_header(reply, "Cache-Control", "no-cache");
	if (web_reply_has_tag(request, reply,
	                      arena_printf(request->arena, "%llx-%llx%s", (long long)info.st_mtim.tv_sec,
	                                   (long long)info.st_size, is_packed ? "-gz" : ""))) {
		close(fd);
		return;
	}
	if (is_packed)
		web_reply_header(reply, "Content-Encoding", "gzip");
	web_reply_file(request, reply, type, fd, 0, info.st_size);
}

/* A folder, or what has no ending: its index. */
static bool is_folder(const struct web *web, const char *name)
{
	struct stat info;

	return web->pages >= 0 && fstatat(web->pages, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static void get_page(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	const char *folder = request->route->data; /* "admin/" */
	struct str name = arena_printf(request->arena, "%s%.*s", folder, STR_ARG(web_name(request, "file")));

	if (name.len == 0) {
		web_reply_redirect(reply, STR("/mail/index.html"));
		return;
	}
	if (name.data[name.len - 1] == '/')
		name = arena_printf(request->arena, "%.*sindex.html", STR_ARG(name));
	if (name.len > NAME_MAX_OCTETS || !is_plain(name) || (folder[0] == '\0' && is_guarded(name))) {
		web_reply_error(reply, 404, "not-found", "There is no such page");
		return;
	}
	if (is_folder(web, name.data)) {
		web_reply_redirect(reply, arena_printf(request->arena, "/%.*s/", STR_ARG(name)));
		return;
	}
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (str_ends_nocase(name, str_of(types[i].ending))) {
			send_page(web, request, reply, name.data, types[i].type, types[i].is_text);
			return;
		}
	web_reply_error(reply, 404, "not-found", "There is no such page");
}

/* A picture of the administrator's. Its first octets say what it is: nothing else is ever sent from here. */
static void get_logo(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	const char *const *name = logo_names;
	char path[INSTANCE_PATH_MAX + 128];
	struct logo logo;
	struct buf image;

	while (*name != NULL && !str_equal(web_name(request, "name"), str_of(*name)))
		name++;
	buf_init(&image, LOGO_OCTETS_MAX);
	if (*name != NULL && io_read_file(logo_path(web->instance, *name, path, sizeof path), &image, NULL) == 0 &&
	    logo_look(buf_str(&image), &logo, NULL) == 0) {
		web_reply_header(reply, "Cache-Control", "no-cache");
		web_reply_text(reply, 200, logo.media, buf_str(&image));
	} else {
		web_reply_error(reply, 404, "not-found", "There is no such picture");
	}
	buf_free(&image);
}

static const struct web_route routes[] = {
    {"GET", "/logo/{name}", WEB_OPEN | WEB_PAGE, get_logo, NULL, NULL},
    {"GET", "/admin/{file}", WEB_ADMIN | WEB_PAGE | WEB_REST, get_page, NULL, "admin/"},
    {"GET", "/mail/{file}", WEB_USER | WEB_PAGE | WEB_REST, get_page, NULL, "mail/"},
    {"GET", "/{file}", WEB_OPEN | WEB_PAGE | WEB_REST, get_page, NULL, ""},
};

static const struct web_route *pages_routes(size_t *count_out)
{
	*count_out = sizeof routes / sizeof routes[0];
	return routes;
}

const struct web_part pages_part = {.routes = pages_routes};
