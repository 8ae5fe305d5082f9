/*
 * Message Security: the password of its own without which administrators see nobody's mail by the web, nor lead it to
 * themselves. Kept as a hash (auth.db), checked by the workers; brokerd knows what it is about (broker/guarded.h).
 *
 * Who gave it may do so for a while, in that session alone; a token of scripts never. Guesses are counted by user,
 * wherever they come from, apart from his logins: he cannot free himself. What is lost is set anew from the server's
 * command line, which reads mail anyway.
 */
#include "authd/authd.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdio.h>

enum {
	OPEN_S = 900, /* so long it counts that was given */
	GUESSES = 5,
	LOCK_S = 900,
	NOBODY = 0, /* no account has this number */
};

/* A password on its way through the pool. */
struct guard_job {
	struct authd *authd;
	struct ipc_incoming *incoming;
	char session[WEB_TEXT_LEN + 1]; /* that it opens; "": it is a new password */
	char service[WEB_SERVICE_MAX], peer[WEB_PEER_MAX], user[NAMES_NAME_MAX];
	char key[LOCKOUT_CLIENT_MAX]; /* whose guesses are counted */
	int64_t changed_ms;           /* of the password that it was compared with */
};

int guard_load(struct authd *authd, struct err *err)
{
	authd->guard = (struct guard){0};
	return accounts_get_guard(&authd->accounts, authd->guard.hash, err) < 0 ? -1 : 0;
}

bool guard_is_shut(const struct authd *authd, const struct web_session *session)
{
	const struct guard *guard = &authd->guard;

	if (guard->hash[0] == '\0')
		return false;
	return session == NULL || session->opened_ms <= guard->changed_ms ||
	       io_now_ms() - session->opened_ms > OPEN_S * 1000;
}

static void answer_error(struct ipc_incoming *incoming, int code, const char *text)
{
	struct err err;

	err_set(&err, code, "%s", text);
	ipc_answer_error(incoming, &err);
}

/* For security.log. reason: "" where it was done. */
static void tell(const struct guard_job *job, const char *mechanism, const char *reason)
{
	struct security_record record = {.service = str_of(job->service),
	                                 .peer = str_of(job->peer),
	                                 .user = str_of(job->user),
	                                 .mechanism = str_of(mechanism),
	                                 .reason = str_of(reason)};

	log_info("%s: user=%s peer=%s%s%s", mechanism, job->user, job->peer, reason[0] != '\0' ? " reason=" : "", reason);
	audit_add(&job->authd->audit, &record);
}

static bool is_wanted(void *context)
{
	const struct guard_job *job = context;

	return !ipc_caller_gone(job->incoming);
}

/* Have the pool work on it; it is freed where that is not possible, and answered. */
static void submit(struct guard_job *job, struct hash_request *request, struct str password, pool_done *done)
{
	struct err err;

	request->password_len = (uint32_t)password.len;
	memcpy(request->password, password.data, password.len);
	request_forget(job->incoming);
	if (pool_submit(job->authd->pool, str_of(job->peer), request, is_wanted, done, job, &err) != 0) {
		request_put_off(job->incoming, &err);
		memory_free(job);
	}
	memory_wipe(request, sizeof *request);
}

static void refuse(struct guard_job *job, const char *reason)
{
	tell(job, "message-security", reason);
	answer_error(job->incoming, ERR_DENIED, "that is not the password of Message Security");
}

static void was_checked(const struct hash_reply *reply, void *context)
{
	struct guard_job *job = context;
	struct authd *authd = job->authd;
	struct web_session *session = web_sessions_find(&authd->web_sessions, str_of(job->session), INT64_MAX, io_now_ms());
	int64_t now_ms = io_now_ms();

	if (reply->result == HASH_FAILED || session == NULL || job->changed_ms != authd->guard.changed_ms) {
		answer_error(job->incoming, ERR_TEMPORARY, "the password could not be checked now");
	} else if (lockout_is_locked(&authd->lockout, NOBODY, job->key, now_ms)) {
		refuse(job, "locked");
	} else if (reply->result != HASH_RIGHT) {
		lockout_fail(&authd->lockout, NOBODY, job->key, GUESSES, LOCK_S * 1000, now_ms);
		refuse(job, "wrong password");
	} else {
		lockout_clear(&authd->lockout, NOBODY, job->key);
		session->opened_ms = now_ms;
		tell(job, "message-security", "");
		ipc_answer_ok(job->incoming);
	}
	memory_free(job);
}

void guard_open(struct authd *authd, struct ipc_incoming *incoming)
{
	struct hash_request request = {.kind = HASH_CHECK};
	struct web_subject subject;
	struct guard_job *job;
	struct str password;

	if (!password_read(incoming, &password) || !web_subject_need(authd, incoming, false, &subject))
		return;
	if (authd->guard.hash[0] == '\0' || !subject.administrator) {
		answer_error(incoming, ERR_DENIED, "there is nothing that this opens");
		return;
	}
	job = memory_get(sizeof *job);
	*job = (struct guard_job){.authd = authd, .incoming = incoming, .changed_ms = authd->guard.changed_ms};
	str_copy(str_of(subject.session->text), job->session, sizeof job->session);
	str_copy(str_of(subject.session->service), job->service, sizeof job->service);
	str_copy(str_of(subject.peer), job->peer, sizeof job->peer);
	str_copy(str_of(subject.login.name), job->user, sizeof job->user);
	snprintf(job->key, sizeof job->key, "uid %lld", (long long)subject.login.uid);
	memcpy(request.hash, authd->guard.hash, sizeof request.hash);
	submit(job, &request, password, was_checked);
}

/* It is this from now on, "" being none; what was open is so no more. */
static int keep(struct authd *authd, const char *hash, struct err *err)
{
	if (accounts_put_guard(&authd->accounts, hash, err) != 0)
		return -1;
	snprintf(authd->guard.hash, sizeof authd->guard.hash, "%s", hash);
	authd->guard.changed_ms = io_now_ms();
	return 0;
}

static void was_hashed(const struct hash_reply *reply, void *context)
{
	struct guard_job *job = context;
	struct err err;

	if (reply->result == HASH_REFUSED) {
		answer_error(job->incoming, ERR_SYNTAX, "a password must be UTF-8 text without control characters");
	} else if (reply->result == HASH_UNWANTED) {
		answer_error(job->incoming, ERR_SYNTAX, "the script passwordcheck.lua does not allow this password");
	} else if (reply->result != HASH_RIGHT) {
		answer_error(job->incoming, ERR_TEMPORARY, "the password could not be hashed now");
	} else if (keep(job->authd, reply->hash, &err) != 0) {
		request_put_off(job->incoming, &err);
	} else {
		tell(job, "message-security-on", "");
		ipc_answer_ok(job->incoming);
	}
	memory_free(job);
}

static struct guard_job *begin_change(struct authd *authd, struct ipc_incoming *incoming)
{
	struct guard_job *job = memory_get(sizeof *job);

	*job = (struct guard_job){.authd = authd, .incoming = incoming, .service = "postroom"};
	if (!ipc_get_text(&incoming->message, "by", job->user, sizeof job->user))
		str_copy(STR("root"), job->user, sizeof job->user);
	else
		str_copy(STR("web"), job->service, sizeof job->service);
	return job;
}

void guard_set(struct authd *authd, struct ipc_incoming *incoming)
{
	uint32_t least = (uint32_t)settings_number(&authd->settings, SETTING_PASSWORD_MIN);
	struct hash_request request = {.kind = HASH_MAKE, .min_length = least};
	struct guard_job *job;
	struct str password;

	if (!password_read_new(authd, incoming, &password))
		return;
	request.cost = (unsigned)settings_number(&authd->settings, SETTING_PASSWORD_COST);
	job = begin_change(authd, incoming);
	str_copy(str_of(job->user), request.user, sizeof request.user);
	submit(job, &request, password, was_hashed);
}

void guard_off(struct authd *authd, struct ipc_incoming *incoming)
{
	struct guard_job *job = begin_change(authd, incoming);
	struct err err;

	if (keep(authd, "", &err) != 0) {
		request_put_off(incoming, &err);
	} else {
		tell(job, "message-security-off", "");
		ipc_answer_ok(incoming);
	}
	memory_free(job);
}

void guard_status(struct authd *authd, struct ipc_incoming *incoming)
{
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "enabled", authd->guard.hash[0] != '\0');
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}
