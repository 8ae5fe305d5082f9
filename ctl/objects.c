/*
 * Domains, users, groups: their commands, as tables of verbs (ctl/verb.h).
 */
#include "ctl/answers.h"
#include "ctl/attributes.h"
#include "ctl/inbox.h"
#include "ctl/items.h"
#include "ctl/media.h"
#include "ctl/message.h"
#include "ctl/user_delete.h"
#include "ctl/user_table.h"
#include "ctl/verb.h"

static const struct verb domain_verbs[] = {
    {.command = VERB_USAGE("domain add", "NAME", "Add a domain; the first is the default."),
     .op = "domain-add",
     .arguments = {"name"}},
    {.command = VERB_USAGE("domain delete", "NAME", "Delete a domain."), .op = "domain-delete", .arguments = {"name"}},
    {.command = VERB_USAGE("domain default", "NAME", "Make a domain the default."),
     .op = "domain-default",
     .arguments = {"name"}},
    {.command = VERB_USAGE("domain list", "[--json]", "List the domains."),
     .op = "domain-list",
     .columns = {"name", "default"},
     .row = "domain"},
    {.command = {NULL}},
};

static const struct verb user_verbs[] = {
    {.command = VERB_USAGE("user add",
                           "NAME [--admin] [--copy-from USER] [--welcome on|off] [--password-stdin | --no-password]",
                           "Add a user, with the settings of another one where --copy-from names him."),
     .op = "user-add",
     .arguments = {"name"},
     .options = {{"admin", OPTION_ON, "administrator"},
                 {"copy-from", OPTION_TEXT, "copy-from"},
                 {"welcome", OPTION_SWITCH, "welcome"},
                 {"password-stdin", OPTION_PASSWORD, "password"},
                 {"no-password", OPTION_NO_PASSWORD, NULL}},
     .wants_password = true},
    {.command = VERB_USAGE("user password", "NAME [--web] [--password-stdin]",
                           "Give a user a new password; --web: the one that the web has of its own."),
     .op = "user-password",
     .arguments = {"name"},
     .options = {{"web", OPTION_ON, "web"}, {"password-stdin", OPTION_PASSWORD, "password"}},
     .wants_password = true},
    {.command = VERB_OF("user delete", USER_DELETE_ARGUMENTS,
                        "Delete users who have no session open; several when you said yes.", user_delete)},
    {.command =
         VERB_OF("user export", USER_EXPORT_ARGUMENTS,
                 "Write the users as a table (CSV); --verbose: with all that is set of them.", user_table_export)},
    {.command = VERB_OF("user import", USER_IMPORT_ARGUMENTS,
                        "Add the users of a table; --update: change those that are there, too.", user_table_import)},
    {.command = VERB_OF("user import-system", USER_SYSTEM_ARGUMENTS,
                        "Add the members of a group of this system, with passwords that importusers.log tells.",
                        user_table_import_system)},
    {.command = VERB_OF("user message", USER_MESSAGE_ARGUMENTS,
                        "Write to the users of this server in a group or list (\"everyone\").", user_message)},
    {.command = VERB_OF("user media", MEDIA_USER_ARGUMENTS, "Manage the files that a user's autoresponders send along.",
                        media_user)},
    {.command =
         VERB_OF("user empty-inbox", INBOX_ARGUMENTS, "Move all of a user's Inbox to the recycle bin.", inbox_empty)},
    {.command =
         VERB_OF("user copy-inbox", INBOX_ARGUMENTS, "Copy what is in a user's Inbox to the assistants.", inbox_copy)},
    {.command = VERB_USAGE("user rename", "NAME NEW-NAME", "Give a user another name; mail and password stay."),
     .op = "user-rename",
     .arguments = {"name", "to"}},
    {.command = VERB_OF("user enable", "NAME[,NAME...] | --all", "Let users log in again.", attributes_user_enable)},
    {.command = VERB_OF("user disable", "NAME[,NAME...] | --all", "Let users log in no more; mail is still delivered.",
                        attributes_user_disable)},
    {.command = VERB_OF("user set", ATTRIBUTES_SET_ARGUMENTS, "Change attributes of users (postroom-attributes(5)).",
                        attributes_user_set)},
    {.command = VERB_OF("user get", ATTRIBUTES_GET_ARGUMENTS, "Show what is in force for users, and where from.",
                        attributes_user_get)},
    {.command = VERB_OF("user unset", ATTRIBUTES_UNSET_ARGUMENTS, "Return attributes of users to their defaults.",
                        attributes_user_unset)},
    {.command = VERB_USAGE("user locks", "[--json]", "List who is locked out of accounts after failed logins."),
     .callee = "authd",
     .op = "locks",
     .columns = {"user", "client", "@until"},
     .row = "lock"},
    {.command = VERB_USAGE("user unlock", "NAME", "End the locks of an account, from all addresses."),
     .callee = "authd",
     .op = "unlock",
     .arguments = {"name"}},
    {.command = VERB_USAGE("user quota", "[--user NAME] [--json]",
                           "Show how much users sent of what they may send, where they have a limit."),
     .callee = "policyd",
     .op = "send-usage",
     .options = {{"user", OPTION_TEXT, "user"}},
     .columns = {"user", "measure", "used", "limit", "percent", "@since"},
     .row = "quota"},
    {.command = VERB_USAGE("user list", "[--json]", "List the users."),
     .op = "user-list",
     .columns = {"name", "uid", "administrator", "enabled", "group"},
     .row = "user"},
    {.command = {NULL}},
};

static const struct verb group_verbs[] = {
    {.command = VERB_USAGE("group add", "NAME", "Add a group of users, for permissions."),
     .op = "group-add",
     .arguments = {"name"}},
    {.command = VERB_USAGE("group delete", "NAME", "Delete a group; its users stay."),
     .op = "group-delete",
     .arguments = {"name"}},
    {.command = VERB_USAGE("group list", "[--json]", "List the groups."),
     .op = "group-list",
     .columns = {"name", "users"},
     .row = "group"},
    {.command = VERB_USAGE("group add-member", "GROUP USER [--primary]",
                           "Put a user into a group; --primary: its attributes concern this user."),
     .op = "group-add-member",
     .arguments = {"name", "user"},
     .options = {{"primary", OPTION_ON, "primary"}}},
    {.command = VERB_USAGE("group remove-member", "GROUP USER", "Take a user out of a group."),
     .op = "group-remove-member",
     .arguments = {"name", "user"}},
    {.command = VERB_USAGE("group members", "GROUP [--json]", "List the users in a group."),
     .op = "group-members",
     .arguments = {"name"},
     .columns = {"name"},
     .row = "user"},
    {.command = VERB_OF("group set", ATTRIBUTES_SET_ARGUMENTS, "Change attributes of groups (postroom-attributes(5)).",
                        attributes_group_set)},
    {.command = VERB_OF("group get", ATTRIBUTES_GET_ARGUMENTS, "Show what is set of groups.", attributes_group_get)},
    {.command = VERB_OF("group unset", ATTRIBUTES_UNSET_ARGUMENTS,
                        "Set attributes of groups no more: members have their own again.", attributes_group_unset)},
    {.command = {NULL}},
};

int ctl_domain(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, domain_verbs, argc, argv);
}

int ctl_user(struct ctl *ctl, int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "answers") == 0)
		return answers_run(ctl, argc - 1, argv + 1);
	if (items_are_meant(argc, argv))
		return items_run(ctl, argc, argv);
	return verb_run(ctl, user_verbs, argc, argv);
}

int ctl_group(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, group_verbs, argc, argv);
}
