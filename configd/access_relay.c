/* access: rules that would make an open relay, which are stored only where somebody says that he means it. */
#include "configd/access.h"

static bool is_for_all(const struct access_rule *rule)
{
	return rule->allow && (rule->kind == ACCESS_ANY || rule->kind == ACCESS_ANY4 || rule->kind == ACCESS_ANY6 ||
	                       (rule->kind == ACCESS_NETWORK && rule->network.prefix == 0));
}

/* Does the service of a list let clients send without a login, whatever their rule says? */
static int needs_no_login(struct change *change, int64_t service, bool *answer_out, struct err *err)
{
	struct str key = str_of(setting_definitions[SETTING_SMTP_REQUIRE_AUTH].key), value;
	int row = config_text(change->config, &change->arena, &value, err,
	                      "SELECT coalesce((SELECT value FROM service_setting WHERE service = ? AND key = ?),"
	                      " (SELECT value FROM setting WHERE key = ?), 'on')",
	                      "ntt", service, key, key);

	*answer_out = row == 1 && str_equal(value, STR("off"));
	return row < 0 ? -1 : 0;
}

int access_refuse_open_relay(struct change *change, const struct access_name *name, const struct access_rule *rules,
                             size_t count, struct err *err)
{
	bool is_meant = false, no_login = false;

	if (!name->has_unauth)
		return 0;
	if (change_flag(change, "open-relay", &is_meant, err) != 0 ||
	    needs_no_login(change, name->number, &no_login, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (!is_meant && is_for_all(&rules[i]) && (no_login || rules[i].unauth))
			return err_set(err, ERR_DENIED,
			               "this would let anybody in the world send mail through the service %.*s, without a login "
			               "(an open relay); where that is meant, say --open-relay",
			               STR_ARG(name->name));
	return 0;
}
