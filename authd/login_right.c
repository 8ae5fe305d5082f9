/* What a right login gives. */
#include "authd/authd.h"

#include "common/base/io.h"
#include "common/base/memory.h"

int login_add_right(struct authd *authd, struct ipc_message *reply, const struct login_origin *origin,
                    const struct login_name *login, struct err *err)
{
	const char *redeemer = strcmp(origin->caller, "imap-login") == 0 ? "imapd" : "pop3d";
	char token[TOKEN_MAX], ticket[TICKET_LEN + 1];
	struct ticket_right right = {.uid = login->uid};

	if (strcmp(origin->caller, "smtpd") == 0) {
		token_make(&authd->relay_key, "authd", str_of(origin->service), str_of(origin->peer), str_of(login->name),
		           token);
		ipc_add_text(reply, "token", token);
		return 0;
	}
	if (strcmp(origin->caller, "listd") == 0)
		return 0;
	if (strcmp(origin->caller, "webadmin") == 0)
		return web_grant(authd, reply, origin, login, err);
	str_copy(str_of(login->name), right.user, sizeof right.user);
	if (tickets_issue(&authd->tickets, redeemer, str_of(origin->service), &right, io_now_ms(), ticket, err) != 0)
		return -1;
	ipc_add_text(reply, "ticket", ticket);
	memory_wipe(ticket, sizeof ticket);
	return 0;
}
