/*
 * mail/book: the user's address book, and everybody's; handlers of the API.
 *
 * policyd keeps contacts as cards (common/mime/vcard.h); they are read and written here, in the connection's sandbox.
 * A contact in JSON:
 *
 *     {"id", "domain", "uid", "name", "addresses", "phones", "places", "organization", "title", "note", "groups",
 * "rest"}
 *
 * Where several values are possible they are arrays. "rest" is what a card has beside: who changes a contact gives it
 * back as it came. "domain": it is in everybody's book, which administrators change.
 */
#ifndef POSTROOM_WEBADMIN_MAIL_BOOK_H
#define POSTROOM_WEBADMIN_MAIL_BOOK_H

#include "common/mime/vcard.h"
#include "webadmin/http.h"

enum { BOOK_IMPORT_MAX = 10000 }; /* contacts in one file */

/* GET ?q=&offset=: a page. POST: a new one -> {"id"}. PUT .../{id}; DELETE .../{id}?domain=1. */
web_handler mail_book_list, mail_book_add, mail_book_change, mail_book_delete;
/* GET ?form=vcf or csv, &domain=1: everybody's. POST of such a file -> {"added", "bad"}. */
web_handler mail_book_export, mail_book_import;
/* GET ?q=: whom somebody means who writes that: [{"name", "address"} or {"name", "group": [...]}], own contacts first,
 * then everybody's, users, whom the user wrote to. */
web_handler mail_suggest;

/* May the user see everybody's contacts, and the other users? */
bool book_sees_domain(struct web *web, const struct web_request *request);
/* Contacts that hold q, as policyd has them; the caller gives the array back. NULL: the reply says why. */
json_t *book_find(struct web *web, const struct web_request *request, struct str q, int64_t offset, int64_t limit,
                  struct web_reply *reply);

/* book_json.c */
json_t *book_describe(const json_t *contact, struct arena *arena);
/* False: there is no name and no address, or a value is no text. */
bool book_read(const json_t *body, struct vcard *card);

/* book_csv.c: a table whose first row names its columns, as other programs write them. */
struct book_csv {
	int *columns; /* what each is */
	size_t count;
};
struct csv;
/* False: no column is known. */
bool book_csv_begin(struct csv *csv, struct arena *arena, struct book_csv *table);
/* 1: a contact, 0: the end, -1: the row is none. */
int book_csv_next(struct csv *csv, const struct book_csv *table, struct arena *arena, struct vcard *card);
void book_csv_format_titles(struct buf *out);
void book_csv_format(const struct vcard *card, struct buf *out);

#endif
