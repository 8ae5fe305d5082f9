/*
 * logo: pictures of the administrator on the page to log in and in webmail, published beside the settings.
 *
 * Looks at the first octets alone: which format, how wide and high. Nothing is decoded here; browsers do that, within
 * the frame that the style gives them, and are told the format that was found. Security stance: the octets are those of
 * an administrator, and still each length in them is compared with what there is.
 */
#ifndef POSTROOM_SETTINGS_LOGO_H
#define POSTROOM_SETTINGS_LOGO_H

#include "common/base/err.h"
#include "common/base/str.h"
#include "common/daemon/instance.h"

enum { LOGO_OCTETS_MAX = 512 * 1024, LOGO_SIDE_MAX = 4096 /* pixels */ };

struct logo {
	const char *media; /* "image/png" */
	uint32_t width, height;
};

/* The places for one, ended by NULL: "login", "mail". */
extern const char *const logo_names[];

/* Is it a PNG, JPEG or GIF of 1 to LOGO_SIDE_MAX pixels each way? -1: ERR_SYNTAX, ERR_LIMIT. */
int logo_look(struct str image, struct logo *logo_out, struct err *err);
/* Where the one of that name lies, where there is one. Returns out. */
const char *logo_path(const struct instance *instance, const char *name, char *out, size_t size);

#endif
