/*
 * oauth: accounts whose password is an access token (OAuth 2.0 device authorization, RFC 8628). What servers there are
 * stands in etc/oauth.conf; authd keeps the tokens.
 */
#include "common/base/conf.h"
#include "ctl/verb.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

enum { INTERVAL_DEFAULT_S = 5, INTERVAL_MAX_S = 60, LIFE_DEFAULT_S = 900, SLOW_DOWN_S = 5 };

static const struct ctl_command oauth_usage = {
    "oauth", "add NAME --provider WORD --user ADDRESS | list [--json] | delete NAME | test NAME", NULL, NULL, false};

/* What is known without the conf file; the client is always one's own. */
static const struct provider {
	const char *word, *device_url, *token_url, *scope;
} providers[] = {
    {"google", "https://oauth2.googleapis.com/device/code", "https://oauth2.googleapis.com/token",
     "https://mail.google.com/"},
    {"microsoft", "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
     "https://login.microsoftonline.com/common/oauth2/v2.0/token",
     "offline_access https://outlook.office.com/SMTP.Send https://outlook.office.com/POP.AccessAsUser.All "
     "https://outlook.office.com/IMAP.AccessAsUser.All"},
    {NULL, "", "", ""},
};

static const struct provider *find_provider(const char *word)
{
	const struct provider *provider = providers;

	while (provider->word != NULL && strcmp(provider->word, word) != 0)
		provider++;
	return provider;
}

/* The provider's section of etc/oauth.conf into the request. */
static int add_provider(const struct ctl *ctl, const char *word, struct ipc_message *request)
{
	const struct provider *known = find_provider(word);
	const struct {
		const char *key, *field, *fallback;
	} keys[] = {{"device-endpoint", "device_url", known->device_url},
	            {"token-endpoint", "token_url", known->token_url},
	            {"client-id", "client_id", ""},
	            {"client-secret", "client_secret", ""},
	            {"scope", "scope", known->scope}};
	char path[INSTANCE_PATH_MAX + 64];
	struct conf conf;
	struct err err;
	int status = CTL_DONE;

	instance_path(path, sizeof path, ctl->instance.etc, "oauth.conf");
	if (conf_read(&conf, path, &err) != 0)
		return err.sys == ENOENT
		           ? ctl_refuse("%s is missing: it has to name the client; see postroom-oauth.conf(5)", path)
		           : ctl_refuse_err(&err);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const char *value = conf_get(&conf, word, keys[i].key, keys[i].fallback);

		if (value[0] == '\0' && strcmp(keys[i].key, "client-secret") != 0 && strcmp(keys[i].key, "scope") != 0)
			status = ctl_refuse("oauth.conf has no %s in [%s]", keys[i].key, word);
		ipc_add_text(request, keys[i].field, value);
	}
	conf_free(&conf);
	return status;
}

static int64_t number_of(const struct ipc_message *reply, const char *key, int64_t max, int64_t fallback)
{
	int64_t number;

	return ipc_get_number(reply, key, 1, max, &number) ? number : fallback;
}

/* Ask again and again whether somebody has consented (RFC 8628 3.4, 3.5). */
static int wait_for_consent(struct ctl *ctl, const char *name, int64_t interval, int64_t life)
{
	struct ipc_message request, reply;
	int status = CTL_DONE;
	bool granted = false;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	while (status == CTL_DONE && !granted && life > 0) {
		sleep((unsigned)interval);
		life -= interval;
		ipc_request(&request, "oauth-poll");
		ipc_add_text(&request, "name", name);
		status = ctl_ask(ctl, "authd", &request, &reply);
		granted = status == CTL_DONE && str_equal(ipc_get(&reply, "state"), STR("granted"));
		if (str_equal(ipc_get(&reply, "error"), STR("slow_down")))
			interval += SLOW_DOWN_S;
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	if (status == CTL_DONE && !granted)
		return ctl_refuse("nobody consented in time");
	if (status == CTL_DONE)
		printf("%s may be used now.\n", name);
	return status;
}

static int add(struct ctl *ctl, const char *name, const char *provider, const char *user)
{
	struct ipc_message request, reply;
	int64_t interval = 0, life = 0;
	struct str uri;
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	ipc_request(&request, "oauth-begin");
	ipc_add_text(&request, "name", name);
	ipc_add_text(&request, "user", user);
	status = add_provider(ctl, provider, &request);
	if (status == CTL_DONE)
		status = ctl_ask(ctl, "authd", &request, &reply);
	if (status == CTL_DONE) {
		uri = ipc_get(&reply, "verification_uri");
		if (uri.data == NULL)
			uri = ipc_get(&reply, "verification_url");
		printf("Open %.*s in a browser, as %s, and enter the code %.*s\n", STR_ARG(uri), user,
		       STR_ARG(ipc_get(&reply, "user_code")));
		fflush(stdout);
		interval = number_of(&reply, "interval", INTERVAL_MAX_S, INTERVAL_DEFAULT_S);
		life = number_of(&reply, "expires_in", 86400, LIFE_DEFAULT_S);
	}
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status == CTL_DONE ? wait_for_consent(ctl, name, interval, life) : status;
}

static int run_add(struct ctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
	    {"provider", required_argument, NULL, 'p'}, {"user", required_argument, NULL, 'u'}, {NULL, 0, NULL, 0}};
	const char *provider = NULL, *user = NULL;
	int option;

	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return ctl_usage(&oauth_usage);
		if (option == 'p')
			provider = optarg;
		else
			user = optarg;
	}
	if (argc - optind != 1 || provider == NULL || user == NULL)
		return ctl_usage(&oauth_usage);
	return add(ctl, argv[optind], provider, user);
}

static const struct verb oauth_verbs[] = {
    {.command =
         VERB_OF("oauth add", "NAME --provider WORD --user ADDRESS", "Have somebody consent to an account.", run_add)},
    {.command = VERB_USAGE("oauth list", "[--json]", "List the accounts."),
     .callee = "authd",
     .op = "oauth-list",
     .row = "account",
     .columns = {"name", "user", "state", "@expires", NULL}},
    {.command = VERB_USAGE("oauth delete", "NAME", "Forget an account and its tokens."),
     .callee = "authd",
     .op = "oauth-delete",
     .arguments = {"name"}},
    {.command = VERB_USAGE("oauth test", "NAME", "Renew the token of an account now."),
     .callee = "authd",
     .op = "oauth-test",
     .arguments = {"name"}},
    {.command = {NULL}},
};

int ctl_oauth(struct ctl *ctl, int argc, char **argv)
{
	return verb_run(ctl, oauth_verbs, argc, argv);
}
