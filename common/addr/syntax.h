/*
 * syntax: what path.c and list.c share; for this folder alone.
 */
#ifndef POSTROOM_ADDR_SYNTAX_H
#define POSTROOM_ADDR_SYNTAX_H

#include "common/addr/addr.h"
#include "common/base/buf.h"

/* RFC 5322 3.2.3 atext; octets of UTF-8 count as such (RFC 6531 3.3), whoever uses this checks the whole for UTF-8. */
bool addr_is_atext(char c);
/* RFC 5321 4.1.2 Dot-string: atoms of at least one character, separated by single dots. */
bool addr_is_dot_string(struct str s);

/*
 * Read the quoted string that *rest begins with and set *rest behind it; what it says, without quotes and backslashes,
 * is added to out. fold: CR and LF inside are left out (folding of header fields), else they are errors as all control
 * characters are. -1: ADDR_SYNTAX.
 */
int addr_read_quoted(struct str *rest, bool fold, struct buf *out, struct err *err);

/*
 * Fill addr from its parts (local part unquoted), checking what holds for both kinds of address: limits, UTF-8, the
 * domain's syntax. domain may be empty where the caller allows that.
 */
int addr_complete(struct str local_part, struct str domain, struct arena *arena, struct addr *addr_out,
                  struct err *err);

#endif
