/*
 * Several changes as one: the request has for each a field "step", the name of the request that would make it alone,
 * and behind it that one's fields. All of them are made, in their order, or none.
 *
 * What asks others in the midst of its work (user-delete), says something when it is done (a welcome), or changes all
 * (import) is made alone.
 */
#include "configd/connectors.h"

#include "common/base/memory.h"

enum { STEPS_MAX = 100 };

/* One of them, with a message of its own, as if it had come alone. */
struct step {
	const struct operation *operation;
	struct ipc_incoming incoming;
};

static const struct operation *find_operation(struct str name)
{
	for (const struct operation *operation = operations; operation->name != NULL; operation++)
		if (str_equal(name, str_of(operation->name)))
			return operation;
	return NULL;
}

static bool can_be_step(const struct operation *operation)
{
	return operation->writes && operation->run != op_together && operation->run != op_import &&
	       operation->run != op_user_import;
}

/* The next step from *position on. 1 = there is one, 0 = there is no more, -1: it is none that can be. */
static int next_step(struct change *change, size_t *position, struct step *step_out, struct err *err)
{
	const struct ipc_message *message = &change->incoming->message;
	struct str key, value;
	size_t before;

	do {
		if (!ipc_next(message, position, &key, &value))
			return 0;
	} while (!str_equal(key, STR("step")));
	*step_out = (struct step){.operation = find_operation(value), .incoming = *change->incoming};
	if (step_out->operation == NULL || !can_be_step(step_out->operation)) {
		err_set(err, ERR_DENIED, "%.*s cannot be made together with others", STR_ARG(str_sub(value, 0, 40)));
		return -1;
	}
	ipc_message_init(&step_out->incoming.message);
	ipc_request(&step_out->incoming.message, step_out->operation->name);
	while (before = *position, ipc_next(message, position, &key, &value) && !str_equal(key, STR("step")))
		ipc_add_field(&step_out->incoming.message, key, value);
	*position = before;
	return 1;
}

static void free_step(struct step *step)
{
	memory_wipe(step->incoming.message.fields.data, step->incoming.message.fields.capacity);
	ipc_message_free(&step->incoming.message);
}

/* Reserve its numbers, or run it: meanwhile the change has its request. */
static int take_step(struct change *change, struct step *step, bool prepare, struct err *err)
{
	struct ipc_incoming *whole = change->incoming;
	int (*function)(struct change *, struct err *) = prepare ? step->operation->prepare : step->operation->run;
	int result;

	change->incoming = &step->incoming;
	result = function != NULL ? function(change, err) : 0;
	change->incoming = whole;
	if (result == 0 &&
	    (change->then != NULL || change->answered != NULL || change->committed != NULL || change->only_check))
		return err_set(err, ERR_DENIED, "this cannot be made together with others");
	return result;
}

static int for_each_step(struct change *change, bool prepare, struct err *err)
{
	size_t position = 0;
	struct step step;
	int result, count = 1;

	for (; (result = next_step(change, &position, &step, err)) == 1; count++) {
		result = count <= STEPS_MAX ? take_step(change, &step, prepare, err)
		                            : err_set(err, ERR_LIMIT, "there are more than %d", STEPS_MAX);
		free_step(&step);
		if (result != 0)
			break;
	}
	if (result != 0)
		err_prefix(err, "change %d", count);
	return result;
}

int op_together_prepare(struct change *change, struct err *err)
{
	return for_each_step(change, true, err);
}

int op_together(struct change *change, struct err *err)
{
	return for_each_step(change, false, err);
}
