#include "deliver/remover.h"
#include "deliver/media.h"

#include "common/base/log.h"
#include "common/store/discard.h"

enum { LOCK_MS = 2000 }; /* patience with a mailbox that is written to */

static int discard(const struct ipc_message *request, struct ipc_message *reply, void *context, struct err *err)
{
	const struct instance *instance = context;
	bool mail, media;
	int64_t uid;

	if (!ipc_get_number(request, "uid", 1, INT64_MAX, &uid))
		return err_set(err, ERR_SYNTAX, "mailbox-discard takes the number of a user");
	if (mailbox_discard(instance, uid, LOCK_MS, &mail, err) != 0 || media_discard(instance, uid, &media, err) != 0) {
		log_warning("the mailbox of the deleted user uid=%lld stays for now: %s", (long long)uid, err->text);
		return -1;
	}
	if (mail)
		log_info("the mailbox of the deleted user uid=%lld is removed", (long long)uid);
	ipc_add_number(reply, "found", mail || media);
	return 0;
}

int remover_start(struct helper **remover_out, const struct daemon *daemon, struct event_base *base, struct err *err)
{
	return helper_start(remover_out, "remover", discard, (void *)(uintptr_t)&daemon->instance, daemon, base, err);
}
