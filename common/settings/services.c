#include "common/settings/services.h"

#include "common/base/log.h"
#include "common/settings/settings.h"

#include <stdlib.h>

static const char *const encryption_words[SERVICE_ENCRYPTIONS] = {
    [SERVICE_CLEAR] = "none",
    [SERVICE_OPTIONAL] = "optional",
    [SERVICE_REQUIRED] = "required",
    [SERVICE_TLS] = "tls",
};

const struct service_type service_types[] = {
    {"smtp", "smtpd"}, {"pop3", "pop3-login"}, {"imap", "imap-login"}, {"web", "webadmin"}, {NULL, NULL},
};

const struct standard_service standard_services[] = {
    {SERVICE_FIRST_SMTP, "smtp", "smtp", 25, SERVICE_OPTIONAL, NULL, NULL, "smtp.encryption"},
    {2, "smtp", "submission", 587, SERVICE_OPTIONAL, "smtp.submission", "on", "submission.encryption"},
    {3, "smtp", "smtps", 465, SERVICE_TLS, "smtp.submission", "on", NULL},
    {SERVICE_FIRST_POP3, "pop3", "pop3", 110, SERVICE_OPTIONAL, NULL, NULL, "pop3.encryption"},
    {5, "pop3", "pop3s", 995, SERVICE_TLS, NULL, NULL, NULL},
    {6, "imap", "imap", 143, SERVICE_OPTIONAL, NULL, NULL, "imap.encryption"},
    {7, "imap", "imaps", 993, SERVICE_TLS, NULL, NULL, NULL},
    {SERVICE_FIRST_WEB, "web", "web", 5108, SERVICE_OPTIONAL, NULL, NULL, NULL},
    {0, NULL, NULL, 0, SERVICE_CLEAR, NULL, NULL, NULL},
};

const char *service_encryption_word(enum service_encryption encryption)
{
	return encryption_words[encryption];
}

int service_encryption_find(struct str word)
{
	for (int i = 0; i < SERVICE_ENCRYPTIONS; i++)
		if (str_equal_nocase(word, str_of(encryption_words[i])))
			return i;
	return -1;
}

const struct service_type *service_type_find(struct str name)
{
	for (const struct service_type *type = service_types; type->name != NULL; type++)
		if (str_equal_nocase(name, str_of(type->name)))
			return type;
	return NULL;
}

/* Rows of one kind, read into an array that grows in the arena. */
struct rows {
	struct arena *arena;
	void *list;
	size_t size, count, room;
};

static void *add_row(struct rows *rows)
{
	if (rows->count == rows->room) {
		void *larger = arena_get(rows->arena, (rows->room = rows->room != 0 ? 2 * rows->room : 8) * rows->size);

		if (rows->count != 0)
			memcpy(larger, rows->list, rows->count * rows->size);
		rows->list = larger;
	}
	return (char *)rows->list + rows->count++ * rows->size;
}

static const char *make_label(struct arena *arena, struct str name)
{
	static const char marks[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
	char *label = arena_get(arena, name.len + 1);

	for (size_t i = 0; i < name.len; i++)
		label[i] = name.data[i] != '\0' && strchr(marks, name.data[i]) != NULL ? name.data[i] : '_';
	return label;
}

static int read_services(struct db *db, struct rows *rows, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(db, &statement, "SELECT id, type, name, enabled, encryption FROM service ORDER BY id", err) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		const struct service_type *type = service_type_find(db_text(&statement, 1));
		int encryption = service_encryption_find(db_text(&statement, 4));
		struct service *service;

		if (type == NULL || encryption < 0 || rows->count == SERVICES_MAX) {
			log_warning("the service %.*s cannot be served by this version", STR_ARG(db_text(&statement, 2)));
			continue;
		}
		service = add_row(rows);
		*service = (struct service){
		    .id = db_number(&statement, 0),
		    .type = type->name,
		    .name = arena_text(rows->arena, db_text(&statement, 2)),
		    .label = make_label(rows->arena, db_text(&statement, 2)),
		    .enabled = db_number(&statement, 3) != 0,
		    .encryption = (enum service_encryption)encryption,
		};
	}
	db_finalize(&statement);
	return row;
}

static int read_bindings(struct db *db, struct arena *arena, struct service *service, struct err *err)
{
	struct rows rows = {.arena = arena, .size = sizeof(struct service_binding)};
	struct db_statement statement;
	int row;

	if (db_prepare(db, &statement, "SELECT address, port FROM service_binding WHERE service = ? ORDER BY rowid", err) !=
	    0)
		return -1;
	db_bind_number(&statement, 1, service->id);
	while ((row = db_step(&statement, err)) == 1 && rows.count < SERVICE_BINDINGS_MAX)
		*(struct service_binding *)add_row(&rows) = (struct service_binding){
		    .address = arena_text(arena, db_text(&statement, 0)),
		    .port = (unsigned)db_number(&statement, 1) & UINT16_MAX,
		};
	db_finalize(&statement);
	service->bindings = rows.list;
	service->binding_count = rows.count;
	return row < 0 ? -1 : 0;
}

static void add_value(struct rows *rows, const struct service *service, struct str key, struct str value)
{
	const struct setting_definition *definition = setting_find(key);
	struct service_value *added;
	struct err reason = {0};
	struct buf normal;

	buf_init(&normal, SETTING_VALUE_MAX);
	if (definition == NULL || !setting_is_of_service(definition, service->type))
		log_warning("the setting \"%.*s\" of service %s is not known to this version and is ignored", STR_ARG(key),
		            service->label);
	else if (setting_check(definition, value, &normal, &reason) != 0)
		log_warning("service %s: %s; the general value is used", service->label, reason.text);
	else {
		added = add_row(rows);
		added->setting = (int)(definition - setting_definitions);
		added->text = arena_text(rows->arena, buf_str(&normal));
		added->number = setting_to_number(definition, added->text);
	}
	buf_free(&normal);
}

static int read_values(struct db *db, struct arena *arena, struct service *service, struct err *err)
{
	struct rows rows = {.arena = arena, .size = sizeof(struct service_value)};
	struct db_statement statement;
	int row;

	if (db_prepare(db, &statement, "SELECT key, value FROM service_setting WHERE service = ?", err) != 0)
		return -1;
	db_bind_number(&statement, 1, service->id);
	while ((row = db_step(&statement, err)) == 1)
		add_value(&rows, service, db_text(&statement, 0), db_text(&statement, 1));
	db_finalize(&statement);
	service->values = rows.list;
	service->value_count = rows.count;
	return row;
}

int services_load(struct db *db, struct arena *arena, struct services *services_out, struct err *err)
{
	struct rows rows = {.arena = arena, .size = sizeof(struct service)};
	struct service *list;

	if (read_services(db, &rows, err) != 0)
		return -1;
	list = rows.list;
	for (size_t i = 0; i < rows.count; i++)
		if (read_bindings(db, arena, &list[i], err) != 0 || read_values(db, arena, &list[i], err) != 0)
			return -1;
	*services_out = (struct services){list, rows.count};
	return 0;
}
