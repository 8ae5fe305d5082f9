#include "configd/configd.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static struct change *first_waiting, **last_waiting = &first_waiting;
static bool busy;    /* one is being worked on */
static bool in_turn; /* run_next is on the stack and goes on itself */

static void run_next(void);

int change_field(const struct change *change, const char *key, struct str *value_out, struct err *err)
{
	*value_out = ipc_get(&change->incoming->message, key);
	if (value_out->data == NULL)
		return err_set(err, ERR_SYNTAX, "%s needs the field %s", change->operation->name, key);
	return 0;
}

int change_next_setting(const struct change *change, size_t *position, struct str *key_out, struct str *value_out,
                        struct err *err)
{
	struct str field, value;

	key_out->data = NULL;
	while (ipc_next(&change->incoming->message, position, &field, &value)) {
		bool is_value = str_equal(field, STR("value"));

		if (str_equal(field, STR("key"))) {
			*key_out = value;
		} else if (is_value && key_out->data == NULL) {
			return err_set(err, ERR_SYNTAX, "a value without its key");
		} else if (is_value || str_equal(field, STR("unset"))) {
			*value_out = is_value ? value : (struct str){NULL, 0};
			if (!is_value)
				*key_out = value;
			return 1;
		}
	}
	return 0;
}

int change_flag(const struct change *change, const char *key, bool *value_out, struct err *err)
{
	struct str value = ipc_get(&change->incoming->message, key);

	if (value.data == NULL)
		return 0;
	if (!str_equal(value, STR("0")) && !str_equal(value, STR("1")))
		return err_set(err, ERR_SYNTAX, "%s must be 0 or 1", key);
	*value_out = value.data[0] == '1';
	return 0;
}

void change_note(struct change *change, const char *format, ...)
{
	struct change_note *note = arena_get(&change->arena, sizeof *note);
	char text[1000];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	note->text = arena_copy(&change->arena, str_of(text));
	*change->notes_tail = note;
	change->notes_tail = &note->next;
}

void change_list(struct change *change, const char *key, json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT);

	json_decref(object);
	ipc_add_text(&change->reply, key, text != NULL ? text : "{}");
	free(text);
}

static struct ipc_message *ask(struct change *change, struct change_ask **list, struct ipc_client *callee,
                               const char *name, const char *op)
{
	struct change_ask *asked = arena_get(&change->arena, sizeof *asked);

	while (*list != NULL)
		list = &(*list)->next;
	*list = asked;
	asked->callee = callee;
	asked->name = name;
	ipc_message_init(&asked->request);
	ipc_request(&asked->request, op);
	return &asked->request;
}

struct ipc_message *change_ask_before(struct change *change, const char *op)
{
	return ask(change, &change->before, change->config->authd, "authd", op);
}

struct ipc_message *change_ask_about(struct change *change, const char *op, void *subject)
{
	struct change_ask *asked;

	change_ask_before(change, op);
	for (asked = change->before; asked->next != NULL;)
		asked = asked->next;
	asked->subject = subject;
	return &asked->request;
}

void change_ask_in_use(struct change *change)
{
	ask(change, &change->before, change->config->statusd, "statusd", "in-use");
}

struct ipc_message *change_ask_after(struct change *change, const char *op)
{
	return ask(change, &change->after, change->config->authd, "authd", op);
}

struct ipc_message *change_ask_listener(struct change *change, bool before, int index, const char *op)
{
	return ask(change, before ? &change->before : &change->after, change->config->listeners[index],
	           service_types[index].program, op);
}

/* A listener that does not run listens to nothing, and will look when it starts; without statusd nobody has sessions.
 */
static bool is_away(const struct change *change, const struct err *err)
{
	return change->asked->callee != change->config->authd && (err->sys == ENOENT || err->sys == ECONNREFUSED);
}

static void wipe(struct ipc_message *message)
{
	if (message->fields.data != NULL)
		memory_wipe(message->fields.data, message->fields.capacity);
	ipc_message_free(message);
}

static void wipe_asked(struct change_ask *asked)
{
	for (; asked != NULL; asked = asked->next)
		wipe(&asked->request);
}

/* Nobody waits for what this daemon does by itself. */
static void answer(struct change *change)
{
	if (change->ended == NULL) {
		ipc_answer(change->incoming, &change->reply);
		return;
	}
	change->ended(change->config);
	ipc_message_free(&change->incoming->message);
	memory_free(change->incoming);
}

/* Answer, forget the passwords that passed through, and go on with the next request. */
static void finish(struct change *change, const struct err *err)
{
	if (err != NULL && err->code != ERR_NONE) {
		db_rollback(&change->config->db);
		log_info("%s refused: %s", change->operation->name, err->text);
		ipc_reply_error(&change->reply, err);
		if (change->code != NULL)
			ipc_add_text(&change->reply, "code", change->code);
	}
	ipc_add_number(&change->reply, "generation", (int64_t)change->config->generation);
	/* Whoever answered did so in a process that knew its listener as it was then: the next question goes to a new one.
	 */
	for (int i = 0; i < CONFIG_LISTENERS; i++)
		ipc_client_hang_up(change->config->listeners[i]);
	if (change->incoming->message.fields.data != NULL)
		memory_wipe(change->incoming->message.fields.data, change->incoming->message.fields.len);
	answer(change);
	wipe(&change->reply);
	wipe_asked(change->before);
	wipe_asked(change->after);
	arena_wipe(&change->arena);
	arena_free(&change->arena);
	busy = false;
	mailboxes_look(change->config);
	memory_free(change);
	if (!in_turn)
		run_next();
}

static void ask_next_after(struct change *change);
static void ask_next_before(struct change *change);

static void after_answered(struct ipc_message *reply, const struct err *err, void *context)
{
	struct change *change = context;

	(void)reply;
	/* What is left at authd belongs to a number that is never used again; a listener follows at its next connection. */
	if (err != NULL && err->code != ERR_NONE && !is_away(change, err))
		log_warning("%s is done, but %s could not do its part: %s", change->operation->name, change->asked->name,
		            err->text);
	ask_next_after(change);
}

/* Each question is taken off its list when it is asked; without one left the next stage begins. */
static void ask_next_after(struct change *change)
{
	struct change_ask *asked = change->after;

	if (asked == NULL) {
		finish(change, NULL);
		return;
	}
	change->after = asked->next;
	change->asked = asked;
	ipc_client_call(asked->callee, &asked->request, IPC_TIMEOUT_MS, after_answered, change);
	wipe(&asked->request);
}

static void commit(struct change *change)
{
	struct config *config = change->config;
	struct err err;

	if (change->operation->writes) {
		if (db_commit(&config->db, &err) != 0) {
			finish(change, &err);
			return;
		}
		publish_finish(config);
	}
	if (change->committed != NULL)
		change->committed(change);
	for (struct change_note *note = change->notes; note != NULL; note = note->next)
		log_info("%.*s%s%.*s (settings %llu)", STR_ARG(note->text), change->actor.uid != 0 ? ", by " : "",
		         STR_ARG(change->actor.name), (unsigned long long)config->generation);
	ask_next_after(change);
}

static void before_answered(struct ipc_message *reply, const struct err *err, void *context)
{
	struct change *change = context;
	struct err reason;

	if (err != NULL && err->code != ERR_NONE && change->refused != NULL &&
	    change->refused(change, change->asked, err) == 0) {
		ask_next_before(change);
	} else if (err != NULL && err->code != ERR_NONE && !is_away(change, err)) {
		reason = *err;
		err_prefix(&reason, "%s", change->asked->name);
		finish(change, &reason);
	} else if (reply != NULL && change->answered != NULL && change->answered(change, reply, &reason) != 0) {
		finish(change, &reason);
	} else {
		ask_next_before(change);
	}
}

/* What was worked out is looked at as a whole, and its snapshot is written; nobody reads that yet. */
static int complete(struct change *change, struct err *err)
{
	if (!change->operation->writes || change->only_check)
		return 0;
	if (check_all(change->config, err) != 0 || actor_check(change, err) != 0)
		return -1;
	return publish_prepare(change->config, err);
}

/* All before the commit is answered: the rest of the change, then the commit. */
static void go_on(struct change *change)
{
	int (*then)(struct change *, struct err *) = change->then;
	struct err err = {0};

	change->then = NULL;
	if (then != NULL && (then(change, &err) != 0 || complete(change, &err) != 0)) {
		finish(change, &err);
	} else if (change->only_check) {
		db_rollback(&change->config->db);
		finish(change, NULL);
	} else if (change->before != NULL) {
		ask_next_before(change);
	} else {
		commit(change);
	}
}

static void ask_next_before(struct change *change)
{
	struct change_ask *asked = change->before;

	if (asked == NULL) {
		go_on(change);
		return;
	}
	change->before = asked->next;
	change->asked = asked;
	ipc_client_call(asked->callee, &asked->request, IPC_TIMEOUT_MS, before_answered, change);
	wipe(&asked->request);
}

static int run_operation(struct change *change, struct err *err)
{
	const struct operation *operation = change->operation;

	ipc_reply_ok(&change->reply);
	if (actor_begin(change, err) != 0)
		return -1;
	if (operation->prepare != NULL && operation->prepare(change, err) != 0)
		return -1;
	if (operation->writes && db_begin(&change->config->db, err) != 0)
		return -1;
	if (operation->run(change, err) != 0)
		return -1;
	return change->then != NULL ? 0 : complete(change, err);
}

static void run_change(struct change *change)
{
	struct err err = {0};

	if (run_operation(change, &err) != 0)
		finish(change, &err);
	else if (change->only_check && change->then == NULL)
		go_on(change);
	else
		ask_next_before(change);
}

static void run_next(void)
{
	in_turn = true;
	while (!busy && first_waiting != NULL) {
		struct change *change = first_waiting;

		first_waiting = change->next;
		if (first_waiting == NULL)
			last_waiting = &first_waiting;
		busy = true;
		run_change(change);
	}
	in_turn = false;
}

void request_between(struct config *config)
{
	if (!busy)
		mailboxes_look(config);
}

static void append(struct config *config, const struct operation *operation, struct ipc_incoming *incoming,
                   void (*ended)(struct config *))
{
	struct change *change = memory_get(sizeof *change);

	change->config = config;
	change->operation = operation;
	change->incoming = incoming;
	change->ended = ended;
	change->notes_tail = &change->notes;
	arena_init(&change->arena);
	ipc_message_init(&change->reply);
	*last_waiting = change;
	last_waiting = &change->next;
	if (!busy && !in_turn)
		run_next();
}

void request_run(struct config *config, const struct operation *operation, void (*ended)(struct config *config))
{
	struct ipc_incoming *incoming = memory_get(sizeof *incoming);

	ipc_message_init(&incoming->message);
	append(config, operation, incoming, ended);
}

void request_take(struct ipc_incoming *incoming, void *context)
{
	/* listd changes members of lists, nothing else */
	const struct operation *operation = strcmp(incoming->caller, "listd") == 0 ? listd_operations : operations;
	struct err err;

	while (operation->name != NULL && !ipc_is(&incoming->message, operation->name))
		operation++;
	if (operation->name == NULL) {
		err_set(&err, ERR_PROTOCOL, "configd does not know this request");
		ipc_answer_error(incoming, &err);
		return;
	}
	append(context, operation, incoming, NULL);
}
