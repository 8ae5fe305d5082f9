/*
 * bounces: members whose mail comes back.
 *
 * Where a list wants that (bounce-limit), each member's copy of a post has a return path of its own,
 * "list-bounce-<token>@domain" (VERP), and the resolver leads what comes there to listd. The token is random and known
 * to nobody but those who handled that member's mail, so nobody can make somebody else's mail look as if it came back.
 *
 * A report counts that comes from nobody (the null return path) and says that delivery failed for good (RFC 3464,
 * "Action: failed"), once a day; thirty days without one forgets them. What is no such report (a delay, a form that
 * programs do not understand) goes on to the list's return address. On the day that reaches the limit the member gets
 * no posts any more, or leaves the list, and the moderators are told.
 */
#ifndef POSTROOM_LISTS_BOUNCES_H
#define POSTROOM_LISTS_BOUNCES_H

#include "lists/lists.h"

enum { BOUNCE_FORGET_DAYS = 30 };

/* Does the list want them counted? */
bool bounces_are_counted(const struct list *list);
/* The return path of a member's copy, within a transaction; the same for every post. -1: as the database fails. */
int bounces_return_path(struct listd *listd, const struct list *list, struct str member, struct arena *arena,
                        struct str *path_out, struct err *err);
/* Take those out of a post's members who get no posts any more; within a transaction. */
int bounces_leave_out(struct listd *listd, const struct post *post, struct err *err);

/* How many days with reports there are, with one of today; days are those since 1970. */
int64_t bounces_count(int64_t days, int64_t last_day, int64_t today);

/* queue-manager's request "post" for such an address. */
void bounces_take(struct listd *listd, struct ipc_incoming *incoming);

/* requests.c: rows "bounce" of a list's members whose mail came back; forget what is known of one. -1: ERR_NOT_FOUND.
 */
int bounces_list(struct listd *listd, const struct list *list, struct ipc_message *reply, struct err *err);
int bounces_forget(struct listd *listd, const struct list *list, struct str address, struct err *err);

#endif
