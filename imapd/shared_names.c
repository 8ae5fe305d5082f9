/* imapd/shared: which folders of others there are. */
#include "imapd/guest.h"
#include "imapd/shared.h"

#include "common/base/log.h"

/* Those who share something with the user, in the arena. */
static size_t find_owners(struct session *session, struct str **owners_out)
{
	struct ipc_message request, reply;
	struct str key, value;
	size_t position = 0, count = 0;
	struct err err;

	if (session->authd.fd < 0) /* it ended; the log says so */
		return 0;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "share-list");
	if (ipc_call(&session->authd, &request, &reply, IPC_TIMEOUT_MS, &err) != 0) {
		log_error("cannot ask who shares folders with user=%s: %s", session->user, err.text);
	} else {
		*owners_out = arena_get(&session->arena, SHARED_OWNERS_MAX * sizeof **owners_out);
		while (count < SHARED_OWNERS_MAX && ipc_next(&reply, &position, &key, &value))
			if (str_equal(key, STR("owner")))
				(*owners_out)[count++] = arena_copy(&session->arena, value);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return count;
}

/* Ask one owner's session. Returns how many names there are; visit may be NULL. */
static size_t each_of(struct session *session, struct str owner, void (*visit)(struct str name, void *context),
                      void *context)
{
	struct remote *remote = shared_open(session, owner);
	struct ipc_message request, reply;
	struct str key, value;
	size_t position = 0, count = 0;

	if (remote == NULL)
		return 0;
	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "names");
	if (shared_ask(session, remote, &request, &reply, false) == 0)
		while (count < SHARED_NAMES_MAX && ipc_next(&reply, &position, &key, &value)) {
			if (!str_equal(key, STR("name")) || value.len == 0 || value.len > STORE_NAME_MAX || !str_is_utf8(value))
				continue;
			count++;
			if (visit != NULL)
				visit(arena_printf(&session->arena, "#users/%s/%.*s", remote->owner, STR_ARG(value)), context);
		}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return count;
}

void shared_names_each(struct session *session, void (*visit)(struct str name, void *context), void *context)
{
	struct str *owners = NULL;
	size_t count = find_owners(session, &owners);

	for (size_t i = 0; i < count; i++)
		each_of(session, owners[i], visit, context);
	imap_ok(session, NULL, "%s completed", session->command->name); /* who cannot be asked is left out */
}

bool shared_is_level(struct session *session, struct str name)
{
	struct str *owners = NULL, owner, rest;
	size_t count;

	if (shared_split(name, &owner, &rest))
		return rest.len == 0 && each_of(session, owner, NULL, NULL) > 0;
	if (!shared_is_name(name))
		return false;
	count = find_owners(session, &owners);
	for (size_t i = 0; i < count; i++)
		if (each_of(session, owners[i], NULL, NULL) > 0)
			return true;
	return false;
}
