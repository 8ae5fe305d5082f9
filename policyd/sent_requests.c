#include "policyd/policyd.h"

enum { SIZE_MAX_OCTETS = INT32_MAX, RECIPIENTS_MAX = 1000000 }; /* of one message; more would not be true */

static int ask(const struct request *request, bool take, struct err *err)
{
	enum send_measure exceeded;
	struct sent_message message = {0};

	if (!ipc_get_number(request->message, "uid", 1, INT64_MAX, &message.uid) ||
	    !ipc_get_number(request->message, "octets", 0, SIZE_MAX_OCTETS, &message.octets) ||
	    !ipc_get_number(request->message, "recipients", 0, RECIPIENTS_MAX, &message.recipients) ||
	    !ipc_get_number(request->message, "remote", 0, message.recipients, &message.remote))
		return err_set(err, ERR_PROTOCOL, "what is sent has uid, octets, recipients and remote");
	if (sent_ask(request->policyd, &message, take, request->now, &exceeded, err) != 0)
		return -1;
	if (exceeded != SEND_NOTHING)
		ipc_add_text(request->reply, "exceeded", send_measure_word(exceeded));
	return 0;
}

int sent_request_ask(const struct request *request, struct err *err)
{
	return ask(request, false, err);
}

int sent_request_take(const struct request *request, struct err *err)
{
	return ask(request, true, err);
}

/* One line for each measure that the user has a limit of. */
static int add_usage(const struct request *request, int64_t uid, struct str name, struct err *err)
{
	struct send_amounts used;
	struct send_quota quota;

	if (sent_usage(request->policyd, uid, request->now, &quota, &used, err) != 0)
		return -1;
	for (int i = 0; i < SEND_MEASURES; i++)
		if (quota.limit.of[i] > 0)
			requests_add_object(request, "quota",
			                    json_pack("{s:s%, s:s, s:I, s:I, s:I, s:I}", "user", name.data, name.len, "measure",
			                              send_measure_word((enum send_measure)i), "used", (json_int_t)used.of[i],
			                              "limit", (json_int_t)quota.limit.of[i], "percent",
			                              (json_int_t)(used.of[i] * 100 / quota.limit.of[i]), "since",
			                              (json_int_t)(quota.since / 1000)));
	return 0;
}

/* Of the user that is named, or of all. */
int sent_request_usage(const struct request *request, struct err *err)
{
	struct str wanted = ipc_get(request->message, "user");
	struct db_statement users = {0};
	struct db objects;
	bool found = false;
	int row;

	if (settings_open_snapshot(&request->policyd->settings, &objects, err) != 0)
		return -1;
	row = db_prepare(&objects, &users, "SELECT uid, name FROM user ORDER BY name", err);
	while (row >= 0 && (row = db_step(&users, err)) == 1)
		if (wanted.len == 0 || str_equal_nocase(wanted, db_text(&users, 1))) {
			found = true;
			row = add_usage(request, db_number(&users, 0), db_text(&users, 1), err);
		}
	db_finalize(&users);
	db_close(&objects);
	if (row == 0 && wanted.len != 0 && !found)
		return err_set(err, ERR_NOT_FOUND, "there is no user \"%.*s\"", STR_ARG(str_sub(wanted, 0, 80)));
	return row < 0 ? -1 : 0;
}
