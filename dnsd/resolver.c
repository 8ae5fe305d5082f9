#include "dnsd/resolver.h"

#include "common/base/memory.h"

#include <stdio.h>
#include <unbound-event.h>
#include <unbound.h>

static int unbound_error(struct err *err, const char *what, int code)
{
	return err_set(err, ERR_SYSTEM, "%s: %s", what, ub_strerror(code));
}

void resolver_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	ub_ctx_delete(resolver->context);
	memory_free(resolver);
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

static int set_servers(struct ub_ctx *context, struct str servers, struct err *err)
{
	struct str item;

	while ((item = str_cut_item(&servers)).len != 0)
		if (add_server(context, item, err) != 0)
			return -1;
	return 0;
}

/* Records of the setting, separated by commas: "example.net DS 4711 13 2 ABCD..." */
static int set_anchors(struct ub_ctx *context, struct str anchors, struct err *err)
{
	while (anchors.data != NULL) {
		struct str anchor = str_trim(str_cut(&anchors, ','));
		char text[RESOLVER_ANCHOR_MAX];
		int code;

		if (anchor.len == 0)
			continue;
		if (!str_copy(anchor, text, sizeof text))
			return err_set(err, ERR_LIMIT, "a trust anchor is too long");
		code = ub_ctx_add_ta(context, text);
		if (code != 0)
			return unbound_error(err, text, code);
	}
	return 0;
}

static int set_options(struct ub_ctx *context, const struct resolver_options *wanted, struct err *err)
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
	if (!wanted->root_anchor && wanted->anchors.len == 0)
		code = ub_ctx_set_option(context, "module-config:", "iterator");
	else if (wanted->root_anchor)
		code = ub_ctx_add_ta_file(context, RESOLVER_ROOT_ANCHOR);
	return code == 0 ? set_anchors(context, wanted->anchors, err) : unbound_error(err, "DNSSEC", code);
}

struct resolver *resolver_new(struct event_base *base, const struct resolver_options *options, struct err *err)
{
	struct resolver *resolver = memory_get(sizeof *resolver);
	int code;

	resolver->context = ub_ctx_create_event(base);
	if (resolver->context == NULL) {
		memory_free(resolver);
		err_set(err, ERR_SYSTEM, "cannot make a resolver");
		return NULL;
	}
	if (set_servers(resolver->context, options->servers, err) == 0 &&
	    set_options(resolver->context, options, err) == 0) {
		/* libunbound answers for test. itself otherwise. Last, because it ends the setting up. */
		code = ub_ctx_zone_remove(resolver->context, "test.");
		if (code == 0)
			return resolver;
		unbound_error(err, "cannot set the resolver up", code);
	}
	resolver_free(resolver);
	return NULL;
}
