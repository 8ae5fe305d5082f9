/*
 * contact: address books (policyd): those of users, and everybody's. Contacts come and go as vCards
 * (common/mime/vcard.h).
 */
#include "ctl/ctl.h"

#include "common/base/io.h"
#include "common/mime/vcard.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define EVERYBODY "--everybody"

enum {
	FILE_MAX = 64 << 20, /* octets */
	PAGE_MAX = 1000,     /* contacts in one answer */
	UID_DIGITS = 32,
};

static const struct ctl_command usages[] = {
    {"contact", "list USER|" EVERYBODY " [--filter TEXT] [--json]", NULL, NULL, false},
    {"contact", "add USER|" EVERYBODY " FILE", NULL, NULL, false},
    {"contact", "set USER|" EVERYBODY " ID FILE", NULL, NULL, false},
    {"contact", "delete USER|" EVERYBODY " ID", NULL, NULL, false},
    {"contact", "export USER|" EVERYBODY, NULL, NULL, false},
};
enum { LIST, ADD, SET, DELETE, EXPORT };

static bool is_everybody(const char *book)
{
	return strcmp(book, EVERYBODY) == 0;
}

static void begin(struct ipc_message *request, struct ipc_message *reply, const char *op, const char *book)
{
	ipc_message_init(request);
	ipc_message_init(reply);
	ipc_request(request, op);
	if (!is_everybody(book))
		ipc_add_text(request, "user", book);
}

/* All contacts of a book, into contacts. */
static int find(struct ctl *ctl, const char *book, const char *filter, json_t *contacts)
{
	struct ipc_message request, reply;
	size_t count = PAGE_MAX;
	int status = CTL_DONE;

	for (int64_t offset = 0; status == CTL_DONE && count == PAGE_MAX; offset += PAGE_MAX) {
		struct str key, value;

		begin(&request, &reply, "contact-list", book);
		ipc_add_number(&request, "domain", is_everybody(book));
		ipc_add_text(&request, "filter", filter);
		ipc_add_number(&request, "offset", offset);
		status = ctl_ask(ctl, "policyd", &request, &reply);
		count = 0;
		for (size_t position = 0; status == CTL_DONE && ipc_next(&reply, &position, &key, &value);)
			if (str_equal(key, STR("contact"))) {
				json_array_append_new(contacts, json_loadb(value.data, value.len, 0, NULL));
				count++;
			}
		ipc_message_free(&request);
		ipc_message_free(&reply);
	}
	return status;
}

static void print_contact(const json_t *contact)
{
	const json_t *address;
	size_t at;

	printf("%8" JSON_INTEGER_FORMAT "  %s", json_integer_value(json_object_get(contact, "id")),
	       json_string_value(json_object_get(contact, "name")));
	json_array_foreach (json_object_get(contact, "addresses"), at, address) {
		printf(" <%s>", json_string_value(address));
	}
	printf("\n");
}

static int list(struct ctl *ctl, const char *book, int argc, char **argv)
{
	const char *filter = "";
	bool as_json = false;
	const json_t *contact;
	json_t *contacts;
	size_t at;
	int status;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			as_json = true;
		else if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc)
			filter = argv[++i];
		else
			return ctl_usage(&usages[LIST]);
	}
	contacts = json_array();
	status = find(ctl, book, filter, contacts);
	if (status == CTL_DONE && as_json) {
		json_dumpf(contacts, stdout, JSON_INDENT(2));
		printf("\n");
	} else if (status == CTL_DONE) {
		json_array_foreach (contacts, at, contact) {
			print_contact(contact);
		}
	}
	json_decref(contacts);
	return status;
}

static int export(struct ctl *ctl, const char *book)
{
	json_t *contacts = json_array();
	int status = find(ctl, book, "", contacts);
	const json_t *contact;
	size_t at;

	json_array_foreach (contacts, at, contact) {
		if (status == CTL_DONE)
			fputs(json_string_value(json_object_get(contact, "card")), stdout);
	}
	json_decref(contacts);
	return status;
}

/* id: of the contact in whose place this comes; NULL: a new one. */
static int put(struct ctl *ctl, const char *book, const char *id, struct vcard *card, struct arena *arena)
{
	struct ipc_message request, reply;
	char uid[UID_DIGITS + 1];
	struct buf text;
	int status;

	if (card->uid.len == 0) {
		io_random_hex(uid, UID_DIGITS);
		card->uid = arena_copy(arena, str_of(uid));
	}
	if (card->name.len == 0)
		card->name = card->addresses.list[0];
	buf_init(&text, 2 * VCARD_MAX);
	vcard_format(card, &text);
	begin(&request, &reply, is_everybody(book) ? "domain-contact-put" : "contact-put", book);
	if (id != NULL)
		ipc_add_text(&request, "id", id);
	ipc_add(&request, "card", buf_str(&text));
	ipc_add(&request, "name", card->name);
	for (size_t i = 0; i < card->addresses.count; i++)
		ipc_add(&request, "address", card->addresses.list[i]);
	for (size_t i = 0; i < card->groups.count; i++)
		ipc_add(&request, "label", card->groups.list[i]);
	status = ctl_ask(ctl, "policyd", &request, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	buf_free(&text);
	return status;
}

/* The contacts of a file; one alone in the place of another. */
static int put_all(struct ctl *ctl, const char *book, const char *id, struct str text)
{
	struct arena arena;
	struct vcard card, next;
	size_t count = 0, bad = 0;
	bool has_next;
	int status = CTL_DONE;

	arena_init(&arena);
	has_next = vcard_next(&text, &arena, &next, &bad);
	while (has_next && status == CTL_DONE) {
		card = next;
		has_next = vcard_next(&text, &arena, &next, &bad);
		if (id != NULL && has_next)
			status = ctl_refuse("the file holds more than one contact");
		else
			status = put(ctl, book, id, &card, &arena);
		count += status == CTL_DONE;
	}
	arena_free(&arena);
	if (status == CTL_DONE && count == 0)
		return ctl_refuse("the file holds no contact that has a name or an address");
	if (status == CTL_DONE && bad > 0)
		fprintf(stderr, "postroom: %zu of the contacts were passed over: too long, or without name and address\n", bad);
	return status;
}

static int put_file(struct ctl *ctl, const char *book, const char *id, const char *path)
{
	struct buf text;
	struct err err;
	int status;

	buf_init(&text, FILE_MAX);
	if (io_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, &err) != 0)
		status = ctl_refuse_err(&err);
	else
		status = put_all(ctl, book, id, buf_str(&text));
	buf_free(&text);
	return status;
}

static int erase(struct ctl *ctl, const char *book, const char *id)
{
	struct ipc_message request, reply;
	int status;

	begin(&request, &reply, is_everybody(book) ? "domain-contact-delete" : "contact-delete", book);
	ipc_add_text(&request, "id", id);
	status = ctl_ask(ctl, "policyd", &request, &reply);
	ipc_message_free(&request);
	ipc_message_free(&reply);
	return status;
}

int ctl_contact(struct ctl *ctl, int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	if (strcmp(verb, "list") == 0)
		return argc > 2 ? list(ctl, argv[2], argc - 3, argv + 3) : ctl_usage(&usages[LIST]);
	if (strcmp(verb, "add") == 0)
		return argc == 4 ? put_file(ctl, argv[2], NULL, argv[3]) : ctl_usage(&usages[ADD]);
	if (strcmp(verb, "set") == 0)
		return argc == 5 ? put_file(ctl, argv[2], argv[3], argv[4]) : ctl_usage(&usages[SET]);
	if (strcmp(verb, "delete") == 0)
		return argc == 4 ? erase(ctl, argv[2], argv[3]) : ctl_usage(&usages[DELETE]);
	if (strcmp(verb, "export") == 0)
		return argc == 3 ? export(ctl, argv[2]) : ctl_usage(&usages[EXPORT]);
	return ctl_usage(&usages[LIST]);
}
