#include "common/script/name.h"

#include "common/script/script.h"

#include <stdio.h>

const struct script_hook script_hooks[] = {
    {"autoresponder", "Before and after each automatic answer."},
    {"bandwidth", "How fast a connection may be."},
    {"delivery", "Before a message is put into a mailbox."},
    {"dmarcreporter", "Before a report about DMARC is sent."},
    {"errorhandler", "Before administrators are told of something."},
    {"idsline", "Before a line of ids.log is written."},
    {"imap4svr", "What IMAP tells its clients."},
    {"lanforwarding", "Before mail goes to a server of the LAN."},
    {"monitor", "Before a message is copied for monitoring."},
    {"mxout", "Before and while a message is sent to a mail exchanger."},
    {"mxserverrules", "Which mail exchangers are asked."},
    {"outmessage", "When a message comes into the out queue."},
    {"passwordcheck", "Whether a new password is taken."},
    {"pop3clt", "While mail is collected by POP3."},
    {"relayout", "Before and while messages are sent to a smarthost."},
    {"scheduler", "Every minute, five minutes, hour and day."},
    {"signature", "Which text is put below what users send."},
    {"smtprules_1", "Within the rules of the SMTP service of this number."},
    {"smtpsvr", "During each session of SMTP."},
    {"user_redirect", "Where mail to a user goes."},
    {"usermanager", "Which user a login name means."},
    {NULL, NULL},
};

/* Those that a user may have of his own, in his folder. */
static const char *const of_users[] = {"delivery", "user_redirect"};

static bool is_part(struct str part)
{
	if (part.len == 0 || part.data[0] == '.')
		return false;
	for (size_t i = 0; i < part.len; i++) {
		char c = part.data[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_'))
			return false;
	}
	return true;
}

int script_name_normalise(struct str name, char *out, size_t size, struct err *err)
{
	char lower[SCRIPT_NAME_MAX + 1];
	bool ends = str_ends_nocase(name, STR(".lua"));
	struct str rest, folder = {NULL, 0};

	if (ends)
		name.len -= 4;
	if (name.len > SCRIPT_NAME_MAX || name.len == 0)
		return err_set(err, ERR_SYNTAX, "the name of a script has 1 to %d characters", SCRIPT_NAME_MAX);
	str_copy(name, lower, sizeof lower);
	for (char *c = lower; *c != '\0'; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	rest = str_from(lower, name.len);
	if (str_find_char(rest, '/') >= 0)
		folder = str_cut(&rest, '/');
	if (!is_part(rest) || (folder.data != NULL && !is_part(folder)))
		return err_set(
		    err, ERR_SYNTAX,
		    "the name of a script is made of letters, digits, '.', '-' and '_', and perhaps a user before '/'");
	snprintf(out, size, "%.*s%s%.*s.lua", STR_ARG(folder), folder.data != NULL ? "/" : "", STR_ARG(rest));
	return 0;
}

bool script_is_hook(struct str name)
{
	ptrdiff_t slash = str_find_char(name, '/');

	if (str_ends_nocase(name, STR(".lua")))
		name.len -= 4;
	if (slash >= 0) {
		for (size_t i = 0; i < sizeof of_users / sizeof of_users[0]; i++)
			if (str_equal(str_skip(name, (size_t)slash + 1), str_of(of_users[i])))
				return true;
		return false;
	}
	for (const struct script_hook *hook = script_hooks; hook->name != NULL; hook++)
		if (str_equal(name, str_of(hook->name)))
			return true;
	return str_starts(name, STR("smtprules_"));
}
