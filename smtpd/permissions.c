#include "smtpd/permissions.h"

#include "common/addr/addr.h"
#include "common/addr/pattern.h"
#include "common/base/log.h"
#include "common/mime/header.h"
#include "common/policy/permissions.h"
#include "common/smtp/message.h"
#include "smtpd/mailbox_quota.h"
#include "smtpd/send_quota.h"
#include "smtpd/smtpd.h"

static const struct smtp_refusal undecided = {451, "4.3.0", "Rights cannot be checked now, try again later"};
static const struct smtp_refusal too_large = {552, "5.3.4", "Message too large for recipients elsewhere"};
static const struct smtp_refusal wrong_sender = {553, "5.7.1", "You may not send as this address"};
static const struct smtp_refusal no_targets = {550, "5.7.1", "You may not send to this address"};
static const struct smtp_refusal no_blind_copies = {550, "5.7.1", "You may not send blind copies"};

void permissions_forget(struct session *session)
{
	session->permissions.known = false;
}

/* The published settings of this moment, for questions and attributes. */
static int open_objects(struct session *session, struct err *err)
{
	struct permissions *permissions = &session->permissions;
	struct settings *settings = &session->smtpd->settings;

	if (permissions->objects.handle != NULL && permissions->generation == settings->generation)
		return 0;
	if (permissions->objects.handle != NULL)
		db_close(&permissions->objects);
	permissions->known = false;
	if (settings_open_snapshot(settings, &permissions->objects, err) != 0)
		return -1;
	permissions->generation = settings->generation;
	return 0;
}

/* The user whose mail goes to an address alone; 0: there is none. -1: the resolver does not say. */
static int64_t user_of(struct session *session, struct str address)
{
	struct ipc_message answer;
	struct str key, value;
	uint64_t uid = 0;
	size_t targets = 0;
	int64_t found = 0;

	ipc_message_init(&answer);
	if (relay_ask(session, address, true, &answer) == RECIPIENT_UNDECIDED)
		found = -1;
	for (size_t position = 0; found == 0 && ipc_next(&answer, &position, &key, &value);)
		if (str_equal(key, STR("target")) && targets++ == 0 && str_equal(str_cut(&value, ' '), STR("user")) &&
		    !str_to_u64(str_cut(&value, ' '), INT64_MAX, &uid))
			uid = 0;
	if (found == 0 && targets == 1)
		found = (int64_t)uid;
	ipc_message_free(&answer);
	return found;
}

/* Find out who sends, and what he may. -1: it cannot be said now. */
static int know_sender(struct session *session)
{
	struct permissions *permissions = &session->permissions;
	struct str from = session->transaction.mail.from.text;
	struct err err;

	if (open_objects(session, &err) != 0) {
		log_error("rights cannot be looked at: %s", err.text);
		return -1;
	}
	if (permissions->known)
		return 0;
	permissions->proven = session->user[0] != '\0';
	permissions->uid = permissions->proven ? session->uid : from.len != 0 ? user_of(session, from) : 0;
	if (permissions->uid < 0)
		return -1;
	arena_reset(&permissions->arena);
	if (attributes_read(&permissions->objects, permissions->uid, &permissions->arena, &permissions->attributes, &err) !=
	    0) {
		log_error("rights cannot be looked at: %s", err.text);
		return -1;
	}
	permissions->known = true;
	return 0;
}

static bool refuse(struct session *session, const struct smtp_refusal *refusal)
{
	reply_refusal(session, refusal);
	return false;
}

/* Does mail to this address come to the user? 1, 0 or -1. */
static int is_own(struct session *session, struct str address)
{
	struct str key, value, wanted;
	struct ipc_message answer;
	int own = 0;

	ipc_message_init(&answer);
	if (relay_ask(session, address, true, &answer) == RECIPIENT_UNDECIDED)
		own = -1;
	wanted = arena_printf(&session->command_arena, "%lld", (long long)session->uid);
	for (size_t position = 0; own == 0 && ipc_next(&answer, &position, &key, &value);)
		if (str_equal(key, STR("target")) && str_equal(str_cut(&value, ' '), STR("user")) &&
		    str_equal(str_cut(&value, ' '), wanted))
			own = 1;
	ipc_message_free(&answer);
	return own;
}

/* May the user who logged in send as this address? 1, 0 or -1. */
static int may_send_as(struct session *session, struct str local_part, struct str domain)
{
	struct str rest = str_of(attributes_text(&session->permissions.attributes, ATTRIBUTE_SEND_ADDRESSES)), item;
	struct arena *arena = &session->command_arena;
	int may = 0;

	if (addr_normalise_domain(domain, arena, &domain, NULL) != 0)
		return 0;
	while (may == 0 && (item = str_cut_item(&rest)).len != 0) {
		if (str_equal(item, STR("any")))
			may = 1;
		else if (str_equal(item, STR("own")))
			may = is_own(session, addr_format(local_part, domain, arena));
		else
			may = addr_pattern_holds(item, local_part, domain);
	}
	return may;
}

static const struct smtp_refusal *judge_sender(struct session *session, struct str local_part, struct str domain)
{
	int may = may_send_as(session, local_part, domain);

	if (may == 0)
		log_info("user=%s may not send as <%.*s@%.*s>", session->user, STR_ARG(local_part), STR_ARG(domain));
	return may == 1 ? NULL : may == 0 ? &wrong_sender : &undecided;
}

bool permissions_at_mail(struct session *session)
{
	const struct addr *from = &session->transaction.mail.from;
	const struct smtp_refusal *refusal;

	permissions_forget(session);
	if (session->user[0] == '\0')
		return true;
	if (know_sender(session) != 0)
		return refuse(session, &undecided);
	/* reports about mail, such as receipts, come from nobody (RFC 8098 3) */
	refusal = from->text.len != 0 ? judge_sender(session, from->local_part, from->domain) : NULL;
	if (refusal == NULL)
		refusal = mailbox_quota_refuses(session);
	if (refusal == NULL)
		refusal = send_quota_refuses(session, 0, 0);
	return refusal == NULL || refuse(session, refusal);
}

static bool is_too_large(const struct session *session, uint64_t size)
{
	int64_t limit = attributes_number(&session->permissions.attributes, ATTRIBUTE_SEND_MAX_SIZE);

	return limit > 0 && size > (uint64_t)limit;
}

bool permissions_at_target(struct session *session, const struct addr *to)
{
	const struct permissions *permissions = &session->permissions;
	const struct smtp_refusal *over_quota;
	struct str domain;
	struct err err;
	int may = 0;

	if (know_sender(session) != 0)
		return refuse(session, &undecided);
	over_quota = permissions->proven ? NULL : mailbox_quota_refuses(session);
	if (over_quota != NULL)
		return refuse(session, over_quota);
	if (attributes_flag(&permissions->attributes, ATTRIBUTE_SEND_INTERNET) &&
	    addr_normalise_domain(to->domain, &session->command_arena, &domain, NULL) == 0)
		may =
		    permission_ask(&session->permissions.objects, permissions->proven ? permissions->uid : PERMISSIONS_FOR_ALL,
		                   PERMISSION_TARGET, to->local_part, domain, &err);
	if (may < 0) {
		log_error("rights cannot be looked at: %s", err.text);
		return refuse(session, &undecided);
	}
	if (may == 0) {
		log_info("user=%s uid=%lld may not send to <%.*s> client=%s", session->user, (long long)permissions->uid,
		         STR_ARG(to->text), session->peer);
		return refuse(session, &no_targets);
	}
	return !is_too_large(session, session->transaction.mail.size) || refuse(session, &too_large);
}

bool permissions_at_rcpt(struct session *session, bool is_remote)
{
	const struct smtp_refusal *refusal = NULL;

	if (session->permissions.known)
		refusal = send_quota_refuses(session, 1, is_remote);
	return refusal == NULL || refuse(session, refusal);
}

/* The addresses of all fields of these names; ends with NULL. */
static size_t read_addresses(const struct message *message, const char *const *names, struct arena *arena,
                             struct mime_addresses *lists, size_t max)
{
	struct str rest = message_header(message);
	struct mime_field field;
	size_t count = 0;

	while (count < max && mime_field_next(&rest, &field))
		for (const char *const *name = names; *name != NULL; name++)
			if (str_equal_nocase(field.name, str_of(*name)))
				mime_parse_addresses(field.value, arena, &lists[count++]);
	return count;
}

enum { FIELDS_READ = 20 }; /* To, Cc, From of one message; who writes more of them hides something */

/* Each author must be somebody that the user may be. */
static const struct smtp_refusal *judge_authors(struct session *session, const struct message *message)
{
	static const char *const names[] = {"From", NULL};
	struct mime_addresses lists[FIELDS_READ];
	size_t count;

	if (str_equal(str_of(attributes_text(&session->permissions.attributes, ATTRIBUTE_SEND_ADDRESSES)), STR("any")))
		return NULL;
	count = read_addresses(message, names, &session->command_arena, lists, FIELDS_READ);
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < lists[i].count; n++) {
			const struct mime_address *author = &lists[i].list[n];
			const struct smtp_refusal *refusal =
			    author->kind == MIME_ADDRESS ? judge_sender(session, author->mailbox, author->host) : NULL;

			if (refusal != NULL)
				return refusal;
		}
	return NULL;
}

static bool is_named(struct str recipient, const struct mime_addresses *lists, size_t count, struct arena *arena)
{
	struct addr addr;

	if (addr_parse_mailbox(recipient, arena, &addr, NULL) != 0)
		return false;
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < lists[i].count; n++) {
			const struct mime_address *address = &lists[i].list[n];
			const struct addr named = {.local_part = address->mailbox, .domain = address->host};

			if (address->kind == MIME_ADDRESS && addr_equal(&addr, &named))
				return true;
		}
	return false;
}

static bool has_blind_copies(struct session *session, const struct message *message)
{
	static const char *const names[] = {"To", "Cc", NULL};
	const struct transaction *transaction = &session->transaction;
	struct mime_addresses lists[FIELDS_READ];
	size_t count = read_addresses(message, names, &session->command_arena, lists, FIELDS_READ);

	for (size_t i = 0; i < transaction->count; i++)
		if (!is_named(transaction->recipients[i].address, lists, count, &session->command_arena))
			return true;
	return false;
}

const struct smtp_refusal *permissions_at_data(struct session *session, const struct message *message)
{
	const struct permissions *permissions = &session->permissions;

	if (session->user[0] == '\0' && !permissions->known)
		return NULL;
	if (know_sender(session) != 0)
		return &undecided;
	if (session->transaction.remote_count > 0 && is_too_large(session, message->size))
		return &too_large;
	if (!attributes_flag(&permissions->attributes, ATTRIBUTE_SEND_BCC) && has_blind_copies(session, message))
		return &no_blind_copies;
	return permissions->proven ? judge_authors(session, message) : NULL;
}
