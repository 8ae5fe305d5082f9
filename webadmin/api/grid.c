/* The list of users: who is locked out is authd's to say, how full a mailbox is deliver's. */
#include "webadmin/api/special.h"

enum {
	USERS_EACH = 2000, /* of one question */
	USAGE_MS = 60000,  /* mailboxes that were not looked at lately take a millisecond each */
};

static json_t *find_user(json_t *rows, const char *name)
{
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const char *other = json_string_value(json_object_get(json_array_get(rows, i), "name"));

		if (other != NULL && str_equal_nocase(str_of(other), str_of(name)))
			return json_array_get(rows, i);
	}
	return NULL;
}

int api_join_locks(struct api_work *work, json_t *rows, struct err *err)
{
	struct str key, value;

	for (size_t i = 0; i < json_array_size(rows); i++)
		json_object_set_new(json_array_get(rows, i), "locked", json_false());
	api_begin(work, "authd", "locks");
	if (api_send(work, 0, err) != 0)
		return -1;
	for (size_t position = 0; ipc_next(&work->answer, &position, &key, &value);) {
		json_t *lock = str_equal(key, STR("lock")) ? json_loadb(value.data, value.len, 0, NULL) : NULL;
		const char *name = json_string_value(json_object_get(lock, "user"));
		json_t *row = name != NULL ? find_user(rows, name) : NULL;

		if (row != NULL)
			json_object_set_new(row, "locked", json_true());
		json_decref(lock);
	}
	return 0;
}

/* What the answer says of the users from row `from` on, one after another; -1: a mailbox cannot be looked at now. */
static void take_usage(const struct api_work *work, json_t *rows, size_t from)
{
	size_t sizes = from, inboxes = from;
	struct str key, value;

	for (size_t position = 0; ipc_next(&work->answer, &position, &key, &value);) {
		bool is_size = str_equal(key, STR("octets"));
		size_t *at = is_size ? &sizes : &inboxes;
		uint64_t number;

		if (!is_size && !str_equal(key, STR("inbox")))
			continue;
		if (*at < json_array_size(rows) && str_to_u64(value, INT64_MAX, &number))
			json_object_set_new(json_array_get(rows, *at), is_size ? "size" : "inbox",
			                    json_integer((json_int_t)number));
		++*at;
	}
}

int api_join_usage(struct api_work *work, json_t *rows, struct err *err)
{
	for (size_t from = 0; from < json_array_size(rows); from += USERS_EACH) {
		api_begin(work, "deliver", "usage");
		for (size_t i = from; i < from + USERS_EACH && i < json_array_size(rows); i++)
			ipc_add_number(&work->ask, "uid", json_integer_value(json_object_get(json_array_get(rows, i), "uid")));
		if (api_send(work, USAGE_MS, err) != 0)
			return -1;
		take_usage(work, rows, from);
	}
	return 0;
}
