/* imapd: SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314 section 3). */
#include "common/base/log.h"
#include "imapd/guest.h"
#include "imapd/identities.h"
#include "imapd/rights.h"

/* Parse " mailbox", and " identifier" where identifier is not NULL. */
static bool parse_names(struct session *session, struct str *name, struct str *identifier)
{
	struct imap_parser *parser = &session->parser;

	if (!imap_parse_space(parser) || !imap_parse_mailbox(parser, name))
		return false;
	if (identifier == NULL)
		return true;
	if (!imap_parse_space(parser) || !imap_parse_astring(parser, identifier))
		return false;
	if (identifier->len == 0 || identifier->len >= IMAP_USER_MAX || !str_is_utf8(*identifier) ||
	    str_equal(*identifier, STR("-")))
		return imap_fail(parser, IMAP_BAD, "That identifies nobody");
	return true;
}

/* Who is meant by a client's word. -1: noted. */
static int find_identity(struct session *session, struct str name, struct identity *identity)
{
	*identity = (struct identity){.name = name};
	if (identities_resolve(session, identity, 1) != 0)
		return -1;
	if (identity->identifier.len > 0)
		return 0;
	imap_no(session, "NONEXISTENT", "There is no such user or group");
	return -1;
}

/* One entry of a list. */
struct entry {
	struct str identifier;
	unsigned rights;
};

static bool read_entry(struct str identifier, struct str letters, void *context)
{
	struct entry *entry = context;

	if (!str_equal(identifier, entry->identifier))
		return true;
	rights_parse(letters, &entry->rights);
	return false;
}

/* Set an entry; authd is told of who comes before he can come, and of who is gone when he is. */
static void set_entry(struct session *session, const struct mailbox_folder *folder, const struct entry *entry)
{
	bool taken = str_starts(entry->identifier, STR("-"));
	char letters[RIGHTS_TEXT_MAX];
	struct err err;

	if (entry->rights != 0 && !taken && identities_tell(session, entry->identifier) != 0)
		return;
	rights_text(entry->rights, false, letters);
	if (mailbox_acl_set(session->mailbox, folder->id, entry->identifier, str_of(letters), IMAP_WAIT_MS, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	log_info("access list changed, user=%s uid=%lld folder=%s identifier=%.*s rights=%s", session->user,
	         (long long)session->uid, folder->name, STR_ARG(entry->identifier), letters);
	session_ring(session);
	if (entry->rights == 0 && !taken)
		identities_tell(session, STR(""));
}

/* sign: '+' adds to what is there, '-' takes away, 0 sets. */
static void change_entry(struct session *session, struct str name, struct str identifier, char sign, unsigned rights)
{
	struct mailbox_folder folder;
	struct identity identity;
	struct entry entry = {.rights = 0};
	struct err err;

	if (session_find_folder(session, name, "a", &folder) != 0 || find_identity(session, identifier, &identity) != 0)
		return;
	if (str_equal(identity.identifier, STR("owner")) || str_equal_nocase(identity.identifier, STR("-owner"))) {
		imap_no(session, "NOPERM", "The owner's own rights are set by the administrator");
		return;
	}
	entry.identifier = identity.identifier;
	if (sign != 0 && mailbox_acl_each(session->mailbox, folder.id, read_entry, &entry, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	entry.rights = sign == 0 ? rights : sign == '+' ? entry.rights | rights : entry.rights & ~rights;
	set_entry(session, &folder, &entry);
}

void command_setacl(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct str name, identifier, letters;
	unsigned rights = 0;
	char sign = 0;

	if (!parse_names(session, &name, &identifier) || !imap_parse_space(parser) ||
	    !imap_parse_astring(parser, &letters) || !imap_parse_end(parser)) {
		imap_refuse(session);
		return;
	}
	if (letters.len > 0 && (letters.data[0] == '+' || letters.data[0] == '-')) {
		sign = letters.data[0];
		letters = str_skip(letters, 1);
	}
	if (!rights_parse(letters, &rights))
		imap_bad(session, "There is no such right");
	else
		change_entry(session, name, identifier, sign, rights);
}

void command_deleteacl(struct session *session)
{
	struct str name, identifier;

	if (parse_names(session, &name, &identifier) && imap_parse_end(&session->parser))
		change_entry(session, name, identifier, 0, 0);
	else
		imap_refuse(session);
}

/* A list on its way from the store to the client. */
struct list {
	struct session *session;
	struct identity *identities;
	unsigned *rights;
	size_t count;
};

static bool add_entry(struct str identifier, struct str letters, void *context)
{
	struct list *list = context;

	if (list->count == STORE_ACL_MAX || str_equal(identifier, STR("owner")))
		return true;
	list->identities[list->count] = (struct identity){.identifier = arena_copy(&list->session->arena, identifier)};
	list->rights[list->count] = 0;
	rights_parse(letters, &list->rights[list->count++]);
	return true;
}

static void write_entry(struct session *session, struct str name, unsigned rights)
{
	char letters[RIGHTS_TEXT_MAX];

	conn_write(&session->conn, STR(" "));
	imap_write_astring(&session->conn, name, session_utf8(session));
	conn_write(&session->conn, STR(" "));
	imap_write_astring(&session->conn, str_of(rights_text(rights, true, letters)), false);
}

/* What the owner may do, whoever asks. */
static int find_owner_rights(struct session *session, int64_t folder, unsigned *rights, struct err *err)
{
	struct entry owner = {.identifier = STR("owner")};
	int result = mailbox_acl_each(session->mailbox, folder, read_entry, &owner, err);

	*rights = owner.rights != 0 ? owner.rights : RIGHTS_ALL;
	return result;
}

void command_getacl(struct session *session)
{
	struct list list = {.session = session};
	struct mailbox_folder folder;
	unsigned owner_rights;
	struct str name;
	struct err err;

	if (!parse_names(session, &name, NULL) || !imap_parse_end(&session->parser)) {
		imap_refuse(session);
		return;
	}
	if (session_find_folder(session, name, "a", &folder) != 0)
		return;
	list.identities = arena_get(&session->arena, STORE_ACL_MAX * sizeof *list.identities);
	list.rights = arena_get(&session->arena, STORE_ACL_MAX * sizeof *list.rights);
	if (mailbox_acl_each(session->mailbox, folder.id, add_entry, &list, &err) != 0 ||
	    find_owner_rights(session, folder.id, &owner_rights, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	if (list.count > 0 && identities_resolve(session, list.identities, list.count) != 0)
		return;
	conn_write(&session->conn, STR("* ACL "));
	imap_write_mailbox(&session->conn, name, session_utf8(session));
	write_entry(session, str_of(session->guest != NULL ? session->guest->owner : session->user), owner_rights);
	for (size_t i = 0; i < list.count; i++)
		if (list.identities[i].name.len > 0) /* who was deleted has no name, and no rights */
			write_entry(session, list.identities[i].name, list.rights[i]);
	conn_write(&session->conn, STR("\r\n"));
}

void command_listrights(struct session *session)
{
	struct mailbox_folder folder;
	struct identity identity;
	struct str name, identifier;
	char letters[RIGHTS_TEXT_MAX];
	unsigned rights = 0;
	struct err err;

	if (!parse_names(session, &name, &identifier) || !imap_parse_end(&session->parser)) {
		imap_refuse(session);
		return;
	}
	if (session_find_folder(session, name, "a", &folder) != 0 || find_identity(session, identifier, &identity) != 0)
		return;
	if (str_equal(identity.identifier, STR("owner")) && find_owner_rights(session, folder.id, &rights, &err) != 0) {
		imap_no_store(session, &err);
		return;
	}
	conn_write(&session->conn, STR("* LISTRIGHTS "));
	imap_write_mailbox(&session->conn, name, session_utf8(session));
	conn_write(&session->conn, STR(" "));
	imap_write_astring(&session->conn, identifier, session_utf8(session));
	conn_write(&session->conn, STR(" "));
	imap_write_astring(&session->conn, str_of(rights_text(rights, true, letters)), false);
	conn_write(&session->conn, rights != 0 ? STR("\r\n") : STR(" l r s w i p k x t e a c d\r\n"));
}

void command_myrights(struct session *session)
{
	struct mailbox_folder folder;
	char letters[RIGHTS_TEXT_MAX];
	unsigned rights;
	struct str name;

	if (!parse_names(session, &name, NULL) || !imap_parse_end(&session->parser)) {
		imap_refuse(session);
		return;
	}
	if (session_find_with_rights(session, name, "", &folder, &rights) != 0)
		return;
	/* RFC 4314 section 4: with none of these the folder is none to this user */
	if ((rights & (RIGHT_LOOKUP | RIGHT_READ | RIGHT_INSERT | RIGHT_CREATE | RIGHT_DELETE | RIGHT_ADMINISTER)) == 0) {
		imap_no(session, "NONEXISTENT", "There is no such folder");
		return;
	}
	conn_write(&session->conn, STR("* MYRIGHTS "));
	imap_write_mailbox(&session->conn, name, session_utf8(session));
	conn_printf(&session->conn, " %s\r\n", rights_text(rights, true, letters));
}
