/* imapd: CAPABILITY, ENABLE, and the commands that say nothing. */
#include "common/base/log.h"
#include "imapd/imapd.h"

#include <inttypes.h>

enum { CAPABILITIES_MAX = 4096 };

static bool holds_word(struct str text, struct str word)
{
	while (text.data != NULL)
		if (str_equal(str_cut(&text, ' '), word))
			return true;
	return false;
}

/* What there is, whoever asks. */
static struct str all_words(struct session *session)
{
	struct buf words;
	struct str result;

	buf_init(&words, CAPABILITIES_MAX);
	for (const struct command *command = commands; command->name != NULL; command++) {
		struct str rest = str_of(command->capabilities);

		if (command->is_offered != NULL && !command->is_offered(session))
			continue;
		while (rest.len > 0) {
			struct str word = str_cut_word(&rest);

			if (!holds_word(buf_str(&words), word))
				buf_printf(&words, "%s%.*s", words.len > 0 ? " " : "", STR_ARG(word));
		}
	}
	buf_printf(&words, " APPENDLIMIT=%" PRId64, settings_number(&session->imapd->settings, SETTING_IMAP_MAX_MESSAGE));
	result = arena_copy(&session->arena, buf_str(&words));
	buf_free(&words);
	return result;
}

struct str session_capabilities(struct session *session)
{
	struct str words, shown;

	session->hides_idle = false;
	words = all_words(session);
	shown = imap_hook_capabilities(&session->script, session->conn.peer, words, &session->arena);
	/* 05-13.6: hidden is as good as turned off. Other commands are there for whoever knows them. */
	session->hides_idle = holds_word(words, STR("IDLE")) && !holds_word(shown, STR("IDLE"));
	return shown;
}

void command_capability(struct session *session)
{
	if (!imap_parse_end(&session->parser)) {
		imap_refuse(session);
		return;
	}
	conn_printf(&session->conn, "* CAPABILITY %.*s\r\n", STR_ARG(session_capabilities(session)));
}

void command_noop(struct session *session)
{
	if (!imap_parse_end(&session->parser))
		imap_refuse(session);
}

void command_logout(struct session *session)
{
	if (!imap_parse_end(&session->parser)) {
		imap_refuse(session);
		return;
	}
	log_info("session ended, user=%s", session->user);
	session_bye(session, "Good bye");
}

/* RFC 5161 section 3.1: what is not known, or cannot be enabled, is passed over. */
static bool enable(struct session *session, struct str word)
{
	struct imap_enabled *enabled = &session->enabled;

	if (str_equal_nocase(word, STR("IMAP4rev2")))
		enabled->rev2 = true;
	else if (str_equal_nocase(word, STR("UTF8=ACCEPT")))
		enabled->utf8 = true;
	else if (str_equal_nocase(word, STR("CONDSTORE")))
		session_enable_condstore(session);
	else if (str_equal_nocase(word, STR("QRESYNC")))
		enabled->qresync = true;
	else
		return false;
	if (enabled->qresync)
		session_enable_condstore(session);
	return true;
}

void command_enable(struct session *session)
{
	struct imap_parser *parser = &session->parser;
	struct buf names;
	struct str word;

	buf_init(&names, CAPABILITIES_MAX);
	do {
		if (!imap_parse_space(parser) || !imap_parse_atom(parser, &word)) {
			imap_refuse(session);
			buf_free(&names);
			return;
		}
		if (enable(session, word))
			buf_printf(&names, " %.*s", STR_ARG(word));
	} while (!imap_at_end(parser));
	conn_printf(&session->conn, "* ENABLED%.*s\r\n", STR_ARG(buf_str(&names)));
	buf_free(&names);
}
