/* What mail clients ask for, to set themselves up, and browsers, to change a password. */
#include "webadmin/exchange.h"
#include "webadmin/routes.h"

/* https://w3c.github.io/webappsec-change-password-url/ */
static void change_password(struct web *web, const struct web_request *request, struct web_reply *reply)
{
	(void)web, (void)request;
	web_reply_redirect(reply, STR("/mail/index.html#/password"));
}

static const struct web_route routes[] = {
    {"GET", "/.well-known/change-password", WEB_OPEN | WEB_PAGE, change_password, NULL, NULL},
};

static const struct web_route *discover_routes(size_t *count_out)
{
	*count_out = sizeof routes / sizeof routes[0];
	return routes;
}

const struct web_part discover_part = {.routes = discover_routes};
