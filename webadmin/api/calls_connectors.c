/* The rows of connections, senders and collectors, and of what starts them. */
#include "webadmin/api/calls.h"

#define CONNECTION IN_PATH("name", "Name of the connection.")
#define SENDER     IN_PATH("name", "Name of the sender, which is its connection's.")
#define COLLECTOR  IN_PATH("name", "Name of the collector.")
#define OTHERS     BODY("settings", API_OTHERS, "Settings by their keys; null is the default.")

#define CONNECTION_COLUMNS                                                                                             \
	COLUMNS({"name", API_TEXT, NULL}, {"id", API_NUMBER, NULL}, {"default", API_FLAG, "Started where none is named."}, \
	        {"continuous", API_FLAG, "Always there."}, {"sender", API_TEXT, "direct, relay, or none: empty."},         \
	        {"collectors", API_NUMBER, "How many belong to it."})
#define SENDER_COLUMNS                                                                                       \
	COLUMNS({"name", API_TEXT, NULL}, {"method", API_TEXT, "direct or relay."}, {"servers", API_TEXT, NULL}, \
	        {"encryption", API_TEXT, NULL}, {"verify", API_FLAG, NULL}, {"username", API_TEXT, NULL},        \
	        {"password", API_FLAG, "There is one."})
#define COLLECTOR_COLUMNS                                                                       \
	COLUMNS({"name", API_TEXT, NULL}, {"number", API_NUMBER, NULL}, {"method", API_TEXT, NULL}, \
	        {"enabled", API_FLAG, NULL}, {"priority", API_NUMBER, NULL},                        \
	        {"connections", API_TEXT, "Names, separated by commas."})
#define RUN_COLUMNS                                                                                             \
	COLUMNS({"collector", API_NUMBER, NULL}, {"connection", API_NUMBER, "0: none."}, {"began", API_TIME, NULL}, \
	        {"ended", API_TIME, NULL}, {"connected", API_FLAG, NULL}, {"ok", API_FLAG, NULL},                   \
	        {"messages", API_NUMBER, NULL}, {"result", API_TEXT, NULL})

#define SENDER_FIELDS                                                                                                 \
	BODY_WORDS("method", "direct|relay", "By the exchangers of domains, or a server."),                               \
	    BODY("servers", API_TEXT, "HOST:PORT,... of a relay."),                                                       \
	    BODY_WORDS("encryption", "none|starttls-if-available|starttls|tls", "How it is protected."),                  \
	    BODY("verify", API_FLAG, "Look at the server's certificate."), BODY("username", API_TEXT, "To log in with."), \
	    BODY("password", API_TEXT, "To log in with."), OTHERS
#define COLLECTOR_FIELDS                                                                                    \
	{.name = "connections", .place = API_BODY, .type = API_NAMES, .sentence = "Names of its connections."}, \
	    BODY("password", API_TEXT, "To log in with."), OTHERS

const struct api_call api_calls_connectors[] = {
    CALL("GET", "/connections", "configd", "connection-list", "List the connections.",
         ROWS("connection", CONNECTION_COLUMNS)),
    CALL("POST", "/connections", "configd", "connection-add", "Add a connection.",
         .fields = FIELDS(BODY_NEEDED("name", API_TEXT, "1 to 32 letters, digits, '.', '_', '-'."), OTHERS),
         .catalogue = &connection_catalogue),
    CALL("GET", "/connections/{name}", "configd", "connection-list", "Show a connection.", .fields = FIELDS(CONNECTION),
         .shape = API_ROW, .list = "connection", .columns = CONNECTION_COLUMNS),
    CALL("DELETE", "/connections/{name}", "configd", "connection-delete", "Delete a connection, and its sender.",
         .fields = FIELDS(CONNECTION)),
    CALL("POST", "/connections/{name}/rename", "configd", "connection-rename", "Give a connection another name.",
         .fields = FIELDS(CONNECTION, BODY_NEEDED("to", API_TEXT, "The new name."))),
    CALL("GET", "/connections/{name}/settings", "configd", "connection-show", "Show what is set of a connection.",
         .fields = FIELDS(CONNECTION), ROWS("setting", SETTING_COLUMNS), .catalogue = &connection_catalogue),
    CALL("PATCH", "/connections/{name}/settings", "configd", "connection-set", "Change what is set of a connection.",
         .fields = FIELDS(CONNECTION, OTHERS), .catalogue = &connection_catalogue),
    CALL("GET", "/senders", "configd", "sender-list", "List the senders.", ROWS("sender", SENDER_COLUMNS)),
    CALL("POST", "/senders", "configd", "sender-add", "Add a sender.",
         .fields = FIELDS(BODY_NEEDED("name", API_TEXT, "That of its connection, which is made where there is none."),
                          SENDER_FIELDS),
         .catalogue = &sender_catalogue),
    CALL("GET", "/senders/{name}", "configd", "sender-list", "Show a sender.", .fields = FIELDS(SENDER),
         .shape = API_ROW, .list = "sender", .columns = SENDER_COLUMNS),
    CALL("DELETE", "/senders/{name}", "configd", "sender-delete", "Delete a sender; its connection stays.",
         .fields = FIELDS(SENDER)),
    CALL("POST", "/senders/{name}/rename", "configd", "sender-rename", "Give a sender another name.",
         .fields = FIELDS(SENDER, BODY_NEEDED("to", API_TEXT, "The new name."))),
    CALL("GET", "/senders/{name}/settings", "configd", "sender-show", "Show what is set of a sender.",
         .fields = FIELDS(SENDER), ROWS("setting", SETTING_COLUMNS), .catalogue = &sender_catalogue),
    CALL("PATCH", "/senders/{name}/settings", "configd", "sender-set", "Change what is set of a sender.",
         .fields = FIELDS(SENDER, SENDER_FIELDS), .catalogue = &sender_catalogue),
    CALL("POST", "/senders/{name}/send", "queue-manager", "send",
         "Send what waits for a sender now; answered when that is over.", .fields = FIELDS(SENDER),
         OBJECT(COLUMNS({"connected", API_FLAG, "A server was reached."}, {"sent", API_NUMBER, "Recipients."},
                        {"deferred", API_NUMBER, NULL}, {"failed", API_NUMBER, NULL}, {"result", API_TEXT, NULL})),
         .timeout_ms = CALLS_LONG_MS),
    CALL("GET", "/collectors", "configd", "collector-list", "List the collectors.",
         ROWS("collector", COLLECTOR_COLUMNS)),
    CALL("POST", "/collectors", "configd", "collector-add", "Add a collector.",
         .fields = FIELDS(BODY_NEEDED("name", API_TEXT, "1 to 32 letters, digits, '.', '_', '-'."),
                          BODY("method", API_TEXT, "How mail is fetched."), COLLECTOR_FIELDS),
         OBJECT(COLUMNS({"number", API_NUMBER, NULL})), .catalogue = &collector_catalogue),
    CALL("POST", "/collectors/import", "configd", "collector-import", "Add collectors by a table.",
         .fields = FIELDS(
             QUERY("strict", API_FLAG, "One bad row, and nothing is changed."),
             DOCUMENT("text", "name, server, port, username, password, encryption, routing, target or domains.")),
         OBJECT(IMPORT_COLUMNS), .media = "text/csv"),
    CALL("GET", "/collectors/history", "collector", "history", "List the last run of each collector.",
         ROWS("run", RUN_COLUMNS)),
    CALL("GET", "/collectors/{name}", "configd", "collector-list", "Show a collector.", .fields = FIELDS(COLLECTOR),
         .shape = API_ROW, .list = "collector", .columns = COLLECTOR_COLUMNS),
    CALL("DELETE", "/collectors/{name}", "configd", "collector-delete", "Delete a collector.",
         .fields = FIELDS(COLLECTOR)),
    CALL("POST", "/collectors/{name}/rename", "configd", "collector-rename", "Give a collector another name.",
         .fields = FIELDS(COLLECTOR, BODY_NEEDED("to", API_TEXT, "The new name."))),
    CALL("GET", "/collectors/{name}/settings", "configd", "collector-show", "Show what is set of a collector.",
         .fields = FIELDS(COLLECTOR), ROWS("setting", SETTING_COLUMNS), .catalogue = &collector_catalogue),
    CALL("PATCH", "/collectors/{name}/settings", "configd", "collector-set", "Change what is set of a collector.",
         .fields = FIELDS(COLLECTOR, COLLECTOR_FIELDS), .catalogue = &collector_catalogue),
    CALL("GET", "/collectors/{name}/history", "collector", "history", "List the runs of a collector, the newest first.",
         .fields = FIELDS(COLLECTOR), ROWS("run", RUN_COLUMNS)),
    CALL("POST", "/collectors/{name}/run", "collector", "run", "Let a collector run now.",
         .fields = FIELDS(COLLECTOR, BODY("wait", API_FLAG, "Answer when it is over.")),
         OBJECT(COLUMNS({"connected", API_FLAG, NULL}, {"ok", API_FLAG, NULL}, {"messages", API_NUMBER, NULL},
                        {"result", API_TEXT, NULL})),
         .timeout_ms = CALLS_LONG_MS),
    CALL("GET", "/collectors/{name}/messages", "collector", "messages",
         "List the messages that the server of a collector has.", .fields = FIELDS(COLLECTOR),
         ROWS("message", COLUMNS({"uidl", API_TEXT, NULL}, {"subject", API_TEXT, NULL}, {"from", API_TEXT, NULL},
                                 {"to", API_TEXT, NULL}, {"size", API_NUMBER, NULL}, {"date", API_TIME, NULL},
                                 {"first-seen", API_TIME, NULL}, {"last-seen", API_TIME, NULL},
                                 {"downloaded", API_TIME, NULL}, {"headers-only", API_FLAG, NULL},
                                 {"asked", API_TIME, NULL}, {"get", API_FLAG, NULL}, {"delete", API_FLAG, NULL}))),
    CALL("PATCH", "/collectors/{name}/messages", "collector", "mark", "Say what the next run does with messages.",
         .fields = FIELDS(COLLECTOR, BODY("message", API_TEXT, "Its uidl; else all."),
                          BODY("get", API_FLAG, "Fetch it."), BODY("delete", API_FLAG, "Delete it at the server.")),
         OBJECT(COLUMNS({"count", API_NUMBER, "Of how many it was said."}))),
    CALL("GET", "/schedule/status", "scheduler", "status", "Show how connections ended last.",
         OBJECT(COLUMNS({"connection", API_ANY,
                         "Objects with name, state (idle, running), last, outcome (ok, partly, failed) and result."},
                        {"warning", API_TEXTS, NULL}))),
    CALL("POST", "/schedule/pause", "scheduler", "pause", "Stop the schedule: connections are started by hand alone."),
    CALL("POST", "/schedule/resume", "scheduler", "resume", "Let the schedule go on."),
    CALL("POST", "/schedule/connect", "scheduler", "connect", "Start connections now.",
         .fields = FIELDS({.name = "connections",
                           .place = API_BODY,
                           .type = API_TEXTS,
                           .key = "connection",
                           .sentence = "Their names; none: the default ones."},
                          BODY("wait", API_FLAG, "Answer when all have ended.")),
         OBJECT(COLUMNS({"result", API_ANY, "Objects with connection, ok and result, where it was waited for."})),
         .timeout_ms = CALLS_LONG_MS),
    CALL("GET", "/oauth", "authd", "oauth-list", "List the OAuth accounts.",
         ROWS("account", COLUMNS({"name", API_TEXT, NULL}, {"user", API_TEXT, NULL},
                                 {"state", API_TEXT, "pending, granted or withdrawn."}, {"expires", API_TIME, NULL}))),
    CALL("POST", "/oauth", "authd", "oauth-begin", "Ask an OAuth account for consent (RFC 8628).",
         .fields = FIELDS(
             BODY_NEEDED("name", API_TEXT, "Name of the account."), BODY_NEEDED("user", API_TEXT, "Of the service."),
             BODY_NEEDED("device_url", API_TEXT, "Where it begins."),
             BODY_NEEDED("token_url", API_TEXT, "Where tokens come from."), BODY_NEEDED("client_id", API_TEXT, "Ours."),
             BODY("client_secret", API_TEXT, "Ours."), BODY("scope", API_TEXT, "What is asked for.")),
         OBJECT(COLUMNS({"user_code", API_TEXT, NULL}, {"verification_uri", API_TEXT, NULL},
                        {"verification_url", API_TEXT, NULL}, {"interval", API_NUMBER, "Seconds."},
                        {"expires_in", API_NUMBER, "Seconds."})),
         .timeout_ms = CALLS_LONG_MS),
    CALL("POST", "/oauth/{name}/poll", "authd", "oauth-poll", "Ask whether consent was given.",
         .fields = FIELDS(IN_PATH("name", "Name of the account.")),
         OBJECT(COLUMNS({"state", API_TEXT, "pending or granted."}, {"error", API_TEXT, NULL})),
         .timeout_ms = CALLS_LONG_MS),
    CALL("POST", "/oauth/{name}/test", "authd", "oauth-test", "Ask for a new token now.",
         .fields = FIELDS(IN_PATH("name", "Name of the account.")),
         OBJECT(COLUMNS({"state", API_TEXT, NULL}, {"expires_in", API_NUMBER, "Seconds."})),
         .timeout_ms = CALLS_LONG_MS),
    CALL("DELETE", "/oauth/{name}", "authd", "oauth-delete", "Forget an OAuth account.",
         .fields = FIELDS(IN_PATH("name", "Name of the account."))),
    CALLS_END,
};
