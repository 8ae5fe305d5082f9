/*
 * What the ListServer writes beside its answers.
 */
#include "lists/listserver.h"

#include "common/settings/texts.h"

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

/* A text of the settings or of the list, with what is to be filled in; the subject where it has one. */
static void write_text(const struct letter *letter, const char *text, struct arena *arena, struct mail *mail)
{
	const struct text_value values[] = {{"list", letter->list->name},
	                                    {"address", letter->token.address},
	                                    {"listserver", mail->server},
	                                    {"days", arena_printf(arena, "%d", TOKEN_DAYS)}};
	struct text_filled words;

	text_fill(text, values, 4, arena, &words);
	if (words.subject.len != 0)
		mail->subject = words.subject;
	mail->text = words.body;
}

/* A second one within the hour is not sent; the answer said already that there is one. */
static int send_token(struct session *session, struct letter *letter, struct arena *arena, struct err *err)
{
	struct mail mail = make_mail(session, letter, arena);
	struct token *token = &letter->token;
	bool joins;

	if (token_make(session->listd, token, err) != 0)
		return err->code == ERR_EXISTS ? 0 : -1;
	if (token->moderator.len > 0)
		mail.to = token->moderator;
	joins = str_equal(token->action, STR("subscribe")) || str_equal(token->action, STR("add"));
	write_text(letter,
	           settings_text(&session->listd->settings, joins ? SETTING_TEXT_LIST_JOIN : SETTING_TEXT_LIST_LEAVE),
	           arena, &mail);
	mail.subject = arena_printf(arena, "confirm %s", token->token);
	return mail_send(session->listd, &mail, err);
}

static int send_welcome(struct session *session, struct letter *letter, struct arena *arena, struct err *err)
{
	struct mail mail = make_mail(session, letter, arena);
	const char *custom = list_settings_text(&letter->list->settings, LIST_SETTING_WELCOME);

	write_text(letter, settings_text(&session->listd->settings, SETTING_TEXT_LIST_WELCOME), arena, &mail);
	if (*custom != '\0')
		write_text(letter, custom, arena, &mail);
	return mail_send(session->listd, &mail, err);
}

static int send_goodbye(struct session *session, struct letter *letter, struct arena *arena, struct err *err)
{
	struct mail mail = make_mail(session, letter, arena);
	const char *custom = list_settings_text(&letter->list->settings, LIST_SETTING_GOODBYE);

	write_text(letter, settings_text(&session->listd->settings, SETTING_TEXT_LIST_GOODBYE), arena, &mail);
	if (*custom != '\0')
		write_text(letter, custom, arena, &mail);
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
