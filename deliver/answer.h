/*
 * answer: automatic answers (specification 02 "Autoresponder", 06 "Autoresponder settings"; RFC 3834).
 *
 * Who is never answered: messages without a return path, or with an Auto-Submitted field that does not say "no"; those
 * that filters of the settings or of the user match; the user's own address. What is made says so itself, by these
 * means, so two autoresponders never go on answering each other.
 *
 * In the decider: choose (answer_choose.c), let scripts change it (answer_script.c), fill in texts (answer_text.c),
 * write the message (answer_message.c). The carrier looks whether the sender was answered lately (answered.c).
 */
#ifndef POSTROOM_DELIVER_ANSWER_H
#define POSTROOM_DELIVER_ANSWER_H

#include "common/items/responder.h"
#include "deliver/decider.h"

enum { ANSWER_TEXT_MAX = 1 << 20, ANSWER_ADDRESSES_MAX = 100 };

/* Where a custom field of a text gets its value, and what the built-in ones are. */
struct answer {
	struct client *client;
	struct responder responder;  /* scripts may change it */
	struct responder_rule rule;  /* the one that matched */
	int64_t matches;             /* how often it has, with this time */
	struct str to, copy_to;      /* as the definition has them; scripts may change them */
	bool is_of_server;           /* the definition is the server's, and so are its files */
	struct str originator;       /* the address of who sent the message */
	struct str original_subject; /* decoded */
	struct str subject;          /* of the answer, once it is known */
	time_t now;
};

/* Which rule matches, and with which definition? False: nothing is to be answered. -1 in *err->code: not known now. */
enum answer_choice { ANSWER_NONE, ANSWER_THIS, ANSWER_UNKNOWN };
enum answer_choice answer_choose(struct client *client, struct answer *answer_out, struct err *err);

/*
 * A text with its tags replaced, its escapes undone. built_in: the built-in ones too, not custom ones alone.
 */
struct str answer_expand(const struct answer *answer, struct str text, bool built_in);

/* A time by a picture ("dd.MM.yyyy") or, where it has a '%', a format of strftime(3). */
struct str answer_format_time(const struct tm *time, struct str format, struct arena *arena);

/*
 * answer_script.c: the text of the answer: scripts in it run, autoresponder.lua too. False: nothing is answered (a
 * script failed, or wants it so).
 */
bool answer_write_text(struct answer *answer, struct str *text_out);
/* What PostProcessAutoresponder makes of the whole; "" or an error: nothing is answered. */
bool answer_post_process(const struct answer *answer, struct str *message);
/* The whole message as it came, as far as scripts may see it. */
struct str answer_incoming(const struct answer *answer);

/* answer_message.c: the answer as a message to be made; NULL: there is nobody to send it to. */
struct made *answer_make(struct answer *answer, struct str text);

/* The next of the addresses that ';', ',' or blanks separate; empty: none is left. */
struct str answer_next_address(struct str *rest);

#endif
