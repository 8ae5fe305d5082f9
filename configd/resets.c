/* Links by which a forgotten password is set anew: authd makes them, and asks nobody; they are fetched and sent here.
 */
#include "configd/configd.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "common/settings/attributes.h"
#include "common/settings/texts.h"

enum { PATIENCE_MS = 3600 * 1000, AGAIN_S = 5, MINUTES = 60 /* authd/web_reset.c */ };

static struct event *again;

static int in_force(struct config *config, struct arena *arena, int64_t uid, struct str *value_out, struct err *err)
{
	return config_text(config, arena, value_out, err, "SELECT value FROM effective_attribute WHERE uid = ? AND key = ?",
	                   "nt", uid, str_of(attribute_definitions[ATTRIBUTE_RESET_ADDRESS].key)) < 0
	           ? -1
	           : 0;
}

/* The administrator's text, or ours. */
static int read_text(struct config *config, struct arena *arena, struct str *text_out, struct err *err)
{
	const struct setting_definition *definition = &setting_definitions[SETTING_TEXT_RESET];

	*text_out = str_of(definition->fallback);
	return config_text(config, arena, text_out, err, "SELECT value FROM setting WHERE key = ?", "t",
	                   str_of(definition->key)) < 0
	           ? -1
	           : 0;
}

static int send_link(struct config *config, const struct ipc_message *reply, struct arena *arena, struct err *err)
{
	const struct text_value values[] = {{"username", ipc_get(reply, "user")},
	                                    {"link", ipc_get(reply, "link")},
	                                    {"minutes", arena_printf(arena, "%d", MINUTES)}};
	struct notice notice = {.target = "PasswordReset", .severity = NOTICE_INFORMATIONAL, .item = values[0].value};
	struct text_filled words;
	struct str text;

	if (!ipc_get_number(reply, "uid", 1, INT64_MAX, &notice.uid) || values[1].value.data == NULL)
		return 0; /* it was asked anew */
	if (read_text(config, arena, &text, err) != 0 || in_force(config, arena, notice.uid, &notice.address, err) != 0)
		return -1;
	text_fill(arena_text(arena, text), values, sizeof values / sizeof values[0], arena, &words);
	notice.subject = words.subject.len != 0 ? words.subject : STR("A new password");
	notice.text = words.body;
	notice_send(config->notices, &notice);
	return 0;
}

static void ask(struct config *config);

static void answered(struct ipc_message *reply, const struct err *err, void *context)
{
	const struct timeval pause = {AGAIN_S, 0};
	struct config *config = context;
	struct arena arena;
	struct err failure;

	if (reply == NULL || err->code != ERR_NONE) {
		evtimer_add(again, &pause);
		return;
	}
	arena_init(&arena);
	if (send_link(config, reply, &arena, &failure) != 0)
		log_error("a link for a forgotten password is not sent: %s", failure.text);
	arena_wipe(&arena);
	arena_free(&arena);
	memory_wipe(reply->fields.data, reply->fields.len);
	ask(config);
}

static void ask(struct config *config)
{
	struct ipc_message request;

	ipc_message_init(&request);
	ipc_request(&request, "reset-work");
	ipc_client_call(config->authd, &request, PATIENCE_MS, answered, config);
	ipc_message_free(&request);
}

static void on_again(evutil_socket_t fd, short what, void *context)
{
	(void)fd, (void)what;
	ask(context);
}

void resets_start(struct config *config, struct event_base *base)
{
	again = evtimer_new(base, on_again, config);
	ask(config);
}
