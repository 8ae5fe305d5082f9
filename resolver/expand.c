#include "resolver/walk.h"

#include "common/addr/smtp_target.h"
#include "common/base/log.h"

/* Does listd send what is posted to it? */
static bool is_posted_to(const struct snapshot_object *list)
{
	return str_equal(list->type, STR("mailing")) || str_equal(list->type, STR("database"));
}

static bool is_on_the_way(const struct walk *walk, int64_t id)
{
	for (size_t i = 0; i < walk->list_count; i++)
		if (walk->lists[i].id == id)
			return true;
	return false;
}

int walk_add_list(struct walk *walk, const struct snapshot_object *list, struct walk_origin origin, struct err *err)
{
	if (is_posted_to(list) || walk->question->brief)
		return resolution_add(
		    walk->resolution, TARGET_LIST, list->id, list->name,
		    origin.cause.len != 0 ? origin.cause : arena_printf(walk->arena, "list %.*s", STR_ARG(list->name)), err);
	if (is_on_the_way(walk, list->id)) {
		EXPLAIN(walk->resolution, "the list %.*s is opened once", STR_ARG(list->name));
		return 0;
	}
	if (walk->list_count == WALK_LISTS_MAX)
		return err_set(err, ERR_LIMIT, "an address leads to more than %d lists", WALK_LISTS_MAX);
	if (walk->list_count == walk->list_capacity) {
		struct walk_list *old = walk->lists;

		walk->list_capacity = walk->list_capacity != 0 ? 2 * walk->list_capacity : 16;
		walk->lists = arena_get(walk->arena, walk->list_capacity * sizeof *old);
		if (walk->list_count != 0)
			memcpy(walk->lists, old, walk->list_count * sizeof *old);
	}
	walk->lists[walk->list_count++] = (struct walk_list){list->id, list->name, origin.level + 1};
	return 0;
}

struct member {
	struct str address;
	struct member *next;
};

/* All are read before the first is followed: that asks the same question again. */
static int read_members(struct walk *walk, int64_t list, struct member **first, struct err *err)
{
	struct db_statement *statement = snapshot_ask_number(&walk->resolver->snapshot, ASK_MEMBERS, list);
	int row;

	*first = NULL;
	while ((row = db_step(statement, err)) == 1) {
		*first = arena_get(walk->arena, sizeof **first);
		(*first)->address = arena_copy(walk->arena, db_text(statement, 0));
		first = &(*first)->next;
	}
	db_reset(statement);
	return row;
}

static int open_list(struct walk *walk, struct walk_list list, struct err *err)
{
	const struct walk_origin origin = {arena_printf(walk->arena, "list %.*s", STR_ARG(list.name)), list.level};
	struct member *member;

	EXPLAIN(walk->resolution, "the members of the list %.*s, level %u:", STR_ARG(list.name), list.level);
	if (read_members(walk, list.id, &member, err) != 0)
		return -1;
	for (; member != NULL; member = member->next) {
		int found = walk_member(walk, member->address, origin, err);

		if (found < 0)
			return -1;
		if (found == 0)
			EXPLAIN(walk->resolution, "its member %.*s leads to nobody",
			        STR_ARG(smtp_target_show(member->address, walk->arena)));
	}
	return 0;
}

int walk_open_lists(struct walk *walk, struct err *err)
{
	while (walk->opened < walk->list_count) {
		struct walk_list list = walk->lists[walk->opened++];

		if (list.level > RESOLVE_LEVELS_MAX) {
			log_warning("to=<%.*s> leads to the list %.*s, which is nested deeper than %d levels",
			            STR_ARG(walk->address), STR_ARG(list.name), RESOLVE_LEVELS_MAX);
			EXPLAIN(walk->resolution, "the list %.*s is nested too deep", STR_ARG(list.name));
			walk->too_deep = true;
			return 0;
		}
		if (open_list(walk, list, err) != 0)
			return -1;
	}
	return 0;
}
