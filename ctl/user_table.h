/*
 * user_table: users as a table, out and in, and those of the system taken over.
 */
#ifndef POSTROOM_CTL_USER_TABLE_H
#define POSTROOM_CTL_USER_TABLE_H

#include "ctl/ctl.h"

#define USER_EXPORT_ARGUMENTS "[--verbose] [--passwords] [FILE]"
#define USER_IMPORT_ARGUMENTS                                                              \
	"[--columns NAME,...] [--update] [--replace] [--strict] [--check] [--copy-from USER] " \
	"[--hashes | --random-passwords] FILE"
#define USER_SYSTEM_ARGUMENTS \
	"GROUP [--admin-group GROUP] [--update] [--replace] [--strict] [--check] [--copy-from USER] [--system-accounts]"

int user_table_export(struct ctl *ctl, int argc, char **argv);
int user_table_import(struct ctl *ctl, int argc, char **argv);
/* user_system.c */
int user_table_import_system(struct ctl *ctl, int argc, char **argv);

/*
 * Send a request for "user-import" and tell what became of it; passwords that were made go to importusers.log in the
 * log folder, which its owner alone reads. Returns the exit status.
 */
int user_table_send(struct ctl *ctl, const struct ipc_message *request);

/* The options that both imports have, by their letters. False: it is none of them. */
bool user_table_option(int option, const char *argument, struct ipc_message *request);
#define USER_TABLE_OPTIONS                                                                                       \
	{"update", no_argument, NULL, 'u'}, {"replace", no_argument, NULL, 'r'}, {"strict", no_argument, NULL, 's'}, \
	    {"check", no_argument, NULL, 'c'},                                                                       \
	{                                                                                                            \
		"copy-from", required_argument, NULL, 'f'                                                                \
	}

#endif
