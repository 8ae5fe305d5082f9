#include "webadmin/mail/ask.h"

static void begin(struct mail_ask *asking, const char *callee, const char *op, bool own)
{
	ipc_message_init(&asking->ask);
	ipc_message_init(&asking->answer);
	ipc_request(&asking->ask, "ask");
	ipc_add_text(&asking->ask, "session", asking->request->visitor.session);
	ipc_add_text(&asking->ask, "peer", asking->web->peer);
	if (own)
		ipc_add_text(&asking->ask, "own", "1");
	ipc_add_text(&asking->ask, "callee", callee);
	ipc_add_text(&asking->ask, "request", op);
}

void mail_ask_begin(struct mail_ask *asking, struct web *web, const struct web_request *request,
                    struct web_reply *reply, const char *callee, const char *op)
{
	*asking = (struct mail_ask){.web = web, .request = request, .reply = reply};
	begin(asking, callee, op, true);
}

void mail_ask_begin_for_all(struct mail_ask *asking, struct web *web, const struct web_request *request,
                            struct web_reply *reply, const char *callee, const char *op)
{
	*asking = (struct mail_ask){.web = web, .request = request, .reply = reply};
	begin(asking, callee, op, false);
}

bool mail_ask_put(struct mail_ask *asking)
{
	struct err err;
	struct str code;

	if (ipc_call(&asking->web->broker, &asking->ask, &asking->answer, IPC_TIMEOUT_MS, &err) == 0)
		return true;
	code = ipc_get(&asking->answer, "code");
	if (str_equal(code, STR("login")))
		web_reply_error(asking->reply, 401, "login", "Log in again");
	else if (str_equal(code, STR("confirm")))
		web_reply_error(asking->reply, 403, "confirm", "Give your password again");
	else
		web_reply_err(asking->reply, &err);
	return false;
}

json_t *mail_ask_list(const struct mail_ask *asking, const char *name)
{
	json_t *items = json_array();
	struct str key, value;

	for (size_t position = 0; ipc_next(&asking->answer, &position, &key, &value);) {
		json_t *item = str_equal(key, str_of(name)) ? json_loadb(value.data, value.len, 0, NULL) : NULL;

		if (item != NULL)
			json_array_append_new(items, item);
	}
	return items;
}

void mail_ask_end(struct mail_ask *asking)
{
	ipc_message_free(&asking->ask);
	ipc_message_free(&asking->answer);
}
