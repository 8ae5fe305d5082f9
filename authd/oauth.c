#include "authd/authd.h"
#include "authd/oauth_account.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { KEY_MAX = 64, ERROR_SHOWN_MAX = 160 };

/* Something to ask a token server. */
struct oauth_work {
	TAILQ_ENTRY(oauth_work) next;
	struct authd *authd;
	int64_t number;
	enum oauth_question question;
	char name[OAUTH_NAME_MAX]; /* of the account */
	bool given;                /* fetchd has it */
	struct event *late;
	struct ipc_incoming *waiting[OAUTH_WAITING_MAX];
	size_t waiting_count;
};

void oauth_init(struct oauth *oauth)
{
	*oauth = (struct oauth){0};
	TAILQ_INIT(&oauth->works);
}

static void answer_error(struct ipc_incoming *incoming, int code, const char *text)
{
	struct err err;

	err_set(&err, code, "%s", text);
	ipc_answer_error(incoming, &err);
}

static void free_work(struct oauth_work *work)
{
	struct oauth *oauth = &work->authd->oauth;

	TAILQ_REMOVE(&oauth->works, work, next);
	oauth->count--;
	event_free(work->late);
	memory_free(work);
}

/* All who wait get that answer; then the work is over. */
static void fail_work(struct oauth_work *work, const struct err *err)
{
	for (size_t i = 0; i < work->waiting_count; i++)
		ipc_answer_error(work->waiting[i], err);
	free_work(work);
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
	struct oauth_work *work = context;
	struct err err;

	(void)fd, (void)what;
	err_set(&err, ERR_TEMPORARY, "the token server of %s was not asked in time", work->name);
	log_warning("%s", err.text);
	fail_work(work, &err);
}

/* fetchd has an open question: give it what nobody has begun. */
static void give_work(struct authd *authd)
{
	struct oauth *oauth = &authd->oauth;
	struct oauth_work *work = TAILQ_FIRST(&oauth->works);
	struct ipc_message reply;
	struct buf form;
	json_t *account;
	struct err err;

	while (work != NULL && work->given)
		work = TAILQ_NEXT(work, next);
	if (work == NULL || oauth->fetcher == NULL)
		return;
	account = oauth_account_load(&authd->secrets, str_of(work->name), &err);
	if (account == NULL) {
		fail_work(work, &err);
		return;
	}
	buf_init(&form, SECRETS_VALUE_MAX);
	oauth_account_form(account, work->question, &form);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "work", work->number);
	ipc_add_text(&reply, "url", oauth_account_url(account, work->question));
	ipc_add(&reply, "body", buf_str(&form));
	work->given = true;
	ipc_answer(oauth->fetcher, &reply);
	oauth->fetcher = NULL;
	memory_wipe(form.data, form.capacity);
	buf_free(&form);
	memory_wipe(reply.fields.data, reply.fields.capacity);
	ipc_message_free(&reply);
	json_decref(account);
}

static struct oauth_work *find_renewal(struct oauth *oauth, struct str name)
{
	struct oauth_work *work;

	for (work = TAILQ_FIRST(&oauth->works); work != NULL; work = TAILQ_NEXT(work, next))
		if (work->question == OAUTH_RENEW && str_equal(str_of(work->name), name))
			return work;
	return NULL;
}

/* Have a server asked; incoming waits for what comes of it. */
static void add_work(struct authd *authd, enum oauth_question question, struct str name, struct ipc_incoming *incoming)
{
	const struct timeval limit = {.tv_sec = OAUTH_WORK_MS / 1000};
	struct oauth *oauth = &authd->oauth;
	struct oauth_work *work = question == OAUTH_RENEW ? find_renewal(oauth, name) : NULL;

	if (oauth->count >= OAUTH_WORK_MAX || (work != NULL && work->waiting_count >= OAUTH_WAITING_MAX)) {
		answer_error(incoming, ERR_TEMPORARY, "too many wait for token servers");
		return;
	}
	if (work == NULL) {
		work = memory_get(sizeof *work);
		work->authd = authd;
		work->number = ++oauth->last;
		work->question = question;
		str_copy(name, work->name, sizeof work->name);
		work->late = evtimer_new(authd->base, on_late, work);
		event_add(work->late, &limit);
		TAILQ_INSERT_TAIL(&oauth->works, work, next);
		oauth->count++;
	}
	work->waiting[work->waiting_count++] = incoming;
	give_work(authd);
}

void oauth_begin(struct authd *authd, struct ipc_incoming *incoming)
{
	struct str name = ipc_get(&incoming->message, "name");
	struct err err;
	json_t *account;

	if (!oauth_account_is_name(name)) {
		answer_error(incoming, ERR_SYNTAX, "the name of an OAuth account is letters, digits, \"-\", \"_\" and \".\"");
		return;
	}
	account = oauth_account_make(&incoming->message, &err);
	if (account == NULL || oauth_account_save(&authd->secrets, name, account, &err) != 0) {
		ipc_answer_error(incoming, &err);
	} else {
		log_info("the OAuth account %.*s was begun", STR_ARG(name));
		add_work(authd, OAUTH_DEVICE, name, incoming);
	}
	json_decref(account);
}

/* Is the account in a state in which it can be asked that? Answers where it is not. */
static bool is_in_state(struct authd *authd, struct ipc_incoming *incoming, struct str name, const char *state,
                        const char *otherwise)
{
	struct err err;
	json_t *account = oauth_account_load(&authd->secrets, name, &err);
	bool right = account != NULL && strcmp(oauth_account_text(account, "state"), state) == 0;

	if (account == NULL)
		ipc_answer_error(incoming, &err);
	else if (!right)
		answer_error(incoming, ERR_DENIED, otherwise);
	json_decref(account);
	return right;
}

void oauth_poll(struct authd *authd, struct ipc_incoming *incoming)
{
	struct str name = ipc_get(&incoming->message, "name");

	if (is_in_state(authd, incoming, name, "pending", "nobody waits for consent to this account"))
		add_work(authd, OAUTH_CONSENT, name, incoming);
}

void oauth_test(struct authd *authd, struct ipc_incoming *incoming)
{
	struct str name = ipc_get(&incoming->message, "name");

	if (is_in_state(authd, incoming, name, "granted",
	                "nobody has consented, or the consent was withdrawn: add it again"))
		add_work(authd, OAUTH_RENEW, name, incoming);
}

struct listing {
	struct authd *authd;
	struct ipc_message reply;
};

static void list_account(struct str name, void *context)
{
	struct listing *listing = context;
	struct err err;
	json_t *account = oauth_account_load(&listing->authd->secrets, name, &err), *row;
	char *text;

	if (account == NULL) {
		log_error("%s", err.text);
		return;
	}
	row = json_pack("{s:s%, s:s, s:s, s:I}", "name", name.data, name.len, "user", oauth_account_text(account, "user"),
	                "state", oauth_account_text(account, "state"), "expires",
	                json_integer_value(json_object_get(account, "expires")));
	text = json_dumps(row, JSON_COMPACT);
	ipc_add_text(&listing->reply, "account", text);
	free(text);
	json_decref(row);
	json_decref(account);
}

void oauth_list(struct authd *authd, struct ipc_incoming *incoming)
{
	struct listing listing = {.authd = authd};
	struct err err;

	ipc_message_init(&listing.reply);
	ipc_reply_ok(&listing.reply);
	if (secrets_each(&authd->secrets, "oauth", list_account, &listing, &err) == 0)
		ipc_answer(incoming, &listing.reply);
	else
		request_put_off(incoming, &err);
	ipc_message_free(&listing.reply);
}

void oauth_delete(struct authd *authd, struct ipc_incoming *incoming)
{
	struct str name = ipc_get(&incoming->message, "name");
	char key[OAUTH_NAME_MAX + 8];
	struct err err;
	json_t *account = oauth_account_load(&authd->secrets, name, &err);

	snprintf(key, sizeof key, "oauth/%.*s", STR_ARG(str_sub(name, 0, OAUTH_NAME_MAX)));
	if (account == NULL && err.code == ERR_NOT_FOUND) {
		ipc_answer_error(incoming, &err);
	} else if (secrets_delete(&authd->secrets, str_of(key), &err) != 0) {
		request_put_off(incoming, &err);
	} else {
		log_info("the OAuth account %.*s was deleted", STR_ARG(name));
		ipc_answer_ok(incoming);
	}
	json_decref(account);
}

/* The account that a sender or collector names in its settings. -1: ERR_NOT_FOUND: none. */
static int find_account(struct authd *authd, const char *caller, struct str name, char account[OAUTH_NAME_MAX],
                        struct err *err)
{
	bool is_sender = strcmp(caller, "sender") == 0;
	struct str kind = str_cut(&name, '/');
	struct db_statement statement;
	uint64_t number;
	int row;

	if (!str_equal(kind, str_of(caller)) || !str_to_u64(name, INT64_MAX, &number))
		return err_set(err, ERR_DENIED, "%s may not have that token", caller);
	if (db_prepare(&authd->settings.objects, &statement,
	               is_sender ? "SELECT value FROM sender_setting WHERE sender = ? AND key = 'oauth'"
	                         : "SELECT value FROM collector_setting WHERE collector = ? AND key = 'oauth'",
	               err) != 0)
		return -1;
	db_bind_number(&statement, 1, (int64_t)number);
	row = db_step(&statement, err);
	if (row == 1 && !str_copy(db_text(&statement, 0), account, OAUTH_NAME_MAX))
		row = 0;
	db_finalize(&statement);
	if (row == 0)
		return err_set(err, ERR_NOT_FOUND, "%s %llu names no OAuth account", caller, (unsigned long long)number);
	return row == 1 ? 0 : -1;
}

static void answer_token(struct ipc_incoming *incoming, const json_t *account)
{
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_text(&reply, "value", oauth_account_text(account, "access_token"));
	ipc_add_text(&reply, "user", oauth_account_text(account, "user"));
	ipc_answer(incoming, &reply);
	memory_wipe(reply.fields.data, reply.fields.capacity);
	ipc_message_free(&reply);
}

void oauth_token(struct authd *authd, struct ipc_incoming *incoming)
{
	char name[OAUTH_NAME_MAX] = "";
	json_t *account = NULL;
	const char *state;
	struct err err;

	if (find_account(authd, incoming->caller, ipc_get(&incoming->message, "name"), name, &err) == 0)
		account = oauth_account_load(&authd->secrets, str_of(name), &err);
	if (account == NULL) {
		log_error("%s", err.text);
		ipc_answer_error(incoming, &err);
		return;
	}
	state = oauth_account_text(account, "state");
	if (strcmp(state, "granted") != 0)
		answer_error(incoming, ERR_DENIED,
		             strcmp(state, "withdrawn") == 0 ? "the consent to the OAuth account was withdrawn"
		                                             : "nobody has consented to the OAuth account yet");
	else if (json_integer_value(json_object_get(account, "expires")) > time(NULL) + OAUTH_SPARE_S)
		answer_token(incoming, account);
	else
		add_work(authd, OAUTH_RENEW, str_of(name), incoming);
	json_decref(account);
}

void oauth_take_work(struct authd *authd, struct ipc_incoming *incoming)
{
	struct oauth *oauth = &authd->oauth;

	if (oauth->fetcher != NULL)
		answer_error(oauth->fetcher, ERR_TEMPORARY, "asked again");
	oauth->fetcher = incoming;
	give_work(authd);
}

void oauth_fetcher_gone(struct authd *authd)
{
	struct oauth *oauth = &authd->oauth;
	struct oauth_work *work;

	if (oauth->fetcher != NULL)
		answer_error(oauth->fetcher, ERR_TEMPORARY, "gone");
	oauth->fetcher = NULL;
	/* What it had it may have asked or not; asking again does no harm but to a refresh token that is used once. */
	for (work = TAILQ_FIRST(&oauth->works); work != NULL; work = TAILQ_NEXT(work, next))
		work->given = false;
}

static void answer_fields(struct oauth_work *work, const struct ipc_message *from, const char *const *fields,
                          const char *state)
{
	for (size_t i = 0; i < work->waiting_count; i++) {
		struct ipc_message reply;

		ipc_message_init(&reply);
		ipc_reply_ok(&reply);
		ipc_add_text(&reply, "state", state);
		for (const char *const *field = fields; *field != NULL; field++)
			if (ipc_get(from, *field).data != NULL)
				ipc_add(&reply, *field, ipc_get(from, *field));
		ipc_answer(work->waiting[i], &reply);
		ipc_message_free(&reply);
	}
}

/* The device code is kept, the rest goes to who asked. */
static int take_device(struct oauth_work *work, json_t *account, const struct ipc_message *done, struct err *err)
{
	static const char *const shown[] = {"user_code", "verification_uri", "verification_url",
	                                    "interval",  "expires_in",       NULL};
	struct str code = ipc_get(done, "device_code");

	if (code.len == 0 || code.len > SECRETS_VALUE_MAX / 8 || ipc_get(done, "user_code").len == 0)
		return err_set(err, ERR_PROTOCOL, "the token server began no device authorization");
	json_object_set_new(account, "device_code", json_stringn(code.data, code.len));
	if (oauth_account_save(&work->authd->secrets, str_of(work->name), account, err) != 0)
		return -1;
	answer_fields(work, done, shown, "pending");
	return 0;
}

/* RFC 8628 3.5: not an error, only not yet. */
static bool is_not_yet(const struct oauth_work *work, struct str error)
{
	return work->question == OAUTH_CONSENT &&
	       (str_equal(error, STR("authorization_pending")) || str_equal(error, STR("slow_down")));
}

/* Tokens came, or "not yet" where somebody has still to consent. */
static int take_tokens(struct oauth_work *work, json_t *account, const struct ipc_message *done, struct err *err)
{
	static const char *const shown[] = {"expires_in", NULL}, *const pending[] = {"error", NULL};

	if (is_not_yet(work, ipc_get(done, "error"))) {
		answer_fields(work, done, pending, "pending");
		return 0;
	}
	if (oauth_account_take(account, done, (int64_t)time(NULL), err) != 0 ||
	    oauth_account_save(&work->authd->secrets, str_of(work->name), account, err) != 0)
		return -1;
	log_info("the OAuth account %s has a new token", work->name);
	for (size_t i = 0; i < work->waiting_count;) {
		if (ipc_is(&work->waiting[i]->message, "oauth-token")) {
			answer_token(work->waiting[i], account);
			work->waiting[i] = work->waiting[--work->waiting_count];
		} else {
			i++;
		}
	}
	answer_fields(work, done, shown, "granted");
	return 0;
}

/* RFC 6749 5.2: the consent was withdrawn, or the token is no longer valid for another reason. Asking again is no use.
 */
static void note_withdrawal(struct oauth_work *work, json_t *account, struct ipc_message *reply)
{
	char text[256];
	struct err err;

	json_object_set_new(account, "state", json_string("withdrawn"));
	json_object_del(account, "access_token");
	if (oauth_account_save(&work->authd->secrets, str_of(work->name), account, &err) != 0)
		log_error("%s", err.text);
	snprintf(
	    text, sizeof text,
	    "The consent to the OAuth account %s was withdrawn: nothing is sent or fetched by it until it is added again",
	    work->name);
	log_error("%s", text);
	ipc_add_text(reply, "notice", text);
	ipc_add_text(reply, "account", work->name);
}

static void finish_work(struct authd *authd, struct oauth_work *work, const struct ipc_message *done,
                        struct ipc_message *reply)
{
	struct str failed = ipc_get(done, "failed"), error = ipc_get(done, "error");
	struct err err;
	json_t *account = oauth_account_load(&authd->secrets, str_of(work->name), &err);
	int result = -1;

	if (account == NULL)
		log_error("%s", err.text);
	else if (failed.data != NULL)
		err_set(&err, ERR_TEMPORARY, "the token server cannot be asked: %.*s", STR_ARG(failed));
	else if (error.data == NULL || is_not_yet(work, error))
		result = work->question == OAUTH_DEVICE ? take_device(work, account, done, &err)
		                                        : take_tokens(work, account, done, &err);
	else
		err_set(&err, ERR_DENIED, "the token server refuses: %.*s %.*s", STR_ARG(str_sub(error, 0, KEY_MAX)),
		        STR_ARG(str_sub(ipc_get(done, "error_description"), 0, ERROR_SHOWN_MAX)));
	if (result != 0 && work->question == OAUTH_RENEW && str_equal(error, STR("invalid_grant")) && account != NULL)
		note_withdrawal(work, account, reply);
	json_decref(account);
	if (result != 0) {
		log_warning("OAuth account %s: %s", work->name, err.text);
		fail_work(work, &err);
	} else {
		free_work(work);
	}
}

void oauth_take_done(struct authd *authd, struct ipc_incoming *incoming)
{
	struct oauth_work *work;
	struct ipc_message reply;
	int64_t number = 0;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_get_number(&incoming->message, "work", 1, INT64_MAX, &number);
	work = TAILQ_FIRST(&authd->oauth.works);
	while (work != NULL && work->number != number)
		work = TAILQ_NEXT(work, next);
	if (work != NULL)
		finish_work(authd, work, &incoming->message, &reply);
	request_forget(incoming);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}
