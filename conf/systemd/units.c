/*
 * units: writes what systemd is told of Postroom into a folder.
 *
 *     units FROM TO PREFIX
 *
 * The programs, their users and who may ask them stand in common/daemon/programs.c, and nowhere else: a socket unit for
 * each caller, the users, and the folders of the sockets are made from there. What only systemd wants to know of a
 * daemon (its rights, its folders) is in FROM/postroom-<program>.service, where @SOCKETS@ stands for the sockets and
 * @PREFIX@ for PREFIX; in postroom.target @UNITS@ stands for all units, in tmpfiles.conf @FOLDERS@ for lines.
 */
#include "common/base/buf.h"
#include "common/base/io.h"
#include "common/daemon/programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1024 * 1024 };

static const char *from, *to, *prefix;

static void stop(const struct err *err)
{
	fprintf(stderr, "units: %s\n", err->text);
	exit(1);
}

static void write_unit(const char *name, const struct buf *text)
{
	char path[4096];
	struct err err;

	snprintf(path, sizeof path, "%s/%s", to, name);
	if (io_replace_file(path, buf_str(text), 0644, &err) != 0)
		stop(&err);
}

/* Write TO/name: FROM/name with PREFIX, and `word` replaced by what stands in `value`. */
static void fill_in(const char *name, struct str word, const struct buf *value)
{
	char path[4096];
	struct buf text, out;
	struct str rest;
	struct err err;

	snprintf(path, sizeof path, "%s/%s", from, name);
	buf_init(&text, FILE_MAX);
	buf_init(&out, FILE_MAX);
	if (io_read_file(path, &text, &err) != 0)
		stop(&err);
	for (rest = buf_str(&text); rest.len > 0;) {
		if (str_starts(rest, word)) {
			buf_add_str(&out, buf_str(value));
			rest = str_skip(rest, word.len);
		} else if (str_starts(rest, STR("@PREFIX@"))) {
			buf_add_str(&out, str_of(prefix));
			rest = str_skip(rest, strlen("@PREFIX@"));
		} else {
			buf_add_char(&out, rest.data[0]);
			rest = str_skip(rest, 1);
		}
	}
	write_unit(name, &out);
	buf_free(&text);
	buf_free(&out);
}

static void write_caller(const struct program *program, const char *caller, const char *name)
{
	const struct program *asks = program_find(caller);
	struct buf text;

	buf_init(&text, FILE_MAX);
	buf_printf(&text,
	           "[Unit]\nDescription=Postroom: %s asks %s\nPartOf=postroom.target\n\n"
	           "[Socket]\nListenSequentialPacket=/run/postroom/%s/%s.sock\nFileDescriptorName=from-%s\n"
	           "SocketUser=%s\nSocketMode=0600\nDirectoryMode=0755\nBacklog=4096\nService=postroom-%s.service\n",
	           caller, program->name, program->name, caller, caller, asks != NULL ? asks->user : "root", program->name);
	write_unit(name, &text);
	buf_free(&text);
}

static void write_local(const struct program *program, const char *name)
{
	struct buf text;

	buf_init(&text, FILE_MAX);
	buf_printf(&text,
	           "[Unit]\nDescription=Postroom: programs of this machine ask %s\nPartOf=postroom.target\n\n"
	           "[Socket]\nListenStream=/run/postroom/%s/%s.sock\nSocketMode=0666\nFileDescriptorName=%s\nBacklog=4096\n"
	           "Service=postroom-%s.service\n",
	           program->name, program->name, program->local, program->local, program->name);
	write_unit(name, &text);
	buf_free(&text);
}

/* All units of one program; their names are added to `units`. */
static void write_program(const struct program *program, struct buf *units)
{
	char name[256];
	struct buf sockets;

	buf_init(&sockets, FILE_MAX);
	for (const char *const *caller = program->callers; *caller != NULL; caller++) {
		snprintf(name, sizeof name, "postroom-%s-from-%s.socket", program->name, *caller);
		write_caller(program, *caller, name);
		buf_printf(&sockets, "%s%s", sockets.len > 0 ? " " : "", name);
	}
	if (program->local != NULL) {
		snprintf(name, sizeof name, "postroom-%s.socket", program->local);
		write_local(program, name);
		buf_printf(&sockets, "%s%s", sockets.len > 0 ? " " : "", name);
	}
	snprintf(name, sizeof name, "postroom-%s.service", program->name);
	fill_in(name, STR("@SOCKETS@"), &sockets);
	buf_printf(units, "%s%.*s %s", units->len > 0 ? " \\\n      " : "", STR_ARG(buf_str(&sockets)), name);
	buf_free(&sockets);
}

static bool is_first_of_user(const struct program *program)
{
	for (const struct program *other = programs; other < program; other++)
		if (strcmp(other->user, program->user) == 0)
			return false;
	return true;
}

static bool user_listens(const char *user)
{
	for (const struct program *program = programs; program->name != NULL; program++)
		if (program->listens && strcmp(program->user, user) == 0)
			return true;
	return false;
}

static void write_users(void)
{
	struct buf text;

	buf_init(&text, FILE_MAX);
	buf_add_str(&text, STR("# Users and groups of Postroom's daemons; \"postroom init\" makes the same.\n"
	                       "g postroom -\ng postroom-tls -\n"));
	for (const struct program *program = programs; program->name != NULL; program++) {
		if (!is_first_of_user(program))
			continue;
		buf_printf(&text, "u %s - \"Postroom %s\"\nm %s postroom\n", program->user, program->name, program->user);
		if (user_listens(program->user))
			buf_printf(&text, "m %s postroom-tls\n", program->user);
	}
	write_unit("sysusers.conf", &text);
	buf_free(&text);
}

int main(int argc, char **argv)
{
	struct buf units, folders;

	if (argc != 4) {
		fprintf(stderr, "usage: units FROM TO PREFIX\n");
		return 2;
	}
	from = argv[1];
	to = argv[2];
	prefix = argv[3];
	buf_init(&units, FILE_MAX);
	buf_init(&folders, FILE_MAX);
	for (const struct program *program = programs; program->name != NULL; program++) {
		write_program(program, &units);
		buf_printf(&folders, "%sd /run/postroom/%s 0755 root root -", folders.len > 0 ? "\n" : "", program->name);
	}
	fill_in("postroom.target", STR("@UNITS@"), &units);
	fill_in("tmpfiles.conf", STR("@FOLDERS@"), &folders);
	write_users();
	buf_free(&units);
	buf_free(&folders);
	return 0;
}
