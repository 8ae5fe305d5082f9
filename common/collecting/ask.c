#include "common/collecting/ask.h"

enum { NAMES_MAX = 100 }; /* of one address, for rules */

int collect_asker_open(struct collect_asker *asker, const struct instance *instance, const char *caller,
                       int64_t collector, struct err *err)
{
	*asker = (struct collect_asker){.collector = collector};
	if (ipc_connect(&asker->channel, instance, "resolver", caller, err) != 0)
		return -1;
	ipc_message_init(&asker->request);
	ipc_message_init(&asker->reply);
	return 0;
}

void collect_asker_close(struct collect_asker *asker)
{
	ipc_close(&asker->channel);
	ipc_message_free(&asker->request);
	ipc_message_free(&asker->reply);
}

static int ask(struct collect_asker *asker, const char *field, struct str address, struct err *err)
{
	ipc_request(&asker->request, "resolve");
	ipc_add(&asker->request, field, address);
	ipc_add_text(&asker->request, "via", "pop3");
	ipc_add_text(&asker->request, "brief", "1");
	if (asker->collector != 0)
		ipc_add_number(&asker->request, "collector", asker->collector);
	return ipc_call(&asker->channel, &asker->request, &asker->reply, IPC_TIMEOUT_MS, err);
}

/* What the causes of the targets say: is any of them more than "it is elsewhere"? Does a mapping name the address? */
static void read_causes(const struct ipc_message *reply, bool *leads_here, bool *is_mapped)
{
	struct str key, value;

	*leads_here = *is_mapped = false;
	for (size_t position = 0; ipc_next(reply, &position, &key, &value);) {
		if (!str_equal(key, STR("cause")))
			continue;
		*leads_here |= !str_equal(value, STR("elsewhere"));
		*is_mapped |= str_starts(value, STR("mapping ")) || str_equal(value, STR("elsewhere"));
	}
}

/* "user 3 anna", "remote bob@example.net", "lan 0 SMTP:...": the name or address; empty: the message is for nobody. */
static struct str target_name(struct str target)
{
	struct str kind = str_cut_word(&target);

	if (str_equal(kind, STR("discard")))
		return STR("");
	if (!str_equal(kind, STR("remote")))
		str_cut_word(&target);
	return str_trim(target);
}

static void read_names(const struct ipc_message *reply, struct arena *arena, struct routing_address *answer)
{
	struct str key, value;

	answer->names = arena_get(arena, NAMES_MAX * sizeof *answer->names);
	for (size_t position = 0; ipc_next(reply, &position, &key, &value) && answer->name_count < NAMES_MAX;) {
		struct str name = str_equal(key, STR("target")) ? target_name(value) : STR("");

		if (name.len != 0)
			answer->names[answer->name_count++] = arena_copy(arena, name);
	}
}

/*
 * An address of another domain counts only where a mapping names it: a rule of LAN forwarding for that domain does not
 * make everybody there a recipient of what lies in this mailbox.
 */
static int ask_address(void *context, struct arena *arena, struct routing_address *answer, struct err *err)
{
	struct collect_asker *asker = context;
	bool leads_here, is_mapped, is_own;
	struct str kind;

	answer->standing = ROUTING_FOREIGN;
	if (ask(asker, "address", answer->address, err) != 0)
		return err->code == ERR_SYNTAX ? 0 : -1; /* the resolver takes it for no address */
	kind = ipc_get(&asker->reply, "kind");
	is_own = str_equal(ipc_get(&asker->reply, "own"), STR("1"));
	read_causes(&asker->reply, &leads_here, &is_mapped);
	if (kind.len == 0)
		return err_set(err, ERR_PROTOCOL, "the resolver's answer is not understood");
	if (!is_own && !is_mapped)
		return 0;
	if (str_equal(kind, STR("unknown")))
		answer->standing = ROUTING_UNKNOWN;
	else if ((str_equal(kind, STR("local")) && !leads_here) || str_equal(kind, STR("remote")))
		answer->standing = ROUTING_ELSEWHERE;
	else
		answer->standing = ROUTING_VALID;
	if (answer->standing == ROUTING_VALID)
		read_names(&asker->reply, arena, answer);
	return 0;
}

static int ask_author(void *context, struct str address, struct arena *arena, struct rule_targets *targets,
                      struct err *err)
{
	struct collect_asker *asker = context;
	struct str key, value;

	*targets = (struct rule_targets){NULL, 0};
	if (ask(asker, "from", address, err) != 0)
		return err->code == ERR_SYNTAX ? 0 : -1;
	targets->list = arena_get(arena, TARGETS_MAX * sizeof *targets->list);
	for (size_t position = 0; ipc_next(&asker->reply, &position, &key, &value) && targets->count < TARGETS_MAX;) {
		struct str name = str_equal(key, STR("target")) ? target_name(value) : STR("");

		if (name.len != 0)
			targets->list[targets->count++] = (struct rule_target){arena_copy(arena, name), STR("")};
	}
	return 0;
}

struct routing_asker collect_asker_face(struct collect_asker *asker)
{
	return (struct routing_asker){ask_address, ask_author, asker};
}
