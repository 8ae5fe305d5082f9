/*
 * What the ListServer writes beside its answers.
 */
#include "lists/listserver.h"

static struct mail make_mail(const struct session *session, const struct letter *letter, struct arena *arena)
{
	return (struct mail){
	    .server = list_server_address(session->listd, letter->list, arena),
	    .to = letter->token.address,
	    .reply_to = str_of(""),
	    .parent = arena_printf(arena, "%.*s/listserver", STR_ARG(session->id)),
	    .attached = -1,
	};
}

static const char *wish(const struct token *token)
{
	if (str_equal(token->action, STR("subscribe")) || str_equal(token->action, STR("add")))
		return "become a member of";
	return "be a member no longer of";
}

/* A second one within the hour is not sent; the answer said already that there is one. */
static int send_token(struct session *session, struct letter *letter, struct arena *arena, struct err *err)
{
	struct mail mail = make_mail(session, letter, arena);
	struct token *token = &letter->token;

	if (token_make(session->listd, token, err) != 0)
		return err->code == ERR_EXISTS ? 0 : -1;
	if (token->moderator.len > 0)
		mail.to = token->moderator;
	mail.subject = arena_printf(arena, "confirm %s", token->token);
	mail.text = arena_printf(arena,
	                         "Somebody, probably you, wants that the address\n\n    %.*s\n\n"
	                         "is to %s the list \"%.*s\".\n\n"
	                         "If that is right, answer this message, within %d days, without changing its subject.\n"
	                         "Otherwise just ignore it.\n",
	                         STR_ARG(token->address), wish(token), STR_ARG(letter->list->name), TOKEN_DAYS);
	return mail_send(session->listd, &mail, err);
}

static int send_welcome(struct session *session, struct letter *letter, struct arena *arena, struct err *err)
{
	struct mail mail = make_mail(session, letter, arena);
	const char *custom = list_settings_text(&letter->list->settings, LIST_SETTING_WELCOME);

	mail.subject = arena_printf(arena, "Welcome to %.*s", STR_ARG(letter->list->name));
	mail.text =
	    *custom != '\0'
	        ? str_of(custom)
	        : arena_printf(arena,
	                       "To remove yourself from this list, send a message to %.*s containing the single line\n"
	                       "unsubscribe %.*s\n",
	                       STR_ARG(mail.server), STR_ARG(letter->list->name));
	return mail_send(session->listd, &mail, err);
}

static int send_goodbye(struct session *session, struct letter *letter, struct arena *arena, struct err *err)
{
	struct mail mail = make_mail(session, letter, arena);
	const char *custom = list_settings_text(&letter->list->settings, LIST_SETTING_GOODBYE);

	mail.subject = arena_printf(arena, "Goodbye from %.*s", STR_ARG(letter->list->name));
	mail.text = *custom != '\0'
	                ? str_of(custom)
	                : arena_printf(arena, "Unsubscription from \"%.*s\" succeeded\n", STR_ARG(letter->list->name));
	return mail_send(session->listd, &mail, err);
}

static int inform(struct session *session, struct letter *letter, struct arena *arena, struct err *err)
{
	struct str *moderators = arena_get(arena, LIST_MODERATORS_MAX * sizeof *moderators);
	struct mail mail = make_mail(session, letter, arena);
	size_t count;

	mail.subject = arena_printf(arena, "%.*s: %.*s %s", STR_ARG(letter->list->name), STR_ARG(letter->token.address),
	                            letter->joined ? "subscribed" : "unsubscribed");
	mail.text =
	    arena_printf(arena, "%.*s %s the list \"%.*s\".\n", STR_ARG(letter->token.address),
	                 letter->joined ? "is a member now of" : "is a member no longer of", STR_ARG(letter->list->name));
	if (list_moderators(session->listd, letter->list, arena, moderators, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		mail.to = moderators[i];
		if (mail_send(session->listd, &mail, err) != 0)
			return -1;
	}
	return 0;
}

int letters_send(struct session *session, struct err *err)
{
	struct arena arena;
	int result = 0;

	arena_init(&arena);
	for (struct letter *letter = session->letters; result == 0 && letter != NULL; letter = letter->next) {
		switch (letter->kind) {
		case LETTER_TOKEN:
			result = send_token(session, letter, &arena, err);
			break;
		case LETTER_USED:
			result = token_delete(session->listd, &letter->token, err);
			break;
		case LETTER_WELCOME:
			result = send_welcome(session, letter, &arena, err);
			break;
		case LETTER_GOODBYE:
			result = send_goodbye(session, letter, &arena, err);
			break;
		case LETTER_INFORM:
			result = inform(session, letter, &arena, err);
			break;
		}
		arena_reset(&arena);
	}
	arena_free(&arena);
	return result;
}
