#include "resolver/permitted.h"

#include "common/addr/addr.h"
#include "common/policy/permissions.h"
#include "common/settings/attributes.h"
#include "resolver/targets.h"

/* Most instances restrict nobody: one look for each generation of the settings. 1, 0 or -1. */
static int look_for_restrictions(struct resolver *resolver, struct err *err)
{
	struct settings *settings = resolver->snapshot.settings;
	struct db_statement statement;
	int row;

	if (resolver->restrictions_generation == settings->generation)
		return resolver->has_restrictions;
	if (db_prepare(&settings->objects, &statement,
	               "SELECT EXISTS (SELECT 1 FROM permission WHERE list IN (?1, ?2)) OR"
	               " EXISTS (SELECT 1 FROM user_attribute WHERE key = ?3 AND value = 'off')",
	               err) != 0)
		return -1;
	db_bind_text(&statement, 1, str_of(permission_list_name(PERMISSION_SENDER, true)));
	db_bind_text(&statement, 2, str_of(permission_list_name(PERMISSION_SENDER, false)));
	db_bind_text(&statement, 3, str_of(attribute_definitions[ATTRIBUTE_RECEIVE_INTERNET].key));
	row = db_step(&statement, err);
	if (row == 1) {
		resolver->has_restrictions = db_number(&statement, 0) != 0;
		resolver->restrictions_generation = settings->generation;
	}
	db_finalize(&statement);
	return row == 1 ? resolver->has_restrictions : -1;
}

/* 1 = yes, 0 = no, -1 = error. from: its domain is normalised; without text where it is the null sender or no address
 */
static int may_get(struct resolver *resolver, int64_t uid, const struct addr *from, struct arena *arena,
                   struct err *err)
{
	struct settings *settings = resolver->snapshot.settings;
	struct attributes attributes;

	if (attributes_load(settings, uid, arena, &attributes, err) != 0)
		return -1;
	if (!attributes_flag(&attributes, ATTRIBUTE_RECEIVE_INTERNET))
		return 0;
	if (from->domain.len == 0)
		return 1;
	return permission_ask(&settings->objects, uid, PERMISSION_SENDER, from->local_part, from->domain, err);
}

static int filter(struct resolver *resolver, const struct addr *from, struct resolution *resolution, struct err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < resolution->target_count; i++) {
		const struct resolve_target target = resolution->targets[i];
		int may = target.kind != TARGET_USER ? 1 : may_get(resolver, target.id, from, resolution->arena, err);

		if (may < 0)
			return -1;
		if (may == 1)
			resolution->targets[kept++] = target;
		else
			EXPLAIN(resolution, "the user %.*s gets no mail from this sender", STR_ARG(target.text));
	}
	resolution->target_count = kept;
	if (kept == 0)
		resolution->kind = RESOLVE_UNKNOWN;
	return 0;
}

int permitted_filter(struct resolver *resolver, const struct resolve_question *question, struct resolution *resolution,
                     struct err *err)
{
	struct addr from = {0};
	int wanted;

	if (question->is_local || resolution->kind != RESOLVE_LOCAL)
		return 0;
	wanted = look_for_restrictions(resolver, err);
	if (wanted <= 0)
		return wanted;
	if (question->from.len == 0 || addr_parse_mailbox(question->from, resolution->arena, &from, NULL) != 0 ||
	    addr_normalise_domain(from.domain, resolution->arena, &from.domain, NULL) != 0)
		from = (struct addr){0};
	return filter(resolver, &from, resolution, err);
}
