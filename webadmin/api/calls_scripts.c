/* The rows of scripts. */
#include "webadmin/api/calls.h"

#define SCRIPT_NAME_IN_PATH IN_PATH("name", "Name of the script.")
#define SCRIPT_TEXT_NEEDED  DOCUMENT("text", "The script.")

const struct api_call api_calls_scripts[] = {
    CALL("GET", "/scripts", "configd", "script-list",
         "List the Lua scripts, those that there are and those that the server would call.", .key = "all", .value = "1",
         ROWS("script",
              COLUMNS({"name", API_TEXT, NULL}, {"called", API_FLAG, "The server calls one of that name."},
                      {"kept", API_FLAG, "There is one."},
                      {"error", API_TEXT, "Why it is not used; empty where it is."}, {"size", API_NUMBER, NULL},
                      {"changed", API_TIME, NULL}, {"sentence", API_TEXT, "When it is called."}))),
    CALL("GET", "/scripts/{name}", "configd", "script-show",
         "Get the text of a script; one that is not there is empty.", .fields = FIELDS(SCRIPT_NAME_IN_PATH),
         .key = "new", .value = "1", .shape = API_TEXTFILE, .list = "text", .media = "text/plain; charset=utf-8"),
    CALL("PUT", "/scripts/{name}", "configd", "script-set",
         "Keep a text as a script; one that cannot be compiled is kept, too, but not used.",
         .fields = FIELDS(SCRIPT_NAME_IN_PATH, SCRIPT_TEXT_NEEDED),
         OBJECT(COLUMNS({"error", API_TEXT, "Why it is not used."})), .media = "text/plain"),
    CALL("DELETE", "/scripts/{name}", "configd", "script-delete", "Delete a script.",
         .fields = FIELDS(SCRIPT_NAME_IN_PATH)),
    CALL("POST", "/script-check", "configd", "script-check", "Compile a text, without keeping or running it.",
         .fields = FIELDS(QUERY("name", API_TEXT, "What messages call it."), SCRIPT_TEXT_NEEDED),
         .media = "text/plain"),
    CALL("POST", "/script-run", "scheduler", "script-run", "Run a text, for a minute at most.",
         .fields = FIELDS(SCRIPT_TEXT_NEEDED),
         OBJECT(COLUMNS({"printed", API_TEXT, NULL}, {"error", API_TEXT, "Where it failed."})), .media = "text/plain",
         .timeout_ms = CALLS_LONG_MS),
    CALLS_END,
};
