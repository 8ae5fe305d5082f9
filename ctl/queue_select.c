#include "ctl/queue_select.h"

#include "common/base/arena.h"
#include "common/mime/fields.h"
#include "common/mime/header.h"

#include <string.h>

enum { KB = 1024, KB_MAX = 999999999 };

const struct option queue_select_options[] = {
    {"from", required_argument, NULL, QUEUE_FROM},
    {"to", required_argument, NULL, QUEUE_TO},
    {"subject", required_argument, NULL, QUEUE_SUBJECT},
    {"user", required_argument, NULL, QUEUE_USER},
    {"ip", required_argument, NULL, QUEUE_PEER},
    {"sender", required_argument, NULL, 's'},
    {"recipient", required_argument, NULL, 'r'},
    {"state", required_argument, NULL, 't'},
    {"size", required_argument, NULL, 'z'},
    {"held", no_argument, NULL, 'h'},
    {"not-held", no_argument, NULL, 'n'},
    {"all", no_argument, NULL, 'a'},
    {"json", no_argument, NULL, 'j'},
    {NULL, 0, NULL, 0},
};

/* "MIN-MAX" in kB. */
static int read_size(struct queue_selection *selection, const char *text)
{
	struct str rest = str_of(text), first = str_cut(&rest, '-');
	uint64_t least, most;

	if (rest.data == NULL || !str_to_u64(first, KB_MAX, &least) || !str_to_u64(rest, KB_MAX, &most) || most < least)
		return ctl_refuse("--size is MIN-MAX in kB, not \"%s\"", text);
	selection->least = (int64_t)least * KB;
	selection->most = (int64_t)most * KB;
	return CTL_DONE;
}

static int read_text(struct queue_selection *selection, enum queue_text which, const char *text)
{
	struct err err;

	if (text[0] == '/' && selection->regexes[which] == NULL &&
	    regex_compile(str_of(text), &selection->regexes[which], &err) != 0)
		return ctl_refuse_err(&err);
	selection->texts[which] = text[0] != '\0' ? text : NULL;
	return CTL_DONE;
}

static int read_option(struct queue_selection *selection, int option)
{
	selection->any |= option != 'j' && option != 'a';
	switch (option) {
	case QUEUE_FROM ... QUEUE_PEER:
		return read_text(selection, (enum queue_text)option, optarg);
	case 's':
		selection->sender = optarg;
		return CTL_DONE;
	case 'r':
		selection->recipient = optarg;
		return CTL_DONE;
	case 't':
		selection->state = optarg;
		return CTL_DONE;
	case 'z':
		return read_size(selection, optarg);
	case 'h':
	case 'n':
		selection->held = option == 'h';
		return CTL_DONE;
	case 'a':
		selection->all = true;
		return CTL_DONE;
	case 'j':
		selection->json = true;
		return CTL_DONE;
	default:
		return CTL_USAGE;
	}
}

int queue_select_read(struct queue_selection *selection, int argc, char **argv)
{
	int status = CTL_DONE;

	*selection = (struct queue_selection){.most = INT64_MAX, .held = -1};
	for (int option; status == CTL_DONE && (option = getopt_long(argc, argv, "", queue_select_options, NULL)) != -1;)
		status = read_option(selection, option);
	return status;
}

void queue_select_free(struct queue_selection *selection)
{
	for (int i = 0; i < QUEUE_TEXTS; i++)
		regex_free(selection->regexes[i]);
}

static bool holds(const struct queue_selection *selection, enum queue_text which, struct str text)
{
	struct arena arena;
	bool result;

	if (selection->texts[which] == NULL)
		return true;
	if (selection->regexes[which] != NULL)
		return regex_search(selection->regexes[which], text) == REGEX_YES;
	arena_init(&arena);
	result = str_matches_wildcard(text, arena_printf(&arena, "*%s*", selection->texts[which]));
	arena_free(&arena);
	return result;
}

static bool holds_field(const struct queue_selection *selection, enum queue_text which, const json_t *object,
                        const char *key)
{
	return holds(selection, which, str_of(json_string_value(json_object_get(object, key))));
}

/* All of a message, which a listing has not where there are many recipients. */
static int ask_for_message(struct ctl *ctl, const char *id, struct ipc_message *reply)
{
	struct ipc_message request;
	int status;

	ipc_message_init(&request);
	ipc_request(&request, "show");
	ipc_add_text(&request, "id", id);
	status = ctl_ask(ctl, "queue-manager", &request, reply);
	ipc_message_free(&request);
	return status;
}

static bool holds_recipients(const struct queue_selection *selection, const json_t *message)
{
	const json_t *recipients = json_object_get(message, "recipients");

	for (size_t i = 0; i < json_array_size(recipients); i++)
		if (holds_field(selection, QUEUE_TO, json_array_get(recipients, i), "address"))
			return true;
	return false;
}

static bool holds_subject(const struct queue_selection *selection, struct str headers)
{
	struct mime_field field;
	struct arena arena;
	bool result;

	arena_init(&arena);
	result = holds(selection, QUEUE_SUBJECT,
	               mime_field_find(headers, STR("Subject"), &field) ? str_trim(mime_decode_words(field.value, &arena))
	                                                                : STR(""));
	arena_free(&arena);
	return result;
}

/* What only the message itself tells. 1: it is meant, 0: it is not, -1: it cannot be asked for. */
static int holds_inside(struct ctl *ctl, const struct queue_selection *selection, const json_t *message)
{
	struct ipc_message reply;
	int result = -1;

	if (selection->texts[QUEUE_TO] == NULL && selection->texts[QUEUE_SUBJECT] == NULL)
		return 1;
	ipc_message_init(&reply);
	if (ask_for_message(ctl, json_string_value(json_object_get(message, "id")), &reply) == CTL_DONE) {
		struct str text = ipc_get(&reply, "message");
		json_t *whole = json_loadb(text.data, text.len, 0, NULL);

		result = holds_recipients(selection, whole) && holds_subject(selection, ipc_get(&reply, "headers"));
		json_decref(whole);
	}
	ipc_message_free(&reply);
	return result;
}

static bool holds_outside(const struct queue_selection *selection, const json_t *message)
{
	json_int_t size = json_integer_value(json_object_get(message, "size"));
	const char *state = json_string_value(json_object_get(message, "state"));
	bool held = state != NULL && strncmp(state, "held", 4) == 0;

	return size >= selection->least && size <= selection->most &&
	       (selection->held < 0 || held == (selection->held != 0)) &&
	       holds_field(selection, QUEUE_FROM, message, "from") && holds_field(selection, QUEUE_USER, message, "user") &&
	       holds_field(selection, QUEUE_PEER, message, "peer");
}

static int run_one(struct ctl *ctl, const struct queue_selection *selection, struct str line, queue_each *each,
                   void *context)
{
	json_t *message = json_loadb(line.data, line.len, 0, NULL);
	int status = CTL_DONE;

	if (message != NULL && holds_outside(selection, message)) {
		int meant = holds_inside(ctl, selection, message);

		if (meant == 1)
			status = each(message, line, context);
	}
	json_decref(message);
	return status;
}

static void ask_for_page(struct ipc_message *request, const struct queue_selection *selection, const char *after)
{
	ipc_request(request, "list");
	if (after[0] != '\0')
		ipc_add_text(request, "after", after);
	if (selection->sender != NULL)
		ipc_add_text(request, "sender", selection->sender);
	if (selection->recipient != NULL)
		ipc_add_text(request, "recipient", selection->recipient);
	if (selection->state != NULL)
		ipc_add_text(request, "state", selection->state);
}

int queue_select_run(struct ctl *ctl, const struct queue_selection *selection, queue_each *each, void *context)
{
	struct ipc_message request, reply;
	char after[80] = "";
	int status;

	ipc_message_init(&request);
	ipc_message_init(&reply);
	do {
		struct str key, value;
		size_t position = 0;

		ask_for_page(&request, selection, after);
		status = ctl_ask(ctl, "queue-manager", &request, &reply);
		while (status == CTL_DONE && ipc_next(&reply, &position, &key, &value))
			if (str_equal(key, STR("message")))
				status = run_one(ctl, selection, value, each, context);
	} while (status == CTL_DONE && ipc_get_text(&reply, "after", after, sizeof after));
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}
