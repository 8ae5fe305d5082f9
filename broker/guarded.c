#include "broker/guarded.h"

#define LEADS_ELSEWHERE                                                                                        \
	"assistant*|forward*|big.*|small.*|store-forward|send.copy-to|monitor|password.reset-address|system-user|" \
	"system-password"
#define RULES       "message-rule|download-rule|lan-rule|autoresponder"
#define READS_ALONG "monitor.*|legacy.*|*.log"
#define TRANSCRIPTS "smtpsvr|pop3svr|imap4svr|websvr|pop3clt|smtpclt"

const struct guarded guarded[] = {
    {"queue-manager", "show", NULL, NULL},
    {"queue-manager", "move", NULL, NULL},
    {"queue-manager", "copy", NULL, NULL},
    {"listd", "show", NULL, NULL},
    {"listd", "archive", NULL, NULL},
    {"deliver", "inbox-copy", NULL, NULL},
    {"historyd", "log", "name", TRANSCRIPTS},

    {"configd", "mapping-add", NULL, NULL},
    {"configd", "mapping-set", NULL, NULL},
    {"configd", "mapping-delete", NULL, NULL},
    {"configd", "mapping-import", NULL, NULL},
    {"configd", "attribute-set", "key", LEADS_ELSEWHERE},
    {"configd", "item-add", "kind", RULES},
    {"configd", "item-set", "kind", RULES},
    {"configd", "smtp-rule-add", NULL, NULL},
    {"configd", "smtp-rule-set", NULL, NULL},
    {"configd", "smtp-rule-copy", NULL, NULL},
    {"configd", "set", "key", READS_ALONG},
    {"configd", "sender-set", "key", "log"},
    {"configd", "collector-set", "key", "log|target|route|forward-server"},
    {"configd", "script-set", NULL, NULL},
    {"scheduler", "script-run", NULL, NULL},
    {"configd", "import", NULL, NULL},

    /* who logs in as somebody else reads his mail */
    {"configd", "user-password", NULL, NULL},
    {"configd", "user-import", NULL, NULL},
    {"authd", "api-token-add", NULL, NULL},

    {"authd", "message-security-set", NULL, NULL},
    {"authd", "message-security-off", NULL, NULL},
    {NULL, NULL, NULL, NULL},
};

static bool is_word(const char *list, struct str value)
{
	struct str words = str_of(list);

	while (words.data != NULL)
		if (str_matches_wildcard(value, str_cut(&words, '|')))
			return true;
	return false;
}

static bool has_word(const struct guarded *row, const struct ipc_message *message, size_t position)
{
	struct str key, value;

	while (ipc_next(message, &position, &key, &value))
		if (str_equal(key, str_of(row->field)) && is_word(row->words, value))
			return true;
	return false;
}

bool guarded_is(const char *callee, const char *request, const struct ipc_message *message, size_t position)
{
	for (const struct guarded *row = guarded; row->callee != NULL; row++)
		if (strcmp(row->request, request) == 0 && strcmp(row->callee, callee) == 0)
			return row->field == NULL || has_word(row, message, position);
	return false;
}
