/*
 * decider: what is to become of a message, for each of its users: the process that parses it. Sequential: route, rules,
 * scripts, autoresponder, in the order of the specification (02, "Order of local delivery").
 */
#ifndef POSTROOM_DELIVER_DECIDER_H
#define POSTROOM_DELIVER_DECIDER_H

#include "common/mime/mime.h"
#include "common/rules/message_rule.h"
#include "common/script/script.h"
#include "deliver/carrier.h"

/* The message, parsed once for all of its users. */
struct subject {
	struct desk *desk;
	const struct order *order;
	struct arena arena;
	struct mime_source source;
	struct str header;  /* with its empty line */
	int64_t body_at;    /* its length */
	bool has_hops_left; /* it has not gone through too many servers to be sent on */
	enum facts_type type;
	struct str fingerprint; /* empty: it is not compared with others */
};

/* One of its users. */
struct client {
	const struct subject *subject;
	const struct order_user *user;
	struct arena *arena;
	struct str name;    /* the account's */
	struct str address; /* name@default domain */
	bool was_here;      /* his forwardings made this message already: they do not act again */
	struct facts facts;
	struct facts_delivery delivery;
	struct message_outcome outcome;
	struct decision *decision;
	struct script delivery_script; /* valid where has_delivery_script */
	bool has_delivery_script;
	struct str forwarder; /* who passes on copies of rules, as they say in Resent-From; empty: they do not */
};

/* Add a message to be made: the original with a trace field before it, its header as the user's rules leave it. */
struct made *client_make_copy(struct client *client, enum made_kind kind, struct str step, struct str from);
/* One more recipient of it; what is too much is left out. */
void client_add_to(struct client *client, struct made *made, struct str address);

/* header_lines.c: the header with lines set, added and removed, in arena. */
struct str header_apply(struct str header, const struct str *lines, size_t count, struct arena *arena);

/* route.c: assistants and forwardings. *keep_out: it goes to the user's mailbox too. -1: not known now. */
int decide_route(struct client *client, bool *keep_out, struct err *err);
/* One more folder, once each; "" is the Inbox. */
void decision_add_folder(struct decision *decision, struct str folder);

/* decide_script.c: delivery.lua. Before forwards of rules are made; and where it is known which folders there are. */
void decide_pre_deliver(struct client *client);
void decide_deliver(struct client *client);

/* A user's own script, else that of all, opened. False: there is neither. */
bool client_open_script(const struct client *client, const char *name, struct script *script);

/* answer_message.c: the user's autoresponder. *keep_out: the message stays in the mailbox. -1: not known now. */
int decide_answer(struct client *client, bool *keep_out, struct err *err);

/* fingerprint.c: by what the message is known where it comes again; empty: by nothing, or that is not wanted. */
struct str subject_fingerprint(struct subject *subject);

/* decide_rules.c: the user's message rules. -1: they cannot be read now. */
int decide_rules(struct client *client, struct err *err);

#endif
