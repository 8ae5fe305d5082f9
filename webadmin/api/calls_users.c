/* The rows of users, groups, and what they have. */
#include "webadmin/api/calls.h"

#define USER  IN_PATH("name", "Name of the user.")
#define GROUP IN_PATH("name", "Name of the group.")

#define USER_COLUMNS                                                                                       \
	COLUMNS({"name", API_TEXT, NULL}, {"uid", API_NUMBER, "Its number, which is never given to another."}, \
	        {"administrator", API_FLAG, "In force: own, or forced by the primary group."},                 \
	        {"enabled", API_FLAG, "The same."}, {"group", API_TEXT, "The primary group."},                 \
	        {"comment", API_TEXT, NULL}, {"forward", API_FLAG, "Mail is forwarded or copied to others."},  \
	        {"responder", API_TEXT, "none, inactive (a rule that is not met now), or active."},            \
	        {"locked", API_FLAG, "From one address at least, after wrong passwords."},                     \
	        {"inbox", API_NUMBER, "Messages in the Inbox."}, {"size", API_NUMBER, "Octets of the whole mailbox."})

static const struct api_field user_import_fields[] = {
    QUERY("columns", API_TEXT, "Titles, separated by commas, where the table has none."),
    QUERY("update", API_FLAG, "Change users who are there already."),
    QUERY("replace", API_FLAG, "Delete users whom the table lacks."),
    QUERY("strict", API_FLAG, "One bad row, and nothing is changed."),
    QUERY("check", API_FLAG, "Change nothing, tell what would be."),
    QUERY("hashes", API_FLAG, "Take hashes in place of passwords."),
    QUERY("random-passwords", API_FLAG, "Make passwords for those who have none."),
    QUERY("copy-from", API_TEXT, "A user whose settings new ones get."),
    DOCUMENT("text", "The table (RFC 4180)."),
    {.name = NULL},
};

#define ATTRIBUTE_COLUMNS                                                                   \
	COLUMNS({"key", API_TEXT, NULL}, {"value", API_ANY, "In force, as its type wants it."}, \
	        {"from", API_TEXT, "own, group (forced by the primary one), or default."})

#define ITEM_KIND                                                                                           \
	{                                                                                                       \
		.name = "kind", .place = API_PATH, .type = API_KIND, .required = true,                              \
		.sentence = "message-rule, responder, responder-rule, prune-rule and so on: /catalogue lists them." \
	}
#define ITEM_OWNER                                                                            \
	{                                                                                         \
		.name = "name", .place = API_PATH, .type = API_NAME, .required = true, .key = "user", \
		.sentence = "Name of the user."                                                       \
	}
#define ITEM_BODY BODY("texts", API_ITEM, "The texts of the kind by their names; an array where one has several lines.")

#define MEDIA_NAME                                                                                              \
	{                                                                                                           \
		.name = "file", .place = API_PATH, .required = true, .key = "name", .sentence = "The name of the file." \
	}
/* Files that autoresponders send along: of the user in the path, or where none is, of the server. */
#define MEDIA_CALLS(base, whose, ...)                                                                                \
	CALL("GET", base, "deliver", "media-list", "List the files that autoresponders of " whose " may send along.",    \
	     .fields = (const struct api_field[]){__VA_ARGS__{.name = NULL}}, .key = "uid", .value = "0",                \
	     ROWS("file",                                                                                                \
	          COLUMNS({"name", API_TEXT, NULL}, {"size", API_NUMBER, "Octets."}, {"changed", API_TIME, NULL}))),     \
	    CALL("PUT", base "/{file}", "deliver", "media-add",                                                          \
	         "Keep a file for autoresponders of " whose ", in the place of one of that name.",                       \
	         .fields = FIELDS(__VA_ARGS__ MEDIA_NAME, OCTETS("content", "Its octets.")), .key = "uid", .value = "0", \
	         .media = "application/octet-stream"),                                                                   \
	    CALL("DELETE", base "/{file}", "deliver", "media-delete", "Delete such a file of " whose ".",                \
	         .fields = FIELDS(__VA_ARGS__ MEDIA_NAME), .key = "uid", .value = "0")

/* The same calls for what a user has and what the server has for all. */
#define ITEM_CALLS(base, whose, ...)                                                                                  \
	CALL("GET", base, "configd", "item-list", "List items of " whose ".", .fields = FIELDS(__VA_ARGS__ ITEM_KIND),    \
	     ROWS("item", COLUMNS({"number", API_NUMBER, "Its place in the order."},                                      \
	                          {"id", API_NUMBER, "Which never changes."}))),                                          \
	    CALL("POST", base, "configd", "item-add", "Add an item of " whose ".",                                        \
	         .fields = FIELDS(__VA_ARGS__ ITEM_KIND, BODY("at", API_NUMBER, "Its place; else the last."), ITEM_BODY), \
	         OBJECT(COLUMNS({"number", API_NUMBER, NULL}))),                                                          \
	    CALL("PATCH", base "/{number}", "configd", "item-set", "Change texts of an item of " whose ".",               \
	         .fields = FIELDS(__VA_ARGS__ ITEM_KIND, NUMBER_IN_PATH("Its place in the order."), ITEM_BODY)),          \
	    CALL("POST", base "/{number}/move", "configd", "item-move", "Give an item of " whose " another place.",       \
	         .fields = FIELDS(__VA_ARGS__ ITEM_KIND, NUMBER_IN_PATH("Its place in the order."),                       \
	                          BODY_NEEDED("to", API_NUMBER, "Its new place."))),                                      \
	    CALL("DELETE", base "/{number}", "configd", "item-delete", "Delete an item of " whose ".",                    \
	         .fields = FIELDS(__VA_ARGS__ ITEM_KIND, NUMBER_IN_PATH("Its place in the order.")))

const struct api_call api_calls_users[] = {
    CALL("GET", "/users", "configd", "user-list", "List the users, and how full their mailboxes are.",
         ROWS("user", USER_COLUMNS), .join = api_join_locks, .measure = api_join_usage, .costly = "inbox|size"),
    CALL("POST", "/users", "configd", "user-add", "Add a user.",
         .fields = FIELDS(BODY_NEEDED("name", API_TEXT, "1 to 32 letters, digits, '.', '_', '-'."),
                          BODY("password", API_TEXT, "None: nobody can log in yet."),
                          BODY("administrator", API_FLAG, "Gets all rights."),
                          BODY("copy-from", API_TEXT, "A user whose settings the new one gets."),
                          BODY("welcome", API_FLAG, "Put the welcome message into the Inbox; as without it.")),
         OBJECT(COLUMNS({"uid", API_NUMBER, NULL}))),
    CALL("GET", "/users/export", "configd", "user-export", "Get all users as a table.",
         .fields = FIELDS(QUERY("verbose", API_FLAG, "All that is set, too.")), .shape = API_TEXTFILE, .list = "text",
         .media = "text/csv"),
    CALL("POST", "/users/import", "configd", "user-import", "Add or change users by a table.",
         .fields = user_import_fields,
         OBJECT(COLUMNS({"added", API_NUMBER, NULL}, {"known", API_NUMBER, NULL}, {"bad", API_NUMBER, NULL},
                        {"removed", API_NUMBER, NULL}, {"error", API_TEXTS, "What is wrong with bad rows."},
                        {"kept", API_TEXTS, "Who was to be removed and was not, and why."},
                        {"generated", API_TEXTS, "Name, TAB, and the password that was made."},
                        {"refused", API_FLAG, "Nothing was changed."})),
         .media = "text/csv", .timeout_ms = CALLS_LONG_MS),
    CALL("POST", "/users/bulk", "configd", "attribute-set",
         "Change attributes of many users at once, of all or of none.",
         .fields =
             FIELDS({.name = "names",
                     .place = API_BODY,
                     .type = API_NAMES,
                     .required = true,
                     .key = "user",
                     .sentence = "Names; '*' and '?' may stand in them, \"$group\" is its members, '!' takes out."},
                    {.name = "set",
                     .place = API_BODY,
                     .type = API_SETTINGS,
                     .required = true,
                     .sentence = "Attributes by their keys; null is the default."}),
         .catalogue = &attribute_catalogue),
    CALL("POST", "/users/bulk-delete", "configd", "user-delete", "Delete users with all their mail, each if it can be.",
         .fields = FIELDS({.name = "names",
                           .place = API_BODY,
                           .type = API_EACH,
                           .required = true,
                           .key = "name",
                           .sentence = "Names."}),
         .shape = API_RESULTS),
    CALL("GET", "/users/{name}", "configd", "user-list", "Show a user.", .fields = FIELDS(USER), .shape = API_ROW,
         .list = "user", .columns = USER_COLUMNS, .join = api_join_locks, .measure = api_join_usage,
         .costly = "inbox|size"),
    CALL("DELETE", "/users/{name}", "configd", "user-delete", "Delete a user, with all mail in the mailbox.",
         .fields = FIELDS(USER)),
    CALL("DELETE", "/users/{name}/inbox", "deliver", "inbox-empty",
         "Empty a user's Inbox; the messages can be brought back as long as the recycle bin keeps them.",
         .fields = FIELDS(ITEM_OWNER), .timeout_ms = CALLS_LONG_MS),
    CALL("POST", "/users/{name}/copy-inbox", "deliver", "inbox-copy",
         "Copy the messages of a user's Inbox to those of the assistants who are users, each once.",
         .fields = FIELDS(ITEM_OWNER),
         OBJECT(COLUMNS({"copied", API_NUMBER, NULL}, {"known", API_NUMBER, "How many they had already."},
                        {"assistant", API_TEXTS, "Who they are."})),
         .timeout_ms = CALLS_LONG_MS),
    CALL("POST", "/users/{name}/rename", "configd", "user-rename", "Give a user another name.",
         .fields = FIELDS(USER, BODY_NEEDED("to", API_TEXT, "The new name."))),
    CALL("PUT", "/users/{name}/password", "configd", "user-password", "Give a user another password.",
         .fields = FIELDS(USER, BODY_NEEDED("password", API_TEXT, "The new one."))),
    CALL("GET", "/users/{name}/attributes", "configd", "attribute-get", "Show what is set of a user.",
         .fields = FIELDS(ITEM_OWNER), ROWS("attribute", ATTRIBUTE_COLUMNS), .catalogue = &attribute_catalogue),
    CALL("PATCH", "/users/{name}/attributes", "configd", "attribute-set", "Change what is set of a user.",
         .fields = FIELDS(ITEM_OWNER, BODY("attributes", API_OTHERS, "Attributes by their keys; null is the default.")),
         .catalogue = &attribute_catalogue),
    CALL("GET", "/locks", "authd", "locks", "List who is locked out after wrong passwords.",
         ROWS("lock", COLUMNS({"user", API_TEXT, NULL}, {"client", API_TEXT, "The address."},
                              {"until", API_NUMBER, "Seconds since 1970."}))),
    CALL("DELETE", "/users/{name}/locks", "authd", "unlock", "End the locks of a user.", .fields = FIELDS(USER)),
    CALL("GET", "/users/{name}/collected", "policyd", "collected-list", "List the addresses that a user wrote to.",
         .fields = FIELDS(ITEM_OWNER, QUERY("pattern", API_TEXT, "Only addresses like this, with '*' and '?'.")),
         ROWS("recipient",
              COLUMNS({"address", API_TEXT, NULL}, {"used", API_NUMBER, "Seconds since 1970, the last time."},
                      {"messages", API_NUMBER, NULL}))),
    CALL("DELETE", "/users/{name}/collected/{address}", "policyd", "collected-delete",
         "Forget an address that a user wrote to.", .fields = FIELDS(ITEM_OWNER, IN_PATH("address", "The address."))),
    CALL("POST", "/collected/purge", "policyd", "collected-purge",
         "Forget addresses that were not written to for long.",
         .fields = FIELDS(BODY_NEEDED("days", API_NUMBER, "How long."), BODY("user", API_TEXT, "Of one user alone."))),
    CALL("GET", "/send-usage", "policyd", "send-usage", "Show how much users sent, who have a limit.",
         .fields = FIELDS(QUERY("user", API_TEXT, "Of one user alone.")),
         ROWS("quota", COLUMNS({"user", API_TEXT, NULL}, {"measure", API_TEXT, NULL}, {"used", API_NUMBER, NULL},
                               {"limit", API_NUMBER, NULL}, {"percent", API_NUMBER, NULL},
                               {"since", API_NUMBER, "Seconds since 1970."}))),
    CALL("GET", "/responders/{responder}/answers", "deliver", "answers", "List whom an autoresponder answered.",
         .fields = FIELDS({.name = "responder",
                           .place = API_PATH,
                           .type = API_NUMBER,
                           .required = true,
                           .sentence = "The id of its item."}),
         ROWS("answer", COLUMNS({"address", API_TEXT, NULL}, {"time", API_NUMBER, NULL}, {"message", API_TEXT, NULL}))),
    CALL("DELETE", "/responders/{responder}/answers", "deliver", "answers-forget",
         "Forget whom an autoresponder answered, so that all get an answer again.",
         .fields = FIELDS({.name = "responder",
                           .place = API_PATH,
                           .type = API_NUMBER,
                           .required = true,
                           .sentence = "The id of its item."})),
    MEDIA_CALLS("/users/{name}/media", "a user", ITEM_OWNER, ),
    MEDIA_CALLS("/media", "the server", ),
    CALL("GET", "/users/{name}/tokens", "authd", "api-token-list", "List the tokens that a user's scripts have.",
         .fields = FIELDS(ITEM_OWNER), ROWS("token", TOKEN_COLUMNS)),
    CALL("POST", "/users/{name}/tokens", "authd", "api-token-add", "Make a token that scripts use in a user's place.",
         .fields = FIELDS(ITEM_OWNER, TOKEN_FIELDS), TOKEN_MADE),
    CALL("DELETE", "/users/{name}/tokens/{id}", "authd", "api-token-delete", "Let a token be good no more.",
         .fields = FIELDS(ITEM_OWNER, ID_IN_PATH)),
    ITEM_CALLS("/users/{name}/items/{kind}", "a user", ITEM_OWNER, ),
    ITEM_CALLS("/items/{kind}", "the server", ),
    CALL("GET", "/groups", "configd", "group-list", "List the groups.",
         ROWS("group", COLUMNS({"name", API_TEXT, NULL}, {"users", API_NUMBER, "How many are in it."}))),
    CALL("POST", "/groups", "configd", "group-add", "Add a group.",
         .fields = FIELDS(BODY_NEEDED("name", API_TEXT, "As of a user."))),
    CALL("GET", "/groups/{name}", "configd", "group-list", "Show a group.", .fields = FIELDS(GROUP), .shape = API_ROW,
         .list = "group", .columns = COLUMNS({"name", API_TEXT, NULL}, {"users", API_NUMBER, "How many are in it."})),
    CALL("DELETE", "/groups/{name}", "configd", "group-delete", "Delete a group; its members stay.",
         .fields = FIELDS(GROUP)),
    CALL("GET", "/groups/{name}/members", "configd", "group-members", "List the members of a group.",
         .fields = FIELDS(GROUP), ROWS("user", COLUMNS({"name", API_TEXT, NULL}))),
    CALL("POST", "/groups/{name}/members", "configd", "group-add-member", "Put a user into a group.",
         .fields = FIELDS(GROUP, BODY_NEEDED("user", API_TEXT, "Name of the user."),
                          BODY("primary", API_FLAG, "It becomes the primary group of the user."))),
    CALL("DELETE", "/groups/{name}/members/{user}", "configd", "group-remove-member", "Take a user out of a group.",
         .fields = FIELDS(GROUP, IN_PATH("user", "Name of the user."))),
    CALL("GET", "/groups/{name}/attributes", "configd", "attribute-get", "Show what is set of a group.",
         .fields = FIELDS({.name = "name",
                           .place = API_PATH,
                           .type = API_NAME,
                           .required = true,
                           .key = "group",
                           .sentence = "Its name."}),
         ROWS("attribute", ATTRIBUTE_COLUMNS), .catalogue = &attribute_catalogue),
    CALL("PATCH", "/groups/{name}/attributes", "configd", "attribute-set", "Change what is set of a group.",
         .fields = FIELDS({.name = "name",
                           .place = API_PATH,
                           .type = API_NAME,
                           .required = true,
                           .key = "group",
                           .sentence = "Its name."},
                          BODY("attributes", API_OTHERS, "Attributes by their keys; null is the default.")),
         .catalogue = &attribute_catalogue),
    CALLS_END,
};
