/*
 * mailauth/dns/table: answers out of a table instead of the DNS, for tests and for fuzzing.
 *
 * A name that has records of other types only has no data; any other name does not exist. A CNAME that leads to itself
 * by and by is no answer.
 */
#ifndef POSTROOM_MAILAUTH_DNS_TABLE_H
#define POSTROOM_MAILAUTH_DNS_TABLE_H

#include "common/mailauth/dns/dns.h"

struct mailauth_table_entry;

struct mailauth_table {
	struct arena *arena; /* holds the entries */
	struct mailauth_table_entry *entries;
	unsigned questions; /* asked so far */
};

void mailauth_table_init(struct mailauth_table *table, struct arena *arena);

/*
 * Add a record: an address of its family for A and AAAA, a host for PTR and CNAME, "10 host" for MX, any octets for
 * TXT, which are cut into strings of 255. -1: ERR_SYNTAX: the text is nothing of that kind.
 */
int mailauth_table_add(struct mailauth_table *table, const char *name, enum mailauth_type type, struct str text,
                       struct err *err);
/* Add rdata as it stands. */
void mailauth_table_add_raw(struct mailauth_table *table, const char *name, enum mailauth_type type, struct str rdata);
/* Questions for name that no record before answers are answered MAILAUTH_TEMPORARY. */
void mailauth_table_fail(struct mailauth_table *table, const char *name);

/* The table as a source of answers. */
struct mailauth_dns mailauth_table_dns(struct mailauth_table *table);

#endif
