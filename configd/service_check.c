/* configd: no two services that are enabled may want the same address and port. */
#include "common/base/memory.h"
#include "common/net/endpoint.h"
#include "configd/services.h"

/* One place, and whose it is. */
struct claim {
	struct endpoint endpoint;
	char name[SERVICE_NAME_MAX + 1];
	int64_t service;
};

struct claims {
	struct claim *list;
	size_t count, room;
};

static int claim(struct claims *claims, const struct claim *wanted, struct err *err)
{
	char text[ENDPOINT_TEXT];

	for (size_t i = 0; i < claims->count; i++)
		if (endpoint_meets(&claims->list[i].endpoint, &wanted->endpoint))
			return err_set(err, ERR_EXISTS, "%s is taken: the service %s listens on %s",
			               endpoint_text(&wanted->endpoint, text), claims->list[i].name,
			               claims->list[i].service == wanted->service ? "it already" : "it");
	if (claims->count == claims->room) {
		claims->room = claims->room != 0 ? 2 * claims->room : 32;
		claims->list = memory_resize(claims->list, claims->room * sizeof *claims->list);
	}
	claims->list[claims->count++] = *wanted;
	return 0;
}

static int claim_binding(struct config *config, struct claims *claims, const struct db_statement *row, struct err *err)
{
	struct endpoint endpoints[ENDPOINTS_MAX];
	struct claim wanted = {.service = db_number(row, 1)};
	char address[64];
	size_t count;

	str_copy(db_text(row, 0), wanted.name, sizeof wanted.name);
	str_copy(db_text(row, 2), address, sizeof address);
	if (endpoints_of(config->instance, address, (unsigned)db_number(row, 3), endpoints, &count, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		wanted.endpoint = endpoints[i];
		if (claim(claims, &wanted, err) != 0)
			return -1;
	}
	return 0;
}

int check_services(struct config *config, struct err *err)
{
	struct claims claims = {NULL, 0, 0};
	struct db_statement statement;
	int row;

	/* the newest last, so that it is the one that is refused */
	if (config_query(config, &statement, err,
	                 "SELECT name, id, address, port FROM service JOIN service_binding ON service = id"
	                 " WHERE enabled = 1 ORDER BY service_binding.rowid",
	                 "") != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1)
		if (claim_binding(config, &claims, &statement, err) != 0) {
			row = -1;
			break;
		}
	db_finalize(&statement);
	memory_free(claims.list);
	return row;
}
