#include "broker/broker.h"

#include "common/base/log.h"
#include "common/base/memory.h"

enum { NAME_MAX_OCTETS = 256 };

/* One request on its way: first about its session, then to its callee. */
struct ask {
	struct broker *broker;
	struct ipc_incoming *incoming;
	size_t octets;
	size_t fields; /* where those of the callee's request begin */
	bool own;
	const struct right *right;
	struct broker_callee *callee;
	struct rights_caller caller;
	char user[NAME_MAX_OCTETS];
};

/* A listener forks a process for each channel, which would wait there for more. */
static bool forks(const char *callee)
{
	static const char *const listeners[] = {"smtpd", "pop3-login", "pop3d", "imap-login", "imapd"};

	for (size_t i = 0; i < sizeof listeners / sizeof listeners[0]; i++)
		if (strcmp(callee, listeners[i]) == 0)
			return true;
	return false;
}

static struct broker_callee *find_callee(struct broker *broker, const char *name)
{
	for (size_t i = 0; i < broker->callee_count; i++)
		if (strcmp(broker->callees[i].name, name) == 0)
			return &broker->callees[i];
	return NULL;
}

int asks_init(struct broker *broker, struct err *err)
{
	const struct instance *instance = &broker->daemon.instance;

	broker->authd = ipc_client_new(broker->base, instance, "authd", "brokerd");
	for (const struct right *right = rights; right->callee != NULL; right++) {
		if (find_callee(broker, right->callee) != NULL)
			continue;
		if (broker->callee_count == BROKER_CALLEES)
			return err_set(err, ERR_LIMIT, "more than %d callees", BROKER_CALLEES);
		broker->callees[broker->callee_count++] =
		    (struct broker_callee){.name = right->callee,
		                           .client = ipc_client_new(broker->base, instance, right->callee, "brokerd"),
		                           .forks = forks(right->callee)};
	}
	return 0;
}

void asks_free(struct broker *broker)
{
	for (size_t i = 0; i < broker->callee_count; i++)
		ipc_client_free(broker->callees[i].client);
	ipc_client_free(broker->authd);
}

/* Passwords may have passed through. */
static void wipe(struct ipc_message *message)
{
	if (message->fields.data != NULL)
		memory_wipe(message->fields.data, message->fields.len);
}

static void end(struct ask *ask, const struct ipc_message *reply)
{
	struct ipc_peer *peer = ask->incoming->peer;

	wipe(&ask->incoming->message);
	ipc_peer_set_data(peer, NULL);
	ask->broker->octets -= ask->octets;
	ipc_answer(ask->incoming, reply);
	memory_wipe(ask, sizeof *ask);
	memory_free(ask);
}

/* code: what the page is to do about it; NULL: the words say all. */
static void refuse(struct ask *ask, const struct err *err, const char *code)
{
	struct ipc_message reply;

	ipc_message_init(&reply);
	ipc_reply_error(&reply, err);
	if (code != NULL)
		ipc_add_text(&reply, "code", code);
	end(ask, &reply);
	ipc_message_free(&reply);
}

static void deny(struct ask *ask, const char *code, const char *text)
{
	struct err err;

	err_set(&err, ERR_DENIED, "%s", text);
	refuse(ask, &err, code);
}

static void answered(struct ipc_message *reply, const struct err *err, void *context)
{
	struct ask *ask = context;
	struct broker_callee *callee = ask->callee;
	struct err failure;

	if (--callee->open == 0 && callee->forks)
		ipc_client_hang_up(callee->client);
	if (reply != NULL) {
		end(ask, reply);
		return;
	}
	log_warning("%s: %s of %s: %s", ask->user, ask->right->request, callee->name, err->text);
	err_set(&failure, err->code == ERR_LIMIT ? ERR_LIMIT : ERR_TEMPORARY, "%s does not answer: %s", callee->name,
	        err->text);
	refuse(ask, &failure, NULL);
}

/* In a request of one's own, fields that say whose something is are nobody's but brokerd's. */
static bool is_passed_on(struct str key, bool own)
{
	static const char *const brokers[] = {"by", "own", "confirmed"}, *const somebody[] = {"user", "uid", "group"};

	for (size_t i = 0; i < sizeof brokers / sizeof brokers[0]; i++)
		if (str_equal(key, str_of(brokers[i])))
			return false;
	for (size_t i = 0; own && i < sizeof somebody / sizeof somebody[0]; i++)
		if (str_equal(key, str_of(somebody[i])))
			return false;
	return true;
}

static void forward(struct ask *ask, bool own)
{
	struct ipc_message *message = &ask->incoming->message, request;
	size_t position = ask->fields;
	struct str key, value;

	ipc_message_init(&request);
	ipc_request(&request, ask->right->request);
	ipc_add_text(&request, "by", ask->user);
	ipc_add_text(&request, "confirmed", rights_is_confirmed(&ask->caller) ? "1" : "0");
	if (own) {
		ipc_add_text(&request, "own", "1");
		if (strcmp(ask->right->own, "uid") == 0)
			ipc_add_number(&request, "uid", ask->caller.uid);
		else
			ipc_add_text(&request, "user", ask->user);
	}
	while (ipc_next(message, &position, &key, &value))
		if (is_passed_on(key, own))
			ipc_add_field(&request, key, value);
	for (int i = 0; i < message->fd_count; i++)
		ipc_add_fd(&request, message->fds[i]);
	ask->callee->open++;
	ipc_client_call(ask->callee->client, &request, BROKER_PATIENCE_MS, answered, ask);
	wipe(&request);
	ipc_message_free(&request);
}

/* Look at what is asked in the light of who asks. */
static void judge(struct ask *ask)
{
	switch (rights_judge(ask->right, &ask->caller, ask->own, &ask->incoming->message, ask->fields)) {
	case RIGHTS_ALL:
		forward(ask, false);
		break;
	case RIGHTS_OWN:
		forward(ask, true);
		break;
	case RIGHTS_ADMIN:
		log_warning("%s may not ask %s for %s: refused", ask->user, ask->right->callee, ask->right->request);
		deny(ask, "admin", "administrators alone may do that");
		break;
	case RIGHTS_CONFIRM:
		deny(ask, "confirm", "this takes the password again");
		break;
	case RIGHTS_SHUT:
		log_info("%s needs the password of Message Security for %s of %s", ask->user, ask->right->request,
		         ask->right->callee);
		deny(ask, "message-security", "this takes the password of Message Security");
		break;
	case RIGHTS_NOBODY:
		deny(ask, NULL, "nobody may ask that by way of the web");
		break;
	}
}

static bool read_caller(struct ask *ask, const struct ipc_message *reply)
{
	int64_t administrator = 0, area = 0, shut = 1;

	if (!ipc_get_text(reply, "user", ask->user, sizeof ask->user) ||
	    !ipc_get_number(reply, "uid", 1, INT64_MAX, &ask->caller.uid) ||
	    !ipc_get_number(reply, "administrator", 0, 1, &administrator) ||
	    !ipc_get_number(reply, "admin-area", 0, 1, &area) || !ipc_get_number(reply, "shut", 0, 1, &shut) ||
	    !ipc_get_number(reply, "confirmed", -1, INT64_MAX, &ask->caller.confirmed))
		return false;
	ask->caller.administrator = administrator != 0 && area != 0;
	ask->caller.shut = shut != 0;
	return true;
}

static void session_known(struct ipc_message *reply, const struct err *err, void *context)
{
	struct ask *ask = context;
	struct err failure;

	if (err->code == ERR_DENIED) {
		refuse(ask, err, "login");
	} else if (err->code != ERR_NONE) {
		err_set(&failure, ERR_TEMPORARY, "authd does not answer: %s", err->text);
		refuse(ask, &failure, NULL);
	} else if (!read_caller(ask, reply)) {
		err_set(&failure, ERR_TEMPORARY, "authd does not say whose session that is");
		refuse(ask, &failure, NULL);
	} else {
		judge(ask);
	}
}

static void ask_authd(struct ask *ask)
{
	const struct ipc_message *message = &ask->incoming->message;
	struct ipc_message request;

	ipc_message_init(&request);
	ipc_request(&request, "web-session");
	ipc_add(&request, "session", ipc_get(message, "session"));
	ipc_add(&request, "peer", ipc_get(message, "peer"));
	ipc_client_call(ask->broker->authd, &request, IPC_TIMEOUT_MS, session_known, ask);
	wipe(&request);
	ipc_message_free(&request);
}

/* What is said before the callee's own fields, which begin behind "request". */
static int read_ask(struct ask *ask, struct err *err)
{
	const struct ipc_message *message = &ask->incoming->message;
	struct str callee = ipc_get(message, "callee"), key = STR(""), value = STR("");
	int64_t own = 0;

	ipc_get_number(message, "own", 0, 1, &own);
	ask->own = own != 0;
	while (!str_equal(key, STR("request")))
		if (!ipc_next(message, &ask->fields, &key, &value))
			return err_set(err, ERR_PROTOCOL, "ask needs session, peer, callee and request, in this order");
	ask->right = rights_find(callee, value);
	if (ask->right == NULL)
		return err_set(err, ERR_DENIED, "nobody may ask %.*s for %.*s by way of the web",
		               STR_ARG(str_sub(callee, 0, 40)), STR_ARG(str_sub(value, 0, 40)));
	ask->callee = find_callee(ask->broker, ask->right->callee);
	return 0;
}

/* One at a time for each channel, and not more octets than there is memory for: 0, or why not. */
static int find_room(const struct broker *broker, const struct ipc_incoming *incoming, struct err *err)
{
	if (!ipc_is(&incoming->message, "ask"))
		return err_set(err, ERR_PROTOCOL, "brokerd does not know this request");
	if (ipc_peer_data(incoming->peer) != NULL)
		return err_set(err, ERR_LIMIT, "brokerd takes one request at a time");
	if (incoming->message.fields.len > BROKER_OCTETS_MAX - broker->octets)
		return err_set(err, ERR_TEMPORARY, "brokerd has too much to do");
	return 0;
}

void asks_take(struct ipc_incoming *incoming, void *context)
{
	struct broker *broker = context;
	struct ask *ask;
	struct err err;

	if (find_room(broker, incoming, &err) != 0) {
		ipc_answer_error(incoming, &err);
		return;
	}
	ask = memory_get(sizeof *ask);
	*ask = (struct ask){.broker = broker, .incoming = incoming, .octets = incoming->message.fields.len};
	broker->octets += ask->octets;
	ipc_peer_set_data(incoming->peer, ask);
	if (read_ask(ask, &err) != 0)
		refuse(ask, &err, NULL);
	else
		ask_authd(ask);
}
