#include "common/settings/logo.h"

#include <stdio.h>
#include <string.h>

const char *const logo_names[] = {"login", "mail", NULL};

static uint32_t big(struct str s, size_t at, int octets)
{
	uint32_t number = 0;

	for (int i = 0; i < octets; i++)
		number = number << 8 | (unsigned char)s.data[at + (size_t)i];
	return number;
}

static uint32_t little16(struct str s, size_t at)
{
	return (uint32_t)((unsigned char)s.data[at] | (unsigned char)s.data[at + 1] << 8);
}

/* PNG (RFC 2083): the signature, then the chunk IHDR. */
static bool look_png(struct str image, struct logo *logo)
{
	if (image.len < 24 || memcmp(image.data, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16) != 0)
		return false;
	*logo = (struct logo){"image/png", big(image, 16, 4), big(image, 20, 4)};
	return true;
}

static bool look_gif(struct str image, struct logo *logo)
{
	if (image.len < 10 || (memcmp(image.data, "GIF87a", 6) != 0 && memcmp(image.data, "GIF89a", 6) != 0))
		return false;
	*logo = (struct logo){"image/gif", little16(image, 6), little16(image, 8)};
	return true;
}

/* A frame's header (SOFn) but for the markers among them that are none: DHT, JPG, DAC. */
static bool is_frame(unsigned char marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* JPEG (ITU-T T.81, B.1): markers, each but the first with the length of what it bears. */
static bool look_jpeg(struct str image, struct logo *logo)
{
	size_t at = 2;

	if (image.len < 4 || memcmp(image.data, "\xff\xd8\xff", 3) != 0)
		return false;
	while (at + 9 <= image.len && (unsigned char)image.data[at] == 0xff) {
		unsigned char marker = (unsigned char)image.data[at + 1];

		if (is_frame(marker)) {
			*logo = (struct logo){"image/jpeg", big(image, at + 7, 2), big(image, at + 5, 2)};
			return true;
		}
		if (marker == 0xff) /* a fill byte */
			at++;
		else if (marker == 0xd9 || marker == 0xda || big(image, at + 2, 2) < 2) /* the end, or the picture itself */
			return false;
		else
			at += 2 + big(image, at + 2, 2);
	}
	return false;
}

int logo_look(struct str image, struct logo *logo, struct err *err)
{
	if (image.len > LOGO_OCTETS_MAX)
		return err_set(err, ERR_LIMIT, "a logo has %d kB at most", LOGO_OCTETS_MAX / 1024);
	if (!look_png(image, logo) && !look_gif(image, logo) && !look_jpeg(image, logo))
		return err_set(err, ERR_SYNTAX, "that is no picture of the formats PNG, JPEG or GIF");
	if (logo->width < 1 || logo->width > LOGO_SIDE_MAX || logo->height < 1 || logo->height > LOGO_SIDE_MAX)
		return err_set(err, ERR_LIMIT, "a logo has 1 to %d pixels each way, not %u by %u", LOGO_SIDE_MAX, logo->width,
		               logo->height);
	return 0;
}

const char *logo_path(const struct instance *instance, const char *name, char *out, size_t size)
{
	char file[40];

	snprintf(file, sizeof file, "settings/logo-%s", name);
	return instance_path(out, size, instance->state, file);
}
