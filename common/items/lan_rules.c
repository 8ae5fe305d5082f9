/* item: rules of LAN forwarding, and the servers where recipients are verified. */
#include "common/items/kinds.h"

enum { ADDRESS, SERVER, USERNAME, PASSWORD, REWRITE, CONDITION, COMMENT };

const struct item_field item_lan_rule_fields[] = {[ADDRESS] = {"address", false},   [SERVER] = {"server", false},
                                                  [USERNAME] = {"username", false}, [PASSWORD] = {"password", false},
                                                  [REWRITE] = {"rewrite", false},   [CONDITION] = {"condition", false},
                                                  [COMMENT] = {"comment", false},   {NULL, false}};

struct lan_rule item_lan_rule(const struct item *item)
{
	return (struct lan_rule){.id = item->id,
	                         .address = item->values[ADDRESS],
	                         .server = item->values[SERVER],
	                         .username = item->values[USERNAME],
	                         .password = item->values[PASSWORD],
	                         .rewrite = item->values[REWRITE],
	                         .condition = item->values[CONDITION],
	                         .comment = item->values[COMMENT]};
}

int item_lan_rule_check(struct item *item, struct arena *arena, struct err *err)
{
	struct lan_rule rule = item_lan_rule(item);

	if (lan_rule_check(&rule, arena, err) != 0)
		return -1;
	item->values[ADDRESS] = rule.address;
	item->values[SERVER] = rule.server;
	item->values[PASSWORD] = rule.password;
	item->values[REWRITE] = rule.rewrite;
	item->values[CONDITION] = rule.condition;
	return 0;
}

enum { VERIFY_SERVER, VERIFY_TYPE, VERIFY_SECRET };

const struct item_field item_lan_verifier_fields[] = {[VERIFY_SERVER] = {"server", false},
                                                      [VERIFY_TYPE] = {"type", false},
                                                      [VERIFY_SECRET] = {"password", false},
                                                      {NULL, false}};

struct lan_verifier item_lan_verifier(const struct item *item)
{
	return (struct lan_verifier){.server = item->values[VERIFY_SERVER],
	                             .is_minger = str_equal(item->values[VERIFY_TYPE], STR("minger")),
	                             .secret = item->values[VERIFY_SECRET]};
}

int item_lan_verifier_check(struct item *item, struct arena *arena, struct err *err)
{
	struct str *type = &item->values[VERIFY_TYPE];
	struct server server;

	if (server_parse(item->values[VERIFY_SERVER], LAN_PORT, arena, &server, err) != 0)
		return err_prefix(err, "server");
	item->values[VERIFY_SERVER] = server_format(&server, arena);
	if (str_equal_nocase(*type, STR("call-forward")))
		*type = STR("call-forward");
	else if (str_equal_nocase(*type, STR("minger")))
		*type = STR("minger");
	else
		return err_set(err, ERR_SYNTAX, "type: must be call-forward or minger");
	return 0;
}
