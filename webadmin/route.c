/* Which route a request means. */
#include "webadmin/exchange.h"
#include "webadmin/routes.h"

static bool has_method(const struct web_route *route, struct str method)
{
	return str_equal(str_of(route->method), method) ||
	       (str_equal(method, STR("HEAD")) && strcmp(route->method, "GET") == 0);
}

/* Words of methods that some route has for this path, for Allow. */
static void add_method(struct str *methods, const struct web_route *route, struct arena *arena)
{
	struct str rest = *methods;

	while (rest.len > 0)
		if (str_equal(str_cut_item(&rest), str_of(route->method)))
			return;
	*methods = arena_printf(arena, "%.*s%s%s", STR_ARG(*methods), methods->len > 0 ? ", " : "", route->method);
}

struct choice {
	const struct web_route *route;
	int names;
	struct str methods;
};

/* Take a route that fits into account: the fewer names; at last those for the rest of a path, the first that fits. No
 * file lies below /api. */
static void consider(struct exchange *exchange, const struct web_route *route, struct choice *choice)
{
	struct web_request *request = &exchange->request;
	struct str names[WEB_NAMES_MAX];
	bool rest = (route->flags & WEB_REST) != 0;
	int count = web_path_fits(route->path, request->path, rest, names, &exchange->arena);
	int weight = rest ? WEB_NAMES_MAX + 1 : count;

	if (count < 0 || (rest && str_starts(request->path, STR("/api/"))))
		return;
	if (!has_method(route, request->method)) {
		if (!rest)
			add_method(&choice->methods, route, &exchange->arena);
		return;
	}
	if (choice->route != NULL && choice->names <= weight)
		return;
	choice->route = route;
	choice->names = weight;
	memcpy(request->names, names, (size_t)count * sizeof *names);
}

const struct web_route *route_find(struct exchange *exchange)
{
	struct choice choice = {.methods = STR("")};

	for (const struct web_part *const *part = web_parts; *part != NULL; part++) {
		size_t count;
		const struct web_route *routes = (*part)->routes(&count);

		for (size_t i = 0; i < count; i++)
			consider(exchange, &routes[i], &choice);
	}
	if (choice.route != NULL && (choice.names <= WEB_NAMES_MAX || choice.methods.len == 0))
		return choice.route;
	if (choice.methods.len == 0) {
		web_reply_error(&exchange->reply, 404, "not-found", "There is nothing of this name");
	} else {
		web_reply_error(&exchange->reply, 405, "method", "This can be asked for by %.*s", STR_ARG(choice.methods));
		web_reply_header(&exchange->reply, "Allow", "%.*s", STR_ARG(choice.methods));
	}
	return NULL;
}
