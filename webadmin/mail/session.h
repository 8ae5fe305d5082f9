/*
 * mail/session: the mailbox of who asks, for the files of this folder alone.
 *
 * Functions that return bool have filled in the reply where they return false: the handler just returns.
 */
#ifndef POSTROOM_WEBADMIN_MAIL_SESSION_H
#define POSTROOM_WEBADMIN_MAIL_SESSION_H

#include "common/net/imap_talk.h"
#include "webadmin/http.h"

enum {
	MAIL_FOLDER_MAX = 1024,       /* octets of a folder's name */
	MAIL_UIDS_MAX = 5000,         /* messages in one request */
	MAIL_MESSAGE_MAX = 256 << 20, /* octets of a message that is read whole */
};

/* A message as it was given to us, in an unnamed file. */
struct mail_message {
	int fd; /* -1: none */
	int64_t size;
	uint32_t uidvalidity, uid;
	char folder[MAIL_FOLDER_MAX];
};

struct mail {
	struct imap_talk talk;
	int64_t uid;                  /* whose mailbox */
	char folder[MAIL_FOLDER_MAX]; /* that is selected; "": none */
	uint32_t uidvalidity;
	struct mail_message message; /* that was read last */
};

/* Names a message. */
struct mail_place {
	struct str folder;
	uint32_t uidvalidity, uid;
};

/* The mailbox of the visitor, its session begun where there is none yet. NULL: the reply says why. */
struct mail *mail_open(struct web *web, const struct web_request *request, struct web_reply *reply);
/* Of struct web_part. */
void mail_end(struct web *web);

/* Select a folder, or look what is new in it where it is selected. uidvalidity 0: any; otherwise 404 for another one.
 */
bool mail_select(struct mail *mail, struct str folder, uint32_t uidvalidity, struct web_reply *reply);
/* What went wrong in a command, as a reply. Always returns false. */
bool mail_failed(const struct mail *mail, const struct err *err, struct web_reply *reply);

/* The browser is to ask again, by a connection that has no session yet: nothing was done. Always returns false. */
bool mail_again(struct web_reply *reply, const char *why);

/* A session of imapd ("imap") or smtpd ("smtp") for the visitor, once each for a connection of the browser. Returns our
 * end of its connection; -1: ERR_TEMPORARY (there was one already), or as authd says. */
int mail_ask_session(struct web *web, const struct web_request *request, const char *service, struct err *err);

/* The folder, UIDVALIDITY and UID of the path; of a JSON object. */
bool mail_place(const struct web_request *request, struct mail_place *place, struct web_reply *reply);
bool mail_place_of(const json_t *object, struct mail_place *place, struct web_reply *reply);

/* The name of the folder for something ("\\Trash"), in out of MAIL_FOLDER_MAX bytes; "" where there is none. */
bool mail_special(struct mail *mail, const char *use, char *out, struct web_reply *reply);

/*
 * Read a message whole: mail->message is it then. It stays until another one is read. False: 404 where there is none.
 */
bool mail_read(struct web *web, struct mail *mail, const struct mail_place *place, struct web_reply *reply);

/* An unnamed file, for messages on their way; the caller closes it. -1: ERR_SYSTEM. */
int mail_scratch(const struct web *web, struct err *err);

/* A text of a message or server for JSON: as UTF-8. */
json_t *mail_json_text(struct str text, struct arena *arena);
/* Flags of a message as JSON. */
json_t *mail_json_flags(const struct imap_value *list, struct arena *arena);
/* A string of a JSON object; empty where there is none. */
struct str mail_json_string(const json_t *object, const char *key);

#endif
