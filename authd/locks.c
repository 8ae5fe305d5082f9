#include "authd/authd.h"

#include "common/base/io.h"
#include "common/base/log.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

/* Who is being listed, and where to. */
struct listing {
	struct ipc_message *reply;
	const char *user;
	int64_t now_ms;
};

static void add_lock(const struct lockout_entry *entry, void *context)
{
	const struct listing *listing = context;
	json_int_t until = time(NULL) + (entry->until_ms - listing->now_ms + 999) / 1000;
	json_t *object = json_pack("{s:s, s:s, s:I}", "user", listing->user, "client", entry->client, "until", until);
	char *text = json_dumps(object, JSON_COMPACT);

	ipc_add_text(listing->reply, "lock", text);
	free(text);
	json_decref(object);
}

static int list_all(struct authd *authd, struct listing *listing, struct err *err)
{
	struct db_statement query;
	char user[NAMES_NAME_MAX];
	int row;

	if (db_prepare(&authd->settings.objects, &query, "SELECT uid, name FROM user ORDER BY name", err) != 0)
		return -1;
	while ((row = db_step(&query, err)) == 1) {
		str_copy(db_text(&query, 1), user, sizeof user);
		listing->user = user;
		lockout_each(&authd->lockout, db_number(&query, 0), listing->now_ms, add_lock, listing);
	}
	db_finalize(&query);
	return row;
}

void locks_list(struct authd *authd, struct ipc_incoming *incoming)
{
	struct ipc_message reply;
	struct listing listing = {.reply = &reply, .now_ms = io_now_ms()};
	struct err err;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	if (list_all(authd, &listing, &err) == 0)
		ipc_answer(incoming, &reply);
	else
		request_put_off(incoming, &err);
	ipc_message_free(&reply);
}

void locks_end(struct authd *authd, struct ipc_incoming *incoming)
{
	struct str name = ipc_get(&incoming->message, "name");
	struct login_name login;
	struct err err;

	if (names_find(&authd->settings, name, NULL, &login, &err) != 0) {
		request_put_off(incoming, &err);
	} else if (login.uid < 0) {
		err_set(&err, ERR_NOT_FOUND, "there is no user %.*s", STR_ARG(name));
		ipc_answer_error(incoming, &err);
	} else if (lockout_clear_all(&authd->lockout, login.uid, io_now_ms()) == 0) {
		err_set(&err, ERR_NOT_FOUND, "nobody is locked out of user %s", login.name);
		ipc_answer_error(incoming, &err);
	} else {
		log_info("user=%s is unlocked", login.name);
		ipc_answer_ok(incoming);
	}
}
