/* mail: what may be asked for, and the frame in which messages are shown. */
#include "webadmin/mail/book.h"
#include "webadmin/mail/drafts.h"
#include "webadmin/mail/events.h"
#include "webadmin/mail/export.h"
#include "webadmin/mail/folders.h"
#include "webadmin/mail/give.h"
#include "webadmin/mail/later.h"
#include "webadmin/mail/list.h"
#include "webadmin/mail/mail.h"
#include "webadmin/mail/message.h"
#include "webadmin/mail/own.h"
#include "webadmin/mail/session.h"

/*
 * An empty page, into which pages/mail puts cleaned HTML. Its policy is a frame's own: nothing runs in it, nothing is
 * sent, and nothing is loaded but, where the user asks for it with ?images=1, pictures from elsewhere.
 */
static void show_frame(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	bool images = str_equal(web_query(request, "images"), STR("1"));

	if (images && !own_may(web, request, "web.images")) {
		web_reply_error(reply, 403, "denied", "The administrator does not allow pictures from elsewhere");
		return;
	}
	web_reply_text(reply, 200, "text/html; charset=utf-8",
	               STR("<!DOCTYPE html><html lang=\"\"><head><meta charset=\"utf-8\">"
	                   "<meta name=\"referrer\" content=\"no-referrer\"><title></title></head><body></body></html>"));
	web_reply_header(reply, "Content-Security-Policy",
	                 "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:%s; form-action 'none'; "
	                 "base-uri 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-popups "
	                 "allow-popups-to-escape-sandbox",
	                 images ? " http: https:" : "");
	web_reply_header(reply, "X-Frame-Options", "SAMEORIGIN");
}

#define MESSAGE "/api/v1/mail/messages/{folder}/{uidvalidity}/{uid}"
#define FOLDER  "/api/v1/mail/folders/{folder}"
#define BOOK    "/api/v1/mail/book"
#define LATER   "/api/v1/mail/scheduled"
#define DRAFT   "/api/v1/mail/drafts/{folder}/{uidvalidity}/{uid}"

static const struct web_route routes[] = {
    {"GET", "/api/v1/mail/folders", WEB_USER, mail_folders_list, "Folders of the mailbox with their counts", NULL},
    {"POST", "/api/v1/mail/folders", WEB_USER, mail_folders_create, "Make a folder", NULL},
    {"PATCH", FOLDER, WEB_USER, mail_folders_change, "Rename a folder, subscribe to it or not", NULL},
    {"DELETE", FOLDER, WEB_USER, mail_folders_delete, "Delete a folder", NULL},
    {"POST", FOLDER "/empty", WEB_USER, mail_folders_empty, "Delete all messages of a folder", NULL},
    {"GET", FOLDER "/export", WEB_USER, mail_export, "The folder as a ZIP, of EML files or one mbox", NULL},
    {"GET", FOLDER "/messages", WEB_USER, mail_list, "A page of the messages of a folder", NULL},
    {"PATCH", FOLDER "/messages", WEB_USER, mail_messages_change, "Change, move, copy, delete messages", NULL},
    {"GET", MESSAGE, WEB_USER, mail_message_show, "A message: header, text, HTML, parts", NULL},
    {"PATCH", MESSAGE, WEB_USER, mail_message_change, "Change the flags of a message, move or copy it", NULL},
    {"DELETE", MESSAGE, WEB_USER, mail_message_delete, "Move a message to the trash, or delete it there", NULL},
    {"POST", MESSAGE "/give", WEB_USER, mail_give, "Move a message to another user", NULL},
    {"GET", MESSAGE "/source", WEB_USER, mail_message_source, "A message as it is stored", NULL},
    {"GET", MESSAGE "/parts/{part}", WEB_USER, mail_message_part, "A part of a message, decoded", NULL},
    {"POST", "/api/v1/mail/drafts", WEB_USER, mail_draft_save, "Keep a draft, in the place of its last version", NULL},
    {"DELETE", DRAFT, WEB_USER, mail_draft_delete, "Delete a draft for good", NULL},
    {"POST", DRAFT "/attachments", WEB_USER | WEB_UPLOAD, mail_draft_attach, "Attach a file to a draft", NULL},
    {"POST", "/api/v1/mail/send", WEB_USER, mail_send, "Send a message", NULL},
    {"GET", LATER, WEB_USER, mail_later_list, "Messages that wait for the time they are to go", NULL},
    {"POST", LATER "/{id}/send", WEB_USER, mail_later_send, "Send one now", NULL},
    {"DELETE", LATER "/{id}", WEB_USER, mail_later_cancel, "Do not send it: it is a draft again", NULL},
    {"GET", "/api/v1/mail/events", WEB_USER, mail_events, "What happens in the mailbox, as server-sent events", NULL},
    {"GET", "/api/v1/mail/frame", WEB_USER, show_frame, NULL, NULL},
    {"GET", "/api/v1/mail/contacts", WEB_USER, mail_contacts, "Addresses that the user wrote to", NULL},
    {"DELETE", "/api/v1/mail/contacts/{address}", WEB_USER, mail_contact_delete, "Forget such an address", NULL},
    {"GET", "/api/v1/mail/suggestions", WEB_USER, mail_suggest, "Addresses that fit what somebody writes", NULL},
    {"GET", BOOK, WEB_USER, mail_book_list, "The address book, with everybody's contacts", NULL},
    {"POST", BOOK, WEB_USER, mail_book_add, "Add a contact", NULL},
    {"PUT", BOOK "/{id}", WEB_USER, mail_book_change, "Change a contact", NULL},
    {"DELETE", BOOK "/{id}", WEB_USER, mail_book_delete, "Delete a contact", NULL},
    {"GET", BOOK "/file", WEB_USER, mail_book_export, "The address book as vCards or CSV", NULL},
    {"POST", BOOK "/file", WEB_USER, mail_book_import, "Add the contacts of such a file", NULL},
    {"GET", "/api/v1/me", WEB_USER, mail_own_show, "The user's own attributes", NULL},
    {"PATCH", "/api/v1/me", WEB_USER, mail_own_change, "Change those that users change themselves", NULL},
    {"POST", "/api/v1/me/password", WEB_USER, mail_own_password, "A new password", NULL},
    {"GET", "/api/v1/me/items/{kind}", WEB_USER, mail_items_list, "Own rules and autoresponders", NULL},
    {"POST", "/api/v1/me/items/{kind}", WEB_USER, mail_items_add, "Add one", NULL},
    {"PATCH", "/api/v1/me/items/{kind}/{number}", WEB_USER, mail_items_change, "Change or move one", NULL},
    {"DELETE", "/api/v1/me/items/{kind}/{number}", WEB_USER, mail_items_delete, "Delete one", NULL},
};

static const struct web_route *list_routes(size_t *count_out)
{
	*count_out = sizeof routes / sizeof routes[0];
	return routes;
}

const struct web_part mail_part = {.routes = list_routes, .end = mail_end};
