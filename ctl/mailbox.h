/*
 * mailbox: filling mailboxes from Maildir and mbox, and writing them out again.
 *
 * Maildir: a folder with cur and new is INBOX, ".A.B" in it folder A/B (Maildir++), names in modified UTF-7; flags are
 * the letters behind ":2,". mbox: one file a folder ("A.B.mbox"), quoted as mboxrd, flags in Status, X-Status and
 * X-Keywords. In names a dot is written "%2E". Files have LF line ends, messages in mailboxes CRLF.
 *
 * What is imported is not trusted: only regular files are read, through no symbolic link, and a message that is none is
 * reported and left out. A message has an id made of where it was found, so that an import that was interrupted can be
 * run again: what is there already is passed over (for STORE_DELIVERED_DAYS at least).
 */
#ifndef POSTROOM_CTL_MAILBOX_H
#define POSTROOM_CTL_MAILBOX_H

#include "ctl/mail.h"

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/store/changes.h"

enum { MAILBOX_MESSAGE_MAX = 256 << 20 }; /* octets of one message */

/* Return CTL_DONE, or another status after the reason was printed. folder: NULL: INBOX, and those below it by name. */
int mailbox_import(struct mailbox *mailbox, const char *format, const char *path, const char *folder);
/* Make what is to be written: a folder, or for one folder as mbox a file; it must not be there, or be empty. */
int mailbox_export_open(const struct instance *instance, const char *format, const char *folder, const char *path,
                        int *target_out);
/* Closes target. */
int mailbox_export(struct mailbox *mailbox, const char *format, const char *folder, int target);

/* mailbox_acl.c: "mailbox acl", with what is behind these words. */
extern const struct ctl_command mailbox_acl_command;
int mailbox_acl(struct ctl *ctl, int argc, char **argv);

/* mailbox_names.c: a folder's name as a file's, and back. -1: ERR_LIMIT; ERR_SYNTAX. */
int mailbox_encode_name(struct str name, bool mutf7, struct buf *out, struct err *err);
int mailbox_decode_name(struct str file, bool mutf7, struct buf *out, struct err *err);

/* All names in a folder of the file system but "." and "..", sorted: those of Maildir begin with the time. -1: printed;
 * to be freed in any case. */
struct file_names {
	struct arena arena;
	char **list;
	size_t count, capacity;
};
int file_names_read(int parent, const char *folder, struct file_names *names);
void file_names_free(struct file_names *names);

/* An import that is going on; mailbox_import.c. */
struct import;
struct import_message {
	struct str text;   /* CRLF; copied */
	struct str source; /* what tells it from all others of the folder */
	int64_t date;
	unsigned flags;
	struct str keywords;
	const char *label; /* for reports */
};
/* The folder that the next messages go to, made where it is missing. -1: printed. */
int import_folder(struct import *import, struct str name);
/* -1: it makes no sense to go on; printed. */
int import_message(struct import *import, const struct import_message *message);
/* What imports have in common. A folder by its name, made where it is missing. -1: as mailbox_folder_create. */
int import_find_folder(struct mailbox *mailbox, struct str name, int64_t *folder_out, struct err *err);
/* The id of a message: of its folder and where it was found. */
struct str import_id(struct str folder, struct str source, struct arena *arena);
/* Of a stranger's words those that can be keywords, as many as a message may have. */
struct str import_keywords(struct str words, struct arena *arena);
/* ctl_refuse, but -1. */
int import_refuse(const char *format, ...) __attribute__((format(printf, 1, 2)));
void import_skip(struct import *import, const char *label, const char *reason);
/* Add text with CRLF line ends, whichever it has; *last is the byte before (0 at first). */
void import_add_text(struct buf *out, struct str text, char *last);
/* mailbox_maildir.c, mailbox_mbox.c. base: the folder's name to go below, or "". */
int import_maildir(struct import *import, int root, struct str base);
int import_mbox(struct import *import, int root, struct str base);

#endif
