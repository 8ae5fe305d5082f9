/* What a user has for himself: address book, attributes, rules, password. */
#include "webadmin/api/told.h"

#include "webadmin/api/api.h"
#include "webadmin/api/calls.h"

#define BOOK   API_BASE "/mail/book"
#define OWN    API_BASE "/me"
#define KIND   OWN "/items/{kind}"
#define OF_ALL QUERY("domain", API_NUMBER, "1: of everybody's book, which administrators change.")
#define AS_TABLE                                                                                  \
	{                                                                                             \
		.name = "form", .place = API_QUERY, .words = "vcf|csv", .sentence = "vCards, or a table." \
	}

#define CONTACT                                                                                                   \
	BODY("name", API_TEXT, NULL), BODY("addresses", API_TEXTS, NULL), BODY("phones", API_TEXTS, NULL),            \
	    BODY("places", API_TEXTS, "Postal addresses."), BODY("organization", API_TEXT, NULL),                     \
	    BODY("title", API_TEXT, NULL), BODY("note", API_TEXT, NULL), BODY("groups", API_TEXTS, NULL),             \
	    BODY("uid", API_TEXT, "Of the card."), BODY("rest", API_TEXT, "What else its card has, as it was told."), \
	    BODY("domain", API_FLAG, "It is in everybody's book.")

static const struct api_field contact_fields[] = {CONTACT, {.name = NULL}};
static const struct api_column contact_columns[] = {
    {"id", API_NUMBER, NULL},         {"domain", API_FLAG, "It is in everybody's book."},
    {"uid", API_TEXT, NULL},          {"name", API_TEXT, NULL},
    {"addresses", API_TEXTS, NULL},   {"phones", API_TEXTS, NULL},
    {"places", API_TEXTS, NULL},      {"groups", API_TEXTS, NULL},
    {"organization", API_TEXT, NULL}, {"title", API_TEXT, NULL},
    {"note", API_TEXT, NULL},         {"rest", API_TEXT, "What else its card has."},
    {NULL, API_TEXT, NULL},
};

#define NUMBER_MADE(text) OBJECT(COLUMNS({text, API_NUMBER, NULL}))

const struct api_call api_told_own[] = {
    TOLD("GET", API_BASE "/mail/contacts", .fields = FIELDS(QUERY("q", API_TEXT, "A part of the address.")),
         LIST(COLUMNS({"address", API_TEXT, NULL}, {"used", API_TIME, NULL}, {"messages", API_NUMBER, NULL}))),
    TOLD("GET", API_BASE "/mail/suggestions", .fields = FIELDS(QUERY("q", API_TEXT, "What somebody has written.")),
         LIST(COLUMNS({"name", API_TEXT, NULL}, {"address", API_TEXT, NULL},
                      {"group", API_ANY, "In place of an address: array of objects with name and address."}))),
    TOLD("GET", BOOK,
         .fields = FIELDS(QUERY("q", API_TEXT, "A part of name, address or group."), QUERY("offset", API_NUMBER, NULL)),
         LIST(contact_columns)),
    TOLD("POST", BOOK, .fields = contact_fields, NUMBER_MADE("id"), .status = 201),
    TOLD("PUT", BOOK "/{id}", .fields = contact_fields, NUMBER_MADE("id")),
    TOLD("DELETE", BOOK "/{id}", .fields = FIELDS(OF_ALL)),
    TOLD("GET", BOOK "/file", .fields = FIELDS(AS_TABLE, OF_ALL), .shape = API_TEXTFILE, .media = "text/vcard"),
    TOLD("POST", BOOK "/file", .fields = FIELDS(AS_TABLE, OF_ALL, DOCUMENT("file", "vCards, or a table.")),
         .media = "text/vcard", OBJECT(COLUMNS({"added", API_NUMBER, NULL}, {"bad", API_NUMBER, NULL}))),
    TOLD("GET", OWN,
         OBJECT(COLUMNS({"user", API_TEXT, NULL}, {"administrator", API_FLAG, NULL},
                        {"attributes", API_ANY, "By their keys."}, {"default_from", API_TEXT, "The user's address."},
                        {"move_to", API_TEXTS, "Users to whom messages may be moved."},
                        {"links", API_FLAG, "Links in messages work."},
                        {"page_size", API_NUMBER, "How many messages a page of a list has."}))),
    TOLD("PATCH", OWN, .fields = FIELDS(BODY("attributes", API_OTHERS, "Attributes by their keys.")),
         .catalogue = &attribute_catalogue),
    TOLD("POST", OWN "/password", .fields = FIELDS(BODY_NEEDED("password", API_TEXT, "The new one."))),
    TOLD("GET", KIND, LIST(COLUMNS({"number", API_NUMBER, "Its place in the order."}, {"id", API_NUMBER, NULL}))),
    TOLD("POST", KIND, .fields = FIELDS(BODY("texts", API_ITEM, "The texts of the kind by their names.")),
         NUMBER_MADE("number"), .status = 201),
    TOLD("PATCH", KIND "/{number}",
         .fields = FIELDS(BODY("to", API_NUMBER, "Its new place, alone."),
                          BODY("texts", API_ITEM, "The texts of the kind by their names."))),
    CALLS_END,
};
