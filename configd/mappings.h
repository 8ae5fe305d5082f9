/*
 * mappings: addresses and names that lead somewhere (specification 03, Mappings).
 *
 * A pattern is a name, an address, either with '*' and '?', or "~@domain"; a target the name of a user, list or group,
 * "*REMOTE", an address elsewhere, or "SMTP:..." (common/addr/smtp_target.h). Any number may have the same pattern; no
 * two are equal in all but the comment.
 */
#ifndef POSTROOM_CONFIGD_MAPPINGS_H
#define POSTROOM_CONFIGD_MAPPINGS_H

#include "configd/import.h"

struct mapping {
	struct str pattern, target;
	struct str type;   /* "always", "pop3", "smtp", "from" */
	int64_t collector; /* 0: any */
	struct str comment;
};

enum { MAPPING_COMMENT_MAX = 200 /* characters */ };

/* Check all fields and bring them into the form in which they are stored. -1: ERR_SYNTAX, ERR_NOT_FOUND, ERR_LIMIT. */
int mapping_normalise(struct change *change, struct mapping *mapping, struct err *err);
/* "always" or "Normal", "POP3", ...; "ALL" or a number. Empty: the default. -1: ERR_SYNTAX. */
int mapping_parse_type(struct str word, struct str *type_out, struct err *err);
int mapping_parse_collector(struct str word, int64_t *collector_out, struct err *err);

/* 1 = there is one that is equal but for the comment, 0 = none, -1 = error. In its normal form. */
int mapping_exists(struct change *change, const struct mapping *mapping, struct err *err);
/* Store one in its normal form, without a note. -1: ERR_EXISTS, ERR_LIMIT. */
int mapping_store(struct change *change, const struct mapping *mapping, struct err *err);

int op_mapping_add(struct change *change, struct err *err);
int op_mapping_set(struct change *change, struct err *err);
int op_mapping_delete(struct change *change, struct err *err);
int op_mapping_list(struct change *change, struct err *err);

/* mappings_text.c: the table of five columns, and the text of export and import. */
int op_mapping_export(struct change *change, struct err *err);
int op_mapping_import(struct change *change, struct err *err);
int mappings_export(struct change *change, struct buf *out, struct err *err);
/* Before domains, users and lists of a text, which its mappings depend on: put aside what is there; and after them. */
int mappings_import_begin(struct change *change, struct err *err);
int mappings_import(struct change *change, const struct text *text, struct err *err);

#endif
