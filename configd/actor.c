#include "configd/actor.h"

#include "configd/configd.h"

static int read_administrators(struct change *change, struct str *out, struct err *err)
{
	return config_text(change->config, &change->arena, out, err,
	                   "SELECT ',' || ifnull(group_concat(uid), '') || ',' FROM effective_user WHERE administrator",
	                   "") < 0
	           ? -1
	           : 0;
}

static bool holds(struct change *change, struct str administrators, int64_t uid)
{
	return str_find(administrators, arena_printf(&change->arena, ",%lld,", (long long)uid)) >= 0;
}

static int check_generation(const struct change *change, struct err *err)
{
	const struct ipc_message *request = &change->incoming->message;
	int64_t seen;

	if (!change->operation->writes || ipc_get(request, "generation").data == NULL)
		return 0;
	if (!ipc_get_number(request, "generation", 0, INT64_MAX, &seen))
		return err_set(err, ERR_SYNTAX, "generation must be a number");
	return (uint64_t)seen == change->config->generation
	           ? 0
	           : err_set(err, ERR_CONFLICT, "the settings were changed meanwhile: look at them again");
}

int actor_begin(struct change *change, struct err *err)
{
	struct actor *actor = &change->actor;
	struct user user;

	if (check_generation(change, err) != 0)
		return -1;
	actor->name = ipc_get(&change->incoming->message, "by");
	if (actor->name.data == NULL)
		return 0;
	if (change_flag(change, "own", &actor->own, err) != 0 ||
	    change_flag(change, "confirmed", &actor->confirmed, err) != 0 ||
	    user_need(change, actor->name, &user, err) != 0)
		return -1;
	actor->uid = user.uid;
	actor->name = user.name;
	return change->operation->writes ? read_administrators(change, &actor->administrators, err) : 0;
}

static int refuse_unconfirmed(struct change *change, struct err *err)
{
	change->code = "confirm";
	return err_set(err, ERR_DENIED, "who makes somebody an administrator has to give his password again");
}

int actor_check(struct change *change, struct err *err)
{
	const struct actor *actor = &change->actor;
	struct str now, list, uid;
	uint64_t number;

	if (actor->uid == 0)
		return 0;
	if (read_administrators(change, &now, err) != 0)
		return -1;
	if (holds(change, actor->administrators, actor->uid) && !holds(change, now, actor->uid))
		return err_set(err, ERR_DENIED,
		               "nobody deletes himself, or ends being an administrator: let another administrator do that");
	list = now;
	while (!actor->confirmed && list.len > 0) {
		uid = str_cut(&list, ',');
		if (str_to_u64(uid, INT64_MAX, &number) && !holds(change, actor->administrators, (int64_t)number))
			return refuse_unconfirmed(change, err);
	}
	return 0;
}
