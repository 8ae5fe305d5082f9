#include "common/addr/smtp_target.h"

#include "common/addr/addr.h"
#include "common/base/hidden.h"

#define PREFIX STR("SMTP:")

enum { SMTP_PORT = 25 };

bool smtp_target_is(struct str text)
{
	return str_starts_nocase(text, PREFIX);
}

/* Where the local part ends: the first "@" that does not stand in a quoted string. */
static ptrdiff_t find_at(struct str text)
{
	bool quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		if (quoted && text.data[i] == '\\')
			i++;
		else if (text.data[i] == '"')
			quoted = !quoted;
		else if (text.data[i] == '@' && !quoted)
			return (ptrdiff_t)i;
	}
	return -1;
}

/* What may stand in a line of the settings and in a destination. */
static bool is_plain(struct str text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] <= ' ' || text.data[i] == 0x7f)
			return false;
	return str_is_utf8(text);
}

static int parse_login(struct str login, struct smtp_target *target, struct err *err)
{
	struct str rest = login, user = str_cut(&rest, ':');

	if (user.len == 0 || rest.data == NULL || rest.len == 0)
		return err_set(err, ERR_SYNTAX, "before the server stands USER:PASSWORD@ or nothing");
	if (user.len > SMTP_TARGET_USER_MAX || rest.len > SMTP_TARGET_USER_MAX)
		return err_set(err, ERR_SYNTAX, "user and password have at most %d octets each", SMTP_TARGET_USER_MAX);
	target->user = user;
	target->password = rest;
	return 0;
}

int smtp_target_parse(struct str text, struct arena *arena, struct smtp_target *target_out, struct err *err)
{
	struct smtp_target target = {.user = STR(""), .password = STR("")};
	struct str rest, domain;
	struct addr addr;
	ptrdiff_t at, last;
	int result = 0;

	if (!smtp_target_is(text) || text.len > SMTP_TARGET_MAX || !is_plain(text))
		return err_set(err, ERR_SYNTAX, "a target is SMTP:ADDRESS@[USER:PASSWORD@]SERVER[:PORT], without blanks");
	text = str_skip(text, PREFIX.len);
	at = find_at(text);
	rest = at >= 0 ? str_skip(text, (size_t)at + 1) : STR("");
	domain = str_cut(&rest, '@');
	if (at < 0 || rest.data == NULL)
		return err_set(err, ERR_SYNTAX, "the target names no server: write SMTP:ADDRESS@SERVER");
	if (addr_parse_mailbox(str_sub(text, 0, (size_t)at + 1 + domain.len), arena, &addr, err) != 0) {
		if (err == NULL)
			return -1;
		err_prefix(err, "the target's address");
		err->code = ERR_SYNTAX;
		return -1;
	}
	target.address = addr.text;
	last = str_find_last_char(rest, '@');
	if (last >= 0) {
		result = parse_login(str_sub(rest, 0, (size_t)last), &target, err);
		rest = str_skip(rest, (size_t)last + 1);
	}
	if (result == 0)
		result = server_parse(rest, SMTP_PORT, arena, &target.server, err);
	if (result == 0)
		*target_out = target;
	return result;
}

static struct str write_target(const struct smtp_target *target, struct str password, struct arena *arena)
{
	struct str server = server_format(&target->server, arena);

	if (target->user.len == 0)
		return arena_printf(arena, "SMTP:%.*s@%.*s", STR_ARG(target->address), STR_ARG(server));
	return arena_printf(arena, "SMTP:%.*s@%.*s:%.*s@%.*s", STR_ARG(target->address), STR_ARG(target->user),
	                    STR_ARG(password), STR_ARG(server));
}

struct str smtp_target_format(const struct smtp_target *target, struct arena *arena)
{
	return write_target(target, target->password, arena);
}

struct str smtp_target_show(struct str text, struct arena *arena)
{
	struct smtp_target target = {0};

	if (smtp_target_parse(text, arena, &target, NULL) != 0)
		return text;
	return write_target(&target, STR(HIDDEN_PASSWORD), arena);
}
