#include "webadmin/api/work.h"

void api_begin(struct api_work *work, const char *callee, const char *op)
{
	ipc_message_reset(&work->ask);
	ipc_request(&work->ask, "ask");
	ipc_add_text(&work->ask, "session", work->request->visitor.session);
	ipc_add_text(&work->ask, "peer", work->web->peer);
	ipc_add_text(&work->ask, "callee", callee);
	ipc_add_text(&work->ask, "request", op);
}

int api_send(struct api_work *work, int timeout_ms, struct err *err)
{
	if (work->ask.fields.overflow)
		return err_set(err, ERR_LIMIT, "that is too much for one request");
	if (work->web->broker.fd < 0)
		return err_set(err, ERR_TEMPORARY, "brokerd does not answer");
	ipc_message_reset(&work->answer);
	if (ipc_call(&work->web->broker, &work->ask, &work->answer, timeout_ms != 0 ? timeout_ms : IPC_TIMEOUT_MS, err) ==
	    0)
		return 0;
	/* the channel is lost, not refused: what became of the request is not known */
	if (work->web->broker.fd < 0)
		err->code = ERR_TEMPORARY;
	return -1;
}

/* The broker's word for its own refusals (doc/ipc.md); empty: the daemon behind it refused. */
static struct str broker_code(const struct api_work *work, const struct err *err)
{
	struct str code = ipc_get(&work->answer, "code");

	return err->code == ERR_DENIED && code.data != NULL ? code : STR("");
}

int api_status_of(const struct api_work *work, const struct err *err, const char **code_out)
{
	static const struct {
		int code, status;
		const char *word;
	} table[] = {
	    {ERR_NOT_FOUND, 404, "not-found"}, {ERR_EXISTS, 409, "exists"},   {ERR_DENIED, 409, "refused"},
	    {ERR_SYNTAX, 422, "syntax"},       {ERR_LIMIT, 422, "limit"},     {ERR_PROTOCOL, 422, "syntax"},
	    {ERR_SYSTEM, 503, "temporary"},    {ERR_CORRUPT, 503, "corrupt"},
	};
	struct str code = broker_code(work, err);

	*code_out = "temporary";
	if (str_equal(code, STR("login"))) {
		*code_out = "login";
		return 401;
	}
	if (code.len > 0) {
		*code_out = str_equal(code, STR("confirm"))            ? "confirm"
		            : str_equal(code, STR("message-security")) ? "message-security"
		                                                       : "denied";
		return 403;
	}
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		if (table[i].code != err->code)
			continue;
		*code_out = table[i].word;
		return table[i].status;
	}
	return 503;
}

void api_refuse(struct api_work *work, const struct err *err)
{
	struct str field = ipc_get(&work->answer, "field");
	const char *code;
	int status = api_status_of(work, err, &code);

	if (field.len > 0)
		web_reply_field_error(work->reply, status, code, arena_text(work->request->arena, field), str_of(err->text));
	else
		web_reply_error(work->reply, status, code, "%s", err->text);
}

bool api_is_barred(const struct api_work *work)
{
	return ipc_get(&work->answer, "code").data != NULL;
}
