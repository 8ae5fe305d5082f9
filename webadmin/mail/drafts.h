/*
 * mail/drafts: letters that are written, kept in the folder for drafts, and sent; handlers of the API.
 *
 * A draft is replaced by its next version, attachments included (RFC 8508), so at each moment there is one. Sending
 * gives the letter to smtpd, behind the user's login; once it was taken, the copy among what was sent, the end of the
 * draft and the mark on what is answered are done as far as they can be, and a failure there is no failure of sending.
 */
#ifndef POSTROOM_WEBADMIN_MAIL_DRAFTS_H
#define POSTROOM_WEBADMIN_MAIL_DRAFTS_H

#include "webadmin/mail/compose.h"

/* POST {..., "replaces": {"folder", "uidvalidity", "uid"}} -> {"folder", "uidvalidity", "uid"} */
web_handler mail_draft_save;
/* DELETE: for good. */
web_handler mail_draft_delete;
/* POST of a file as it is, ?name=: as the above, of the draft with it. */
web_handler mail_draft_attach;
/* POST as of a draft -> {"refused": [{"address", "text"}]} */
web_handler mail_send;

/* send.c: give a message to smtpd, behind the user's login. -1: it could not be asked (ERR_TEMPORARY: by this
 * connection); else each recipient tells what became of it. */
struct smtp_message;
int letter_submit(struct web *web, const struct web_request *request, struct smtp_message *message, struct err *err);

/* Put a letter into a folder; uid: 0, or of the message there that it replaces (the folder is selected then). *place:
 * where it is now. */
bool draft_store(struct mail *mail, const struct letter *letter, struct str folder, const char *flags, uint32_t uid,
                 struct mail_place *place, struct web_reply *reply);
/* The folder for something ("\\Drafts"); a user without one gets it, of that name. folder: MAIL_FOLDER_MAX bytes. */
bool draft_folder(struct mail *mail, const char *use, const char *name, char *folder, struct web_reply *reply);
/* Remove a message for good. False: refused. */
bool draft_remove(struct mail *mail, const struct mail_place *place, struct web_reply *reply);
/* "replaces" of a body, where it is given; place->uid is 0 otherwise. */
bool draft_replaces(const json_t *body, struct mail_place *place, struct web_reply *reply);

#endif
