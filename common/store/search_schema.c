#include "common/db/db.h"
#include "common/store/search.h"

#include <inttypes.h>
#include <stdio.h>

enum { BUSY_MS = 5000 };

#define GRAM(class)                                                                               \
	"CREATE VIRTUAL TABLE gram_" class " USING fts5(text, content='', columnsize=0, detail=full," \
	                                   " tokenize='trigram case_sensitive 1');"

const char *const search_class_tables[SEARCH_CLASS_COUNT] = {"gram_address", "gram_subject", "gram_body",
                                                             "gram_header"};

enum search_class search_class_of(enum search_field field)
{
	switch (field) {
	case SEARCH_SUBJECT:
		return SEARCH_CLASS_SUBJECT;
	case SEARCH_BODY:
		return SEARCH_CLASS_BODY;
	case SEARCH_HEADER:
		return SEARCH_CLASS_HEADER;
	default:
		return SEARCH_CLASS_ADDRESS;
	}
}

static const char *const schema[] = {
    "CREATE TABLE folder(id INTEGER PRIMARY KEY, uidvalidity INTEGER NOT NULL, upto INTEGER NOT NULL,"
    " added INTEGER NOT NULL);"
    "CREATE TABLE word(text TEXT PRIMARY KEY, id INTEGER NOT NULL, classes INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE VIRTUAL TABLE doc USING fts5(terms, content='', columnsize=0, detail=none, tokenize='ascii');"
    "INSERT INTO doc(doc, rank) VALUES('hashsize', 8388608);"
    /* clang-format off */
    GRAM("address") GRAM("subject") GRAM("body") GRAM("header"),
    /* clang-format on */
};

int search_db_create(struct db *db, const char *path, struct err *err)
{
	char file[STORE_PATH_MAX + 32];

	snprintf(file, sizeof file, "%s/search.db", path);
	if (db_open(db, file, DB_CREATE | DB_NO_CHECKPOINT, BUSY_MS, err) != 0)
		return -1;
	/* Power that fails may cost what was indexed last; WAL keeps the rest whole. */
	if (db_exec(db, "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8192; PRAGMA temp_store=MEMORY", err) == 0 &&
	    db_migrate(db, schema, sizeof schema / sizeof schema[0], err) == 0)
		return 0;
	db_close(db);
	return -1;
}

struct str search_term(char out[SEARCH_TERM_MAX], enum search_field field, int64_t word)
{
	static const char letters[SEARCH_FIELD_COUNT + 1] = "ftcbshx";
	size_t at = SEARCH_TERM_MAX;

	do {
		out[--at] = "0123456789abcdefghijklmnopqrstuvwxyz"[word % 36];
		word /= 36;
	} while (word > 0 && at > 1);
	out[--at] = letters[field];
	return str_from(out + at, SEARCH_TERM_MAX - at);
}
