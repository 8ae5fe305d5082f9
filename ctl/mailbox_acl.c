/*
 * mailbox: access lists, as the administrator sets them: also the owner's own rights, which the owner cannot change.
 * Whom they name is told to authd, as by the owner's session (doc/ipc.md, share-set).
 */
#include "ctl/mailbox.h"

#include "common/imap/rights.h"
#include "common/settings/settings.h"
#include "common/store/folders.h"

#include <stdio.h>

enum { NAME_MAX_LEN = 256 };

const struct ctl_command mailbox_acl_command = {"mailbox acl", "USER FOLDER [IDENTIFIER RIGHTS]", NULL, NULL, false};

struct acl {
	struct ctl *ctl;
	struct settings settings;
	struct mailbox *mailbox;
	int64_t uid, folder;
	struct ipc_channel authd; /* fd -1: not asked */
	/* of the entry: */
	char identifier[64];
	unsigned rights;
};

/* The one value that a question has. 1, 0 or -1. */
static int look_up(struct acl *acl, const char *sql, struct str text, int64_t number, char *out, size_t size,
                   struct err *err)
{
	struct db_statement query;
	int row;

	if (db_prepare(&acl->settings.objects, &query, sql, err) != 0)
		return -1;
	db_bind_text(&query, 1, text);
	db_bind_number(&query, 2, number);
	row = db_step(&query, err);
	if (row == 1 && !str_copy(db_text(&query, 0), out, size))
		row = 0;
	db_finalize(&query);
	return row;
}

/* "anna", "$sales", "anyone", "owner", behind a "-" or not, to what is stored. */
static int resolve(struct acl *acl, const char *name, struct err *err)
{
	struct str who = str_skip(str_of(name), name[0] == '-');
	char number[sizeof acl->identifier - 1];
	int row = 1;

	if (str_equal(who, STR("anyone")) || str_equal(str_of(name), STR("owner")))
		str_copy(who, number, sizeof number);
	else if (str_starts(who, STR("$")))
		row = look_up(acl, "SELECT 'group ' || id FROM user_group WHERE name = ?1 AND ?2 = 0", str_skip(who, 1), 0,
		              number, sizeof number, err);
	else
		row = look_up(acl, "SELECT CASE uid WHEN ?2 THEN 'owner' ELSE 'user ' || uid END FROM user WHERE name = ?1",
		              who, acl->uid, number, sizeof number, err);
	if (row == 1)
		snprintf(acl->identifier, sizeof acl->identifier, "%s%s", name[0] == '-' ? "-" : "", number);
	return row == 1 ? 0 : row == 0 ? err_set(err, ERR_NOT_FOUND, "there is no user or group %.*s", STR_ARG(who)) : -1;
}

static bool print_entry(struct str identifier, struct str letters, void *context)
{
	struct acl *acl = context;
	struct str number = str_skip(identifier, str_starts(identifier, STR("-")));
	struct str kind = str_cut(&number, ' ');
	const char *sign = str_starts(identifier, STR("-")) ? "-" : "";
	char name[NAME_MAX_LEN];
	uint64_t id = 0;
	struct err err;
	int row = 1;

	if (!str_to_u64(number, INT64_MAX, &id))
		str_copy(kind, name, sizeof name);
	else if (str_equal(kind, STR("group")))
		row = look_up(acl, "SELECT '$' || name FROM user_group WHERE ?1 = '' AND id = ?2", STR(""), (int64_t)id, name,
		              sizeof name, &err);
	else
		row = look_up(acl, "SELECT name FROM user WHERE ?1 = '' AND uid = ?2", STR(""), (int64_t)id, name, sizeof name,
		              &err);
	if (row == 1)
		printf("%s%s %.*s\n", sign, name, STR_ARG(letters));
	return true;
}

static bool read_entry(struct str identifier, struct str letters, void *context)
{
	struct acl *acl = context;

	if (!str_equal(identifier, str_of(acl->identifier)))
		return true;
	acl->rights = 0;
	rights_parse(letters, &acl->rights);
	return false;
}

static bool add_grantee(struct str identifier, void *context)
{
	ipc_add(context, "grantee", identifier);
	return true;
}

/* Say who is named in the lists, and about_to, who is going to be. */
static int tell(struct acl *acl, const char *about_to, struct err *err)
{
	struct ipc_message request, reply;
	int result;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "share-set");
	ipc_add_number(&request, "uid", acl->uid);
	if (about_to[0] != '\0')
		ipc_add_text(&request, "grantee", about_to);
	result = mailbox_acl_grantees(acl->mailbox, add_grantee, &request, err);
	if (result == 0)
		result = ipc_call(&acl->authd, &request, &reply, IPC_TIMEOUT_MS, err);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return result;
}

/* What the rights become: "lrs" sets, "+s" adds, "-s" takes away. */
static int compute(struct acl *acl, const char *letters, struct err *err)
{
	char sign = letters[0] == '+' || letters[0] == '-' ? letters[0] : '\0';
	unsigned rights = 0;

	if (!rights_parse(str_of(letters + (sign != '\0')), &rights))
		return err_set(err, ERR_SYNTAX, "rights are letters of \"lrswipkxteacd\", not \"%s\"", letters);
	if (strcmp(acl->identifier, "owner") == 0)
		acl->rights = RIGHTS_ALL;
	if (sign != '\0' && mailbox_acl_each(acl->mailbox, acl->folder, read_entry, acl, err) != 0)
		return -1;
	acl->rights = sign == '+' ? acl->rights | rights : sign == '-' ? acl->rights & ~rights : rights;
	if (strcmp(acl->identifier, "owner") == 0 && acl->rights == 0 && letters[0] != '\0')
		return err_set(err, ERR_DENIED, "the owner needs some rights; \"\" gives him all");
	if (strcmp(acl->identifier, "owner") == 0 && acl->rights == RIGHTS_ALL)
		acl->rights = 0; /* no entry: all */
	return 0;
}

static int set(struct acl *acl, const char *letters, struct err *err)
{
	char text[RIGHTS_TEXT_MAX];
	bool counts = acl->authd.fd >= 0;

	if (compute(acl, letters, err) != 0 || (counts && acl->rights != 0 && tell(acl, acl->identifier, err) != 0) ||
	    mailbox_acl_set(acl->mailbox, acl->folder, str_of(acl->identifier),
	                    str_of(rights_text(acl->rights, false, text)), MAIL_WAIT_MS, err) != 0)
		return -1;
	return counts && acl->rights == 0 ? tell(acl, "", err) : 0;
}

/* Open what is to be opened before root is given up. */
static int prepare(struct acl *acl, const char *user, const char *identifier, struct err *err)
{
	const struct instance *instance = &acl->ctl->instance;

	if (mail_find_user(instance, user, &acl->uid, err) != 0 || settings_open(&acl->settings, instance, true, err) != 0)
		return -1;
	if (identifier == NULL)
		return 0;
	if (resolve(acl, identifier, err) != 0)
		return -1;
	if (strcmp(acl->identifier, "owner") == 0 || acl->identifier[0] == '-')
		return 0; /* opens nothing to anybody */
	return ipc_connect(&acl->authd, instance, "authd", "postroom", err) == 0
	           ? 0
	           : err_prefix(err, "folders are shared while the server runs");
}

static int act(struct acl *acl, const char *folder_name, const char *letters, struct err *err)
{
	struct mailbox_folder folder;

	if (mailbox_folder_find(acl->mailbox, str_of(folder_name), &folder, err) != 0)
		return -1;
	acl->folder = folder.id;
	return letters != NULL ? set(acl, letters, err)
	                       : mailbox_acl_each(acl->mailbox, acl->folder, print_entry, acl, err);
}

int mailbox_acl(struct ctl *ctl, int argc, char **argv)
{
	struct acl acl = {.ctl = ctl, .authd.fd = -1};
	struct err err;
	int status;

	if (argc != 2 && argc != 4)
		return ctl_usage(&mailbox_acl_command);
	if (prepare(&acl, argv[0], argc == 4 ? argv[2] : NULL, &err) != 0)
		return ctl_refuse_err(&err);
	status = mail_become(ctl, false);
	if (status == CTL_DONE)
		status = mail_open_uid(ctl, acl.uid, &acl.mailbox);
	if (status == CTL_DONE && act(&acl, argv[1], argc == 4 ? argv[3] : NULL, &err) != 0)
		status = ctl_refuse_err(&err);
	mailbox_close(acl.mailbox);
	ipc_close(&acl.authd);
	settings_close(&acl.settings);
	return status;
}
