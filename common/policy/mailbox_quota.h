/*
 * mailbox_quota: how large a mailbox should be, and what follows (specification 07, quotas, mailbox size).
 *
 * Mail is never kept out. Who grows past a step is told so, the administrator too at some; who is far beyond may not
 * send until the mailbox is smaller.
 */
#ifndef POSTROOM_POLICY_MAILBOX_QUOTA_H
#define POSTROOM_POLICY_MAILBOX_QUOTA_H

#include "common/settings/attributes.h"

/* Octets; 0: no limit. */
int64_t mailbox_quota_of(const struct settings *settings, const struct attributes *attributes);

/* Does any user have one? 1 = yes, 0 = no, -1: the settings cannot be read. */
int mailbox_quota_in_use(struct settings *settings, struct err *err);

/* Per cent of the quota, rounded down. */
int64_t mailbox_quota_percent(int64_t quota, int64_t size);

/* Does growing from one size to another pass one of the steps, percentages separated by commas? */
bool mailbox_quota_passes(const char *steps, int64_t quota, int64_t before, int64_t after);

/* Is it at the percentage or beyond? 0: never. */
bool mailbox_quota_reaches(int64_t percentage, int64_t quota, int64_t size);

#endif
