#include "authd/authd.h"
#include "authd/translate.h"

#include "common/base/io.h"
#include "common/base/log.h"
#include "common/base/memory.h"

#include <time.h>

/* Why a name cannot log in whatever its password; only the log hears of it. */
enum obstacle {
	OBSTACLE_NONE,
	OBSTACLE_NO_USER,
	OBSTACLE_DISABLED,
	OBSTACLE_EXPIRED,
	OBSTACLE_PROTOCOL,
	OBSTACLE_NO_PASSWORD,
	OBSTACLE_LOCKED,
	OBSTACLE_NO_COPY
};

static const char *const obstacle_words[] = {
    [OBSTACLE_NONE] = "wrong password",
    [OBSTACLE_NO_USER] = "no such user",
    [OBSTACLE_DISABLED] = "user disabled",
    [OBSTACLE_EXPIRED] = "account expired",
    [OBSTACLE_PROTOCOL] = "protocol not allowed for this user",
    [OBSTACLE_NO_PASSWORD] = "no password set",
    [OBSTACLE_LOCKED] = "account locked",
    [OBSTACLE_NO_COPY] = "no password kept for challenge logins yet",
};

/* Who tries to log in. */
struct subject {
	struct login_name login;
	struct account account; /* valid where has_account */
	bool has_account;
	enum obstacle obstacle;
};

/* A password on its way through the pool. */
struct attempt {
	struct authd *authd;
	struct ipc_incoming *incoming;
	struct login_origin origin;
	const char *mechanism;
	struct subject subject;
	uint64_t password_changes;
	bool hopeless; /* the password is longer than any */
	size_t password_len;
	char password[HASH_PASSWORD_MAX];
};

/* It goes into the log, and into tickets and tokens, for which only its being the same counts. */
static bool is_word(const char *text)
{
	return text[0] != '\0' &&
	       text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

int login_read_origin(const struct ipc_incoming *incoming, struct login_origin *origin, struct err *err)
{
	int64_t tls = 0;

	origin->caller = incoming->caller;
	if (!ipc_get_text(&incoming->message, "service", origin->service, sizeof origin->service) ||
	    !ipc_get_text(&incoming->message, "peer", origin->peer, sizeof origin->peer) ||
	    !ipc_get_number(&incoming->message, "tls", 0, 1, &tls))
		return err_set(err, ERR_PROTOCOL, "a login needs service, peer and tls");
	if (!is_word(origin->service))
		return err_set(err, ERR_PROTOCOL, "the service of a login is no word");
	origin->tls = tls != 0;
	return 0;
}

/* What is logged in to by way of a caller, as the attribute "protocols" calls it; NULL: nothing that it speaks of. */
static const char *protocol_of(const char *caller)
{
	static const struct {
		const char *caller, *protocol;
	} protocols[] = {
	    {"smtpd", "smtp"}, {"pop3-login", "pop3"}, {"imap-login", "imap"}, {"listd", "password"}, {"webadmin", "web"}};

	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
		if (strcmp(protocols[i].caller, caller) == 0)
			return protocols[i].protocol;
	return NULL;
}

static bool is_web(const struct login_origin *origin)
{
	return strcmp(origin->caller, "webadmin") == 0;
}

/* Nobody is to lock himself out where he sits at the server (web.lockout-loopback). */
static bool can_be_locked(const struct authd *authd, const struct login_origin *origin)
{
	return !is_web(origin) || settings_flag(&authd->settings, SETTING_WEB_LOCKOUT_LOOPBACK) ||
	       !settings_networks_hold("127.0.0.0/8,::1", origin->peer);
}

static bool is_locked(const struct authd *authd, const struct login_origin *origin, const struct login_name *login)
{
	return can_be_locked(authd, origin) && lockout_is_locked(&authd->lockout, login->uid, origin->peer, io_now_ms());
}

/* What the password is checked against: 1, 0 (there is none), -1. */
static int find_account(struct authd *authd, const struct login_origin *origin, struct subject *subject,
                        struct err *err)
{
	int64_t uid = subject->login.uid;

	if (origin != NULL && is_web(origin) && subject->login.web_apart)
		return accounts_get_web(&authd->accounts, uid, subject->account.hash, err);
	return accounts_get(&authd->accounts, uid, &subject->account, err);
}

/* origin NULL: where it comes from is not known yet; locks and protocols are looked at when it is. */
static int examine(struct authd *authd, struct str name, const struct login_origin *origin, struct subject *subject,
                   struct err *err)
{
	struct login_name *login = &subject->login;
	int found = 0;

	*subject = (struct subject){0};
	if (names_find(&authd->settings, name, origin != NULL ? protocol_of(origin->caller) : NULL, login, err) != 0)
		return -1;
	/* looked up for unknown names as well, so that they take as long */
	found = find_account(authd, origin, subject, err);
	if (found < 0)
		return -1;
	subject->has_account = found == 1;
	if (login->uid < 0)
		subject->obstacle = OBSTACLE_NO_USER;
	else if (!login->enabled)
		subject->obstacle = OBSTACLE_DISABLED;
	else if (login->expired)
		subject->obstacle = OBSTACLE_EXPIRED;
	else if (!login->may_use)
		subject->obstacle = OBSTACLE_PROTOCOL;
	else if (!subject->has_account && !login->by_system)
		subject->obstacle = OBSTACLE_NO_PASSWORD;
	else if (origin != NULL && is_locked(authd, origin, login))
		subject->obstacle = OBSTACLE_LOCKED;
	return 0;
}

static void count_failure(struct authd *authd, const struct subject *subject, const char *peer)
{
	int64_t limit = settings_number(&authd->settings, SETTING_LOCKOUT_FAILURES);
	int64_t seconds = settings_number(&authd->settings, SETTING_LOCKOUT_SECONDS);

	if (!lockout_fail(&authd->lockout, subject->login.uid, peer, limit, seconds * 1000, io_now_ms()))
		return;
	log_warning("user=%s is locked for %lld seconds after %lld failed logins from peer=%s", subject->login.name,
	            (long long)seconds, (long long)limit, peer);
}

/* Both outcomes, for security.log; what the client hears does not depend on the reason. */
static void tell(struct authd *authd, const struct login_origin *origin, const char *mechanism, const char *user,
                 const char *reason)
{
	struct security_record record = {.service = str_of(origin->service),
	                                 .peer = str_of(origin->peer),
	                                 .user = str_of(user),
	                                 .mechanism = str_of(mechanism),
	                                 .tls = origin->tls,
	                                 .reason = str_of(reason)};

	audit_add(&authd->audit, &record);
}

static void refuse(struct authd *authd, struct ipc_incoming *incoming, const struct login_origin *origin,
                   const char *mechanism, const struct subject *subject)
{
	struct ipc_message reply;
	struct err answer;

	log_info("login failed: user=%s peer=%s service=%s mechanism=%s tls=%d reason=%s", subject->login.name,
	         origin->peer, origin->service, mechanism, origin->tls, obstacle_words[subject->obstacle]);
	tell(authd, origin, mechanism, subject->login.name, obstacle_words[subject->obstacle]);
	if (subject->obstacle == OBSTACLE_NONE && can_be_locked(authd, origin))
		count_failure(authd, subject, origin->peer);
	pool_distrust(authd->pool, str_of(origin->peer));
	err_set(&answer, ERR_DENIED, "login failed");
	ipc_message_init(&reply);
	ipc_reply_error(&reply, &answer);
	ipc_add_text(&reply, "user", subject->login.name);
	ipc_answer(incoming, &reply);
	ipc_message_free(&reply);
}

static void grant(struct authd *authd, struct ipc_incoming *incoming, const struct login_origin *origin,
                  const char *mechanism, const struct subject *subject, struct str last)
{
	const struct login_name *login = &subject->login;
	struct ipc_message reply;
	struct err err;

	lockout_clear(&authd->lockout, login->uid, origin->peer);
	pool_trust(authd->pool, str_of(origin->peer));
	if (strcmp(origin->caller, "pop3-login") == 0 && settings_flag(&authd->settings, SETTING_SMTP_POP_FIRST))
		recent_add(&authd->recent, origin->peer, io_now_ms());
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_text(&reply, "result", "success");
	ipc_add_text(&reply, "user", login->name);
	ipc_add_number(&reply, "uid", login->uid);
	if (last.len != 0)
		ipc_add(&reply, "challenge", last);
	if (login_add_right(authd, &reply, origin, login, &err) == 0) {
		log_info("login: user=%s peer=%s service=%s mechanism=%s tls=%d", login->name, origin->peer, origin->service,
		         mechanism, origin->tls);
		tell(authd, origin, mechanism, login->name, "");
		ipc_answer(incoming, &reply);
	} else {
		request_put_off(incoming, &err);
	}
	ipc_message_free(&reply);
}

static void attempt_free(struct attempt *attempt)
{
	memory_wipe(attempt, sizeof *attempt);
	memory_free(attempt);
}

static bool attempt_wanted(void *context)
{
	const struct attempt *attempt = context;

	return !ipc_caller_gone(attempt->incoming);
}

/* Guesses sent side by side must not get past a lock that the first of them brought about. */
static void look_for_lock(struct attempt *attempt)
{
	struct subject *subject = &attempt->subject;

	if (subject->obstacle == OBSTACLE_NONE && is_locked(attempt->authd, &attempt->origin, &subject->login))
		subject->obstacle = OBSTACLE_LOCKED;
}

static void attempt_failed(struct attempt *attempt)
{
	struct err err;

	err_set(&err, ERR_TEMPORARY, "a password could not be checked");
	request_put_off(attempt->incoming, &err);
	attempt_free(attempt);
}

static void refuse_attempt(struct attempt *attempt)
{
	refuse(attempt->authd, attempt->incoming, &attempt->origin, attempt->mechanism, &attempt->subject);
	attempt_free(attempt);
}

/* PAM's word. It is not remembered: the password may change where nobody tells us. */
static void system_answered(enum hash_result result, void *context)
{
	struct attempt *attempt = context;
	struct authd *authd = attempt->authd;
	struct subject *subject = &attempt->subject;

	look_for_lock(attempt);
	if (result == HASH_FAILED) {
		attempt_failed(attempt);
		return;
	}
	if (result != HASH_RIGHT || subject->obstacle != OBSTACLE_NONE) {
		refuse_attempt(attempt);
		return;
	}
	if (settings_flag(&authd->settings, SETTING_LOGIN_SYSTEM_KEEP) &&
	    attempt->password_changes == authd->password_changes)
		password_keep(authd, subject->login.uid, subject->login.name,
		              str_from(attempt->password, attempt->password_len));
	grant(authd, attempt->incoming, &attempt->origin, attempt->mechanism, subject, STR(""));
	attempt_free(attempt);
}

/* Is the password that of the web alone? */
static bool is_apart(const struct attempt *attempt)
{
	return is_web(&attempt->origin) && attempt->subject.login.web_apart;
}

static void keep_for_challenges(struct attempt *attempt)
{
	if (!is_apart(attempt))
		challenges_keep(attempt->authd, attempt->subject.login.uid, str_from(attempt->password, attempt->password_len));
}

static void ask_system(struct attempt *attempt)
{
	struct err err;

	if (system_ask(attempt->authd->system, attempt->subject.login.system,
	               str_from(attempt->password, attempt->password_len), system_answered, attempt, &err) == 0)
		return;
	request_put_off(attempt->incoming, &err);
	attempt_free(attempt);
}

static void attempt_done(const struct hash_reply *reply, void *context)
{
	struct attempt *attempt = context;
	struct authd *authd = attempt->authd;
	struct subject *subject = &attempt->subject;
	struct str password = str_from(attempt->password, attempt->password_len);

	look_for_lock(attempt);
	if (reply->result == HASH_FAILED) {
		attempt_failed(attempt);
	} else if (reply->result != HASH_RIGHT && subject->obstacle == OBSTACLE_NONE && subject->login.by_system &&
	           !is_apart(attempt)) {
		ask_system(attempt);
	} else if (reply->result != HASH_RIGHT || subject->obstacle != OBSTACLE_NONE) {
		refuse_attempt(attempt);
	} else {
		if (attempt->password_changes == authd->password_changes) {
			keep_for_challenges(attempt);
			cache_add(&authd->cache, subject->login.uid, subject->account.hash, password, io_now_ms());
		}
		grant(authd, attempt->incoming, &attempt->origin, attempt->mechanism, subject, STR(""));
		attempt_free(attempt);
	}
}

/* Give the password to a worker. A name that cannot log in gets the same work, with a hash that nothing fits. */
static int submit(struct attempt *attempt, struct err *err)
{
	struct authd *authd = attempt->authd;
	struct hash_request request = {.kind = HASH_CHECK};
	unsigned cost = (unsigned)settings_number(&authd->settings, SETTING_PASSWORD_COST);
	int result = 0;

	request.password_len = (uint32_t)attempt->password_len;
	memcpy(request.password, attempt->password, attempt->password_len);
	if (attempt->hopeless || attempt->subject.obstacle != OBSTACLE_NONE || !attempt->subject.has_account)
		result = hash_dummy(cost, request.hash, err);
	else
		memcpy(request.hash, attempt->subject.account.hash, sizeof request.hash);
	if (result == 0)
		result = pool_submit(authd->pool, str_of(attempt->origin.peer), &request, attempt_wanted, attempt_done, attempt,
		                     err);
	memory_wipe(&request, sizeof request);
	return result;
}

static void begin(struct attempt *attempt, struct str name)
{
	struct authd *authd = attempt->authd;
	struct subject *subject = &attempt->subject;
	struct str password = str_from(attempt->password, attempt->password_len);
	struct err err;

	if (examine(authd, name, &attempt->origin, subject, &err) != 0) {
		request_put_off(attempt->incoming, &err);
		attempt_free(attempt);
	} else if (subject->obstacle == OBSTACLE_NONE && subject->has_account &&
	           cache_holds(&authd->cache, subject->login.uid, subject->account.hash, password, io_now_ms())) {
		keep_for_challenges(attempt);
		grant(authd, attempt->incoming, &attempt->origin, attempt->mechanism, subject, STR(""));
		attempt_free(attempt);
	} else if (submit(attempt, &err) != 0) {
		request_put_off(attempt->incoming, &err);
		attempt_free(attempt);
	}
}

static void name_translated(const struct hash_reply *reply, void *context)
{
	struct attempt *attempt = context;

	if (reply->result == HASH_RIGHT)
		begin(attempt, str_of(reply->user));
	else
		attempt_failed(attempt);
}

/* False: no script has a say in that name. */
static bool translate(struct attempt *attempt, struct str name, struct err *err, int *result_out)
{
	struct hash_request request = {.kind = HASH_NAME};
	const char *protocol = translate_protocol(attempt->origin.caller);

	if (protocol == NULL || !translate_is_wanted(&attempt->authd->daemon.instance) ||
	    !str_copy(name, request.user, sizeof request.user))
		return false;
	str_copy(str_of(protocol), request.protocol, sizeof request.protocol);
	*result_out = pool_submit(attempt->authd->pool, str_of(attempt->origin.peer), &request, attempt_wanted,
	                          name_translated, attempt, err);
	return true;
}

void login_by_password(struct authd *authd, struct ipc_incoming *incoming, const struct login_origin *origin,
                       const char *mechanism, struct str name, struct str password)
{
	struct attempt *attempt = memory_get(sizeof *attempt);
	char typed[NAMES_NAME_MAX];
	struct err err;
	int result;

	*attempt = (struct attempt){.authd = authd,
	                            .incoming = incoming,
	                            .origin = *origin,
	                            .mechanism = mechanism,
	                            .hopeless = password.len > HASH_PASSWORD_MAX,
	                            .password_changes = authd->password_changes};
	attempt->password_len = attempt->hopeless ? HASH_PASSWORD_MAX : password.len;
	memcpy(attempt->password, password.data, attempt->password_len);
	if (!str_copy(name, typed, sizeof typed)) /* longer than any name is: nobody's */
		typed[0] = '\0';
	request_forget(incoming); /* and with it the bytes of name and password */
	if (!translate(attempt, str_of(typed), &err, &result)) {
		begin(attempt, str_of(typed));
	} else if (result != 0) {
		request_put_off(incoming, &err);
		attempt_free(attempt);
	}
}

/* Was a challenge login hopeless, since the password is not kept? The account is not locked for that. */
static bool lacks_copy(struct authd *authd, const struct subject *subject)
{
	struct buf password;
	struct err err;
	bool lacks;

	buf_init(&password, SECRETS_VALUE_MAX);
	lacks = challenges_get(authd, subject->login.uid, &password, &err) == 0;
	if (password.data != NULL)
		memory_wipe(password.data, password.capacity);
	buf_free(&password);
	return lacks;
}

void login_by_proof(struct authd *authd, struct ipc_incoming *incoming, const struct login_origin *origin,
                    const struct exchange *exchange, bool right, struct str last)
{
	const char *mechanism = exchange_mechanism(exchange);
	struct subject subject;
	struct err err;

	if (examine(authd, exchange_name(exchange), origin, &subject, &err) != 0) {
		request_put_off(incoming, &err);
	} else if (right && subject.obstacle == OBSTACLE_NONE) {
		grant(authd, incoming, origin, mechanism, &subject, last);
	} else {
		if (subject.obstacle == OBSTACLE_NONE && exchange_is_challenge(exchange) && lacks_copy(authd, &subject))
			subject.obstacle = OBSTACLE_NO_COPY;
		refuse(authd, incoming, origin, mechanism, &subject);
	}
	memory_wipe(&subject, sizeof subject);
}

int login_find_keys(struct str name, struct scram_keys *keys_out, void *context)
{
	struct authd *authd = context;
	struct subject subject;
	struct err err;

	/* a lock is looked at when the proof is there: it depends on where that comes from */
	if (examine(authd, name, NULL, &subject, &err) != 0) {
		log_error("a login is put off: %s", err.text);
		return -1;
	}
	scram_fake(authd->accounts.secret, str_of(subject.login.name), keys_out);
	if (subject.has_account) { /* also of one that may not log in: its salt must not tell */
		keys_out->iterations = subject.account.scram.iterations;
		memcpy(keys_out->salt, subject.account.scram.salt, sizeof keys_out->salt);
	}
	if (subject.obstacle == OBSTACLE_NONE && subject.has_account)
		*keys_out = subject.account.scram;
	memory_wipe(&subject, sizeof subject);
	return 0;
}

int login_find_secret(struct str name, struct buf *secret, void *context)
{
	struct authd *authd = context;
	struct subject subject;
	char unknown[SCRAM_KEY_LEN];
	struct err err;
	int found = 0;

	if (examine(authd, name, NULL, &subject, &err) != 0 ||
	    (found = challenges_get(authd, subject.login.uid, secret, &err)) < 0) {
		log_error("a login is put off: %s", err.text);
		return -1;
	}
	if (found == 0 || subject.obstacle != OBSTACLE_NONE) {
		io_random(unknown, sizeof unknown);
		buf_reset(secret);
		buf_add(secret, unknown, sizeof unknown);
	}
	memory_wipe(&subject, sizeof subject);
	return 0;
}
