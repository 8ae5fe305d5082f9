/* The rows of settings, of all as a text, and of the descriptions. */
#include "webadmin/api/calls.h"

const struct api_call api_calls_settings[] = {
    CALL("GET", "/settings", "configd", "get", "Show the settings.",
         .fields = FIELDS(QUERY("key", API_TEXT, "Of those alone, with '*' and '?'.")), .shape = API_VALUES,
         .list = "value", .columns = SETTING_COLUMNS),
    CALL("PATCH", "/settings", "configd", "set", "Change settings, all or none.",
         .fields = FIELDS(BODY("settings", API_OTHERS, "Settings by their keys; null is the default.")),
         .catalogue = &setting_catalogue),
    CALL("POST", "/together", "configd", "together", "Make several changes of the settings as one, all or none.",
         .fields =
             FIELDS(BODY_NEEDED("calls", API_CALLS,
                                "1 to 100 calls of this API that change settings out of a JSON body, in their order; "
                                "not those that delete users or import.")),
         .run = api_run_together),
    CALL("GET", "/message-security", "authd", "message-security",
         "Say whether administrators need a password of its own to see others' mail.",
         OBJECT(COLUMNS({"enabled", API_FLAG, NULL}))),
    CALL("PUT", "/message-security", "authd", "message-security-set",
         "Turn Message Security on, or give it another password.",
         .fields = FIELDS(BODY_NEEDED("password", API_TEXT, "It cannot be told again."))),
    CALL("DELETE", "/message-security", "authd", "message-security-off", "Turn Message Security off."),
    CALL("GET", "/texts", "configd", "get", "Show the texts that the server writes to people.", .key = "key",
         .value = "text.*", .shape = API_VALUES, .list = "value", .columns = SETTING_COLUMNS),
    CALL("GET", "/export", "configd", "export", "Get all settings as a text.",
         .fields = FIELDS(QUERY("passwords", API_FLAG, "With hashes and secrets.")), .shape = API_TEXTFILE,
         .list = "text", .media = "text/plain; charset=utf-8", .timeout_ms = CALLS_LONG_MS),
    CALL("POST", "/import", "configd", "import", "Make all settings equal to a text.",
         .fields = FIELDS(QUERY("check", API_FLAG, "Change nothing, tell what would be."),
                          QUERY("delete-users", API_FLAG, "Delete users that the text lacks."),
                          DOCUMENT("text", "As export gives it.")),
         OBJECT(COLUMNS({"change", API_TEXTS, "A sentence each."})), .media = "text/plain",
         .timeout_ms = CALLS_LONG_MS),
    SPECIAL(
        "GET", "/catalogue", api_run_catalogue, "Describe all that can be set, and the texts of items.",
        OBJECT(COLUMNS({"settings", API_ANY, "Each with key, type, default, sentence, paragraph, section and so on."},
                       {"attributes", API_ANY, NULL}, {"list-settings", API_ANY, NULL},
                       {"connection-settings", API_ANY, NULL}, {"sender-settings", API_ANY, NULL},
                       {"collector-settings", API_ANY, NULL}, {"items", API_ANY, "By kind."}))),
    SPECIAL("GET", "/openapi.json", api_run_openapi, "Describe this API.",
            OBJECT(COLUMNS({"openapi", API_TEXT, NULL}, {"info", API_ANY, NULL}, {"paths", API_ANY, NULL}))),
    CALLS_END,
};
