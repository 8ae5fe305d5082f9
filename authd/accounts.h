/*
 * authd/accounts: state/auth/auth.db: what a password is checked against, one row an account.
 *
 * By uid alone: names are the settings' business (authd/names.h), so that a rename changes nothing here.
 * Holds yescrypt hashes and SCRAM keys, never a password; nobody but authd opens it. Every change is on disk when the
 * function returns.
 */
#ifndef POSTROOM_AUTHD_ACCOUNTS_H
#define POSTROOM_AUTHD_ACCOUNTS_H

#include "authd/hash.h"
#include "common/db/db.h"

enum { ACCOUNTS_SECRET_LEN = 32 };

struct accounts {
	struct db db;
	struct db_statement get;
	struct db_statement put;
	unsigned char secret[ACCOUNTS_SECRET_LEN]; /* made once: for the salts of names that do not exist */
};

struct account {
	int64_t uid;
	char hash[HASH_TEXT_MAX];
	struct scram_keys scram;
};

/* Open, made where it is missing. -1: any error, which names the file. */
int accounts_open(struct accounts *accounts, const char *path, struct err *err);
void accounts_close(struct accounts *accounts);

/* 1: found; 0: this account has no password; -1: the database cannot be read. */
int accounts_get(struct accounts *accounts, int64_t uid, struct account *account_out, struct err *err);
/* Make or replace what an account is checked against. */
int accounts_put(struct accounts *accounts, const struct account *account, struct err *err);
/* The password that the web has of its own: 1 found, 0 none, -1. */
int accounts_get_web(struct accounts *accounts, int64_t uid, char hash_out[HASH_TEXT_MAX], struct err *err);
int accounts_put_web(struct accounts *accounts, int64_t uid, const char *hash, struct err *err);
/* The password of Message Security, the server's: 1 found, 0 it is off ("" then), -1. */
int accounts_get_guard(struct accounts *accounts, char hash_out[HASH_TEXT_MAX], struct err *err);
/* "": turn it off. */
int accounts_put_guard(struct accounts *accounts, const char *hash, struct err *err);
/* All of an account: both passwords, and what stands for them (web_tokens.h). */
int accounts_delete(struct accounts *accounts, int64_t uid, struct err *err);

/* Call visit for each account in the order of uid. */
int accounts_each(struct accounts *accounts, void (*visit)(const struct account *account, void *context), void *context,
                  struct err *err);

#endif
