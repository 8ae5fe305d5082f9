#include "resolver/snapshot.h"

#include "common/addr/pattern.h"
#include "resolver/mapping.h"

static const char list_question[] = "SELECT id, name, type, EXISTS(SELECT 1 FROM list_setting"
                                    " WHERE list = id AND key = 'public' AND value = 'on') FROM list WHERE name = ?";

static const char everyone_question[] = "SELECT uid, name FROM user WHERE uid NOT IN (SELECT uid FROM user_attribute"
                                        " WHERE key = 'in-everyone' AND value = 'off') ORDER BY uid";

static const char *const questions[SNAPSHOT_QUESTIONS] = {
    [ASK_DOMAIN] = "SELECT 1 FROM domain WHERE name = ?",
    [ASK_MAPPING] = "SELECT pattern, target, type, collector FROM mapping WHERE pattern = ? ORDER BY lower(target)",
    [ASK_USER] = "SELECT uid, name FROM user WHERE name = ?",
    [ASK_LIST] = list_question,
    [ASK_GROUP] = "SELECT id, name FROM user_group WHERE name = ?",
    [ASK_MEMBERS] = "SELECT address FROM list_member WHERE list = ? ORDER BY address",
    [ASK_GROUP_USERS] = "SELECT uid, name FROM user JOIN membership USING (uid) WHERE group_id = ? ORDER BY uid",
    [ASK_EVERYONE] = everyone_question,
    [ASK_ADMINS] = "SELECT uid, name FROM user WHERE administrator = 1 ORDER BY uid",
    [ASK_ADMINISTRATOR] = "SELECT uid, name FROM user ORDER BY administrator DESC, enabled DESC, uid LIMIT 1",
    [ASK_LISTSERVER] = "SELECT 1 FROM list_setting WHERE key = 'listserver' AND value = ? COLLATE NOCASE",
};

/* What must be looked at one by one; the first has an index of its own. */
static const char wildcard_mappings[] = "SELECT pattern, target, type, collector FROM mapping"
                                        " WHERE instr(pattern, '*') + instr(pattern, '?') > 0";
static const char odd_domains[] = "SELECT name FROM domain"
                                  " WHERE instr(name, '@') + instr(name, '*') + instr(name, '?') > 0 ORDER BY name";

static void forget(struct snapshot *snapshot)
{
	for (int i = 0; i < SNAPSHOT_QUESTIONS; i++)
		db_finalize(&snapshot->asked[i]);
	arena_reset(&snapshot->arena);
	snapshot->mappings = (struct wildcards){0};
	snapshot->lan_rules = (struct lan_rules){0};
	snapshot->lan_verifiers = (struct lan_verifiers){0};
	snapshot->domains = NULL;
	snapshot->domain_count = 0;
	snapshot->ready = false;
}

static int load_mappings(struct snapshot *snapshot, struct err *err)
{
	struct db_statement statement;
	int row;

	if (db_prepare(&snapshot->settings->objects, &statement, wildcard_mappings, err) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		struct mapping *mapping = arena_get(&snapshot->arena, sizeof *mapping);

		mapping_read(&statement, &snapshot->arena, mapping);
		wildcards_add(&snapshot->mappings, &snapshot->arena, mapping->pattern, mapping);
	}
	db_finalize(&statement);
	wildcards_sort(&snapshot->mappings);
	return row;
}

static int load_domains(struct snapshot *snapshot, struct err *err)
{
	struct db_statement statement;
	size_t capacity = 0;
	int row;

	if (db_prepare(&snapshot->settings->objects, &statement, odd_domains, err) != 0)
		return -1;
	while ((row = db_step(&statement, err)) == 1) {
		if (snapshot->domain_count == capacity) {
			struct str *old = snapshot->domains;

			capacity = capacity != 0 ? 2 * capacity : 16;
			snapshot->domains = arena_get(&snapshot->arena, capacity * sizeof *old);
			if (old != NULL)
				memcpy(snapshot->domains, old, snapshot->domain_count * sizeof *old);
		}
		snapshot->domains[snapshot->domain_count++] = arena_copy(&snapshot->arena, db_text(&statement, 0));
	}
	db_finalize(&statement);
	return row;
}

static int load(struct snapshot *snapshot, struct err *err)
{
	for (int i = 0; i < SNAPSHOT_QUESTIONS; i++)
		snapshot->asked[i] = (struct db_statement){0};
	for (int i = 0; i < SNAPSHOT_QUESTIONS; i++)
		if (db_prepare(&snapshot->settings->objects, &snapshot->asked[i], questions[i], err) != 0) {
			forget(snapshot);
			return -1;
		}
	if (load_mappings(snapshot, err) != 0 || load_domains(snapshot, err) != 0 ||
	    lan_rules_load(&snapshot->settings->objects, &snapshot->arena, &snapshot->lan_rules, err) != 0 ||
	    lan_verifiers_load(&snapshot->settings->objects, &snapshot->arena, &snapshot->lan_verifiers, err) != 0) {
		forget(snapshot);
		return -1;
	}
	snapshot->ready = true;
	return 0;
}

int snapshot_open(struct snapshot *snapshot, struct settings *settings, struct err *err)
{
	*snapshot = (struct snapshot){.settings = settings};
	arena_init(&snapshot->arena);
	return load(snapshot, err);
}

void snapshot_close(struct snapshot *snapshot)
{
	forget(snapshot);
	arena_free(&snapshot->arena);
}

int snapshot_refresh(struct snapshot *snapshot, struct err *err)
{
	if (snapshot->ready && *snapshot->settings->counter == snapshot->settings->generation)
		return 0;
	/* The statements go first: a database with open statements cannot be closed. */
	forget(snapshot);
	settings_refresh(snapshot->settings);
	return load(snapshot, err);
}

struct db_statement *snapshot_ask_text(struct snapshot *snapshot, enum snapshot_question question, struct str value)
{
	db_bind_text(&snapshot->asked[question], 1, value);
	return &snapshot->asked[question];
}

struct db_statement *snapshot_ask_number(struct snapshot *snapshot, enum snapshot_question question, int64_t value)
{
	db_bind_number(&snapshot->asked[question], 1, value);
	return &snapshot->asked[question];
}

int snapshot_find(struct snapshot *snapshot, enum snapshot_question question, struct str name, struct arena *arena,
                  struct snapshot_object *object_out, struct err *err)
{
	struct db_statement *statement = snapshot_ask_text(snapshot, question, name);
	int found = db_step(statement, err);

	if (found == 1) {
		*object_out =
		    (struct snapshot_object){.id = db_number(statement, 0), .name = arena_copy(arena, db_text(statement, 1))};
		if (question == ASK_LIST) {
			object_out->type = arena_copy(arena, db_text(statement, 2));
			object_out->is_open = db_number(statement, 3) != 0;
		}
	}
	db_reset(statement);
	return found;
}

int snapshot_is_local(struct snapshot *snapshot, struct str local_part, struct str domain, struct err *err)
{
	struct db_statement *statement = snapshot_ask_text(snapshot, ASK_DOMAIN, domain);
	int found = db_step(statement, err);

	db_reset(statement);
	for (size_t i = 0; found == 0 && i < snapshot->domain_count; i++)
		found = addr_entry_holds(snapshot->domains[i], local_part, domain);
	return found;
}
