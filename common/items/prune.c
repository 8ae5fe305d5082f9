#include "common/items/prune.h"

#include "common/items/kinds.h"
#include "common/items/values.h"

enum { FOLDER, AGE, SIZE, READ, FLAGGED, DELETED, SPAM };

const struct item_field item_prune_rule_fields[] = {
    [FOLDER] = {"folder", false},   [AGE] = {"age", false},         [SIZE] = {"size", false}, [READ] = {"read", false},
    [FLAGGED] = {"flagged", false}, [DELETED] = {"deleted", false}, [SPAM] = {"spam", false}, {NULL, false}};

static int read_want(const char *field, struct str text, const char *yes, const char *no, enum prune_want *want,
                     struct err *err)
{
	*want = str_equal_nocase(text, str_of(yes))  ? PRUNE_YES
	        : str_equal_nocase(text, str_of(no)) ? PRUNE_NO
	                                             : PRUNE_EITHER;
	if (*want == PRUNE_EITHER && text.len > 0 && !str_equal_nocase(text, STR("either")))
		return err_set(err, ERR_SYNTAX, "%s: must be %s, %s or either, not \"%.*s\"", field, yes, no,
		               STR_ARG(str_sub(text, 0, 40)));
	return 0;
}

int prune_rule_read(const struct item *item, struct prune_rule *rule, struct err *err)
{
	const struct str *values = item->values;

	*rule = (struct prune_rule){.folder = values[FOLDER].len > 0 ? values[FOLDER] : STR("INBOX")};
	if (!str_is_utf8(rule->folder) || rule->folder.len > MESSAGE_FOLDER_MAX)
		return err_set(err, ERR_SYNTAX, "folder: must be a name of %d octets at most, or *", MESSAGE_FOLDER_MAX);
	if (item_read_number("age", values[AGE], PRUNE_DAYS_MAX, PRUNE_DAYS, &rule->days, err) != 0 ||
	    item_read_number("size", values[SIZE], INT64_MAX, 0, &rule->size, err) != 0 ||
	    read_want("read", values[READ], "read", "unread", &rule->read, err) != 0 ||
	    read_want("flagged", values[FLAGGED], "flagged", "unflagged", &rule->flagged, err) != 0 ||
	    item_read_switch("deleted", values[DELETED], true, &rule->deleted_only, err) != 0)
		return -1;
	return item_read_switch("spam", values[SPAM], true, &rule->spam_only, err);
}

/* What was not said is written out: whoever looks at a rule sees what it does. */
int item_prune_rule_check(struct item *item, struct arena *arena, struct err *err)
{
	static const char *const read_words[] = {"either", "read", "unread"};
	static const char *const flagged_words[] = {"either", "flagged", "unflagged"};
	struct prune_rule rule;

	if (prune_rule_read(item, &rule, err) != 0)
		return -1;
	item->values[FOLDER] = rule.folder;
	item->values[AGE] = arena_printf(arena, "%lld", (long long)rule.days);
	item->values[READ] = str_of(read_words[rule.read]);
	item->values[FLAGGED] = str_of(flagged_words[rule.flagged]);
	item->values[DELETED] = rule.deleted_only ? STR("on") : STR("off");
	item->values[SPAM] = rule.spam_only ? STR("on") : STR("off");
	return 0;
}
