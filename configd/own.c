/*
 * What a user may change of his own, within his rights (attributes change.*). Who he is, the daemon that asks has seen
 * to; what he may, is looked at here alone.
 */
#include "configd/own.h"

#include "configd/attributes.h"

#include "common/base/wildcard.h"
#include "common/rules/regex.h"
#include "common/settings/attributes.h"

/* What there is, and the right that it takes (ATTRIBUTE_COUNT: none). */
static const struct own {
	enum attribute attribute, right;
} own_attributes[] = {
    {ATTRIBUTE_WEB_NAME, ATTRIBUTE_CHANGE_WEB_NAME},      {ATTRIBUTE_WEB_ADDRESSES, ATTRIBUTE_CHANGE_WEB_ADDRESSES},
    {ATTRIBUTE_WEB_SIGNATURE, ATTRIBUTE_CHANGE_WEB_NAME}, {ATTRIBUTE_ASSISTANT, ATTRIBUTE_CHANGE_FORWARDS},
    {ATTRIBUTE_FORWARD, ATTRIBUTE_CHANGE_FORWARDS},       {ATTRIBUTE_FORWARD_ENABLED, ATTRIBUTE_CHANGE_FORWARDS},
    {ATTRIBUTE_WEB_PAGE_SIZE, ATTRIBUTE_COUNT},
};

/* An attribute in force. -1: as the database fails. */
static int in_force(struct change *change, int64_t uid, enum attribute attribute, struct str *value_out,
                    struct err *err)
{
	const struct setting_definition *definition = &attribute_definitions[attribute];

	*value_out = str_of(definition->fallback);
	return config_text(change->config, &change->arena, value_out, err,
	                   "SELECT value FROM effective_attribute WHERE uid = ? AND key = ?", "nt", uid,
	                   str_of(definition->key)) < 0
	           ? -1
	           : 0;
}

int own_check_right(struct change *change, int64_t uid, enum attribute right, struct err *err)
{
	struct str value;

	if (in_force(change, uid, right, &value, err) != 0)
		return -1;
	return str_equal(value, STR("on")) ? 0 : err_set(err, ERR_DENIED, "the administrator does not allow it");
}

/* The user of the request, by his number. */
static int need_user(struct change *change, struct user *user, struct err *err)
{
	struct str name;
	int64_t uid;
	int row;

	if (!ipc_get_number(&change->incoming->message, "uid", 1, INT64_MAX, &uid))
		return err_set(err, ERR_SYNTAX, "the request lacks the number of a user");
	row = config_text(change->config, &change->arena, &name, err, "SELECT name FROM user WHERE uid = ?", "n", uid);
	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "there is no such user any more");
	return row < 0 ? -1 : user_need(change, name, user, err);
}

/* change.forward-to: a regular expression between slashes, or a pattern with wildcards. */
static int matches(struct str address, struct str pattern, bool *matches_out, struct err *err)
{
	struct regex *regex;

	if (!str_starts(pattern, STR("/"))) {
		*matches_out = wildcard_match(address, pattern, NULL);
		return 0;
	}
	if (regex_compile(pattern, &regex, err) != 0)
		return err_set(err, ERR_DENIED, "change.forward-to is no regular expression; the administrator has to mend it");
	*matches_out = regex_search(regex, address) == REGEX_YES;
	regex_free(regex);
	return 0;
}

/* A name without a domain is an address at the default domain. */
int own_check_targets(struct change *change, int64_t uid, struct str list, struct err *err)
{
	struct str pattern, domain = STR(""), item;

	if (in_force(change, uid, ATTRIBUTE_CHANGE_FORWARD_TO, &pattern, err) != 0 ||
	    config_text(change->config, &change->arena, &domain, err, "SELECT name FROM domain WHERE is_default", "") < 0)
		return -1;
	while (pattern.len > 0 && (item = str_cut_item(&list)).len != 0) {
		bool allowed = false;

		if (str_find_char(item, '@') < 0)
			item = arena_printf(&change->arena, "%.*s@%.*s", STR_ARG(item), STR_ARG(domain));
		if (matches(item, pattern, &allowed, err) != 0)
			return -1;
		if (!allowed)
			return err_set(err, ERR_DENIED, "the administrator does not allow mail to be passed on to %.*s",
			               STR_ARG(item));
	}
	return 0;
}

static const struct own *find_own(struct str key)
{
	for (size_t i = 0; i < sizeof own_attributes / sizeof own_attributes[0]; i++)
		if (str_equal(key, str_of(attribute_definitions[own_attributes[i].attribute].key)))
			return &own_attributes[i];
	return NULL;
}

static int set_own(struct change *change, const struct user *user, struct str key, struct str value, struct err *err)
{
	const struct attribute_holder holder = {.id = user->uid, .name = user->name};
	const struct own *own = find_own(key);

	if (own == NULL)
		return err_set(err, ERR_DENIED, "%.*s is nothing that users change themselves", STR_ARG(key));
	if (own->right != ATTRIBUTE_COUNT && own_check_right(change, user->uid, own->right, err) != 0)
		return -1;
	if (attribute_definitions[own->attribute].type == SETTING_TARGETS &&
	    own_check_targets(change, user->uid, value, err) != 0)
		return -1;
	return attribute_store(change, &holder, key, value, err);
}

int op_own_set(struct change *change, struct err *err)
{
	struct str key, value, name = STR("");
	struct user user = {0};

	if (need_user(change, &user, err) != 0)
		return -1;
	for (size_t position = 0; ipc_next(&change->incoming->message, &position, &key, &value);) {
		if (str_equal(key, STR("key")))
			name = value;
		else if (str_equal(key, STR("value")) && set_own(change, &user, name, value, err) != 0)
			return -1;
	}
	return 0;
}

/*
 * By mail change.password decides. In a browser the password that he logs in there with is always his to change; where
 * that is not the main one, change.main-password decides about that. Who stole a session is to change none.
 */
static int check_password_right(struct change *change, const struct user *user, bool of_web, struct err *err)
{
	struct str apart;

	if (!change->actor.own)
		return own_check_right(change, user->uid, ATTRIBUTE_CHANGE_PASSWORD, err);
	if (in_force(change, user->uid, ATTRIBUTE_WEB_PASSWORD, &apart, err) != 0)
		return -1;
	if (of_web && !str_equal(apart, STR("on")))
		return err_set(err, ERR_DENIED, "the web has no password of its own here");
	if (!of_web && str_equal(apart, STR("on")) &&
	    own_check_right(change, user->uid, ATTRIBUTE_CHANGE_MAIN_PASSWORD, err) != 0)
		return -1;
	if (change->actor.confirmed)
		return 0;
	change->code = "confirm";
	return err_set(err, ERR_DENIED, "who changes his password has to give the one that he has");
}

int op_own_password(struct change *change, struct err *err)
{
	struct str password;
	struct user user = {0};
	bool of_web = false;

	if (need_user(change, &user, err) != 0 || change_flag(change, "web", &of_web, err) != 0 ||
	    check_password_right(change, &user, of_web, err) != 0 || change_field(change, "password", &password, err) != 0)
		return -1;
	if (user_set_password(change, &user, password, of_web, err) != 0)
		return -1;
	change_note(change, "user %.*s has a new %spassword, by himself", STR_ARG(user.name), of_web ? "web " : "");
	return 0;
}
