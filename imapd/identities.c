#include "imapd/identities.h"

#include "common/base/log.h"
#include "imapd/guest.h"

#include <inttypes.h>

static const char *owner_name(const struct session *session)
{
	return session->guest != NULL ? session->guest->owner : session->user;
}

static struct str without_minus(struct str identifier)
{
	return str_skip(identifier, str_starts(identifier, STR("-")));
}

/* The owner needs no asking. */
static bool resolve_owner(struct session *session, struct identity *identity)
{
	if (str_equal(identity->identifier, STR("owner")))
		identity->name = str_of(owner_name(session));
	else if (identity->identifier.len == 0 && str_equal_nocase(identity->name, str_of(owner_name(session))))
		identity->identifier = STR("owner");
	else
		return false;
	return true;
}

static void take_answer(struct session *session, struct identity *identity, struct str key, struct str value)
{
	struct str *other = str_equal(key, STR("name")) ? &identity->name : &identity->identifier;
	struct str known = str_equal(key, STR("name")) ? identity->identifier : identity->name;

	if (value.len > 0)
		*other = arena_printf(&session->arena, "%s%.*s", str_starts(known, STR("-")) ? "-" : "", STR_ARG(value));
}

int identities_resolve(struct session *session, struct identity *identities, size_t count)
{
	struct ipc_message request, reply;
	struct str key, value;
	size_t position = 0;
	struct err err;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "share-names");
	for (size_t i = 0; i < count; i++) {
		if (resolve_owner(session, &identities[i]))
			continue;
		if (identities[i].identifier.len > 0)
			ipc_add(&request, "grantee", without_minus(identities[i].identifier));
		else
			ipc_add(&request, "name", without_minus(identities[i].name));
	}
	result = ipc_call(&session->authd, &request, &reply, IPC_TIMEOUT_MS, &err);
	for (size_t i = 0; result == 0 && i < count; i++) {
		if (str_equal(identities[i].identifier, STR("owner")))
			continue;
		do /* status comes first */
			result =
			    ipc_next(&reply, &position, &key, &value) ? 0 : err_set(&err, ERR_PROTOCOL, "authd left names out");
		while (result == 0 && !str_equal(key, STR("name")) && !str_equal(key, STR("grantee")));
		if (result == 0)
			take_answer(session, &identities[i], key, value);
	}
	if (result != 0) {
		log_error("cannot ask who is meant in an access list, user=%s: %s", session->user, err.text);
		imap_no(session, "UNAVAILABLE", "Users cannot be looked up at the moment");
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

static bool add_grantee(struct str identifier, void *context)
{
	ipc_add(context, "grantee", identifier);
	return true;
}

int identities_tell(struct session *session, struct str about_to)
{
	struct ipc_message request, reply;
	struct err err;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "share-set");
	if (about_to.len > 0)
		ipc_add(&request, "grantee", about_to);
	result = mailbox_acl_grantees(session->mailbox, add_grantee, &request, &err);
	if (result == 0)
		result = ipc_call(&session->authd, &request, &reply, IPC_TIMEOUT_MS, &err);
	if (result != 0) {
		log_error("cannot say with whom the mailbox uid=%" PRId64 " is shared: %s", session->uid, err.text);
		imap_no(session, "UNAVAILABLE", "Access lists cannot be changed at the moment");
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}
