/* The rows of network services, who may use them, and whom users may write to. */
#include "webadmin/api/calls.h"

#define SERVICE IN_PATH("name", "Name of the service, or its number.")
#define OF_SERVICE                                                                                                \
	{                                                                                                             \
		.name = "name", .place = API_PATH, .required = true, .key = "service", .sentence = "Name of the service." \
	}
#define ACCESS_LIST IN_PATH("list", "Name of a service, global, or vrfy: and the name of an SMTP service.")
#define RULE_NUMBER NUMBER_IN_PATH("Place of the rule, from 1.")

#define SERVICE_COLUMNS                                                                                           \
	COLUMNS({"name", API_TEXT, NULL}, {"number", API_NUMBER, NULL}, {"type", API_TEXT, "smtp, pop3, imap, web."}, \
	        {"enabled", API_FLAG, NULL}, {"encryption", API_TEXT, NULL}, {"bindings", API_TEXT, "ADDRESS:PORT,..."})
#define ENCRYPTIONS "none|optional|required|tls"
#define RULE_TEXTS                                                                                \
	BODY("name", API_TEXT, NULL), BODY("stage", API_TEXT, "When it is looked at."),               \
	    BODY("action", API_TEXT, "What is done."), BODY("parameter", API_TEXT, "Of the action."), \
	    BODY("match", API_TEXT, "all or any of the conditions."),                                 \
	{                                                                                             \
		.name = "conditions", .place = API_BODY, .type = API_TEXTS, .key = "condition",           \
		.sentence = "As postroom(1) writes them."                                                 \
	}

const struct api_call api_calls_services[] = {
    CALL("GET", "/services", "configd", "service-list", "List the network services.", ROWS("service", SERVICE_COLUMNS)),
    CALL("POST", "/services", "configd", "service-add", "Add a network service.",
         .fields = FIELDS(BODY_NEEDED("name", API_TEXT, "1 to 32 letters, digits, '.', '_', '-'."),
                          BODY_NEEDED("type", API_TEXT, "smtp, pop3, imap, web."),
                          BODY("bindings", API_TEXT, "ADDRESS:PORT,..."), BODY_WORDS("encryption", ENCRYPTIONS, NULL)),
         OBJECT(COLUMNS({"number", API_NUMBER, NULL}))),
    CALL("GET", "/services/{name}", "configd", "service-list", "Show a network service.",
         .fields = FIELDS(IN_PATH("name", "Its name.")), .shape = API_ROW, .list = "service",
         .columns = SERVICE_COLUMNS),
    CALL("PATCH", "/services/{name}", "configd", "service-set",
         "Turn a network service on or off, or change how it is encrypted.",
         .fields = FIELDS(SERVICE, BODY("enabled", API_FLAG, NULL), BODY_WORDS("encryption", ENCRYPTIONS, NULL))),
    CALL("DELETE", "/services/{name}", "configd", "service-delete", "Delete a network service.",
         .fields = FIELDS(SERVICE)),
    CALL("POST", "/services/{name}/rename", "configd", "service-rename", "Give a network service another name.",
         .fields = FIELDS(SERVICE, BODY_NEEDED("to", API_TEXT, "The new name."))),
    CALL("POST", "/services/{name}/bindings", "configd", "service-bind",
         "Let a network service listen at one more place.",
         .fields = FIELDS(SERVICE, BODY_NEEDED("address", API_TEXT, "any, any4, any6, or one."),
                          BODY_NEEDED("port", API_NUMBER, NULL))),
    CALL("DELETE", "/services/{name}/bindings/{address}/{port}", "configd", "service-unbind",
         "Let a network service listen there no more.",
         .fields = FIELDS(
             SERVICE, IN_PATH("address", "any, any4, any6, or one."),
             {.name = "port", .place = API_PATH, .type = API_NUMBER, .required = true, .sentence = "The port."})),
    CALL("POST", "/services-defaults", "configd", "service-defaults",
         "Make the network services as those of a new instance."),
    CALL("GET", "/services/{name}/settings", "configd", "get", "Show the settings that a service may have of its own.",
         .fields = FIELDS(OF_SERVICE), .shape = API_VALUES, .list = "value", .columns = SETTING_COLUMNS),
    CALL("PATCH", "/services/{name}/settings", "configd", "set", "Change the settings that a service has of its own.",
         .fields =
             FIELDS(OF_SERVICE, BODY("settings", API_OTHERS, "Settings by their keys; null: that of all services.")),
         .catalogue = &setting_catalogue),
    CALL("GET", "/services/{name}/smtp-rules", "configd", "smtp-rule-list", "List the rules of an SMTP service.",
         .fields = FIELDS(OF_SERVICE),
         ROWS("rule", COLUMNS({"number", API_NUMBER, "Its place."}, {"name", API_TEXT, NULL}, {"stage", API_TEXT, NULL},
                              {"action", API_TEXT, NULL}, {"parameter", API_TEXT, NULL}, {"match", API_TEXT, NULL},
                              {"conditions", API_TEXTS, NULL}, {"condition-count", API_NUMBER, NULL}))),
    CALL("POST", "/services/{name}/smtp-rules", "configd", "smtp-rule-add", "Add a rule to an SMTP service.",
         .fields = FIELDS(OF_SERVICE, BODY("at", API_NUMBER, "Its place; else the last."), RULE_TEXTS),
         OBJECT(COLUMNS({"number", API_NUMBER, NULL}))),
    CALL("PATCH", "/services/{name}/smtp-rules/{number}", "configd", "smtp-rule-set",
         "Change a rule of an SMTP service.", .fields = FIELDS(OF_SERVICE, RULE_NUMBER, RULE_TEXTS)),
    CALL("POST", "/services/{name}/smtp-rules/{number}/move", "configd", "smtp-rule-move", "Give a rule another place.",
         .fields = FIELDS(OF_SERVICE, RULE_NUMBER, BODY_NEEDED("to", API_NUMBER, "Its new place."))),
    CALL("DELETE", "/services/{name}/smtp-rules/{number}", "configd", "smtp-rule-delete",
         "Delete a rule of an SMTP service.", .fields = FIELDS(OF_SERVICE, RULE_NUMBER)),
    CALL("POST", "/services/{name}/smtp-rules-copy", "configd", "smtp-rule-copy",
         "Give another SMTP service the rules of this one, in place of its own.",
         .fields = FIELDS(OF_SERVICE, BODY_NEEDED("to", API_TEXT, "Name of the other service."))),
    SPECIAL("GET", "/certificates", api_run_certificates,
            "List the certificates that clients are shown: first the one of all who ask for no other name.",
            LIST(COLUMNS({"names", API_TEXTS, NULL}, {"subject", API_TEXT, NULL}, {"issuer", API_TEXT, NULL},
                         {"begins", API_TIME, NULL}, {"expires", API_TIME, NULL}, {"self-signed", API_FLAG, NULL}))),
    CALL("GET", "/access", "configd", "access-lists", "List the access lists.",
         ROWS("list", COLUMNS({"name", API_TEXT, NULL}, {"rules", API_NUMBER, NULL},
                              {"use-global", API_FLAG, "The global list comes behind it."}))),
    CALL("GET", "/access/{list}", "configd", "access-list", "List the rules of an access list.",
         .fields = FIELDS(ACCESS_LIST),
         ROWS("rule", COLUMNS({"number", API_NUMBER, "Its place."}, {"restrict", API_TEXT, "allow or block."},
                              {"address", API_TEXT, NULL}, {"unauth", API_FLAG, "Also who did not log in."},
                              {"users", API_TEXT, "Names, separated by commas."}, {"comment", API_TEXT, NULL}))),
    CALL("POST", "/access/{list}", "configd", "access-add", "Add a rule to an access list.",
         .fields =
             FIELDS(ACCESS_LIST,
                    {.name = "restrict", .place = API_BODY, .required = true, .words = "allow|block", .sentence = NULL},
                    BODY_NEEDED("address", API_TEXT, "Addresses that it means, as postroom(1) writes them."),
                    BODY("unauth", API_FLAG, "Also who did not log in."),
                    {.name = "users", .place = API_BODY, .type = API_NAMES, .sentence = "These users alone."},
                    BODY("comment", API_TEXT, NULL),
                    BODY("open-relay", API_FLAG, "A rule that makes an SMTP service an open relay is meant.")),
         OBJECT(WARNING_COLUMNS)),
    CALL("PATCH", "/access/{list}", "configd", "access-set", "Say whether the global list comes behind a list.",
         .fields = FIELDS(ACCESS_LIST, BODY_NEEDED("use-global", API_FLAG, NULL))),
    CALL("DELETE", "/access/{list}/{number}", "configd", "access-remove", "Remove a rule from an access list.",
         .fields = FIELDS(ACCESS_LIST, RULE_NUMBER)),
    CALL("POST", "/access/{list}/defaults", "configd", "access-defaults",
         "Make an access list as that of a new instance.", .fields = FIELDS(ACCESS_LIST)),
    CALL("GET", "/access/{list}/export", "configd", "access-export", "Get an access list as a text.",
         .fields = FIELDS(ACCESS_LIST), .shape = API_TEXTFILE, .list = "text", .media = "text/plain; charset=utf-8"),
    CALL("POST", "/access/{list}/import", "configd", "access-import", "Make an access list equal to a text.",
         .fields = FIELDS(ACCESS_LIST, QUERY("open-relay", API_FLAG, "An open relay is meant."),
                          DOCUMENT("text", "As export gives it.")),
         OBJECT(WARNING_COLUMNS), .media = "text/plain"),
    CALL("GET", "/permissions", "configd", "permission-list",
         "List whom users may write to, and who may write to them.",
         .fields = FIELDS(QUERY("user", API_TEXT, "Of one user alone.")),
         ROWS("permission",
              COLUMNS({"list", API_TEXT, NULL}, {"user", API_TEXT, "Empty: of all."}, {"pattern", API_TEXT, NULL}))),
    CALL("POST", "/permissions", "configd", "permission-add", "Add an address to a permission list.",
         .fields = FIELDS({.name = "list",
                           .place = API_BODY,
                           .required = true,
                           .words = "target-white|target-black|sender-white|sender-black",
                           .sentence = NULL},
                          BODY_NEEDED("pattern", API_TEXT, "An address, with '*' and '?'."),
                          BODY("user", API_TEXT, "Of one user; else of all."))),
    CALL("DELETE", "/permissions", "configd", "permission-remove", "Remove an address from a permission list.",
         .fields = FIELDS(QUERY_NEEDED("list", API_TEXT, NULL), QUERY_NEEDED("pattern", API_TEXT, NULL),
                          QUERY("user", API_TEXT, "Of one user; else of all."))),
    CALL("POST", "/geoip", "configd", "geoip-import",
         "Take names of ranges of addresses from a table, in place of what there was.",
         .fields = FIELDS(QUERY_NEEDED("columns", API_TEXT, "125: first address, last address, name."),
                          QUERY("ipv6", API_FLAG, "Of IPv6."), OCTETS("table", "RFC 4180.")),
         OBJECT(COLUMNS({"rows", API_NUMBER, NULL})), .media = "text/csv", .timeout_ms = CALLS_LONG_MS),
    CALL("DELETE", "/geoip/{address}", "configd", "geoip-delete", "Forget the ranges that hold an address.",
         .fields = FIELDS(IN_PATH("address", "The address.")), OBJECT(COLUMNS({"rows", API_NUMBER, NULL}))),
    CALLS_END,
};
