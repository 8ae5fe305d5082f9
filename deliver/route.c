/*
 * decider: where a message goes beside or instead of its user's mailbox: assistants, forwardings, sizes, and the script
 * user_redirect.lua, which may change all of it for one message (specification 02, "Routing tab").
 */
#include "common/addr/addr.h"
#include "common/base/log.h"
#include "common/mime/header.h"
#include "common/settings/attributes.h"
#include "common/settings/window.h"
#include "deliver/decider.h"

/* What holds for messages of some size. */
struct by_size {
	struct str target;
	int64_t threshold; /* kB; 0: off */
	bool redirect, bigger;
};

struct route {
	struct str assistants, forwards; /* addresses, separated by commas or semicolons */
	bool redirect;                   /* to the assistants */
	bool use_forwards;
	bool keep;           /* in the mailbox, unless something else sends it elsewhere */
	bool should_forward; /* assistants and forwards act */
	struct by_size big, small;
};

/* By attributes, as they are at this time. */
static int read_settings(struct client *client, struct route *route, struct err *err)
{
	struct desk *desk = client->subject->desk;
	time_t now = (time_t)client->subject->order->now;
	struct attributes attributes;

	if (attributes_load(&desk->settings, client->user->uid, client->arena, &attributes, err) != 0)
		return -1;
	*route = (struct route){
	    .assistants = str_of(attributes_text(&attributes, ATTRIBUTE_ASSISTANT)),
	    .forwards = str_of(attributes_text(&attributes, ATTRIBUTE_FORWARD)),
	    .redirect = attributes_flag(&attributes, ATTRIBUTE_ASSISTANT_REDIRECT),
	    .use_forwards = attributes_flag(&attributes, ATTRIBUTE_FORWARD_ENABLED),
	    .keep = true,
	    .should_forward = true,
	    .big = {str_of(attributes_text(&attributes, ATTRIBUTE_BIG_TARGET)),
	            attributes_number(&attributes, ATTRIBUTE_BIG_SIZE),
	            attributes_flag(&attributes, ATTRIBUTE_BIG_REDIRECT), true},
	    .small = {str_of(attributes_text(&attributes, ATTRIBUTE_SMALL_TARGET)),
	              attributes_number(&attributes, ATTRIBUTE_SMALL_SIZE),
	              attributes_flag(&attributes, ATTRIBUTE_SMALL_REDIRECT), false},
	};
	if (!window_holds(str_of(attributes_text(&attributes, ATTRIBUTE_ASSISTANT_FROM)),
	                  str_of(attributes_text(&attributes, ATTRIBUTE_ASSISTANT_TO)), now))
		route->assistants = STR("");
	if (!window_holds(str_of(attributes_text(&attributes, ATTRIBUTE_FORWARD_FROM)),
	                  str_of(attributes_text(&attributes, ATTRIBUTE_FORWARD_TO)), now))
		route->use_forwards = false;
	return 0;
}

/* The user's own script, else that of all. False: there is none. */
bool client_open_script(const struct client *client, const char *name, struct script *script)
{
	const struct instance *instance = client->subject->desk->instance;

	script_open(script, instance, arena_printf(client->arena, "%.*s/%s", STR_ARG(client->name), name).data, NULL, NULL);
	if (script_is_installed(script))
		return true;
	script_open(script, instance, name, NULL, NULL);
	return script_is_installed(script);
}

enum { GLOBALS = 8, SIZE_FIELDS = 4 };

static void size_to_script(const struct by_size *size, struct script_field fields[SIZE_FIELDS])
{
	fields[0] = (struct script_field){"Target", script_text(size->target)};
	fields[1] = (struct script_field){"Threshold", script_number(size->threshold)};
	fields[2] = (struct script_field){"Copy", script_flag(!size->redirect)};
	fields[3] = (struct script_field){"Bigger", script_flag(size->bigger)};
}

static void size_from_script(struct by_size *size, const struct script_field fields[SIZE_FIELDS])
{
	size->target = fields[0].value.type == SCRIPT_TEXT ? fields[0].value.text : STR("");
	size->threshold = fields[1].value.type == SCRIPT_NUMBER ? fields[1].value.number : 0;
	size->redirect = fields[2].value.type == SCRIPT_FLAG && !fields[2].value.flag;
	size->bigger = fields[3].value.type != SCRIPT_FLAG || fields[3].value.flag;
}

static void run_script(const struct client *client, struct route *route)
{
	struct script_field big[SIZE_FIELDS], small[SIZE_FIELDS];
	struct script script;

	if (!client_open_script(client, "user_redirect", &script))
		return;
	size_to_script(&route->big, big);
	size_to_script(&route->small, small);
	struct script_field globals[GLOBALS] = {
	    {"Assistants", script_text(route->assistants)},        {"Forwards", script_text(route->forwards)},
	    {"RedirectToAssistant", script_flag(route->redirect)}, {"UseForwards", script_flag(route->use_forwards)},
	    {"SendToNormalRecipient", script_flag(route->keep)},   {"ShouldForward", script_flag(route->should_forward)},
	    {"BigRedirect", script_table(big, SIZE_FIELDS)},       {"SmallRedirect", script_table(small, SIZE_FIELDS)},
	};
	if (script_run(&script, globals, GLOBALS) == 1 &&
	    script_get_globals(&script, globals, GLOBALS, client->arena) == 1) {
		route->assistants = globals[0].value.text;
		route->forwards = globals[1].value.text;
		route->redirect = globals[2].value.flag;
		route->use_forwards = globals[3].value.flag;
		route->keep = globals[4].value.flag;
		route->should_forward = globals[5].value.flag;
		size_from_script(&route->big, big);
		size_from_script(&route->small, small);
	}
	script_close(&script);
}

static struct str next_address(struct str *rest)
{
	struct str address = STR("");

	while (rest->data != NULL && address.len == 0) {
		size_t end = 0;

		while (end < rest->len && rest->data[end] != ',' && rest->data[end] != ';')
			end++;
		address = str_trim(str_sub(*rest, 0, end));
		*rest = end < rest->len ? str_skip(*rest, end + 1) : (struct str){NULL, 0};
	}
	return address;
}

/* Bare names are of this server. */
static bool is_address(const struct client *client, struct str text, const struct addr *wanted)
{
	struct addr addr;

	if (str_find_char(text, '@') < 0)
		text = arena_printf(client->arena, "%.*s@%s", STR_ARG(text),
		                    settings_default_domain(&client->subject->desk->settings));
	return addr_parse_mailbox(text, client->arena, &addr, NULL) == 0 && addr_equal(&addr, wanted);
}

/* Did this server's own checks find that the sender is who he says (RFC 8601)? Forged results were taken out. */
static bool sender_is_proven(const struct client *client)
{
	struct mime_field field;
	struct str value;

	if (client->subject->type != FACTS_INCOMING)
		return true;
	if (!mime_field_find(client->subject->header, STR("Authentication-Results"), &field))
		return false;
	value = mime_unfold(field.value, client->arena);
	return str_starts_nocase(value, str_of(settings_host_name(&client->subject->desk->settings))) &&
	       (str_find(value, STR(" spf=pass")) > 0 || str_find(value, STR(" dkim=pass")) > 0);
}

/* So that an assistant can pass mail on to whom he assists. */
static bool is_from_assistant(const struct client *client, const struct route *route)
{
	struct str rest = route->assistants, address;
	struct addr sender;

	if (addr_parse_mailbox(client->subject->order->from, client->arena, &sender, NULL) != 0 ||
	    !sender_is_proven(client))
		return false;
	while ((address = next_address(&rest)).len > 0)
		if (is_address(client, address, &sender))
			return true;
	return false;
}

/* True: it goes there. */
static bool send_to(struct client *client, enum made_kind kind, const char *step, struct str addresses)
{
	struct made *made = NULL;
	struct str address;

	while ((address = next_address(&addresses)).len > 0) {
		if (made == NULL)
			made = client_make_copy(client, kind, str_of(step), client->subject->order->from);
		if (made == NULL)
			return false;
		client_add_to(client, made, address);
	}
	return made != NULL;
}

static void act_by_size(struct client *client, struct route *route, const struct by_size *size, const char *step)
{
	int64_t octets = client->subject->order->size, threshold = size->threshold * 1024;

	if (size->threshold <= 0 || (size->bigger ? octets < threshold : octets > threshold))
		return;
	if (send_to(client, MADE_FORWARD, step, size->target) && size->redirect)
		route->keep = false;
}

static void act(struct client *client, struct route *route)
{
	bool is_copy = str_equal(client->subject->order->envelope.service, STR("assistant"));

	if (route->should_forward && route->assistants.len > 0 && !is_copy && !is_from_assistant(client, route) &&
	    send_to(client, MADE_ASSISTANT, "assistant", route->assistants) && route->redirect)
		route->keep = false;
	if (route->should_forward && route->use_forwards && send_to(client, MADE_FORWARD, "forward", route->forwards))
		route->keep = false;
	act_by_size(client, route, &route->big, "big");
	act_by_size(client, route, &route->small, "small");
}

int decide_route(struct client *client, bool *keep_out, struct err *err)
{
	struct route route;

	if (read_settings(client, &route, err) != 0)
		return -1;
	run_script(client, &route);
	*keep_out = route.keep;
	if (client->was_here) {
		if (route.assistants.len > 0 || route.forwards.len > 0)
			log_warning("id=%.*s is not passed on for user %.*s again: it goes in circles",
			            STR_ARG(client->subject->order->id), STR_ARG(client->name));
		return 0;
	}
	act(client, &route);
	*keep_out = route.keep;
	if (!route.keep)
		log_info("id=%.*s goes elsewhere instead of the mailbox of user %.*s", STR_ARG(client->subject->order->id),
		         STR_ARG(client->name));
	return 0;
}
