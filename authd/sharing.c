#include "authd/authd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>

enum { OWNERS_MAX = 10000 };

/* Whose mailbox the session at the other end of a channel serves: by the ticket that it redeemed there. */
struct binding {
	int64_t uid;
	char user[TICKET_USER_MAX];
	bool is_guest; /* it serves somebody else there */
};

void sharing_bind(struct ipc_peer *peer, const struct ticket_right *right)
{
	struct binding *binding = ipc_peer_data(peer);

	if (binding != NULL)
		return; /* once */
	binding = memory_get(sizeof *binding);
	binding->uid = right->uid;
	binding->is_guest = right->grantee != 0;
	memcpy(binding->user, right->user, sizeof binding->user);
	ipc_peer_set_data(peer, binding);
}

void sharing_end(struct ipc_peer *peer)
{
	memory_free(ipc_peer_data(peer));
	ipc_peer_set_data(peer, NULL);
}

/* NULL, answered, where the channel has redeemed nothing. */
static const struct binding *bound(struct ipc_incoming *incoming)
{
	const struct binding *binding = ipc_peer_data(incoming->peer);
	struct err err;

	if (binding == NULL) {
		err_set(&err, ERR_DENIED, "redeem a ticket of a login first");
		ipc_answer_error(incoming, &err);
	}
	return binding;
}

/* The same for what a session asks for its own user: who is a guest there asks by his own session. */
static const struct binding *bound_user(struct ipc_incoming *incoming)
{
	const struct binding *binding = bound(incoming);
	struct err err;

	if (binding == NULL || !binding->is_guest)
		return binding;
	err_set(&err, ERR_DENIED, "a guest may not ask for that");
	ipc_answer_error(incoming, &err);
	return NULL;
}

bool sharing_is_bound(struct ipc_incoming *incoming)
{
	return bound(incoming) != NULL;
}

int sharing_groups(struct settings *settings, int64_t uid, int64_t groups[SHARES_GROUPS_MAX], size_t *count,
                   struct err *err)
{
	struct db_statement statement;
	int row;

	*count = 0;
	if (db_prepare(&settings->objects, &statement, "SELECT group_id FROM membership WHERE uid = ?1", err) != 0)
		return -1;
	db_bind_number(&statement, 1, uid);
	while ((row = db_step(&statement, err)) == 1 && *count < SHARES_GROUPS_MAX)
		groups[(*count)++] = db_number(&statement, 0);
	db_finalize(&statement);
	return row < 0 ? -1 : 0;
}

/* 1: there is such a user, with his name; 0 or -1. */
static int user_name(struct settings *settings, int64_t uid, char name[TICKET_USER_MAX], struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(&settings->objects, &statement, "SELECT name FROM user WHERE uid = ?1", err) != 0)
		return -1;
	db_bind_number(&statement, 1, uid);
	row = db_step(&statement, err);
	if (row == 1 && !str_copy(db_text(&statement, 0), name, TICKET_USER_MAX))
		row = 0;
	db_finalize(&statement);
	return row;
}

/* Whose mailbox it is about: a session's own, or of the administrator's command the one that it names. 0: answered. */
static int64_t find_subject(struct ipc_incoming *incoming)
{
	const struct binding *binding;
	struct err err;
	int64_t uid;

	if (strcmp(incoming->caller, "postroom") != 0) {
		binding = bound(incoming);
		return binding != NULL ? binding->uid : 0;
	}
	if (ipc_get_number(&incoming->message, "uid", 1, INT64_MAX, &uid))
		return uid;
	err_set(&err, ERR_PROTOCOL, "share-set needs a uid");
	ipc_answer_error(incoming, &err);
	return 0;
}

void sharing_set(struct authd *authd, struct ipc_incoming *incoming)
{
	int64_t owner = find_subject(incoming);
	struct str *grantees, key, value;
	size_t count = 0;
	struct err err;

	if (owner == 0)
		return;
	grantees = memory_get((SHARES_GRANTEES_MAX + 1) * sizeof *grantees);
	for (size_t position = 0; count <= SHARES_GRANTEES_MAX && ipc_next(&incoming->message, &position, &key, &value);)
		if (str_equal(key, STR("grantee")))
			grantees[count++] = value;
	if (shares_set(&authd->shares, owner, grantees, count, &err) == 0) {
		log_info("the mailbox of uid=%" PRId64 " is shared with %zu users and groups", owner, count);
		ipc_answer_ok(incoming);
	} else if (err.code == ERR_SYNTAX || err.code == ERR_LIMIT) {
		ipc_answer_error(incoming, &err);
	} else {
		request_put_off(incoming, &err);
	}
	memory_free(grantees);
}

struct owners {
	int64_t *uids;
	size_t count;
};

static void add_owner(int64_t owner, void *context)
{
	struct owners *owners = context;

	if (owners->count < OWNERS_MAX)
		owners->uids[owners->count++] = owner;
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return left < right ? -1 : left > right;
}

/* The names of owners into reply, each once; those who were deleted are passed over. */
static int add_names(struct authd *authd, struct owners *owners, struct ipc_message *reply, struct err *err)
{
	char name[TICKET_USER_MAX];
	int known;

	qsort(owners->uids, owners->count, sizeof *owners->uids, compare_numbers);
	for (size_t i = 0; i < owners->count; i++) {
		if (i > 0 && owners->uids[i] == owners->uids[i - 1])
			continue;
		known = user_name(&authd->settings, owners->uids[i], name, err);
		if (known < 0)
			return -1;
		if (known == 1)
			ipc_add_text(reply, "owner", name);
	}
	return 0;
}

void sharing_list(struct authd *authd, struct ipc_incoming *incoming)
{
	const struct binding *binding = bound_user(incoming);
	int64_t groups[SHARES_GROUPS_MAX];
	struct shares_person person = {.groups = groups};
	struct ipc_message reply;
	struct owners owners;
	struct err err;

	if (binding == NULL)
		return;
	person.uid = binding->uid;
	owners = (struct owners){memory_get(OWNERS_MAX * sizeof *owners.uids), 0};
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (sharing_groups(&authd->settings, binding->uid, groups, &person.group_count, &err) == 0 &&
	    shares_each_owner(&authd->shares, &person, add_owner, &owners, &err) == 0 &&
	    add_names(authd, &owners, &reply, &err) == 0)
		ipc_answer(incoming, &reply);
	else
		request_put_off(incoming, &err);
	ipc_message_free(&reply);
	memory_free(owners.uids);
}

/* Whose mailbox is asked for, and may this session's user be his guest? 1, 0 or -1. */
static int find_owner(struct authd *authd, const struct binding *binding, struct str owner, struct ticket_right *right,
                      struct err *err)
{
	int64_t groups[SHARES_GROUPS_MAX];
	struct shares_person person = {.uid = binding->uid, .groups = groups};
	struct login_name name;

	if (owner.len == 0 || str_find_char(owner, '@') >= 0)
		return 0;
	if (names_find(&authd->settings, owner, NULL, &name, err) != 0 ||
	    sharing_groups(&authd->settings, binding->uid, groups, &person.group_count, err) != 0)
		return -1;
	if (name.uid < 0)
		return 0;
	*right = (struct ticket_right){.uid = name.uid, .grantee = binding->uid};
	str_copy(str_of(name.name), right->user, sizeof right->user);
	str_copy(str_of(binding->user), right->grantee_user, sizeof right->grantee_user);
	return shares_reach(&authd->shares, name.uid, &person, err);
}

void sharing_ticket(struct authd *authd, struct ipc_incoming *incoming)
{
	const struct binding *binding = bound_user(incoming);
	char text[TICKET_LEN + 1];
	struct ticket_right right;
	struct ipc_message reply;
	struct err err;
	int may;

	if (binding == NULL)
		return;
	may = find_owner(authd, binding, ipc_get(&incoming->message, "owner"), &right, &err);
	if (may == 0) { /* one text for whoever does not share and whoever does not exist */
		err_set(&err, ERR_NOT_FOUND, "nothing is shared there");
		ipc_answer_error(incoming, &err);
	} else if (may < 0 || tickets_issue(&authd->tickets, "imapd", STR("imap"), &right, io_now_ms(), text, &err) != 0) {
		request_put_off(incoming, &err);
	} else {
		ipc_message_init(&reply);
		ipc_reply_ok(&reply);
		ipc_add_text(&reply, "ticket", text);
		ipc_answer(incoming, &reply);
		memory_wipe(text, sizeof text);
		ipc_message_free(&reply);
	}
}
