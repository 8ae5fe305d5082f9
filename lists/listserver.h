/*
 * listserver: a message to the ListServer, command by command, up to its answer; for this folder alone.
 *
 * Commands are done in their order, membership by membership as configd answers. What is to be sent because of them
 * (tokens, welcome, notes to moderators) is collected, and goes out with the answer in one transaction, which also
 * notes that the message was worked off. A crash before it repeats the commands, which finds done what was done.
 */
#ifndef POSTROOM_LISTS_LISTSERVER_H
#define POSTROOM_LISTS_LISTSERVER_H

#include "lists/reader.h"

enum {
	SESSION_STEPS_MAX = 1000, /* of one message: commands, and what "unsubscribe *" stands for */
	SESSION_TEXT_MAX = 1 << 20,
};

/* Something to be sent, or to be noted, in the end. */
struct letter {
	enum letter_kind {
		LETTER_TOKEN,   /* make a token, and send it to whom it concerns */
		LETTER_USED,    /* forget a token */
		LETTER_WELCOME, /* to who joined */
		LETTER_GOODBYE, /* to who left */
		LETTER_INFORM,  /* to the moderators: who joined or left */
	} kind;
	const struct list *list;
	struct token token; /* address is set in any case */
	bool joined;        /* of INFORM */
	struct letter *next;
};

/* A command, or a part of one. */
struct step {
	struct command command;
	const struct list *list; /* of "unsubscribe *": which one */
	struct step *next;
};

struct session {
	struct listd *listd;
	struct ipc_incoming *incoming;
	struct arena arena;
	struct str id, envelope_from;
	struct str from;    /* who it is from */
	struct str address; /* of the ListServer that was written to */
	bool is_general;    /* that of listserver.name */
	int fd;
	struct commands commands;
	struct str subject;
	struct step *steps, **steps_last;
	unsigned step_count;
	struct letter *letters, **letters_last;
	struct buf text; /* the answer */
	unsigned valid;  /* commands that were some */
	/* the membership that configd is asked about */
	const struct list *list;
	struct token token;
	bool is_confirmed; /* by a token */
	bool is_temporary; /* something could not be asked: the message is put off */
};

/* listserver_commands.c. Do a step: true: it is done; false: session_go_on will be called. */
bool session_do(struct session *session, struct step *step);
/* listserver.c. */
void session_go_on(struct session *session);
/* Add to the answer: a line of two blanks and the text. */
void session_say(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct letter *session_add_letter(struct session *session, enum letter_kind kind, const struct list *list,
                                  struct str address);
/* Is the list one that this ListServer knows? */
bool session_knows(const struct session *session, const struct list *list);
void session_add_step(struct session *session, const struct command *command, const struct list *list);

/* listserver_letters.c. Send what was collected; within a transaction. */
int letters_send(struct session *session, struct err *err);

#endif
