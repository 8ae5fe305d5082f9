/* The rows of what goes on: queues, sessions, clients that are shut out, reports, the state of the server. */
#include "webadmin/api/calls.h"

#define MESSAGE IN_PATH("id", "Id of the message.")
#define CHANGED COLUMNS({"changed", API_NUMBER, "How many messages."})
#define SELECTED                                                                           \
	{                                                                                      \
		.name = "ids", .place = API_BODY, .type = API_EACH, .required = true, .key = "id", \
		.sentence = "Ids of messages."                                                     \
	}
#define NETWORK_NEEDED(text) BODY_NEEDED("network", API_TEXT, text)

#define MESSAGE_COLUMNS                                                                                     \
	COLUMNS({"id", API_TEXT, NULL}, {"time", API_TIME, NULL}, {"size", API_NUMBER, "Octets."},              \
	        {"from", API_TEXT, NULL}, {"state", API_TEXT, "active, deferred, waiting, held."},              \
	        {"attempts", API_NUMBER, NULL}, {"user", API_TEXT, "Who logged in."}, {"peer", API_TEXT, NULL}, \
	        {"priority", API_NUMBER, NULL}, {"held_until", API_TIME, "0: it is not held on a timer."},      \
	        {"deleted_at", API_TIME, "0: never."}, {"final", API_FLAG, "The next attempt is the last."},    \
	        {"next", API_TIME, "The next attempt."}, {"recipient_count", API_NUMBER, NULL},                 \
	        {"recipients", API_ANY, "Fifty at most."})
#define SENT_COLUMNS                                                                                                 \
	COLUMNS({"id", API_TEXT, NULL}, {"time", API_TIME, NULL}, {"size", API_NUMBER, "Octets."},                       \
	        {"from", API_TEXT, NULL}, {"user", API_TEXT, NULL}, {"peer", API_TEXT, NULL}, {"ended", API_TIME, NULL}, \
	        {"recipients", API_ANY, NULL})
#define SESSION_COLUMNS                                                                                               \
	COLUMNS({"id", API_NUMBER, NULL}, {"program", API_TEXT, NULL}, {"pid", API_NUMBER, NULL},                         \
	        {"service", API_TEXT, NULL}, {"peer", API_TEXT, NULL}, {"user", API_TEXT, NULL}, {"tls", API_FLAG, NULL}, \
	        {"begin", API_TIME, NULL}, {"end", API_TIME, "0: it goes on."}, {"messages", API_NUMBER, NULL})

/* A thing that is done with one message, and with many. */
#define QUEUE_CALLS(word, text)                                                                             \
	CALL("POST", "/queue/{id}/" word, "queue-manager", word, text " a message.", .fields = FIELDS(MESSAGE), \
	     OBJECT(CHANGED)),                                                                                  \
	    CALL("POST", "/queue/" word, "queue-manager", word, text " messages, each if it can be.",           \
	         .fields = FIELDS(SELECTED), .shape = API_RESULTS)

/* A message given to a user, in his folder. */
#define HAND_CALL(word, text)                                                            \
	CALL("POST", "/queue/{id}/" word, "queue-manager", word, text, .shape = API_NOTHING, \
	     .fields = FIELDS(MESSAGE, BODY_NEEDED("user", API_TEXT, "Name of a user."),     \
	                      BODY("folder", API_TEXT, "A folder of his, made where it is missing; INBOX.")))

#define TRACE_COLUMNS                                                                                   \
	COLUMNS({"id", API_TEXT, NULL}, {"time", API_TIME, NULL}, {"from", API_TEXT, NULL},                 \
	        {"to", API_TEXT, "Recipients, separated by commas."}, {"client", API_TEXT, "Its address."}, \
	        {"user", API_TEXT, "Who logged in."}, {"service", API_TEXT, NULL})

#define REPORT_DAY                                                              \
	{                                                                           \
		.name = "day", .place = API_PATH, .type = API_NUMBER, .required = true, \
		.sentence = "Of those since 1970, UTC."                                 \
	}
#define REPORT_COLUMNS                                                                              \
	COLUMNS({"domain", API_TEXT, NULL}, {"messages", API_NUMBER, NULL}, {"rows", API_NUMBER, NULL}, \
	        {"sent", API_FLAG, NULL})
/* Reports of a kind: what there is of a day, one, and the sending. */
#define REPORT_CALLS(base, which, what)                                                                             \
	CALL("GET", base "/{day}", "reporter", "report", "List " what ".", .fields = FIELDS(REPORT_DAY), .key = "kind", \
	     .value = (which), ROWS("report", REPORT_COLUMNS)),                                                         \
	    CALL("GET", base "/{day}/{domain}", "reporter", "report", "Show a day's report to a domain.",               \
	         .fields = FIELDS(REPORT_DAY, IN_PATH("domain", "Whom it is for.")), .key = "kind", .value = (which),   \
	         .shape = API_TEXTFILE, .list = "text-of-report", .media = "text/plain; charset=utf-8"),                \
	    CALL("POST", base "/{day}", "reporter", "report", "Send what was not reported yet of a day.",               \
	         .fields = FIELDS(REPORT_DAY, BODY_NEEDED("send", API_FLAG, "True: they go out now.")), .key = "kind",  \
	         .value = (which))

const struct api_call api_calls_running[] = {
    SPECIAL("GET", "/status", api_run_status, "Show the numbers of now.", OBJECT(STATUS_COLUMNS)),
    SPECIAL("GET", "/live", api_run_live, "Follow the numbers: server-sent events with those that changed.",
            .shape = API_TEXTFILE, .media = "text/event-stream"),
    CALL("GET", "/checklist", "configd", "checklist",
         "Show what is needed before mail flows, and what of it is missing.",
         ROWS("item", COLUMNS({"key", API_TEXT, NULL}, {"title", API_TEXT, NULL}, {"done", API_FLAG, NULL},
                              {"advice", API_TEXT, "How the command line mends it."}))),
    CALL("GET", "/queue", "queue-manager", "list", "List the messages that wait.",
         .fields = FIELDS(QUERY("sender", API_TEXT, "Of senders like this, with '*' and '?'."),
                          QUERY("recipient", API_TEXT, "To recipients like this."),
                          QUERY("state", API_TEXT, "In this state.")),
         ROWS("message", MESSAGE_COLUMNS), .more = "after"),
    CALL("GET", "/queue/sent", "queue-manager", "past",
         "List what was sent to other servers or failed, the latest first.", ROWS("message", SENT_COLUMNS),
         .more = "before"),
    CALL("GET", "/queue/counts", "queue-manager", "counts", "Count the messages that wait.",
         OBJECT(COLUMNS({"incoming", API_NUMBER, NULL}, {"active", API_NUMBER, NULL}, {"deferred", API_NUMBER, NULL},
                        {"held", API_NUMBER, NULL}, {"warning", API_TEXTS, NULL}))),
    CALL("GET", "/queue/{id}", "queue-manager", "show", "Show a message that waits.", .fields = FIELDS(MESSAGE),
         OBJECT(COLUMNS({"message", API_ANY, "One, as in the list, with all its recipients."},
                        {"headers", API_TEXT, "Its header."}))),
    QUEUE_CALLS("retry", "Try to deliver"),
    QUEUE_CALLS("final", "Make the next attempt the last, of"),
    QUEUE_CALLS("hold", "Hold"),
    QUEUE_CALLS("release", "Release"),
    HAND_CALL("move", "Move a message to a user: nobody else gets it any more."),
    HAND_CALL("copy", "Copy a message to a user."),
    CALL("POST", "/queue/delete", "queue-manager", "delete", "Delete messages, each if it can be.",
         .fields = FIELDS(SELECTED), .shape = API_RESULTS),
    CALL("DELETE", "/queue/{id}", "queue-manager", "delete", "Delete a message.", .fields = FIELDS(MESSAGE),
         OBJECT(CHANGED)),
    CALL("POST", "/queue-retry-all", "queue-manager", "retry", "Try to deliver all that waits.", .key = "all",
         .value = "1", OBJECT(CHANGED)),
    CALL("GET", "/lan-queue", "queue-manager", "lan-list", "List what waits for LAN forwarding.",
         ROWS("entry",
              COLUMNS({"id", API_TEXT, NULL}, {"time", API_TIME, NULL}, {"from", API_TEXT, NULL},
                      {"server", API_TEXT, NULL}, {"attempts", API_NUMBER, NULL}, {"recipients", API_TEXTS, NULL}))),
    CALL("DELETE", "/lan-queue/{id}", "queue-manager", "lan-delete", "Drop what waits of a message for LAN forwarding.",
         .fields = FIELDS(MESSAGE), OBJECT(CHANGED)),
    CALL("POST", "/lan-queue/retarget", "queue-manager", "lan-retarget", "Let what waits for one server go to another.",
         .fields = FIELDS(BODY_NEEDED("from", API_TEXT, "HOST:PORT."), BODY_NEEDED("to", API_TEXT, "HOST:PORT.")),
         OBJECT(CHANGED)),
    CALL("GET", "/lan-queue/matches", "queue-manager", "lan-matches", "Show how many recipients each LAN rule took.",
         OBJECT(COLUMNS({"match", API_TEXTS, "Id of the rule, and the number."}))),
    CALL("GET", "/sessions-live", "statusd", "list", "List who is connected.", .shape = API_RECORDS, .list = "session",
         .columns = SESSION_COLUMNS),
    SPECIAL("DELETE", "/sessions-live/{id}", api_run_end_session, "End a session.", .fields = FIELDS(ID_IN_PATH),
            .callee = "statusd", .op = "list", .list = "session", .columns = SESSION_COLUMNS),
    CALL("GET", "/sessions-past", "historyd", "history", "List the sessions that ended.",
         .fields = FIELDS(QUERY("user", API_TEXT, "Of this user."), {.name = "newest",
                                                                     .place = API_QUERY,
                                                                     .type = API_NUMBER,
                                                                     .key = "limit",
                                                                     .sentence = "So many of them; 1000."}),
         .shape = API_RECORDS, .list = "session", .columns = SESSION_COLUMNS),
    CALL("GET", "/trace", "historyd", "traces",
         "List messages that it is known of what became of them, the newest first.",
         .fields =
             FIELDS(QUERY("id", API_TEXT, "Anywhere in the id."), QUERY("from", API_TEXT, "Anywhere in the sender."),
                    QUERY("to", API_TEXT, "Anywhere in the recipients."),
                    QUERY("client", API_TEXT, "Anywhere in the client's address."),
                    QUERY("any", API_TEXT, "Anywhere in one of these, the user or the service."),
                    QUERY("since", API_NUMBER, "Seconds since 1970.")),
         .key = "limit", .value = "10000", ROWS("message", TRACE_COLUMNS)),
    CALL("GET", "/trace/{id}", "historyd", "trace", "Show what became of a message.",
         .fields = FIELDS(IN_PATH("id", "The message's id.")),
         OBJECT(COLUMNS({"message", API_ANY, "What /trace tells of it."},
                        {"line", API_TEXTS, "Time and text, in their order."}))),
    CALL("GET", "/logs/{name}", "historyd", "log", "Show the last lines of a log.",
         .fields = FIELDS(
             {.name = "name",
              .place = API_PATH,
              .required = true,
              .words = "postroom|security|connect|smtpsvr|pop3svr|imap4svr|websvr|pop3clt|smtpclt|summary|smtprules|"
                       "dlrules|extrouter|luaerrors",
              .sentence = "Which one."},
             QUERY("lines", API_NUMBER, "So many; 200, and 5000 at most."),
             QUERY("match", API_TEXT, "Only lines with this in them; '*' and '?' stand for what they do.")),
         OBJECT(COLUMNS({"line", API_TEXTS, "The oldest first."}, {"more", API_FLAG, "There are older ones."}))),
    CALL("GET", "/blocks", "policyd", "block-list", "List who is shut out.",
         ROWS("block", COLUMNS({"network", API_TEXT, NULL}, {"added", API_TIME, NULL}, {"expires", API_TIME, NULL},
                               {"reason", API_TEXT, NULL}))),
    CALL("POST", "/blocks", "policyd", "block-add", "Shut clients out.",
         .fields =
             FIELDS(NETWORK_NEEDED("An address, or a network."), BODY("minutes", API_NUMBER, "For how long; 30."))),
    CALL("DELETE", "/blocks", "policyd", "block-delete", "Shut clients out no more.",
         .fields = FIELDS(QUERY_NEEDED("network", API_TEXT, "As it is listed."))),
    CALL("GET", "/never-blocks", "policyd", "never-list", "List who is never shut out.",
         ROWS("never", COLUMNS({"network", API_TEXT, NULL}, {"added", API_TIME, NULL}))),
    CALL("POST", "/never-blocks", "policyd", "never-add", "Never shut these clients out.",
         .fields = FIELDS(NETWORK_NEEDED("An address, or a network."))),
    CALL("DELETE", "/never-blocks", "policyd", "never-delete", "Let these clients be shut out again.",
         .fields = FIELDS(QUERY_NEEDED("network", API_TEXT, "As it is listed."))),
    CALL("GET", "/events", "policyd", "events", "List what clients did, the newest first.",
         .fields = FIELDS(QUERY("network", API_TEXT, "Of these clients."), {.name = "newest",
                                                                            .place = API_QUERY,
                                                                            .type = API_NUMBER,
                                                                            .key = "limit",
                                                                            .sentence = "So many of them; 100."}),
         ROWS("event", COLUMNS({"client", API_TEXT, NULL}, {"time", API_TIME, NULL}, {"number", API_NUMBER, NULL},
                               {"event", API_TEXT, NULL}, {"service", API_TEXT, NULL}, {"data", API_TEXT, NULL},
                               {"ignored", API_FLAG, NULL}))),
    CALL("GET", "/notices", "noticed", "suppressed",
         "List what administrators were not told by mail in the past 24 hours.",
         ROWS("notice",
              COLUMNS({"time", API_TIME, NULL}, {"component", API_TEXT, NULL}, {"kind", API_TEXT, NULL},
                      {"severity", API_TEXT, NULL}, {"item", API_TEXT, NULL}, {"text", API_TEXT, "What it says."}))),
    CALL("GET", "/dns", "dnsd", "servers", "Show the DNS servers in use.",
         OBJECT(COLUMNS({"server", API_TEXTS, NULL}, {"detected", API_FLAG, "The system named them."}))),
    CALL("POST", "/dns/test", "dnsd", "test", "Try a DNS server.",
         .fields = FIELDS(BODY_NEEDED("server", API_TEXT, "One of those in use."),
                          BODY_NEEDED("name", API_TEXT, "To look up.")),
         OBJECT(COLUMNS({"state", API_TEXT, "found, empty, missing, failed."}, {"ms", API_NUMBER, NULL},
                        {"address", API_TEXTS, NULL}, {"reason", API_TEXT, NULL})),
         .timeout_ms = CALLS_LONG_MS),
    REPORT_CALLS("/dmarc", "dmarc", "the domains whose mail of a day is to be reported"),
    REPORT_CALLS("/tls-reports", "tls", "the domains that are to be told of a day's TLS on the way to them"),
    CALLS_END,
};
