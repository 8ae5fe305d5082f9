/*
 * Passwords that were forgotten: a link goes to the user by mail, and by it he sets another one.
 *
 * authd connects to nobody: configd, which tells users things, asks it for what there is to send (op reset-work) and
 * gets an answer when there is something. Whoever asks for a link hears the same whether there is such a user or not,
 * before anything is looked up.
 */
#include "authd/authd.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/settings/attributes.h"

#include <time.h>

enum {
	LIFETIME_S = 3600,
	PAUSE_S = 120, /* so long nobody gets another link */
	WAITING_MAX = 200,
};

/* A link on its way to its user. */
struct reset_work {
	STAILQ_ENTRY(reset_work) next;
	int64_t uid;
	char user[NAMES_NAME_MAX];
	char token[WEB_TOKEN_MAX];
};

static STAILQ_HEAD(reset_list, reset_work) waiting = STAILQ_HEAD_INITIALIZER(waiting);
static size_t waiting_count;
static struct ipc_incoming *sender; /* configd's question */

/* The first place where browsers find the web: web.url, or what the services say. */
static void add_link(const struct settings *settings, const char *token, struct buf *link)
{
	const char *url = settings_text(settings, SETTING_WEB_URL);
	const struct service *found = NULL;

	for (size_t i = 0; i < settings->services.count && found == NULL; i++) {
		const struct service *service = &settings->services.list[i];

		if (strcmp(service->type, "web") == 0 && service->enabled && service->binding_count > 0)
			found = service;
	}
	if (url[0] != '\0')
		buf_printf(link, "%s%s", url, url[strlen(url) - 1] == '/' ? "" : "/");
	else
		buf_printf(link, "%s://%s:%u/", found != NULL && found->encryption == SERVICE_CLEAR ? "http" : "https",
		           settings_host_name(settings),
		           (found != NULL ? found->bindings[0].port : 0) + settings->instance->port_offset);
	buf_printf(link, "forgotten.html?token=%s", token);
}

/* Hand the first one to configd, where it has asked. */
static void give_work(struct authd *authd)
{
	struct reset_work *work = STAILQ_FIRST(&waiting);
	struct ipc_message reply;
	struct buf link;

	if (sender != NULL && ipc_caller_gone(sender)) {
		ipc_no_answer(sender);
		sender = NULL;
	}
	if (sender == NULL || work == NULL)
		return;
	buf_init(&link, SETTING_VALUE_MAX + WEB_TOKEN_MAX + 64);
	add_link(&authd->settings, work->token, &link);
	ipc_message_init(&reply);
	ipc_reply_ok(&reply);
	ipc_add_number(&reply, "uid", work->uid);
	ipc_add_text(&reply, "user", work->user);
	ipc_add(&reply, "link", buf_str(&link));
	ipc_answer(sender, &reply);
	sender = NULL;
	STAILQ_REMOVE_HEAD(&waiting, next);
	waiting_count--;
	memory_wipe(work, sizeof *work);
	memory_free(work);
	buf_free(&link);
	ipc_message_free(&reply);
}

void web_reset_take_work(struct authd *authd, struct ipc_incoming *incoming)
{
	if (sender != NULL)
		ipc_answer_ok(sender);
	sender = incoming;
	give_work(authd);
}

static void look_when_made(const struct web_token *token, void *context)
{
	int64_t *last = context;

	*last = token->made > *last ? token->made : *last;
}

/* -1: not now, or not for him; the log says why. */
static int send_link(struct authd *authd, const struct login_name *login, struct err *err)
{
	struct web_token token = {.uid = login->uid, .expires = time(NULL) + LIFETIME_S};
	struct reset_work *work;
	int64_t last = 0;

	if (login->uid < 0 || !login->enabled || login->expired || !login->may_use)
		return err_set(err, ERR_DENIED, "there is no such user of the web");
	if (waiting_count >= WAITING_MAX)
		return err_set(err, ERR_TEMPORARY, "too many links wait to be sent");
	if (web_tokens_each(&authd->accounts.db, WEB_TOKEN_RESET, login->uid, look_when_made, &last, err) != 0)
		return -1;
	if (time(NULL) - last < PAUSE_S)
		return err_set(err, ERR_LIMIT, "a link was sent a moment ago");
	work = memory_get(sizeof *work);
	*work = (struct reset_work){.uid = login->uid};
	str_copy(str_of(login->name), work->user, sizeof work->user);
	if (web_tokens_add(&authd->accounts.db, WEB_TOKEN_RESET, &token, work->token, err) != 0) {
		memory_free(work);
		return -1;
	}
	STAILQ_INSERT_TAIL(&waiting, work, next);
	waiting_count++;
	give_work(authd);
	return 0;
}

void web_forgotten(struct authd *authd, struct ipc_incoming *incoming)
{
	char typed[NAMES_NAME_MAX], peer[WEB_PEER_MAX];
	struct login_name login;
	struct err err;

	if (!ipc_get_text(&incoming->message, "user", typed, sizeof typed))
		typed[0] = '\0';
	ipc_get_text(&incoming->message, "peer", peer, sizeof peer);
	ipc_answer_ok(incoming); /* first: how long the rest takes is not to tell anything */
	if (names_find(&authd->settings, str_of(typed), "web", &login, &err) != 0 || send_link(authd, &login, &err) != 0)
		log_info("no link for a forgotten password is sent to user=%s, asked from peer=%s: %s", login.name, peer,
		         err.text);
	else
		log_info("a link for a forgotten password is sent to user=%s, asked from peer=%s", login.name, peer);
}

void web_reset(struct authd *authd, struct ipc_incoming *incoming)
{
	struct web_token token = {.uid = -1};
	struct login_name login = {.uid = -1};
	struct err err;
	int row = web_tokens_find(&authd->accounts.db, WEB_TOKEN_RESET, ipc_get(&incoming->message, "token"), &token, &err);

	if (row < 0 || (row == 1 && names_find_uid(&authd->settings, token.uid, "web", &login, &err) != 0)) {
		request_put_off(incoming, &err);
	} else if (login.uid < 0 || !login.enabled || login.expired || !login.may_use) {
		err_set(&err, ERR_DENIED, "this link is not good any more: ask for another one");
		ipc_answer_error(incoming, &err);
	} else {
		/* where it is taken all that stood for the old one goes, and this link with it */
		password_replace(authd, incoming, &login);
	}
}
