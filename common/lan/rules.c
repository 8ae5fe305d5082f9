#include "common/lan/rules.h"

#include "common/addr/addr.h"
#include "common/items/kinds.h"

enum { PATTERN_MAX = 320, COMMENT_MAX = 1000, USERNAME_MAX = 256, COLLECTORS_MAX = 100 };

static void split(struct str address, struct str *local_part, struct str *domain)
{
	ptrdiff_t at = str_find_last_char(address, '@');

	*local_part = at >= 0 ? str_sub(address, 0, (size_t)at) : address;
	*domain = at >= 0 ? str_skip(address, (size_t)at + 1) : STR("");
}

int lan_rules_load(struct db *db, struct arena *arena, struct lan_rules *rules_out, struct err *err)
{
	struct items items;

	if (items_load(db, ITEM_LAN_RULE, ITEM_SERVER, arena, &items, err) != 0)
		return -1;
	*rules_out =
	    (struct lan_rules){.list = arena_get(arena, (items.count + 1) * sizeof *rules_out->list), .count = items.count};
	for (size_t i = 0; i < items.count; i++)
		rules_out->list[i] = item_lan_rule(&items.list[i]);
	return 0;
}

static bool holds_number(struct str list, int64_t wanted)
{
	struct str item;
	uint64_t number;

	while ((item = str_cut_item(&list)).len != 0)
		if (str_to_u64(item, INT64_MAX, &number) && (int64_t)number == wanted)
			return true;
	return false;
}

static bool suits(const struct lan_rule *rule, const struct lan_question *question)
{
	if (rule->condition.len == 0 || str_equal(rule->condition, STR("all")))
		return true;
	if (str_equal(rule->condition, STR("pop3")))
		return question->collected;
	if (str_equal(rule->condition, STR("smtp")))
		return !question->collected;
	return question->collected && holds_number(rule->condition, question->collector);
}

static bool matches(const struct lan_rule *rule, const struct lan_question *question, bool left_over)
{
	struct str local_part, domain;

	split(rule->address, &local_part, &domain);
	if (str_equal(local_part, STR("~")) != left_over || !suits(rule, question))
		return false;
	if (domain.len == 0)
		return question->is_local && str_matches_wildcard(question->local_part, local_part);
	return str_matches_wildcard(question->domain, domain) &&
	       (left_over || str_matches_wildcard(question->local_part, local_part));
}

const struct lan_rule *lan_rules_match(const struct lan_rules *rules, const struct lan_question *question,
                                       bool left_over)
{
	for (size_t i = 0; i < rules->count; i++)
		if (matches(&rules->list[i], question, left_over))
			return &rules->list[i];
	return NULL;
}

static bool has_wildcard(struct str text)
{
	return str_find_char(text, '*') >= 0 || str_find_char(text, '?') >= 0;
}

bool lan_rule_is_wide(const struct lan_rule *rule)
{
	return has_wildcard(rule->address) || str_starts(rule->address, STR("~@"));
}

struct str lan_rule_recipient(const struct lan_rule *rule, const struct lan_question *question, struct arena *arena)
{
	if (rule->rewrite.len == 0)
		return addr_format(question->local_part, question->domain, arena);
	if (str_starts(rule->rewrite, STR("*@")))
		return addr_format(question->local_part, str_skip(rule->rewrite, 2), arena);
	return rule->rewrite;
}

static bool is_plain(struct str text, size_t max)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7f)
			return false;
	return text.len <= max && str_is_utf8(text);
}

static int check_address(struct lan_rule *rule, struct arena *arena, struct err *err)
{
	struct str local_part, domain, normal;
	bool named = false;

	split(rule->address, &local_part, &domain);
	if (local_part.len == 0 || !is_plain(rule->address, PATTERN_MAX) ||
	    (domain.len == 0 && str_find_char(rule->address, '@') >= 0))
		return err_set(err, ERR_SYNTAX,
		               "address: must be an address, with wildcards or without: bob@example.com, *@example.com, "
		               "~@example.com");
	if (domain.len == 0)
		return str_equal(local_part, STR("~"))
		           ? err_set(err, ERR_SYNTAX, "address: \"~\" needs a domain, as in ~@example.com")
		           : 0;
	for (size_t i = 0; i < domain.len; i++)
		named |= strchr("*?.", domain.data[i]) == NULL;
	if (!named)
		return err_set(err, ERR_SYNTAX, "address: a domain of wildcards alone would relay mail for everybody");
	if (!has_wildcard(domain)) {
		if (addr_normalise_domain(domain, arena, &normal, NULL) != 0)
			return err_set(err, ERR_SYNTAX, "address: \"%.*s\" is not a domain", STR_ARG(str_sub(domain, 0, 80)));
		rule->address = arena_printf(arena, "%.*s@%.*s", STR_ARG(local_part), STR_ARG(normal));
	}
	return 0;
}

static int check_rewrite(struct lan_rule *rule, struct arena *arena, struct err *err)
{
	struct str domain;
	struct addr addr;

	if (rule->rewrite.len == 0)
		return 0;
	if (str_starts(rule->rewrite, STR("*@"))) {
		if (!str_starts(rule->address, STR("*@")) && !str_starts(rule->address, STR("~@")))
			return err_set(err, ERR_SYNTAX, "rewrite: *@DOMAIN goes with an address *@... only");
		if (addr_normalise_domain(str_skip(rule->rewrite, 2), arena, &domain, NULL) != 0)
			return err_set(err, ERR_SYNTAX, "rewrite: what follows *@ is not a domain");
		rule->rewrite = arena_printf(arena, "*@%.*s", STR_ARG(domain));
		return 0;
	}
	if (addr_parse_mailbox(rule->rewrite, arena, &addr, err) != 0) {
		if (err != NULL)
			err->code = ERR_SYNTAX;
		return err_prefix(err, "rewrite");
	}
	rule->rewrite = addr.text;
	return 0;
}

static int check_condition(struct lan_rule *rule, struct err *err)
{
	static const char *const words[] = {"all", "pop3", "smtp", NULL};
	struct str rest = rule->condition, item;
	uint64_t number;
	int count = 0;

	if (rest.len == 0)
		rule->condition = STR("all");
	for (const char *const *word = words; *word != NULL; word++)
		if (str_equal_nocase(rule->condition, str_of(*word))) {
			rule->condition = str_of(*word);
			return 0;
		}
	while ((item = str_cut_item(&rest)).len != 0)
		if (!str_to_u64(item, INT64_MAX, &number) || number == 0 || ++count > COLLECTORS_MAX)
			return err_set(err, ERR_SYNTAX, "condition: must be all, pop3, smtp, or numbers of collectors");
	return 0;
}

int lan_rule_check(struct lan_rule *rule, struct arena *arena, struct err *err)
{
	struct server server;

	if (check_address(rule, arena, err) != 0)
		return -1;
	if (server_parse(rule->server, LAN_PORT, arena, &server, err) != 0)
		return err_prefix(err, "server");
	rule->server = server_format(&server, arena);
	if (!is_plain(rule->username, USERNAME_MAX))
		return err_set(err, ERR_SYNTAX, "username: at most %d octets without blanks", USERNAME_MAX);
	if (rule->username.len == 0)
		rule->password = STR("");
	else if (rule->password.len == 0)
		return err_set(err, ERR_SYNTAX, "username: user name and password go together");
	if (rule->comment.len > COMMENT_MAX || !str_is_utf8(rule->comment))
		return err_set(err, ERR_SYNTAX, "comment: at most %d octets of text", COMMENT_MAX);
	return check_rewrite(rule, arena, err) != 0 ? -1 : check_condition(rule, err);
}
