#include "broker/rights.h"

#include "broker/guarded.h"

#define OWN(callee, request, field)             \
	{                                           \
		callee, request, RIGHT_OWN, field, NULL \
	}
#define OWN_OR_ADMIN(callee, request, field)             \
	{                                                    \
		callee, request, RIGHT_OWN_OR_ADMIN, field, NULL \
	}
#define ADMIN(callee, request)                   \
	{                                            \
		callee, request, RIGHT_ADMIN, NULL, NULL \
	}
#define SERIOUS(callee, request, what)           \
	{                                            \
		callee, request, RIGHT_ADMIN, NULL, what \
	}
#define STEPS(callee, request)                   \
	{                                            \
		callee, request, RIGHT_STEPS, NULL, NULL \
	}
#define CONFIRMED(callee, request)                   \
	{                                                \
		callee, request, RIGHT_CONFIRMED, NULL, NULL \
	}

const struct right rights[] = {
    OWN("configd", "own-set", "uid"),
    OWN("configd", "own-password", "uid"),
    OWN_OR_ADMIN("configd", "attribute-get", "user"),
    OWN_OR_ADMIN("configd", "item-list", "user"),
    OWN_OR_ADMIN("configd", "item-add", "user"),
    OWN_OR_ADMIN("configd", "item-set", "user"),
    OWN_OR_ADMIN("configd", "item-move", "user"),
    OWN_OR_ADMIN("configd", "item-delete", "user"),
    OWN_OR_ADMIN("configd", "permission-list", "user"),
    OWN_OR_ADMIN("policyd", "collected-list", "user"),
    OWN_OR_ADMIN("policyd", "collected-delete", "user"),
    OWN("policyd", "contact-list", "user"),
    OWN("policyd", "contact-put", "user"),
    OWN("policyd", "contact-delete", "user"),
    OWN_OR_ADMIN("policyd", "send-usage", "user"),
    OWN("queue-manager", "scheduled", "user"),
    OWN("queue-manager", "scheduled-send", "user"),
    OWN("queue-manager", "scheduled-cancel", "user"),
    OWN_OR_ADMIN("deliver", "usage", "uid"),
    OWN_OR_ADMIN("statusd", "list", "user"),
    OWN_OR_ADMIN("historyd", "history", "user"),
    ADMIN("historyd", "log"),
    ADMIN("historyd", "traces"),
    ADMIN("historyd", "trace"),

    ADMIN("configd", "get"),
    ADMIN("configd", "set"),
    ADMIN("configd", "unset"),
    ADMIN("configd", "checklist"),
    ADMIN("configd", "domain-add"),
    ADMIN("configd", "domain-delete"),
    ADMIN("configd", "domain-default"),
    ADMIN("configd", "domain-list"),
    SERIOUS("configd", "user-add", "administrator"),
    CONFIRMED("configd", "user-delete"),
    ADMIN("configd", "user-rename"),
    CONFIRMED("configd", "user-password"),
    ADMIN("configd", "user-list"),
    SERIOUS("configd", "user-export", "passwords"),
    CONFIRMED("configd", "user-import"),
    SERIOUS("configd", "attribute-set", "key=administrator"),
    SERIOUS("configd", "attribute-unset", "key=administrator"),
    ADMIN("configd", "group-add"),
    ADMIN("configd", "group-delete"),
    ADMIN("configd", "group-add-member"),
    ADMIN("configd", "group-remove-member"),
    ADMIN("configd", "group-list"),
    ADMIN("configd", "group-members"),
    ADMIN("configd", "mapping-add"),
    ADMIN("configd", "mapping-set"),
    ADMIN("configd", "mapping-delete"),
    ADMIN("configd", "mapping-list"),
    ADMIN("configd", "mapping-export"),
    ADMIN("configd", "mapping-import"),
    ADMIN("configd", "list-add"),
    ADMIN("configd", "list-delete"),
    ADMIN("configd", "list-rename"),
    ADMIN("configd", "list-set"),
    ADMIN("configd", "list-unset"),
    ADMIN("configd", "list-list"),
    ADMIN("configd", "list-show"),
    ADMIN("configd", "list-members"),
    ADMIN("configd", "list-member-add"),
    ADMIN("configd", "list-member-remove"),
    ADMIN("configd", "list-member-export"),
    ADMIN("configd", "list-member-import"),
    ADMIN("configd", "list-member-bulk-delete"),
    ADMIN("configd", "connection-add"),
    ADMIN("configd", "connection-delete"),
    ADMIN("configd", "connection-rename"),
    ADMIN("configd", "connection-set"),
    ADMIN("configd", "connection-unset"),
    ADMIN("configd", "connection-list"),
    ADMIN("configd", "connection-show"),
    ADMIN("configd", "sender-add"),
    ADMIN("configd", "sender-set"),
    ADMIN("configd", "sender-unset"),
    ADMIN("configd", "sender-delete"),
    ADMIN("configd", "sender-rename"),
    ADMIN("configd", "sender-list"),
    ADMIN("configd", "sender-show"),
    ADMIN("configd", "collector-add"),
    ADMIN("configd", "collector-delete"),
    ADMIN("configd", "collector-rename"),
    ADMIN("configd", "collector-set"),
    ADMIN("configd", "collector-unset"),
    ADMIN("configd", "collector-list"),
    ADMIN("configd", "collector-show"),
    ADMIN("configd", "collector-import"),
    ADMIN("configd", "service-add"),
    ADMIN("configd", "service-delete"),
    ADMIN("configd", "service-rename"),
    ADMIN("configd", "service-set"),
    ADMIN("configd", "service-bind"),
    ADMIN("configd", "service-unbind"),
    ADMIN("configd", "service-defaults"),
    ADMIN("configd", "service-list"),
    ADMIN("configd", "smtp-rule-add"),
    ADMIN("configd", "smtp-rule-set"),
    ADMIN("configd", "smtp-rule-move"),
    ADMIN("configd", "smtp-rule-delete"),
    ADMIN("configd", "smtp-rule-copy"),
    ADMIN("configd", "smtp-rule-list"),
    ADMIN("configd", "access-lists"),
    ADMIN("configd", "access-list"),
    ADMIN("configd", "access-add"),
    ADMIN("configd", "access-remove"),
    ADMIN("configd", "access-set"),
    ADMIN("configd", "access-defaults"),
    ADMIN("configd", "access-export"),
    ADMIN("configd", "access-import"),
    ADMIN("configd", "permission-add"),
    ADMIN("configd", "permission-remove"),
    ADMIN("configd", "script-list"),
    ADMIN("configd", "script-show"),
    ADMIN("configd", "script-check"),
    CONFIRMED("configd", "script-set"),
    CONFIRMED("configd", "script-delete"),
    ADMIN("configd", "logo-list"),
    ADMIN("configd", "logo-set"),
    ADMIN("configd", "logo-delete"),
    ADMIN("configd", "geoip-import"),
    ADMIN("configd", "geoip-delete"),
    SERIOUS("configd", "export", "passwords"),
    CONFIRMED("configd", "import"),
    STEPS("configd", "together"),

    ADMIN("authd", "message-security"),
    CONFIRMED("authd", "message-security-set"),
    CONFIRMED("authd", "message-security-off"),
    ADMIN("authd", "locks"),
    ADMIN("authd", "unlock"),
    CONFIRMED("authd", "oauth-begin"),
    ADMIN("authd", "oauth-poll"),
    ADMIN("authd", "oauth-list"),
    ADMIN("authd", "oauth-test"),
    CONFIRMED("authd", "oauth-delete"),
    CONFIRMED("authd", "api-token-add"),
    ADMIN("authd", "api-token-list"),
    ADMIN("authd", "api-token-delete"),

    ADMIN("queue-manager", "list"),
    ADMIN("queue-manager", "show"),
    ADMIN("queue-manager", "retry"),
    ADMIN("queue-manager", "final"),
    ADMIN("queue-manager", "hold"),
    ADMIN("queue-manager", "release"),
    ADMIN("queue-manager", "delete"),
    ADMIN("queue-manager", "move"),
    ADMIN("queue-manager", "copy"),
    ADMIN("queue-manager", "past"),
    ADMIN("queue-manager", "send"),
    ADMIN("queue-manager", "waiting"),
    ADMIN("queue-manager", "backlog"),
    ADMIN("queue-manager", "lan-list"),
    ADMIN("queue-manager", "lan-delete"),
    ADMIN("queue-manager", "lan-retarget"),
    ADMIN("queue-manager", "lan-matches"),
    ADMIN("queue-manager", "counts"),

    ADMIN("deliver", "answers"),
    ADMIN("deliver", "answers-forget"),
    ADMIN("deliver", "inbox-empty"),
    ADMIN("deliver", "inbox-copy"),
    ADMIN("deliver", "media-list"),
    ADMIN("deliver", "media-add"),
    ADMIN("deliver", "media-delete"),

    ADMIN("listd", "held"),
    ADMIN("listd", "archive"),
    ADMIN("listd", "show"),
    ADMIN("listd", "approve"),
    ADMIN("listd", "reject"),
    ADMIN("listd", "digest"),
    ADMIN("listd", "bounces"),
    ADMIN("listd", "bounces-forget"),
    ADMIN("listd", "test"),

    ADMIN("collector", "run"),
    ADMIN("collector", "history"),
    ADMIN("collector", "messages"),
    ADMIN("collector", "mark"),

    ADMIN("scheduler", "connect"),
    ADMIN("scheduler", "pause"),
    ADMIN("scheduler", "resume"),
    ADMIN("scheduler", "status"),
    CONFIRMED("scheduler", "script-run"),

    ADMIN("policyd", "collected-purge"),
    ADMIN("policyd", "domain-contact-put"),
    ADMIN("policyd", "domain-contact-delete"),
    ADMIN("policyd", "block-list"),
    ADMIN("policyd", "block-add"),
    ADMIN("policyd", "block-delete"),
    ADMIN("policyd", "never-list"),
    ADMIN("policyd", "never-add"),
    ADMIN("policyd", "never-delete"),
    ADMIN("policyd", "events"),

    ADMIN("noticed", "notice"),
    ADMIN("noticed", "suppressed"),
    ADMIN("reporter", "report"),

    ADMIN("resolver", "resolve"),
    ADMIN("resolver", "is-local"),
    ADMIN("dnsd", "mx"),
    ADMIN("dnsd", "address"),
    ADMIN("dnsd", "query"),
    ADMIN("dnsd", "servers"),
    ADMIN("dnsd", "test"),

    ADMIN("smtpd", "sessions"),
    ADMIN("smtpd", "end"),
    ADMIN("pop3-login", "sessions"),
    ADMIN("pop3-login", "end"),
    ADMIN("pop3d", "sessions"),
    ADMIN("pop3d", "end"),
    ADMIN("imap-login", "sessions"),
    ADMIN("imap-login", "end"),
    ADMIN("imapd", "sessions"),
    ADMIN("imapd", "end"),

    {NULL, NULL, RIGHT_ADMIN, NULL, NULL},
};

const struct right *rights_find(struct str callee, struct str request)
{
	for (const struct right *right = rights; right->callee != NULL; right++)
		if (str_equal(request, str_of(right->request)) && str_equal(callee, str_of(right->callee)))
			return right;
	return NULL;
}

/* Is a field one that makes the request serious? */
static bool is_serious_field(const char *serious, struct str key, struct str value)
{
	struct str wanted = str_of(serious), field = str_cut(&wanted, '=');

	if (wanted.data == NULL)
		return str_equal(key, field) && !str_equal(value, STR("0"));
	return str_equal_nocase(value, wanted) && (str_equal(key, field) || str_equal(key, STR("unset")));
}

static bool is_serious(const char *serious, const struct ipc_message *message, size_t position)
{
	struct str key, value;

	while (ipc_next(message, &position, &key, &value))
		if (is_serious_field(serious, key, value))
			return true;
	return false;
}

bool rights_is_confirmed(const struct rights_caller *caller)
{
	return caller->confirmed >= 0 && caller->confirmed <= RIGHTS_CONFIRMED_S;
}

/*
 * All steps of a request, each with the fields behind it. What makes one of the later ones serious counts for those
 * before it, too: that asks for a password too often, never too seldom.
 */
static enum rights_verdict judge_steps(const struct right *right, const struct rights_caller *caller,
                                       const struct ipc_message *message, size_t position)
{
	enum rights_verdict verdict = RIGHTS_NOBODY; /* without a step */
	struct str key, value;

	while (ipc_next(message, &position, &key, &value)) {
		const struct right *step = str_equal(key, STR("step")) ? rights_find(str_of(right->callee), value) : NULL;

		if (!str_equal(key, STR("step")))
			continue;
		if (step == NULL || step->kind == RIGHT_OWN || step->kind == RIGHT_STEPS)
			return RIGHTS_NOBODY;
		verdict = rights_judge(step, caller, false, message, position);
		if (verdict != RIGHTS_ALL)
			return verdict;
	}
	return verdict;
}

enum rights_verdict rights_judge(const struct right *right, const struct rights_caller *caller, bool own,
                                 const struct ipc_message *message, size_t position)
{
	bool serious =
	    right->kind == RIGHT_CONFIRMED || (right->serious != NULL && is_serious(right->serious, message, position));

	if (right->kind == RIGHT_OWN || (right->kind == RIGHT_OWN_OR_ADMIN && (own || !caller->administrator)))
		return RIGHTS_OWN;
	if (own || !caller->administrator)
		return RIGHTS_ADMIN;
	if (right->kind == RIGHT_STEPS)
		return judge_steps(right, caller, message, position);
	if (serious && !rights_is_confirmed(caller))
		return RIGHTS_CONFIRM;
	return caller->shut && guarded_is(right->callee, right->request, message, position) ? RIGHTS_SHUT : RIGHTS_ALL;
}
