#include "dnsd/lookup.h"

#include "common/base/log.h"
#include "common/base/memory.h"
#include "dnsd/resolver.h"

#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

enum { PROBE_SECONDS = 60, CLASS_IN = 1, INSECURE = 0, BOGUS = 1, SECURE = 2 };

struct lookups {
	struct event_base *base;
	struct event *probe_timer;
	struct resolver *validating; /* by the root's keys; NULL where this machine has none */
	struct resolver *plain;      /* by the anchors of the settings alone, where there are any */
	bool validates;              /* the probe succeeded */
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

int lookup_start_at(struct lookups *lookups, struct str server, const char *name, unsigned type, struct arena *arena,
                    lookup_callback *callback, void *context, struct err *err)
{
	const struct resolver_options options = {.servers = server};
	struct resolver *resolver = resolver_new(lookups->base, &options, err);
	struct question *question;

	if (resolver == NULL)
		return -1;
	question = memory_get(sizeof *question);
	*question =
	    (struct question){.lookups = lookups, .type = type, .arena = arena, .callback = callback, .context = context};
	resolver->retired = true; /* freed with this one question */
	ask(resolver, name, question);
	return 0;
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

static void replace(struct resolver **resolver, struct resolver *by, struct lookups *lookups)
{
	retire(lookups, *resolver);
	*resolver = by;
}

int lookups_change(struct lookups *lookups, struct str servers, struct str anchors, struct err *err)
{
	struct resolver_options options = {.servers = servers, .anchors = anchors};
	struct resolver *plain = resolver_new(lookups->base, &options, err), *validating = NULL;

	if (plain == NULL)
		return -1;
	options.root_anchor = true;
	if (access(RESOLVER_ROOT_ANCHOR, R_OK) == 0) {
		validating = resolver_new(lookups->base, &options, err);
		if (validating == NULL) {
			resolver_free(plain);
			return -1;
		}
	}
	replace(&lookups->plain, plain, lookups);
	replace(&lookups->validating, validating, lookups);
	lookups->validates = false;
	event_del(lookups->probe_timer);
	if (validating != NULL)
		start_probe(lookups);
	return 0;
}

struct lookups *lookups_open(struct event_base *base, struct err *err)
{
	struct lookups *lookups = memory_get(sizeof *lookups);

	lookups->base = base;
	lookups->probe_timer = evtimer_new(base, on_probe_timer, lookups);
	if (lookups->probe_timer == NULL) {
		memory_free(lookups);
		err_set(err, ERR_SYSTEM, "cannot make a timer");
		return NULL;
	}
	return lookups;
}
