/*
 * story: what a script is told of a message: its header, its times. The header is a stranger's; it is read here, in a
 * session's sandbox, and goes into the script as texts only.
 */
#ifndef POSTROOM_SENDER_STORY_H
#define POSTROOM_SENDER_STORY_H

#include "common/script/script.h"

enum { STORY_HEADER_MAX = 65536, STORY_LINES_MAX = 2000, STORY_FIELDS_MAX = 500 };

struct story {
	struct script_value lines; /* the header's lines as they are */
	struct script_value data;  /* the first value of each field, unfolded, by its name */
	struct str subject;        /* decoded */
};

/* Read the header of a message in a file; what cannot be read is as if there was none. Lives in arena. */
void story_read(int file, off_t offset, off_t size, struct arena *arena, struct story *story_out);

/* "YYYYMMDDHHMMSS", local time; "" for 0. */
struct str story_time(int64_t time_us, struct arena *arena);

#endif
