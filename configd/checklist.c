#include "configd/checklist.h"

/* Each is there where its query gives a row. */
static const struct {
	const char *key, *title, *sql, *advice;
} items[] = {
    {"domains", "Local Domains", "SELECT 1 FROM domain",
     "\"postroom domain add\" makes a domain whose mail is for this server"},
    {"default-domain", "Default Domain", "SELECT 1 FROM domain WHERE is_default",
     "\"postroom domain default\" says which one stands behind names without one"},
    {"connection", "Connection", "SELECT 1 FROM connection",
     "\"postroom connection add\" says how this server reaches others"},
    {"sender", "Sender", "SELECT 1 FROM sender WHERE method <> 'relay' OR servers <> ''",
     "\"postroom sender add\" says how mail leaves"},
    /* a connection that is always there sends by itself; collectors are started, as are other connections */
    {"schedule", "Schedule",
     "SELECT 1 FROM item WHERE kind = 'schedule' AND NOT EXISTS (SELECT 1 FROM item_field WHERE item = item.id"
     " AND key = 'enabled' AND value = 'off') UNION ALL SELECT 1 FROM connection WHERE NOT EXISTS"
     " (SELECT 1 FROM collector) AND NOT EXISTS (SELECT 1 FROM connection AS c WHERE NOT EXISTS"
     " (SELECT 1 FROM connection_setting WHERE connection = c.id AND key = 'continuous' AND value = 'on'))",
     "\"postroom schedule add\" says when connections are started, \"postroom schedule set\" enables an item"},
    {"users", "Users", "SELECT 1 FROM user LIMIT 1 OFFSET 1", "\"postroom user add\" makes those whose mail it is"},
};

int op_checklist(struct change *change, struct err *err)
{
	for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
		int row = config_number(change->config, NULL, err, items[i].sql, "");

		if (row < 0)
			return -1;
		change_list(change, "item",
		            json_pack("{s:s, s:s, s:b, s:s}", "key", items[i].key, "title", items[i].title, "done", row,
		                      "advice", items[i].advice));
	}
	return 0;
}
