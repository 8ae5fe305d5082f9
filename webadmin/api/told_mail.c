/* Webmail: folders, messages, writing. */
#include "webadmin/api/told.h"

#include "webadmin/api/api.h"
#include "webadmin/api/calls.h"

#define MAIL    API_BASE "/mail"
#define FOLDER  MAIL "/folders/{folder}"
#define MESSAGE MAIL "/messages/{folder}/{uidvalidity}/{uid}"
#define DRAFT   MAIL "/drafts/{folder}/{uidvalidity}/{uid}"

#define ADDRESSES "Array of objects with name and address."
#define PLACE                                                                                               \
	OBJECT(COLUMNS({"folder", API_TEXT, "Where it is now."}, {"uidvalidity", API_NUMBER, "Of the folder."}, \
	               {"uid", API_NUMBER, NULL}))

static const struct api_column folder_columns[] = {
    {"name", API_TEXT, NULL},
    {"separator", API_TEXT, "Between its name and those of folders below."},
    {"subscribed", API_FLAG, NULL},
    {"selectable", API_FLAG, "There are messages in it, not only folders below."},
    {"use", API_TEXT, "inbox, drafts, sent, trash ...: what it is for."},
    {"messages", API_NUMBER, NULL},
    {"unseen", API_NUMBER, NULL},
    {"uidnext", API_NUMBER, NULL},
    {"uidvalidity", API_NUMBER, NULL},
    {"size", API_NUMBER, "Octets."},
    {NULL, API_TEXT, NULL},
};

static const struct api_column listed_columns[] = {
    {"uid", API_NUMBER, NULL},
    {"flags", API_TEXTS, "As IMAP calls them."},
    {"arrived", API_TIME, NULL},
    {"date", API_TIME, "Of the message; where it has none, when it arrived."},
    {"size", API_NUMBER, "Octets."},
    {"subject", API_TEXT, NULL},
    {"from", API_ANY, ADDRESSES},
    {"to", API_ANY, ADDRESSES},
    {"preview", API_TEXT, "How its text begins."},
    {"attachments", API_FLAG, NULL},
    {"depth", API_NUMBER, "In threads: how many messages it stands below."},
    {NULL, API_TEXT, NULL},
};

static const struct api_column message_columns[] = {
    {"folder", API_TEXT, NULL},
    {"uidvalidity", API_NUMBER, NULL},
    {"uid", API_NUMBER, NULL},
    {"flags", API_TEXTS, NULL},
    {"size", API_NUMBER, "Octets."},
    {"subject", API_TEXT, NULL},
    {"from", API_ANY, ADDRESSES},
    {"sender", API_ANY, NULL},
    {"reply_to", API_ANY, NULL},
    {"to", API_ANY, NULL},
    {"cc", API_ANY, NULL},
    {"bcc", API_ANY, NULL},
    {"message_id", API_TEXT, NULL},
    {"in_reply_to", API_TEXT, NULL},
    {"references", API_TEXT, NULL},
    {"date", API_TIME, NULL},
    {"answers", API_TEXT, "Of a draft: which message it answers."},
    {"text", API_TEXT, NULL},
    {"html", API_TEXT, "As it came: to be cleaned before it is shown."},
    {"cut", API_FLAG, "Text or HTML are longer than what is told."},
    {"parts", API_ANY, "Array of objects with part (for the path), name, type, size, id, inline."},
    {NULL, API_TEXT, NULL},
};

static const struct api_field list_fields[] = {
    QUERY("offset", API_NUMBER, NULL),
    QUERY("limit", API_NUMBER, "Messages of a page: 50, and 500 at most."),
    QUERY("sort", API_TEXT, "A key of IMAP's SORT, \"-\" before it turns it round; without it the newest first."),
    QUERY("search", API_TEXT, "Words, from:anna, is:unread, since:2026-01-31, \"new offer\", -draft, larger:2M."),
    QUERY("threads", API_NUMBER, "1: by conversation."),
    {.name = NULL},
};

/* What becomes of messages. */
#define CHANGES                                                                                               \
	BODY("flags", API_ANY, "An object: add and remove, arrays of flags."),                                    \
	    BODY("move", API_TEXT, "The folder they go to."), BODY("copy", API_TEXT, "One where they are, too."), \
	    BODY("delete", API_FLAG, "Into the trash, and from there for good.")

/* A letter as its writer sees it. */
#define LETTER                                                                                                      \
	BODY("from", API_TEXT, "Without it, the user's own address."),                                                  \
	    BODY("to", API_TEXT, "Addresses as people write them, separated by commas."), BODY("cc", API_TEXT, NULL),   \
	    BODY("bcc", API_TEXT, NULL), BODY("subject", API_TEXT, NULL), BODY("text", API_TEXT, NULL),                 \
	    BODY("html", API_TEXT, "The text is made from it where there is none."),                                    \
	    BODY_WORDS("priority", "high|normal|low", NULL), BODY("receipt", API_FLAG, "Ask for a receipt."),           \
	    BODY("answers", API_ANY, "An object: kind (reply, forward), folder, uidvalidity, uid."),                    \
	    BODY("attachments", API_ANY, "Array of objects: folder, uidvalidity, uid, and part or the whole message."), \
	    BODY("replaces", API_ANY, "The draft whose place this takes: folder, uidvalidity, uid.")

static const struct api_field draft_fields[] = {LETTER, {.name = NULL}};
static const struct api_field letter_fields[] = {
    LETTER, BODY("at", API_NUMBER, "Seconds since 1970, when it is to go; without it, now."), {.name = NULL}};

const struct api_call api_told_mail[] = {
    TOLD("GET", MAIL "/folders", LIST(folder_columns)),
    TOLD("POST", MAIL "/folders", .fields = FIELDS(BODY_NEEDED("name", API_TEXT, NULL)),
         OBJECT(COLUMNS({"name", API_TEXT, NULL})), .status = 201),
    TOLD("PATCH", FOLDER,
         .fields = FIELDS(BODY("name", API_TEXT, "Its new name."), BODY("subscribed", API_FLAG, NULL))),
    TOLD("GET", FOLDER "/export",
         .fields = FIELDS({.name = "form", .place = API_QUERY, .words = "eml|mbox", .sentence = NULL}),
         .shape = API_TEXTFILE, .media = "application/zip"),
    TOLD("GET", FOLDER "/messages", .fields = list_fields, LIST(listed_columns)),
    TOLD("PATCH", FOLDER "/messages",
         .fields = FIELDS(BODY_NEEDED("uidvalidity", API_NUMBER, "Of the folder, for which the UIDs are."),
                          BODY("uids", API_ANY, "Array of numbers."),
                          BODY("all", API_FLAG, "All messages of the folder, or those that are found."),
                          BODY("search", API_TEXT, "With all: as in a list."), CHANGES)),
    TOLD("GET", MESSAGE, OBJECT(message_columns)),
    TOLD("PATCH", MESSAGE, .fields = FIELDS(CHANGES)),
    TOLD("POST", MESSAGE "/give", .fields = FIELDS(BODY_NEEDED("to", API_TEXT, "Name of the user."))),
    TOLD("GET", MESSAGE "/source", .shape = API_TEXTFILE, .media = "message/rfc822"),
    TOLD("GET", MESSAGE "/parts/{part}", .shape = API_TEXTFILE, .media = "application/octet-stream"),
    TOLD("POST", MAIL "/drafts", .fields = draft_fields, PLACE, .status = 201),
    TOLD("POST", DRAFT "/attachments",
         .fields = FIELDS(QUERY("name", API_TEXT, "Of the file."), OCTETS("content", "The file as it is.")),
         .media = "application/octet-stream", PLACE, .status = 201),
    TOLD(
        "POST", MAIL "/send", .fields = letter_fields,
        OBJECT(COLUMNS({"refused", API_ANY, "Array of objects with address and text: who does not get it, and why."}))),
    TOLD("GET", MAIL "/scheduled",
         LIST(COLUMNS({"id", API_TEXT, NULL}, {"at", API_TIME, "When it goes."}, {"uid", API_NUMBER, NULL},
                      {"size", API_NUMBER, "Octets."}, {"unwanted", API_FLAG, "It is being taken back."},
                      {"subject", API_TEXT, NULL}, {"to", API_ANY, ADDRESSES}))),
    TOLD("DELETE", MAIL "/scheduled/{id}", PLACE),
    TOLD("GET", MAIL "/events", .shape = API_TEXTFILE, .media = "text/event-stream"),
    CALLS_END,
};
