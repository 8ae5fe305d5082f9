#include "authd/oauth_account.h"

#include "common/base/memory.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	NAME_MAX_LEN = 63,
	TEXT_MAX = 512,
	TOKEN_MAX = 6000, /* octets; Microsoft's have some 2,500 */
	LIFE_DEFAULT_S = 300,
	LIFE_MAX_S = 86400,
};

bool oauth_account_is_name(struct str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.data[i]) && strchr("-_.", name.data[i]) == NULL)
			return false;
	return name.len > 0 && name.len <= NAME_MAX_LEN;
}

static struct str secret_name(struct str name, char *out, size_t size)
{
	snprintf(out, size, "oauth/%.*s", STR_ARG(name));
	return str_of(out);
}

json_t *oauth_account_load(struct secrets *secrets, struct str name, struct err *err)
{
	char key[NAME_MAX_LEN + 8];
	json_t *account = NULL;
	struct buf value;

	if (!oauth_account_is_name(name)) {
		err_set(err, ERR_NOT_FOUND, "there is no OAuth account of that name");
		return NULL;
	}
	buf_init(&value, SECRETS_VALUE_MAX);
	if (secrets_get(secrets, secret_name(name, key, sizeof key), &value, err) == 0) {
		account = json_loadb(value.data, value.len, 0, NULL);
		if (account == NULL)
			err_set(err, ERR_CORRUPT, "what is kept of the OAuth account %.*s cannot be read", STR_ARG(name));
	} else if (err->code == ERR_NOT_FOUND) {
		err_set(err, ERR_NOT_FOUND, "there is no OAuth account %.*s", STR_ARG(name));
	}
	if (value.data != NULL)
		memory_wipe(value.data, value.capacity);
	buf_free(&value);
	return account;
}

int oauth_account_save(struct secrets *secrets, struct str name, const json_t *account, struct err *err)
{
	char *text = json_dumps(account, JSON_COMPACT), key[NAME_MAX_LEN + 8];
	int result = secrets_set(secrets, secret_name(name, key, sizeof key), str_of(text), err);

	memory_wipe(text, strlen(text));
	free(text);
	return result;
}

const char *oauth_account_text(const json_t *account, const char *key)
{
	const char *text = json_string_value(json_object_get(account, key));

	return text != NULL ? text : "";
}

static bool is_plain(struct str text, size_t max)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	return text.len <= max && str_is_utf8(text);
}

json_t *oauth_account_make(const struct ipc_message *request, struct err *err)
{
	static const struct {
		const char *key;
		bool required, is_url;
	} texts[] = {{"user", true, false},      {"device_url", true, true},      {"token_url", true, true},
	             {"client_id", true, false}, {"client_secret", false, false}, {"scope", false, false}};
	json_t *account = json_object();

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct str value = ipc_get(request, texts[i].key);

		if (!is_plain(value, TEXT_MAX) || (texts[i].required && value.len == 0) ||
		    (texts[i].is_url && !str_starts(value, STR("https://")))) {
			err_set(err, ERR_SYNTAX, "the %s of an OAuth account is missing, or cannot be that", texts[i].key);
			json_decref(account);
			return NULL;
		}
		json_object_set_new(account, texts[i].key, json_stringn(value.data != NULL ? value.data : "", value.len));
	}
	json_object_set_new(account, "state", json_string("pending"));
	return account;
}

const char *oauth_account_url(const json_t *account, enum oauth_question question)
{
	return oauth_account_text(account, question == OAUTH_DEVICE ? "device_url" : "token_url");
}

/* application/x-www-form-urlencoded; nothing where the value is empty. */
static void add_field(struct buf *form, const char *name, const char *value)
{
	if (*value == '\0')
		return;
	buf_printf(form, "%s%s=", form->len > 0 ? "&" : "", name);
	for (; *value != '\0'; value++)
		buf_printf(form, isalnum((unsigned char)*value) ? "%c" : "%%%02X", (unsigned char)*value);
}

void oauth_account_form(const json_t *account, enum oauth_question question, struct buf *form)
{
	add_field(form, "client_id", oauth_account_text(account, "client_id"));
	if (question == OAUTH_DEVICE) {
		add_field(form, "scope", oauth_account_text(account, "scope"));
		return;
	}
	add_field(form, "client_secret", oauth_account_text(account, "client_secret"));
	if (question == OAUTH_CONSENT) {
		add_field(form, "grant_type", "urn:ietf:params:oauth:grant-type:device_code");
		add_field(form, "device_code", oauth_account_text(account, "device_code"));
	} else {
		add_field(form, "grant_type", "refresh_token");
		add_field(form, "refresh_token", oauth_account_text(account, "refresh_token"));
	}
}

static bool is_token(struct str token)
{
	for (size_t i = 0; i < token.len; i++)
		if (token.data[i] <= ' ' || token.data[i] > '~')
			return false;
	return token.len > 0 && token.len <= TOKEN_MAX;
}

int oauth_account_take(json_t *account, const struct ipc_message *answer, int64_t now, struct err *err)
{
	struct str access = ipc_get(answer, "access_token"), refresh = ipc_get(answer, "refresh_token");
	int64_t life = LIFE_DEFAULT_S;

	if (!is_token(access) || (refresh.data != NULL && !is_token(refresh)))
		return err_set(err, ERR_PROTOCOL, "the token server gave no token that can be used");
	if (refresh.data == NULL && oauth_account_text(account, "refresh_token")[0] == '\0')
		return err_set(err, ERR_PROTOCOL, "the token server gave no refresh token: the scope has to ask for one");
	ipc_get_number(answer, "expires_in", 1, LIFE_MAX_S, &life);
	json_object_set_new(account, "access_token", json_stringn(access.data, access.len));
	if (refresh.data != NULL)
		json_object_set_new(account, "refresh_token", json_stringn(refresh.data, refresh.len));
	json_object_set_new(account, "expires", json_integer(now + life));
	json_object_set_new(account, "state", json_string("granted"));
	json_object_del(account, "device_code");
	return 0;
}
