#include "dnsd/lookup.h"

#include "common/base/log.h"
#include "common/base/memory.h"

#include <stdio.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

enum { PROBE_SECONDS = 60, CLASS_IN = 1, INSECURE = 0, BOGUS = 1, SECURE = 2 };

static const char trust_anchor[] = "/usr/share/dns/root.key";
static const char resolv_conf[] = "/etc/resolv.conf";

/* One resolver of libunbound, freed with its last question once it is retired. */
struct resolver {
	struct ub_ctx *context;
	unsigned open;
	bool retired;
};

struct lookups {
	struct event_base *base;
	struct event *probe_timer;
	struct resolver *validating; /* NULL without a trust anchor */
	struct resolver *plain;
	bool validates; /* the probe succeeded */
};

/* The question that finds out whether the servers hand on what validation needs. */
struct probe {
	struct lookups *lookups;
	struct resolver *resolver;
	struct arena arena;
};

struct question {
	struct lookups *lookups;
	struct resolver *resolver;
	unsigned type;
	struct arena *arena;
	lookup_callback *callback;
	void *context;
};

static int unbound_error(struct err *err, const char *what, int code)
{
	return err_set(err, ERR_SYSTEM, "%s: %s", what, ub_strerror(code));
}

static void resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	ub_ctx_delete(resolver->context);
	memory_free(resolver);
}

static void free_later(evutil_socket_t fd, short what, void *resolver)
{
	(void)fd;
	(void)what;
	resolver_free(resolver);
}

/* Free a resolver with its last question. Not at once: it may be the one that is calling. */
static void retire(struct lookups *lookups, struct resolver *resolver)
{
	const struct timeval now = {0};

	if (resolver == NULL)
		return;
	resolver->retired = true;
	if (resolver->open == 0)
		event_base_once(lookups->base, -1, EV_TIMEOUT, free_later, resolver, &now);
}

/* One server of dns.servers, "192.0.2.53", "192.0.2.53:5353" or "[2001:db8::53]:53", in libunbound's form. */
static int add_server(struct ub_ctx *context, struct str item, struct err *err)
{
	struct str host = item, port = STR("53");
	ptrdiff_t colon = str_find_last_char(item, ':'), bracket = str_find_last_char(item, ']');
	char server[128];
	int code;

	if (colon > bracket && (bracket >= 0 || str_find_char(item, ':') == colon)) {
		host = str_sub(item, 0, (size_t)colon);
		port = str_skip(item, (size_t)colon + 1);
	}
	if (host.len > 2 && host.data[0] == '[')
		host = str_sub(host, 1, host.len - 2);
	snprintf(server, sizeof server, "%.*s@%.*s", STR_ARG(host), STR_ARG(port));
	code = ub_ctx_set_fwd(context, server);
	return code == 0 ? 0 : unbound_error(err, server, code);
}

static int set_servers(struct ub_ctx *context, const char *servers, struct err *err)
{
	struct str rest = str_of(servers), item;
	int code;

	if (servers[0] == '\0') {
		code = ub_ctx_resolvconf(context, resolv_conf);
		if (code != 0)
			log_warning("%s cannot be used (%s): the DNS is asked from its root on", resolv_conf, ub_strerror(code));
		return 0;
	}
	while ((item = str_cut_item(&rest)).len != 0)
		if (add_server(context, item, err) != 0)
			return -1;
	return 0;
}

static int set_options(struct ub_ctx *context, bool validate, struct err *err)
{
	static const struct {
		const char *name, *value;
	} options[] = {
	    {"do-not-query-localhost:", "no"}, /* a resolver on this machine is a usual one */
	    {"domain-insecure:", "test."},
	    {"msg-cache-size:", "4m"},
	    {"rrset-cache-size:", "8m"},
	};
	int code = 0;

	for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
		if ((code = ub_ctx_set_option(context, options[i].name, options[i].value)) != 0)
			return unbound_error(err, options[i].name, code);
	code =
	    validate ? ub_ctx_add_ta_file(context, trust_anchor) : ub_ctx_set_option(context, "module-config:", "iterator");
	return code == 0 ? 0 : unbound_error(err, "DNSSEC", code);
}

static struct resolver *resolver_new(struct event_base *base, const char *servers, bool validate, struct err *err)
{
	struct resolver *resolver = memory_get(sizeof *resolver);
	int code;

	resolver->context = ub_ctx_create_event(base);
	if (resolver->context == NULL) {
		memory_free(resolver);
		err_set(err, ERR_SYSTEM, "cannot make a resolver");
		return NULL;
	}
	if (set_servers(resolver->context, servers, err) == 0 && set_options(resolver->context, validate, err) == 0) {
		/* libunbound answers for test. itself otherwise. Last, because it ends the setting up. */
		code = ub_ctx_zone_remove(resolver->context, "test.");
		if (code == 0)
			return resolver;
		unbound_error(err, "cannot set the resolver up", code);
	}
	resolver_free(resolver);
	return NULL;
}

static struct str reason_of(struct arena *arena, int rcode, int security, const char *why_bogus)
{
	if (security == BOGUS)
		return arena_printf(arena, "the answer is not what DNSSEC says: %s", why_bogus != NULL ? why_bogus : "bogus");
	if (rcode == DNS_SERVFAIL)
		return STR("the DNS servers gave no answer (SERVFAIL)");
	return arena_printf(arena, "the DNS servers answered with an error (%d)", rcode);
}

/* What libunbound hands over, read. rcode is its own; that of the DNS is in the packet. */
static void read_answer(const struct question *question, int rcode, struct str packet, int security,
                        const char *why_bogus, struct lookup_result *result)
{
	struct dns_answer answer = {0};
	struct err err;

	result->secure = security == SECURE;
	if (rcode == DNS_NOERROR && dns_answer_parse(packet, question->type, question->arena, &answer, &err) != 0) {
		result->reason = STR("the DNS servers sent an answer that cannot be read");
		return;
	}
	result->rcode = rcode != DNS_NOERROR ? rcode : answer.rcode;
	if (security == BOGUS || (result->rcode != DNS_NOERROR && result->rcode != DNS_NXDOMAIN)) {
		result->reason = reason_of(question->arena, result->rcode, security, why_bogus);
		return;
	}
	result->state = result->rcode == DNS_NXDOMAIN ? LOOKUP_MISSING : answer.count > 0 ? LOOKUP_FOUND : LOOKUP_EMPTY;
	result->rdata = answer.rdata;
	result->count = answer.count;
}

static void on_answer(void *data, int rcode, void *packet, int packet_len, int security, char *why_bogus, int limited)
{
	struct question *question = data;
	struct resolver *resolver = question->resolver;
	struct lookup_result result = {0};

	(void)limited;
	read_answer(question, rcode, str_from(packet, packet != NULL && packet_len > 0 ? (size_t)packet_len : 0), security,
	            why_bogus, &result);
	question->callback(&result, question->context);
	if (--resolver->open == 0 && resolver->retired)
		retire(question->lookups, resolver);
	memory_free(question);
}

static void ask(struct resolver *resolver, const char *name, struct question *question)
{
	int code;

	question->resolver = resolver;
	resolver->open++;
	code = ub_resolve_event(resolver->context, name, (int)question->type, CLASS_IN, question, on_answer, NULL);
	if (code != 0) {
		log_warning("cannot look %s up: %s", name, ub_strerror(code));
		on_answer(question, DNS_SERVFAIL, NULL, 0, INSECURE, NULL, 0);
	}
}

void lookup_start(struct lookups *lookups, const char *name, unsigned type, struct arena *arena,
                  lookup_callback *callback, void *context)
{
	struct question *question = memory_get(sizeof *question);

	*question =
	    (struct question){.lookups = lookups, .type = type, .arena = arena, .callback = callback, .context = context};
	ask(lookups->validates ? lookups->validating : lookups->plain, name, question);
}

static void set_probe_timer(struct lookups *lookups)
{
	const struct timeval wait = {.tv_sec = PROBE_SECONDS};

	event_add(lookups->probe_timer, &wait);
}

static void on_probe(const struct lookup_result *result, void *context)
{
	struct probe *probe = context;
	struct lookups *lookups = probe->lookups;

	/* The servers may have been changed meanwhile: then another probe is on its way. */
	if (probe->resolver == lookups->validating) {
		lookups->validates = result->state == LOOKUP_FOUND && result->secure;
		if (lookups->validates)
			log_info("DNS answers are validated with DNSSEC");
		else
			set_probe_timer(lookups);
	}
	arena_free(&probe->arena);
	memory_free(probe);
}

/* The keys of the root zone: they validate, or nothing does. */
static void start_probe(struct lookups *lookups)
{
	struct question *question = memory_get(sizeof *question);
	struct probe *probe = memory_get(sizeof *probe);

	*probe = (struct probe){.lookups = lookups, .resolver = lookups->validating};
	arena_init(&probe->arena);
	*question = (struct question){
	    .lookups = lookups, .type = DNS_DNSKEY, .arena = &probe->arena, .callback = on_probe, .context = probe};
	ask(lookups->validating, ".", question);
}

static void on_probe_timer(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	start_probe(context);
}

int lookups_change(struct lookups *lookups, const char *servers, struct err *err)
{
	struct resolver *plain = resolver_new(lookups->base, servers, false, err), *validating = NULL;

	if (plain == NULL)
		return -1;
	if (access(trust_anchor, R_OK) == 0) {
		validating = resolver_new(lookups->base, servers, true, err);
		if (validating == NULL) {
			resolver_free(plain);
			return -1;
		}
	}
	retire(lookups, lookups->plain);
	retire(lookups, lookups->validating);
	lookups->plain = plain;
	lookups->validating = validating;
	lookups->validates = false;
	event_del(lookups->probe_timer);
	if (validating != NULL)
		start_probe(lookups);
	return 0;
}

struct lookups *lookups_open(struct event_base *base, const char *servers, struct err *err)
{
	struct lookups *lookups = memory_get(sizeof *lookups);

	lookups->base = base;
	lookups->probe_timer = evtimer_new(base, on_probe_timer, lookups);
	if (lookups->probe_timer == NULL) {
		memory_free(lookups);
		err_set(err, ERR_SYSTEM, "cannot make a timer");
		return NULL;
	}
	if (lookups_change(lookups, servers, err) != 0) {
		event_free(lookups->probe_timer);
		memory_free(lookups);
		return NULL;
	}
	return lookups;
}
