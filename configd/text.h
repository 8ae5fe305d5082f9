/*
 * text: the readable form of everything that configd keeps, for version control and for moving to another instance.
 *
 * A conf file (common/base/conf.h): "[settings]" with a line for each setting, then a section for each object,
 * "[domain]", "[group]", "[user]", "[mapping]", "[connection]", "[sender]", "[collector]", "[smtp-rule]",
 * "[access-list]", "[access-rule]", "[service]", "[user-attribute]", "[group-attribute]", "[permission]", "[list]",
 * those with what is set of one, "[service-setting]", "[list-setting]" and so on, "[script]", and one for each kind of
 * item (common/items/item.h), which begins with its name (a mapping with its pattern, an SMTP rule with its service, an
 * access rule with its list, a setting or an attribute with whose it is, an item with its owner). An SMTP rule may have
 * several conditions, as an item's texts and a script may have several lines; else no field stands twice. Parsing
 * checks the form alone; whether a value is allowed is decided where it is stored.
 */
#ifndef POSTROOM_CONFIGD_TEXT_H
#define POSTROOM_CONFIGD_TEXT_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"
#include "common/items/item.h"

enum text_kind {
	TEXT_SETTING,
	TEXT_DOMAIN,
	TEXT_GROUP,
	TEXT_USER,
	TEXT_MAPPING,
	TEXT_CONNECTION,
	TEXT_CONNECTION_SETTING,
	TEXT_SENDER,
	TEXT_SENDER_SETTING,
	TEXT_COLLECTOR,
	TEXT_COLLECTOR_SETTING,
	TEXT_SMTP_RULE,
	TEXT_ACCESS_LIST,
	TEXT_ACCESS_RULE,
	TEXT_SERVICE,
	TEXT_SERVICE_SETTING,
	TEXT_USER_ATTRIBUTE,
	TEXT_GROUP_ATTRIBUTE,
	TEXT_PERMISSION,
	TEXT_LIST,
	TEXT_LIST_SETTING,
	TEXT_LIST_MEMBER,
	TEXT_SCRIPT,
	TEXT_ITEM, /* the first kind of item; the others follow in their order */
	TEXT_KINDS = TEXT_ITEM + ITEM_KINDS
};

enum { TEXT_FIELDS_MAX = ITEM_FIELDS_MAX + 1 };

/* The fields of each kind, by position. */
enum text_field {
	SETTING_KEY = 0, /* the line's own key and value */
	SETTING_VALUE,
	DOMAIN_NAME = 0,
	DOMAIN_DEFAULT,
	GROUP_NAME = 0,
	USER_NAME = 0,
	USER_ADMINISTRATOR,
	USER_ENABLED,
	USER_PASSWORD_HASH,
	USER_GROUPS, /* names, separated by commas */
	USER_PRIMARY_GROUP,
	MAPPING_PATTERN = 0,
	MAPPING_TARGET,
	MAPPING_TYPE,
	MAPPING_COLLECTOR,
	MAPPING_COMMENT,
	CONNECTION_NAME = 0,
	COLLECTOR_NAME = 0,
	COLLECTOR_CONNECTIONS, /* names, separated by commas */
	SENDER_NAME = 0,
	SENDER_METHOD,
	SENDER_SERVERS,
	SENDER_ENCRYPTION,
	SENDER_VERIFY,
	SENDER_USERNAME,
	RULE_SERVICE = 0,
	RULE_NAME,
	RULE_STAGE,
	RULE_ACTION,
	RULE_PARAMETER,
	RULE_MATCH,
	RULE_CONDITION, /* all of them, one a line */
	ACCESS_LIST_NAME = 0,
	ACCESS_LIST_USE_GLOBAL,
	ACCESS_RULE_LIST = 0,
	ACCESS_RULE_RESTRICT,
	ACCESS_RULE_ADDRESS,
	ACCESS_RULE_UNAUTH,
	ACCESS_RULE_USERS, /* names, separated by commas */
	ACCESS_RULE_COMMENT,
	SERVICE_NAME = 0,
	SERVICE_NUMBER, /* of a standard one: it stays that one under another name */
	SERVICE_TYPE,
	SERVICE_ENABLED,
	SERVICE_ENCRYPTION,
	SERVICE_BINDINGS, /* ADDRESS:PORT, separated by commas */
	SERVICE_SETTING_NAME = 0,
	SERVICE_SETTING_KEY,
	SERVICE_SETTING_VALUE,
	PERMISSION_LIST = 0,
	PERMISSION_USER, /* none: for all */
	PERMISSION_PATTERN,
	ATTRIBUTE_HOLDER = 0, /* a user or a group, by name */
	ATTRIBUTE_KEY,
	ATTRIBUTE_VALUE,
	LIST_NAME = 0,
	LIST_TYPE,
	LIST_MEMBER_LIST = 0,
	LIST_MEMBER_ADDRESS,
	SCRIPT_OBJECT_NAME = 0,
	SCRIPT_OBJECT_TEXT, /* its lines, each between marks (configd/scripts.c) */
	ITEM_OWNER = 0,     /* a user's name, or "*": the server; then the kind's fields */
};

struct text_object {
	unsigned line;                      /* where it begins */
	struct str fields[TEXT_FIELDS_MAX]; /* data is NULL where the text has none */
	struct text_object *next;
};

struct text {
	struct text_object *objects[TEXT_KINDS]; /* in the order of the text */
	size_t counts[TEXT_KINDS];
};

/* The name of a field, NULL past the last. */
const char *text_field_name(enum text_kind kind, int field);

/* Write the line of a field that is not empty. */
void text_add_field(struct buf *out, enum text_kind kind, int field, struct str value);

/* Parse; views live as long as arena. -1: ERR_SYNTAX, ERR_LIMIT, with the line: "import:12: ...". */
int text_parse(struct str input, struct arena *arena, struct text *text_out, struct err *err);

/* A flag of an object, "on" or "off"; fallback where the text has none. -1: ERR_SYNTAX. */
int text_flag(enum text_kind kind, const struct text_object *object, int field, bool fallback, bool *value_out,
              struct err *err);

#endif
