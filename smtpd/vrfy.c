/* VRFY and EXPN (RFC 5321 4.1.1.6, 4.1.1.7): only for whom their own access list allows (smtpd/relay.h). */
#include "smtpd/smtpd.h"

#include "common/addr/addr.h"

/* Answer why there is nothing to answer, in the same way whoever is asked for. */
static bool may_ask(struct session *session, struct str argument)
{
	if (!settings_flag(&session->smtpd->settings, SETTING_SMTP_VRFY))
		reply(session, 502, "5.5.1", "Command not implemented");
	else if (!session->relay.may_verify)
		reply(session, 550, "5.7.1", "Access denied");
	else if (str_trim(argument).len == 0)
		reply(session, 501, "5.5.4", "Say whom: a name or an address");
	else
		return true;
	return false;
}

/* "paul", "paul@example.com" or either in brackets, as an address. -1: it is none. */
static int read_address(struct session *session, struct str argument, struct str *address_out)
{
	struct arena *arena = &session->command_arena;
	struct str text = str_trim(argument);
	struct addr addr;

	if (text.len > 2 && text.data[0] == '<' && text.data[text.len - 1] == '>')
		text = str_sub(text, 1, text.len - 2);
	if (str_find_char(text, '@') < 0)
		text = arena_printf(arena, "%.*s@%s", STR_ARG(text), settings_default_domain(&session->smtpd->settings));
	if (addr_parse_mailbox(text, arena, &addr, NULL) != 0)
		return -1;
	*address_out = addr_format(addr.local_part, addr.domain, arena);
	return 0;
}

/*
 * The resolver's answer about an address of this server, with the members of lists where expand says so. False: there
 * is none, and the client was told.
 */
static bool ask(struct session *session, struct str argument, bool expand, struct str *address_out,
                struct ipc_message *answer)
{
	if (!may_ask(session, argument))
		return false;
	if (read_address(session, argument, address_out) != 0) {
		reply(session, 501, "5.1.3", "That is neither a name nor an address");
		return false;
	}
	switch (relay_ask(session, *address_out, expand, answer)) {
	case RECIPIENT_LOCAL:
		return true;
	case RECIPIENT_REMOTE:
	case RECIPIENT_UNKNOWN:
		reply(session, 550, "5.1.1", "Recipient not recognised");
		break;
	case RECIPIENT_UNDECIDED:
		reply(session, 451, "4.3.0", "Recipients cannot be checked now, try again later");
		break;
	}
	return false;
}

void command_vrfy(struct session *session, struct str argument)
{
	struct ipc_message answer;
	struct str address;

	ipc_message_init(&answer);
	if (ask(session, argument, false, &address, &answer))
		reply(session, 250, "2.1.5", "<%.*s>", STR_ARG(address));
	ipc_message_free(&answer);
}

/*
 * A target of the resolver's as an address: "user <uid> <name>", "list <number> <name>", "remote <address>". Empty for
 * what has none of its own.
 */
static struct str target_address(struct session *session, struct str target)
{
	struct str kind = str_cut_word(&target);

	if (str_equal(kind, STR("remote")))
		return str_trim(target);
	if (!str_equal(kind, STR("user")) && !str_equal(kind, STR("list")))
		return STR("");
	str_cut_word(&target);
	target = str_trim(target);
	if (str_find_char(target, '@') >= 0)
		return target;
	return arena_printf(&session->command_arena, "%.*s@%s", STR_ARG(target),
	                    settings_default_domain(&session->smtpd->settings));
}

void command_expn(struct session *session, struct str argument)
{
	struct str address, key, value, last = {NULL, 0};
	struct ipc_message answer;

	ipc_message_init(&answer);
	if (ask(session, argument, true, &address, &answer)) {
		for (size_t position = 0; ipc_next(&answer, &position, &key, &value);) {
			if (!str_equal(key, STR("target")))
				continue;
			value = target_address(session, value);
			if (value.len == 0)
				continue;
			if (last.data != NULL)
				reply_line(session, 250, "2.1.5 <%.*s>", STR_ARG(last));
			last = value;
		}
		if (last.data != NULL)
			address = last;
		reply(session, 250, "2.1.5", "<%.*s>", STR_ARG(address));
	}
	ipc_message_free(&answer);
}
