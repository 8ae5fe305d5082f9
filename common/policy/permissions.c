#include "common/policy/permissions.h"

#include "common/addr/pattern.h"

static const char *const names[2][2] = {
    [PERMISSION_TARGET] = {"target-black", "target-white"},
    [PERMISSION_SENDER] = {"sender-black", "sender-white"},
};

const char *permission_list_name(enum permission_direction direction, bool white)
{
	return names[direction][white];
}

const char *permission_list_find(struct str name)
{
	for (size_t i = 0; i < 4; i++)
		if (str_equal_nocase(name, str_of(names[i / 2][i % 2])))
			return names[i / 2][i % 2];
	return NULL;
}

bool permission_decide(const struct permission_facts *facts)
{
	if (facts->user_white)
		return true;
	if (facts->user_black)
		return false;
	if (facts->global_white)
		return true;
	if (facts->global_black)
		return false;
	return !facts->any_white;
}

/* One entry of a list. */
static void take(struct permission_facts *facts, bool of_user, bool white, bool holds)
{
	bool *fact = of_user ? (white ? &facts->user_white : &facts->user_black)
	                     : (white ? &facts->global_white : &facts->global_black);

	*fact = *fact || holds;
	facts->any_white = facts->any_white || white;
}

int permission_ask(struct db *objects, int64_t uid, enum permission_direction direction, struct str local_part,
                   struct str domain, struct err *err)
{
	struct permission_facts facts = {false};
	struct db_statement rows;
	int row;

	if (db_prepare(objects, &rows, "SELECT uid, list, pattern FROM permission WHERE uid IN (0, ?) AND list IN (?, ?)",
	               err) != 0)
		return -1;
	db_bind_number(&rows, 1, uid);
	db_bind_text(&rows, 2, str_of(permission_list_name(direction, true)));
	db_bind_text(&rows, 3, str_of(permission_list_name(direction, false)));
	while ((row = db_step(&rows, err)) == 1)
		take(&facts, db_number(&rows, 0) != PERMISSIONS_FOR_ALL,
		     str_equal(db_text(&rows, 1), str_of(permission_list_name(direction, true))),
		     addr_pattern_holds(db_text(&rows, 2), local_part, domain));
	db_finalize(&rows);
	return row < 0 ? -1 : permission_decide(&facts);
}
