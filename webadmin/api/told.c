/* Sessions, passwords, tokens, and what mail clients and browsers look for. */
#include "webadmin/api/told.h"

#include "webadmin/api/api.h"
#include "webadmin/api/calls.h"

#define VISITOR                                                                                    \
	OBJECT(COLUMNS({"user", API_TEXT, NULL}, {"uid", API_NUMBER, NULL},                            \
	               {"administrator", API_FLAG, "Is one, and asks from where administrators may."}, \
	               {"csrf", API_TEXT, "For the header X-CSRF-Token; empty where a token asks."},   \
	               {"version", API_TEXT, "Of this server."},                                       \
	               {"logo", API_FLAG, "There is a picture for webmail, /logo/mail."}))

#define AUTOCONFIG(path)                                                                                \
	TOLD("GET", path, .fields = FIELDS(QUERY("emailaddress", API_TEXT, "Whose mail is to be set up.")), \
	     .shape = API_TEXTFILE, .media = "text/xml")
#define AUTODISCOVER(path)                                                                       \
	TOLD("POST", path, .fields = FIELDS(DOCUMENT("request", "The request, with EMailAddress.")), \
	     .shape = API_TEXTFILE, .media = "text/xml")

const struct api_call api_told_sessions[] = {
    TOLD("POST", API_BASE "/session",
         .fields = FIELDS(BODY_NEEDED("user", API_TEXT, NULL), BODY_NEEDED("password", API_TEXT, NULL),
                          BODY("remember", API_FLAG, "Let this browser log on without a password from now on.")),
         VISITOR),
    TOLD("GET", API_BASE "/session", VISITOR),
    TOLD("POST", API_BASE "/session/confirm", .fields = FIELDS(BODY_NEEDED("password", API_TEXT, NULL))),
    TOLD("POST", API_BASE "/session/message-security", .fields = FIELDS(BODY_NEEDED("password", API_TEXT, NULL))),
    TOLD("GET", API_BASE "/sessions",
         LIST(COLUMNS({"id", API_ANY, NULL}, {"kind", API_TEXT, "session, or browser: one that is remembered."},
                      {"agent", API_TEXT, "What it calls itself."}, {"begun", API_TIME, NULL},
                      {"current", API_FLAG, "It is this one."}, {"peer", API_TEXT, "The address, of a session."},
                      {"idle", API_NUMBER, "Seconds, of a session."}, {"expires", API_TIME, "Of a browser."}))),
    TOLD("GET", API_BASE "/tokens", LIST(TOKEN_COLUMNS)),
    TOLD("POST", API_BASE "/tokens", .fields = FIELDS(TOKEN_FIELDS), TOKEN_MADE, .status = 201),
    TOLD("POST", API_BASE "/password/forgotten",
         .fields = FIELDS(BODY_NEEDED("user", API_TEXT, "Whose; the answer is the same for anybody."))),
    TOLD("POST", API_BASE "/password/reset",
         .fields = FIELDS(BODY_NEEDED("token", API_TEXT, "Of the link."), BODY_NEEDED("password", API_TEXT, NULL))),
    AUTOCONFIG("/mail/config-v1.1.xml"),
    AUTOCONFIG("/.well-known/autoconfig/mail/config-v1.1.xml"),
    AUTODISCOVER("/autodiscover/autodiscover.xml"),
    AUTODISCOVER("/Autodiscover/Autodiscover.xml"),
    TOLD("GET", "/.well-known/change-password", .status = 303),
    CALLS_END,
};

const struct api_call *api_find_told(const char *method, const char *path)
{
	static const struct api_call *const lists[] = {api_told_sessions, api_told_mail, api_told_own};

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		for (const struct api_call *call = lists[i]; call->method != NULL; call++)
			if (strcmp(call->method, method) == 0 && strcmp(call->path, path) == 0)
				return call;
	return NULL;
}
