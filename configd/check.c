#include "configd/connectors.h"
#include "configd/items.h"
#include "configd/lists.h"
#include "configd/names.h"

int check_name(struct str name, const char *what, struct err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	if (name.len == 0)
		return err_set(err, ERR_SYNTAX, "the name of a %s must not be empty", what);
	if (name.len > NAME_MAX_LEN)
		return err_set(err, ERR_SYNTAX, "the name of a %s has at most %d characters, not %zu", what, NAME_MAX_LEN,
		               name.len);
	for (size_t i = 0; i < name.len; i++)
		if (name.data[i] == '\0' || strchr(allowed, name.data[i]) == NULL)
			return err_set(err, ERR_SYNTAX,
			               "the name of a %s consists of letters, digits, '.', '_' and '-'; \"%.*s\" does not", what,
			               STR_ARG(name));
	return 0;
}

int check_password(struct str password, struct err *err)
{
	if (password.len == 0)
		return err_set(err, ERR_SYNTAX, "the password must not be empty");
	if (password.len > PASSWORD_MAX_LEN)
		return err_set(err, ERR_SYNTAX, "the password must not be longer than %d bytes", PASSWORD_MAX_LEN);
	if (!str_is_utf8(password))
		return err_set(err, ERR_SYNTAX, "the password must be valid UTF-8");
	for (size_t i = 0; i < password.len; i++)
		if ((unsigned char)password.data[i] < 0x20 || password.data[i] == 0x7f)
			return err_set(err, ERR_SYNTAX, "the password must not hold control characters");
	return 0;
}

/* Count rows; -1 on error. */
static int64_t count(struct config *config, const char *sql, struct err *err)
{
	int64_t number = 0;

	return config_number(config, &number, err, sql, "") == 1 ? number : -1;
}

static int check_domains(struct config *config, struct err *err)
{
	int64_t domains = count(
	    config, "SELECT count(*) FROM domain WHERE instr(name, '@') + instr(name, '*') + instr(name, '?') = 0", err);
	int64_t defaults = count(config, "SELECT count(*) FROM domain WHERE is_default = 1", err);

	if (domains < 0 || defaults < 0)
		return -1;
	if (domains > 0 && defaults != 1)
		return err_set(err, ERR_DENIED, "one of the domains must be the default; choose another default first");
	return 0;
}

/* Somebody must be able to administer, and mail to postmaster must reach somebody (RFC 5321 4.5.1). */
static int check_users(struct config *config, struct err *err)
{
	int64_t users = count(config, "SELECT count(*) FROM user", err);
	int64_t administrators = count(config, "SELECT count(*) FROM effective_user WHERE administrator AND enabled", err);
	int64_t postmaster = count(config,
	                           "SELECT (SELECT count(*) FROM user WHERE name = 'postmaster')"
	                           " + (SELECT count(*) FROM mapping WHERE pattern = 'postmaster')",
	                           err);

	if (users < 0 || administrators < 0 || postmaster < 0)
		return -1;
	if (users > 0 && administrators == 0)
		return err_set(err, ERR_DENIED, "there must be an enabled user who is an administrator");
	if (users > 0 && postmaster == 0)
		return err_set(err, ERR_DENIED,
		               "mail to postmaster must reach somebody (RFC 5321 4.5.1): "
		               "map postmaster to another user first");
	if (config->instance->user_limit > 0 && users > config->instance->user_limit)
		return err_set(err, ERR_LIMIT, "this instance may have at most %ld users ([limits] users in postroom.conf)",
		               config->instance->user_limit);
	return 0;
}

static int check_fax(struct config *config, struct err *err)
{
	int64_t wrong = count(config,
	                      "SELECT count(*) FROM setting WHERE key = 'fax.mailbox' AND value <> ''"
	                      " AND NOT EXISTS (SELECT 1 FROM user WHERE name = value)",
	                      err);

	return wrong > 0 ? err_set(err, ERR_NOT_FOUND, "fax.mailbox must be a user, or empty") : (int)wrong;
}

/* What settings want of each other. */
static int check_settings(struct config *config, struct err *err)
{
	int64_t wrong = count(config,
	                      "SELECT count(*) FROM setting WHERE key = 'mail-auth.batv' AND value <> 'off' AND NOT EXISTS"
	                      " (SELECT 1 FROM setting WHERE key = 'mail-auth.batv-secret' AND value <> '')",
	                      err);

	if (wrong > 0)
		return err_set(err, ERR_DENIED, "mail-auth.batv needs a secret: set mail-auth.batv-secret first");
	if (wrong == 0)
		wrong = count(config,
		              "SELECT count(*) FROM sender_setting WHERE key = 'return-path' AND value = 'srs' AND NOT EXISTS"
		              " (SELECT 1 FROM setting WHERE key = 'mail-auth.srs-secret' AND value <> '')",
		              err);
	if (wrong > 0)
		return err_set(err, ERR_DENIED, "return-path srs of a sender needs a secret: set mail-auth.srs-secret first");
	if (wrong == 0)
		wrong =
		    count(config,
		          "SELECT count(*) FROM item JOIN item_field ON item = id WHERE kind = 'lan-rule' AND key = 'address'"
		          " AND value NOT LIKE '%@%' AND NOT EXISTS"
		          " (SELECT 1 FROM setting WHERE key = 'lan.bare-addresses' AND value = 'on')",
		          err);
	if (wrong > 0)
		return err_set(err, ERR_SYNTAX, "address: a LAN rule for a name without a domain needs lan.bare-addresses on");
	return wrong < 0 ? -1 : check_fax(config, err);
}

static int check_mappings(struct config *config, struct err *err)
{
	struct db_statement statement;
	int row;

	if (config_query(config, &statement, err,
	                 "SELECT pattern, target FROM mapping WHERE instr(target, '@') = 0"
	                 " AND lower(target) NOT IN ('*remote', 'everyone', 'admins', 'no-one')"
	                 " AND NOT EXISTS (SELECT 1 FROM user WHERE user.name = target)"
	                 " AND NOT EXISTS (SELECT 1 FROM list WHERE list.name = target)"
	                 " AND NOT EXISTS (SELECT 1 FROM user_group WHERE user_group.name = target) LIMIT 1",
	                 "") != 0)
		return -1;
	row = db_step(&statement, err);
	if (row == 1)
		row = err_set(err, ERR_DENIED, "the mapping of %.*s points to %.*s, which there is not; delete it first",
		              STR_ARG(db_text(&statement, 0)), STR_ARG(db_text(&statement, 1)));
	db_finalize(&statement);
	return row;
}

/* Rules for nobody in particular are for all: a user who is named must be there. */
static int check_access(struct config *config, struct err *err)
{
	struct db_statement rules;
	int row;

	if (config_query(config, &rules, err, "SELECT users, position FROM access_rule WHERE users <> ''", "") != 0)
		return -1;
	while ((row = db_step(&rules, err)) == 1) {
		struct str users = db_text(&rules, 0);
		uint64_t uid;

		while (row == 1 && users.len != 0)
			if (str_to_u64(str_cut(&users, '\t'), INT64_MAX, &uid))
				row = config_number(config, NULL, err, "SELECT 1 FROM user WHERE uid = ?", "n", (int64_t)uid);
		if (row == 0)
			row = err_set(err, ERR_DENIED, "rule %lld of an access list names the user; remove it first",
			              (long long)db_number(&rules, 1));
		if (row < 0)
			break;
	}
	db_finalize(&rules);
	return row;
}

/* Specification 02, "Routing": a message cannot go instead of the user's mailbox by two ways. */
static int check_routing(struct config *config, struct err *err)
{
	struct arena arena;
	struct str name;
	int row;

	arena_init(&arena);
	row = config_text(config, &arena, &name, err,
	                  "SELECT name FROM effective_user WHERE uid IN (SELECT a.uid FROM effective_attribute a"
	                  " JOIN effective_attribute b ON a.uid = b.uid WHERE a.key = 'assistant.redirect'"
	                  " AND a.value = 'on' AND b.key = 'forward' AND b.value <> '') LIMIT 1",
	                  "");
	if (row == 1)
		err_set(err, ERR_DENIED, "assistant.redirect of %.*s cannot be on while forward has addresses", STR_ARG(name));
	arena_free(&arena);
	return row == 0 ? 0 : -1;
}

int check_all(struct config *config, struct err *err)
{
	if (check_settings(config, err) != 0 || check_domains(config, err) != 0 || check_users(config, err) != 0 ||
	    check_names(config, err) != 0 || check_lists(config, err) != 0 || check_routing(config, err) != 0 ||
	    items_check_references(config, err) != 0)
		return -1;
	return check_mappings(config, err) != 0 || check_services(config, err) != 0 || check_notices(config, err) != 0 ||
	               check_connectors(config, err) != 0
	           ? -1
	           : check_access(config, err);
}
